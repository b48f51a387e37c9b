"""The text logic of the ReAct authors' wikienv.py, defects included: what `Wikipedia(paper_exact=True)` says.

Source: https://github.com/ysymyth/ReAct at 19c6bae, wikienv.py; the behaviour is theirs, the code is not. The same page
text in, the same observations out. Not reproduced is how that file came by the text: its scraping of HTML (which let
boilerplate through) and its un-escaping (which fails on TeX).
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from reasonkit.tools.observations import observed
from reasonkit.types import Missing, Observation, Page

NO_MORE: Final = "No more results.\n"
"""The end of a Lookup; the original's line feed stands in the transcript as a blank line."""
_SHOWN: Final = 5


def wikienv_sentences(text: str) -> Iterator[str]:
    r"""Split a page as the original does.

    At "\n" into paragraphs, at ". " into pieces, each piece stripped and given a full stop: the last piece of a
    paragraph keeps its own and ends in "..", a "?" is followed by ".", and "U.S. " is the end of a sentence.
    """
    pieces = (piece for paragraph in text.split("\n") for piece in paragraph.strip().split(". "))
    return (piece.strip() + "." for piece in pieces if piece.strip())


def wikienv_opening(text: str) -> str:
    """Join a page's first five sentences."""
    return " ".join(islice(wikienv_sentences(text), _SHOWN))


def wikienv_not_found(entity: str, missing: Missing) -> str:
    """Say that there is no such page; an ambiguous title is shown in brackets, as the original searched for it again."""
    shown = f"[{entity}]" if missing.disambiguation else entity
    return f"Could not find {shown}. Similar: {list(missing.similar[:_SHOWN])}."


def wikienv_hits(sentences: tuple[str, ...], keyword: str) -> tuple[str, ...]:
    """Find the sentences that contain the keyword, in whatever case."""
    return tuple(sentence for sentence in sentences if keyword.lower() in sentence.lower())


class Wikienv:
    """The original's wording; it meets `reasonkit.tools.wording.Wording`.

    Args:
        max_chars: longest observation in characters; None, as in the original, for no limit.
    """

    def __init__(self, max_chars: int | None) -> None:
        self._max_chars = max_chars

    def title(self, argument: str) -> str:
        return argument

    def keyword(self, argument: str) -> str:
        return argument

    def sentences(self, page: Page) -> tuple[str, ...]:
        return tuple(wikienv_sentences(page.text))

    def hits(self, sentences: tuple[str, ...], keyword: str) -> tuple[str, ...]:
        return wikienv_hits(sentences, keyword)

    def found(self, page: Page) -> Observation:
        return observed(wikienv_opening(page.text), self._max_chars)

    def not_found(self, entity: str, missing: Missing) -> Observation:
        return observed(wikienv_not_found(entity, missing), self._max_chars, "missing")

    def result(self, sentence: str, place: tuple[int, int], page: Page, failed: str | None) -> Observation:
        del page, failed
        return observed(f"(Result {place[0]} / {place[1]}) {sentence}", self._max_chars)

    def nothing(self, argument: str, hits: int, page: Page | None, failed: str | None) -> Observation:
        del argument, hits, page, failed
        return Observation(text=NO_MORE, status="missing")
