"""The encyclopedia that ships: a read-only SQLite file, as `reasonkit.bundled.build_pages` writes it.

Not for other encyclopedias' files. Opening it reads a few bytes of the header and no page; a hit is two look-ups by key.
The full-text index (https://sqlite.org/fts5.html) is asked only when a title is missing.
"""

import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import quote

from reasonkit.errors import PagesError, PageSourceError
from reasonkit.pages.titles import likeness, title_key, trigrams
from reasonkit.types import Missing, Page

APPLICATION_ID: Final = 0x52_4B_50_47
"""`PRAGMA application_id` of a file that this module reads ("RKPG")."""
FORMAT: Final = 1
"""`PRAGMA user_version`: the layout of the tables."""
HIT: Final = (
    "SELECT names.name, pages.title, pages.sentences, pages.links"
    " FROM names LEFT JOIN pages ON pages.id = names.page WHERE names.key = ?"
)
"""What a title that exists costs: two look-ups by key, whatever the number of pages."""
_MOST_SIMILAR: Final = 5
_ALIKE: Final = 0.35
"""Below this likeness a title is not offered for its spelling; "Nile" and "Niel" have 0.65, chance is under 0.2."""


class BundledPages:
    """The bundled encyclopedia, or another file of the same build.

    Args:
        path: a file written by `reasonkit.bundled.build_pages`; None for the one that ships.

    Raises:
        PagesError: there is no such file, or it is of another kind.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self._path = Path(__file__).parents[1] / "bundled" / "pages.sqlite" if path is None else Path(path)
        self._lock = threading.Lock()
        self._titles: list[tuple[str, frozenset[str], str]] | None = None
        self._connection: sqlite3.Connection | None = _opened(self._path)

    def search(self, title: str) -> Page | Missing:
        """Find the page of a title, whatever its case, accents, quotes and brackets; redirects are followed.

        Args:
            title: what to look for.

        Returns:
            The page; or what is missing with similar titles; or, for an ambiguous title, all that it can mean.

        Raises:
            PageSourceError: the source is closed, or the file went bad while in use.
        """
        key = title_key(title)
        with self._lock:
            if self._connection is None:
                raise PageSourceError(f"the pages of {self._path.name} are closed: open a new BundledPages")
            try:
                return self._found(self._connection, title, key)
            except sqlite3.Error as error:
                raise PageSourceError(f"{self._path.name} could not be read: {error}") from error

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _found(self, connection: sqlite3.Connection, title: str, key: str) -> Page | Missing:
        row = connection.execute(HIT, (key,)).fetchone()
        if row is None:
            return Missing(title=title, similar=self._similar(connection, key))
        name, found, sentences, links = row
        if found is None:
            meant = connection.execute(
                "SELECT pages.title FROM meanings JOIN pages ON pages.id = meanings.page"
                " WHERE meanings.name = ? ORDER BY meanings.position",
                (name,),
            )
            return Missing(title=title, similar=tuple(each for (each,) in meant), disambiguation=True)
        lines = tuple(sentences.split("\n"))
        return Page(
            title=found,
            text=" ".join(lines),
            sentences=lines,
            links=tuple(links.split("\n")) if links else (),
            redirected_from=None if name == found else name,
        )

    def _similar(self, connection: sqlite3.Connection, key: str) -> tuple[str, ...]:
        if not key:
            return ()
        if self._titles is None:
            rows = connection.execute(
                "SELECT names.key, coalesce(pages.title, names.name)"
                " FROM names LEFT JOIN pages ON pages.id = names.page ORDER BY names.key"
            )
            self._titles = [(each, trigrams(each), found) for each, found in rows]
        grams = trigrams(key)
        scored = ((likeness(key, grams, each, theirs), found) for each, theirs, found in self._titles)
        ranked = sorted((pair for pair in scored if pair[0] >= _ALIKE), key=lambda pair: (-pair[0], pair[1]))
        spelt = _distinct(found for _, found in ranked)
        if len(spelt) >= _MOST_SIMILAR:
            return spelt[:_MOST_SIMILAR]
        words = " OR ".join(f'"{word}"' for word in key.split())
        told = connection.execute(
            "SELECT pages.title FROM words JOIN pages ON pages.id = words.rowid"
            " WHERE words MATCH ? ORDER BY bm25(words, 8.0, 1.0), pages.title LIMIT ?",
            (words, _MOST_SIMILAR),
        )
        return _distinct((*spelt, *(found for (found,) in told)))[:_MOST_SIMILAR]


def _opened(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise PagesError(
            f"there is no file of pages at {str(path)!r}: name one that reasonkit.bundled.build_pages wrote"
        )
    address = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
    connection = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
    try:
        (kind,) = connection.execute("PRAGMA application_id").fetchone()
        (layout,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        raise PagesError(f"{str(path)!r} is not a file of pages: {error}") from error
    if (kind, layout) != (APPLICATION_ID, FORMAT):
        connection.close()
        raise PagesError(
            f"{str(path)!r} is not a file of pages of format {FORMAT} (it says {kind:#x}, {layout}):"
            " build it again with python -m reasonkit.bundled.build_pages"
        )
    return connection


def _distinct(titles: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(titles))
