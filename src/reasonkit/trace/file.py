"""A trace on disk: appended line by line, read back by episode.

Appending is a single write for what belongs together, flushed at once; a file that another process is writing is
refused. Opening reads the file once and keeps, for each episode, only where its lines stand: a trace of any length
costs a few numbers an episode, and an episode's events are read when it begins.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self, TypeVar

from reasonkit.errors import InputError, TraceError
from reasonkit.trace.events import FORMAT, End, Event, Line, Opened, Place, Reopened, Run, follows
from reasonkit.trace.fold import fold
from reasonkit.trace.lines import Writer, canonical
from reasonkit.trace.reading import line_of, read_json, read_line
from reasonkit.trace.redaction import Redact, redacted
from reasonkit.trace.upgrades import UPGRADES, Upgrade
from reasonkit.types import Question, Refused, Result

T = TypeVar("T")

_LOG: Final = logging.getLogger("reasonkit.trace")
_HEAD: Final = b'{"line": "run"'
"""How every trace begins; a file that does not is somebody's, and is never cut."""


@dataclass(slots=True)
class Recording:
    """What is on record of one episode."""

    question: Question | None = None
    events: dict[Place, Event] = field(default_factory=dict)
    end: End | None = None

    def take(self, line: Opened | Reopened | Event | End) -> None:
        """Add a line; an event after an end means that the episode went on."""
        if isinstance(line, Opened):
            self.question = line.question
        elif isinstance(line, Reopened):
            self.reopen()
        elif isinstance(line, End):
            self.end = line
        else:
            self.end = None
            self.events[line.place] = line

    @property
    def refused(self) -> bool:
        """Whether the budget refused anything."""
        return any(isinstance(event.outcome, Refused) for event in self.events.values())

    def reopen(self) -> None:
        """Forget the budget's refusals, all that followed from them, and the end."""
        refused = [place for place, event in self.events.items() if isinstance(event.outcome, Refused)]
        for place in refused:
            self.end = None
            for other in list(self.events):
                if other == place or follows(other, place):
                    del self.events[other]

    def lines(self) -> Iterator[Event | End]:
        """Return the events in the order of places, then the end."""
        yield from (event for _, event in sorted(self.events.items()))
        if self.end is not None:
            yield self.end


