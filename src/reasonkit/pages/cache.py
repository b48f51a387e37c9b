"""Any page source, with what it answered kept on disk: a SQLite file that several threads and processes may share.

Missing pages are kept too, for a shorter time. Not a dump: it holds what was asked for, under the titles as they were
asked for, up to a bound. Room that answers leave in the file is used again; the file itself does not shrink.
"""

import json
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from reasonkit.errors import PagesError, PageSourceError
from reasonkit.pages import PageSource
from reasonkit.types import Missing, Page

T = TypeVar("T")

APPLICATION_ID: Final = 0x52_4B_50_43
"""`PRAGMA application_id` of a file that this module writes ("RKPC")."""
FORMAT: Final = 1
"""`PRAGMA user_version`: the layout of the table."""
_DAY: Final = 86_400.0
_BUSY_SECONDS: Final = 30.0
"""How long a process waits while another one writes; a write takes a millisecond."""
_FRACTION: Final = 0.9
"""Past the bound, answers go until this share of it is left, so that not every write has to make room."""
_BETWEEN: Final = "\x1e"
"""Stands between sentences in the file; splitting at it is ten times as fast as reading JSON."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_TABLES: Final = (
    """CREATE TABLE answers (
        asked TEXT PRIMARY KEY, missing INTEGER NOT NULL, text TEXT, sentences TEXT, facts TEXT NOT NULL,
        bytes INTEGER NOT NULL, written REAL NOT NULL
    )""",
    "CREATE INDEX by_age ON answers (written, asked, bytes)",
    "CREATE TABLE held (bytes INTEGER NOT NULL)",
    "INSERT INTO held VALUES (0)",
    "CREATE TRIGGER came AFTER INSERT ON answers BEGIN UPDATE held SET bytes = bytes + new.bytes; END",
    "CREATE TRIGGER went AFTER DELETE ON answers BEGIN UPDATE held SET bytes = bytes - old.bytes; END",
)


class CachedPages:
    """A page source whose answers are kept.

    Args:
        source: whose answers; None where `offline` is set and nothing else shall ever be asked.
        path: the SQLite file; it is made where there is none.
        max_age_seconds: an older answer is asked for anew; None for no age. If the source then fails, the error is
            raised: an old answer is never passed off as a new one.
        max_age_missing_seconds: the same for a page that was missing.
        max_bytes: bound of the answers kept, above 0; the oldest go first. None for no bound.
        offline: never ask the source; an answer of any age serves, and what is not kept is an error.
        now: seconds since 1970.

    Raises:
        PagesError: the file is of another kind, or cannot be made; or there is neither a source nor `offline`.
    """

    def __init__(
        self,
        source: PageSource | None,
        path: Path | str,
        *,
        max_age_seconds: float | None = 30 * _DAY,
        max_age_missing_seconds: float | None = _DAY,
        max_bytes: int | None = 1 << 30,
        offline: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        if source is None and not offline:
            raise PagesError("CachedPages without a source answers only from its file: say so with offline=True")
        if max_bytes is not None and max_bytes <= 0:
            raise PagesError(f"max_bytes is {max_bytes}: give bytes above 0, or None for no bound")
        self._source = source
        self._path = Path(path).expanduser()
        self._max_age_seconds = max_age_seconds
        self._max_age_missing_seconds = max_age_missing_seconds
        self._max_bytes = max_bytes
        self._offline = offline
        self._now = now
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._connection: sqlite3.Connection | None = _opened(self._path, offline=offline)

    def search(self, title: str) -> Page | Missing:
        """Answer from the file, or ask the source and keep what it says.

        Raises:
            PageSourceError: the source failed; or `offline`, and the title was never asked; or the cache is closed.
        """
        kept = self._with(lambda connection: self._kept(connection, title))
        if kept is not None:
            return kept
        if self._offline or self._source is None:
            raise PageSourceError(f"{title!r} is not in {self._path.name}, and offline=True asks nobody else")
        answer = self._source.search(title)
        self._with(lambda connection: self._keep(connection, title, answer))
        return answer

    def close(self) -> None:
        """Close the file and the source; a second call does nothing."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        if self._source is not None:
            self._source.close()

    def _with(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            if self._connection is None:
                raise PageSourceError(f"the cache {self._path.name} is closed: open a new CachedPages")
            if self._process != os.getpid():  # after a fork: a connection must not be carried over
                self._connection, self._process = _opened(self._path, offline=self._offline), os.getpid()
            try:
                return work(self._connection)
            except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
                raise PageSourceError(
                    f"the cache {self._path.name} could not be used ({error}): delete it, and it is made anew"
                ) from error

    def _kept(self, connection: sqlite3.Connection, title: str) -> Page | Missing | None:
        if not _storable(title):
            return None
        row = connection.execute(
            "SELECT missing, written, text, sentences, facts FROM answers WHERE asked = ?", (title,)
        ).fetchone()
        if row is None:
            return None
        missing, written, text, sentences, facts = row
        limit = self._max_age_missing_seconds if missing else self._max_age_seconds
        if not self._offline and limit is not None and self._now() - written > limit:
            return None
        return _read(json.loads(facts), text, sentences)

    def _keep(self, connection: sqlite3.Connection, title: str, answer: Page | Missing) -> None:
        """Keep an answer; one that cannot be read back exactly, or is larger than the bound, is not kept."""
        facts = json.dumps(_facts(answer))
        text, sentences = (answer.text, answer.sentences) if isinstance(answer, Page) else ("", ())
        if not _storable(title, text, *sentences):
            return
        joined = _BETWEEN.join(sentences) if sentences else None
        size = sum(len(part.encode()) for part in (title, facts, text, joined or ""))
        if self._max_bytes is not None and size > self._max_bytes:
            return
        row = (title, isinstance(answer, Missing), text, joined, facts, size, self._now())
        with _transaction(connection):
            connection.execute("DELETE FROM answers WHERE asked = ?", (title,))
            connection.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            self._make_room(connection)

    def _make_room(self, connection: sqlite3.Connection) -> None:
        (held,) = connection.execute("SELECT bytes FROM held").fetchone()
        if self._max_bytes is None or held <= self._max_bytes:
            return
        gone = []
        for asked, size in connection.execute("SELECT asked, bytes FROM answers ORDER BY written, asked"):
            if held <= self._max_bytes * _FRACTION:
                break
            gone.append((asked,))
            held -= size
        connection.executemany("DELETE FROM answers WHERE asked = ?", gone)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write as one; another process's write is waited for at the beginning."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _opened(path: Path, *, offline: bool) -> sqlite3.Connection:
    if offline and not path.is_file():
        raise PagesError(f"there is no cache at {str(path)!r}, and offline=True makes none: run once without it")
    if not path.parent.is_dir():
        raise PagesError(f"there is no folder {str(path.parent)!r} to keep pages in: make it first")
    try:
        connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=_BUSY_SECONDS)
    except sqlite3.Error as error:
        raise PagesError(f"{str(path)!r} cannot be opened to keep pages in: {error}") from error
    try:
        # a power cut may cost the file, which holds nothing that cannot be asked again
        connection.execute("PRAGMA synchronous = OFF")
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise PagesError(f"{str(path)!r} cannot be used to keep pages in: {error}") from error
    except PagesError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check what the file is, and lay out an empty one; only one process does."""
    if _kind(connection) == (APPLICATION_ID, FORMAT):
        return
    with _transaction(connection):
        if _kind(connection) == (0, 0) and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        if _kind(connection) != (APPLICATION_ID, FORMAT):
            raise PagesError(f"{str(path)!r} is no cache of pages of format {FORMAT}: name another file")


def _kind(connection: sqlite3.Connection) -> tuple[int, int]:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    return application, layout


def _storable(*texts: str) -> bool:
    """Whether texts come out of the file as they went in: no half surrogate, no mark of ours."""
    whole = "".join(texts)
    return _BETWEEN not in whole and not _SURROGATE.search(whole)


def _facts(answer: Page | Missing) -> dict[str, Any]:
    """All but the text."""
    if isinstance(answer, Missing):
        return {"title": answer.title, "similar": answer.similar, "disambiguation": answer.disambiguation}
    return {
        "title": answer.title,
        "links": answer.links,
        "redirected_from": answer.redirected_from,
        "url": answer.url,
    }


def _read(facts: dict[str, Any], text: str, sentences: str | None) -> Page | Missing:
    if "similar" in facts:
        return Missing(title=facts["title"], similar=tuple(facts["similar"]), disambiguation=facts["disambiguation"])
    return Page(
        title=facts["title"],
        text=text,
        sentences=() if sentences is None else tuple(sentences.split(_BETWEEN)),
        links=tuple(facts["links"]),
        redirected_from=facts["redirected_from"],
        url=facts["url"],
    )
