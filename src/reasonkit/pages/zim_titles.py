"""Titles of a ZIM file: the entry of one, and those that are like one that is missing. For `zim.py`.

Through the file's own indexes only, never by a scan: the ordered titles, the title index of libzim's suggestions, and the
full-text index where there is one. The suggestions match whole words and the beginning of the last one, so a misspelt
word is got round by leaving it out, by its first letters, or by trying each title that is one slip of the pen away.
"""

import re
from collections.abc import Iterable, Iterator
from string import ascii_lowercase
from typing import Any, Final

from reasonkit.pages.similar import MOST, ranked
from reasonkit.pages.titles import likeness, title_key, trigrams

_SMALL: Final = frozenset(
    ["of", "the", "and", "in", "on", "a", "an", "for", "to", "at", "by", "de", "la", "von", "van"]
)
_OFFERED: Final = 20
"""Suggestions read for a query."""
_SURE: Final = 0.8
"""With a candidate this alike, no slips of the pen are tried."""
_WORDS: Final = 8
"""Words of a title that are varied; the rest of a longer one is searched as it is."""
_LONGEST: Final = 60
"""Characters of a title past which no slips of the pen are tried."""
_SHORT: Final = 20
"""Characters of a title up to which letters with accents are tried too."""
_ACCENTED: Final = "áàâäãåçéèêëíîïñóôöõøúûüß"
_REDIRECTS: Final = 8
_PARENTHESES = re.compile(r"\s*\([^()]*\)\s*$")


class ZimTitles:
    """The titles of an archive; for one thread at a time."""

    def __init__(self, archive: Any) -> None:
        from libzim.search import Query, Searcher
        from libzim.suggestion import SuggestionSearcher

        self._archive = archive
        self._suggestions = SuggestionSearcher(archive)
        self._searcher = Searcher(archive) if archive.has_fulltext_index else None
        self._query = Query

    def entry(self, title: str) -> Any | None:
        """Return the article of a title, whatever its case, accents and punctuation; a redirect is not yet followed."""
        for form in dict.fromkeys((title, *_cased(title))):
            found = self._exact(form)
            if found is not None:
                return found
        key = title_key(title)
        for query in dict.fromkeys((title, key)) if key else ():
            for entry in self._suggested(query):
                if title_key(entry.title) == key:
                    return entry
        return None

    def end(self, entry: Any) -> Any | None:
        """Follow redirects to an article, or to None where they go round in a circle or end in something else."""
        for _ in range(_REDIRECTS):
            if not entry.is_redirect:
                return entry if _is_article(entry) else None
            entry = entry.get_redirect_entry()
        return None

    def similar(self, title: str) -> tuple[str, ...]:
        """Name the titles most like `title`, best first; a redirect is named by where it leads."""
        key = title_key(title)
        if not key:
            return ()
        bare = _PARENTHESES.sub("", title).strip() or title
        queries = dict.fromkeys((*_queries(key), *_queries(title_key(bare))))
        entries = {entry.path: entry for query in queries for entry in self._suggested(query)}
        if self._best(title_key(bare), entries.values()) < _SURE and len(bare) <= _LONGEST:
            for form in _slipped(bare):
                if self._archive.has_entry_by_title(form) and (entry := self._exact(form)) is not None:
                    entries[entry.path] = entry
        if len(entries) < MOST:
            entries |= {entry.path: entry for word in key.split()[:_WORDS] for entry in self._told(word)}
        names = [(_key(entry), target.title) for entry in entries.values() if (target := self.end(entry)) is not None]
        return ranked(key, names)

    def _best(self, key: str, entries: Iterable[Any]) -> float:
        """Say how like the most alike of some entries is."""
        grams = trigrams(key)
        keys = {title_key(_PARENTHESES.sub("", entry.title)) for entry in entries}
        return max((likeness(key, grams, each, trigrams(each)) for each in keys if each), default=0.0)

    def _exact(self, title: str) -> Any | None:
        archive = self._archive
        if archive.has_entry_by_title(title):
            entry = archive.get_entry_by_title(title)
            if entry.is_redirect or _is_article(entry):
                return entry
        path = title.replace(" ", "_")
        for form in (path, f"A/{path}", f"A/{path}.html"):
            if archive.has_entry_by_path(form):
                entry = archive.get_entry_by_path(form)
                if entry.is_redirect or _is_article(entry):
                    return entry
        return None

    def _suggested(self, query: str) -> Iterator[Any]:
        for path in self._suggestions.suggest(query).getResults(0, _OFFERED):
            yield self._archive.get_entry_by_path(path)

    def _told(self, word: str) -> Iterator[Any]:
        """Find entries whose text has a word."""
        if self._searcher is not None:
            for path in self._searcher.search(self._query().set_query(word)).getResults(0, _OFFERED):
                yield self._archive.get_entry_by_path(path)


def _key(entry: Any) -> str:
    return title_key(entry.title)


def _is_article(entry: Any) -> bool:
    return str(entry.get_item().mimetype).startswith("text/html")


def _cased(title: str) -> tuple[str, ...]:
    """Write a title as an encyclopedia would: capitals at the beginning, or at each word but the small ones."""
    words = title.split()
    capitals = (word if at and word in _SMALL else word[:1].upper() + word[1:] for at, word in enumerate(words))
    return tuple(dict.fromkeys((title[:1].upper() + title[1:], " ".join(capitals), title.title())))


def _queries(key: str) -> Iterator[str]:
    """Vary a key so that a fault in one word does not hide the title."""
    yield key
    words = key.split()
    for at, word in enumerate(words[:_WORDS]):
        others = " ".join((*words[:at], *words[at + 1 :]))
        for length in sorted({len(word) - 1, len(word) // 2 + 1, min(3, len(word)), 1}, reverse=True):
            if 0 < length < len(word) and (others or length > 1):
                yield f"{others} {word[:length]}".strip()
        if others:
            yield others
            yield word


def _slipped(title: str) -> Iterator[str]:
    """Write each title that is one slip of the pen away, with capitals as an encyclopedia has them, and as they stand."""
    low = title.lower()
    for slip in dict.fromkeys(_slips(low)):
        yield from _cased(slip)[: 2 if " " in slip else 1]
    if title not in {low, *_cased(low)}:
        yield from dict.fromkeys(_slips(title))


def _slips(title: str) -> Iterator[str]:
    """Write each title that is one letter or space more, less, other or swapped away."""
    letters = ascii_lowercase + " " + (_ACCENTED if len(title) <= _SHORT else "")
    for at in range(len(title) + 1):
        before, after = title[:at], title[at:]
        if after:
            yield before + after[1:]
            for letter in letters:
                yield before + letter + after[1:]
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        for letter in letters:
            yield before + letter + after