class Trace:
    """The record of a run: what stands there already, and where more is appended.

    Args:
        path: the file; None records nothing and forgets each episode at its end.
        append: whether to write to it. Else it is only read, and must exist; given to an agent, it is replayed.
        clock: the time of day in seconds since the epoch.
        redact: makes of each text what may be written of it; `None` writes everything.
        upgrades: how lines of older formats become those of the next.

    Raises:
        TraceError: the file is no trace, is broken before its last line, or another process writes to it.
        InputError: `path` is no path.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        append: bool = True,
        clock: Callable[[], float] = time.time,
        redact: Redact | None = None,
        upgrades: Mapping[int, Upgrade] = UPGRADES,
    ) -> None:
        if not (path is None or isinstance(path, str | Path)):
            raise InputError(f"trace is {path!r}; give the path of a file, a Trace, or None to record nothing")
        self.path = None if path is None else Path(path)
        self.run: Run | None = None
        self.read_only = not append
        self.redact = redact
        self.begun = 0
        """Episodes that were begun, or replayed, through this object; the next one has this number."""
        self.torn_bytes = 0
        """Bytes of a last line that was not written whole; cut off before anything is appended."""
        self._clock, self._upgrades = clock, upgrades
        self._size = self._lines = 0
        self._lines_of = Writer()
        self._places: dict[int, list[tuple[int, int, int]]] = {}  # episode: (offset, length, line number)
        self.closed = False
        self.in_use = False
        """Whether a run records in it, or replays it, at this moment."""
        self._reader: IO[bytes] | None = None
        self._writer: IO[bytes] | None = None
        if self.path is not None:
            self._open(self.path, append)

    @property
    def episodes(self) -> tuple[int, ...]:
        """The numbers of the episodes on record."""
        return tuple(sorted(self._places))

    @property
    def unasked(self) -> tuple[int, ...]:
        """The episodes on record that nothing asked for through this object."""
        return tuple(episode for episode in self.episodes if episode >= self.begun)

    def hidden(self, value: T) -> T:
        """Return a line, or a part of one, as it may be written."""
        return value if self.redact is None else redacted(value, self.redact)

    def recording(self, episode: int) -> Recording:
        """Read what is on record of an episode; empty if nothing is."""
        self._check_open()
        recording = Recording()
        for offset, length, number in self._places.get(episode, ()):
            if self._reader is None:
                break
            self._reader.seek(offset)
            text, where = self._reader.read(length).decode(), f"{self.path}, line {number}"
            line = read_line(text, where, version=self._version, upgrades=self._upgrades)
            if not isinstance(line, Run):
                recording.take(line)
        return recording

    def append(self, lines: Sequence[Line]) -> None:
        """Write lines that belong together.

        Raises:
            TraceError: the trace is closed, or its file cannot be written any more.
        """
        self._check_open()
        for line in lines:
            if isinstance(line, Run):
                self.run = line
        if self._writer is None:
            return
        now, data = self._clock(), b""
        for line in lines:
            written = self._lines_of.line(line if self.redact is None else redacted(line, self.redact), now)
            self._lines += 1
            if not isinstance(line, Run):
                self._places.setdefault(line.episode, []).append((self._size, len(written), self._lines))
            self._size += len(written)
            data += written
        self._write(self._writer, data)

    def _write(self, writer: IO[bytes], data: bytes) -> None:
        try:
            while data:
                data = data[writer.write(data) :]
        except OSError as error:
            self._writer = None
            writer.close()
            raise TraceError(
                f"{self.path}: cannot be written any more: {error.strerror}; what was recorded until now can be resumed"
            ) from None

    def result(self, episode: int) -> Result:
        """Return what became of an episode on record."""
        recording = self.recording(episode)
        if recording.question is None:
            raise TraceError(f"{self.path}: no episode {episode}; it has {len(self._places)}")
        return fold(recording.question, recording.events.values(), recording.end, trace=str(self.path))

    def results(self) -> Iterator[Result]:
        """Return what became of each episode on record, in their order."""
        return (self.result(episode) for episode in self.episodes)

    def canonical(self) -> list[str]:
        """Return all that is on record in one order and without clock fields: equal for equal runs."""
        return [canonical(line) for episode in self.episodes for line in self.recording(episode).lines()]

    def close(self) -> None:
        """Close the file; reading or writing it afterwards is an error. What a replay never asked for is logged."""
        if not self.closed and self.read_only and self.begun and self.unasked:
            _LOG.warning(
                "%s: less was asked than is on record: %d of its %d questions were not asked for",
                self.path,
                len(self.unasked),
                len(self._places),
            )
        if self._writer is not None:
            _unlock(self._writer)
        for handle in (self._reader, self._writer):
            if handle is not None:
                handle.close()
        self._reader = self._writer = None
        self.closed = self.path is not None

    def _check_open(self) -> None:
        if self.closed:
            raise TraceError(f"{self.path}: this Trace is closed; open the file again with Trace({str(self.path)!r})")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, path: Path, append: bool) -> None:
        try:
            if path.exists() and not path.is_file():
                kind = "a directory" if path.is_dir() else "no regular file"
                raise TraceError(f"{path}: is {kind}; give the path of a trace file")
            if append:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._writer = path.open("ab", buffering=0)
                _lock(self._writer, path)
            self._reader = path.open("rb")
        except OSError as error:
            raise TraceError(f"{path}: {error.strerror or error}; give the path of a trace file") from None
        try:
            whole = self._index()
        except BaseException:
            self.close()
            raise
        self.torn_bytes, self._size = path.stat().st_size - whole, whole
        if self.torn_bytes:
            _LOG.warning(
                "%s: its last line was not written whole (%d bytes), as happens when a run is killed; it is left out",
                path,
                self.torn_bytes,
            )
        if self._writer is not None and self.torn_bytes:
            self._writer.truncate(whole)  # else the next line would be glued to the torn one
            self._reader.close()  # its buffer holds what was cut
            self._reader = path.open("rb")
        if self.run is None and not append:
            self.close()
            raise TraceError(f"{path}: the file is empty; a trace begins with a `run` line")
        if append and self._version != FORMAT:
            self.close()
            raise TraceError(
                f"{path}: written in format {self._version}, which is read but not continued; record in another file"
            )

    @property
    def _version(self) -> int:
        return FORMAT if self.run is None else self.run.format

    def _index(self) -> int:
        """Note where each episode's whole lines stand; return the byte where a torn rest begins."""
        assert self._reader is not None
        whole = offset = 0
        group: list[tuple[int, tuple[int, int, int]]] = []
        branches = 1
        for number, data in enumerate(self._reader, 1):
            if not data.endswith(b"\n"):
                if number == 1 and not (_HEAD.startswith(data) or data.startswith(_HEAD)):
                    raise TraceError(f"{self.path}: not a trace; its first line does not begin with {_HEAD.decode()}")
                break
            where = f"{self.path}, line {number}"
            raw = self._json(data, where)
            position = (offset, len(data), number)
            offset += len(data)
            if number == 1:
                head = line_of(raw, where)
                if not isinstance(head, Run):
                    raise TraceError(f"{where}: the first line of a trace is its `run` line")
                self.run, whole, self._lines = head, offset, number
                continue
            if raw.get("line") == "run":
                raise TraceError(f"{where}: a second `run` line; a trace holds one run")
            episode = raw.get("episode")
            if type(episode) is not int or episode < 0:
                raise TraceError(f"{where}, field episode: {episode!r} is no number from 0")
            if not group:
                branches = _branches(raw, where)
            if raw.get("group", [0, 1]) != [len(group), branches]:
                raise TraceError(
                    f"{where}, field group: {raw.get('group')} stands where branch {len(group)} of {branches} belongs"
                )
            group.append((episode, position))
            if len(group) == branches:
                for one, at in group:
                    self._places.setdefault(one, []).append(at)
                group, whole, self._lines = [], offset, number
        return whole

    def _json(self, data: bytes, where: str) -> dict[str, Any]:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise TraceError(f"{where}: not UTF-8; a trace is a JSON Lines file written by reasonkit") from None
        return read_json(text, where, version=self._version, upgrades=self._upgrades)


def _branches(raw: Mapping[str, Any], where: str) -> int:
    match raw.get("group", [0, 1]):
        case [int(), int(branches)] if branches > 0:
            return branches
        case other:
            raise TraceError(f"{where}, field group: {str(other)[:80]} is not [branch, branches]")


def _unlock(handle: IO[bytes]) -> None:
    """Let the next writer in, even if a forked child holds the file open."""
    with suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_UN)


def _lock(handle: IO[bytes], path: Path) -> None:
    """Keep a second writer out, where the system has advisory locks."""
    with suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            raise TraceError(
                f"{path}: another run is writing to this trace; wait for it or give another file"
            ) from None
