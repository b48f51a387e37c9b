"""What a model is told by Search and Lookup, with the original's defects mended; and the protocol that both wordings meet.

Not here: the state of an episode (`wikipedia.py`), and the original's own wording (`wikienv.py`).
"""

import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import Final, Protocol

from reasonkit.tools.observations import observed
from reasonkit.types import Missing, Observation, Page

_MOST_SIMILAR: Final = 5
_ROUND_A_TITLE: Final = (
    ("[[", "]]"),
    ("[", "]"),
    ("<", ">"),
    ("**", "**"),
    ("__", "__"),
    ('"', '"'),
    ("'", "'"),
    ("`", "`"),
    ("*", "*"),
    ("_", "_"),
    ("\u201c", "\u201d"),
    ("\u2018", "\u2019"),
    ("\u00ab", "\u00bb"),
)
_ALIKE: Final = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2010": "-",
        "\u2011": "-",
        "\u2013": "-",
        "\u2212": "-",
    }
)


class Wording(Protocol):
    """How pages are cut into sentences, and what the model is told: mended, or as in the original."""

    def title(self, argument: str) -> str:
        """Return the title that a Search's argument means, or "" where there is nothing to search for."""
        ...

    def keyword(self, argument: str) -> str:
        """Return what makes two keywords the same."""
        ...

    def sentences(self, page: Page) -> tuple[str, ...]:
        """Split a page."""
        ...

    def hits(self, sentences: tuple[str, ...], keyword: str) -> tuple[str, ...]:
        """Return the sentences with the keyword, as `keyword` made it."""
        ...

    def found(self, page: Page) -> Observation:
        """Show a page's first sentences; the others are left alone, as a page may be long."""
        ...

    def not_found(self, entity: str, missing: Missing) -> Observation:
        """Name similar titles."""
        ...

    def result(self, sentence: str, place: tuple[int, int], page: Page, failed: str | None) -> Observation:
        """Show hit `place[0]` of `place[1]`; `failed` is a title searched for in vain since the page was found."""
        ...

    def nothing(self, argument: str, hits: int, page: Page | None, failed: str | None) -> Observation:
        """Say that there is no further hit; `hits` is how many there were."""
        ...


def bare_title(argument: str) -> str:
    """Take away quotes, brackets and emphasis that stand round a whole title, and spare white space.

    Marks that belong to a part of it stay: `"Heroes" (album)`, `"A" and "B"`.
    """
    title = " ".join(argument.split())
    for opening, closing in _ROUND_A_TITLE:
        inner = title[len(opening) : -len(closing)]
        wrapped = len(title) >= len(opening) + len(closing) and title.startswith(opening) and title.endswith(closing)
        if wrapped and opening not in inner and closing not in inner:
            return bare_title(inner)
    return title


def folded(text: str) -> str:
    """Reduce a text to what a Lookup compares: no case, no accents, one kind of quote and dash, single spaces."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.translate(_ALIKE))
        text = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(text.casefold().split())


class Mended:
    """The wording by default.

    Args:
        shown: how many sentences a Search shows.
        max_chars: longest observation in characters, or None.
    """

    def __init__(self, shown: int, max_chars: int | None) -> None:
        self._shown = shown
        self._max_chars = max_chars

    def title(self, argument: str) -> str:
        return bare_title(argument)

    def keyword(self, argument: str) -> str:
        return folded(bare_title(argument))

    def sentences(self, page: Page) -> tuple[str, ...]:
        return tuple(_lines(page))

    def hits(self, sentences: tuple[str, ...], keyword: str) -> tuple[str, ...]:
        return tuple(sentence for sentence in sentences if keyword in folded(sentence)) if keyword else ()

    def found(self, page: Page) -> Observation:
        text = " ".join(islice(_lines(page), self._shown))
        return observed(text or f"The page {page.title!r} has no text.", self._max_chars)

    def not_found(self, entity: str, missing: Missing) -> Observation:
        similar = [" ".join(title.split()) for title in missing.similar[:_MOST_SIMILAR]]
        return observed(f"Could not find {entity}. Similar: {similar}.", self._max_chars, "missing")

    def result(self, sentence: str, place: tuple[int, int], page: Page, failed: str | None) -> Observation:
        text = f"(Result {place[0]} / {place[1]}) {sentence}"
        if failed is not None:
            text += f" (From the page {page.title!r}: the Search for {failed!r} found none.)"
        return observed(text, self._max_chars)

    def nothing(self, argument: str, hits: int, page: Page | None, failed: str | None) -> Observation:
        keyword = bare_title(argument)
        if not keyword:
            return Observation(text="Lookup needs a keyword.", status="error")
        if page is None:
            why = "no Search was made yet" if failed is None else f"the Search for {failed!r} found none"
            return observed(f"There is no page to look in: {why}.", self._max_chars, "missing")
        still = "" if failed is None else f" The Search for {failed!r} found no page."
        if not hits:
            return observed(
                f"No results for {keyword!r} on the page {page.title!r}.{still}", self._max_chars, "missing"
            )
        return observed(f"No more results.{still}", self._max_chars, "missing")


def _lines(page: Page) -> Iterator[str]:
    return filter(None, (" ".join(sentence.split()) for sentence in page.sentences))
