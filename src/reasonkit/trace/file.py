"""A trace on disk: appended line by line, read back by episode.

Appending is a single write for what belongs together, flushed at once; a file that another process is writing is
refused. Opening reads the file once and keeps, for each episode, only where its lines stand: a trace of any length
costs a few numbers an episode, and an episode's events are read when it begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from reasonkit.errors import TraceError
from reasonkit.trace.events import End, Event, Line, Opened, Place, Run, follows
from reasonkit.trace.fold import fold
from reasonkit.trace.lines import canonical, read_json, read_line, write_line
from reasonkit.types import Question, Refused, Result

_HEAD = b'{"line": "run"'
"""How every trace begins; a file that does not is somebody's, and is never cut."""


@dataclass(slots=True)
class Recording:
    """What is on record of one episode."""

    question: Question | None = None
    events: dict[Place, Event] = field(default_factory=dict)
    end: End | None = None

    def take(self, line: Opened | Event | End) -> None:
        """Add a line; an event after an end means that the episode went on."""
        if isinstance(line, Opened):
            self.question = line.question
        elif isinstance(line, End):
            self.end = line
        else:
            self.end = None
            self.events[line.place] = line

    def reopen(self) -> None:
        """Forget the budget's refusals, all that followed from them, and the end."""
        refused = [place for place, event in self.events.items() if isinstance(event.outcome, Refused)]
        for place in refused:
            self.end = None
            for other in list(self.events):
                if other == place or follows(other, place):
                    del self.events[other]

    def until(self, index: int) -> Recording:
        """Return what happened before effect `index` of the root."""
        events = {place: event for place, event in self.events.items() if place[0] < index}
        return Recording(self.question, events)

    def lines(self) -> Iterator[Event | End]:
        """Return the events in the order of places, then the end."""
        yield from (event for _, event in sorted(self.events.items()))
        if self.end is not None:
            yield self.end


class Trace:
    """The record of a run: what stands there already, and where more is appended.

    Args:
        path: the file; None records nothing and forgets each episode at its end.
        append: whether to write to it. Else it is only read, and must exist.
        clock: the time of day in seconds since the epoch.

    Raises:
        TraceError: the file is no trace, is broken before its last line, or another process writes to it.
    """

    def __init__(
        self, path: str | Path | None = None, *, append: bool = True, clock: Callable[[], float] = time.time
    ) -> None:
        self.path = None if path is None else Path(path)
        self.run: Run | None = None
        self.torn_bytes = 0
        """Bytes of a last line that was not written whole; cut off before anything is appended."""
        self._clock = clock
        self._places: dict[int, list[tuple[int, int, int]]] = {}  # episode: (offset, length, line number)
        self._reader: IO[bytes] | None = None
        self._writer: IO[bytes] | None = None
        if self.path is not None:
            self._open(self.path, append)

    @property
    def episodes(self) -> tuple[int, ...]:
        """The numbers of the episodes on record."""
        return tuple(sorted(self._places))

    def recording(self, episode: int) -> Recording:
        """Read what is on record of an episode; empty if nothing is."""
        recording = Recording()
        for offset, length, number in self._places.get(episode, ()):
            if self._reader is None:
                break
            self._reader.seek(offset)
            line = read_line(self._reader.read(length).decode(), f"{self.path}, line {number}")
            if not isinstance(line, Run):
                recording.take(line)
        return recording

    def append(self, lines: Sequence[Line]) -> None:
        """Write lines that belong together."""
        for line in lines:
            if isinstance(line, Run):
                self.run = line
        if self._writer is not None:
            now = self._clock()
            self._writer.write(b"".join(write_line(line, now) for line in lines))
            self._writer.flush()

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
        """Close the file."""
        for handle in (self._reader, self._writer):
            if handle is not None:
                handle.close()
        self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, path: Path, append: bool) -> None:
        try:
            if append:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._writer = path.open("ab")
                _lock(self._writer, path)
            self._reader = path.open("rb")
        except OSError as error:
            raise TraceError(f"{path}: {error.strerror or error}; give the path of a trace file") from None
        try:
            whole = self._index()
        except BaseException:
            self.close()
            raise
        self.torn_bytes = path.stat().st_size - whole
        if self._writer is not None and self.torn_bytes:
            self._writer.truncate(whole)  # else the next line would be glued to the torn one
        if self.run is None and not append:
            self.close()
            raise TraceError(f"{path}: the file is empty; a trace begins with a `run` line")

    def _index(self) -> int:
        """Note where each episode's whole lines stand; return the byte where a torn rest begins."""
        assert self._reader is not None
        whole = offset = 0
        group: list[tuple[int, tuple[int, int, int]]] = []
        for number, data in enumerate(self._reader, 1):
            if not data.endswith(b"\n"):
                if number == 1 and not (_HEAD.startswith(data) or data.startswith(_HEAD)):
                    raise TraceError(f"{self.path}: not a trace; its first line does not begin with {_HEAD.decode()}")
                break
            where = f"{self.path}, line {number}"
            try:
                text = data.decode()
            except UnicodeDecodeError:
                raise TraceError(f"{where}: not UTF-8; a trace is a JSON Lines file written by reasonkit") from None
            position = (offset, len(data), number)
            offset += len(data)
            if number == 1:
                head = read_line(text, where)
                if not isinstance(head, Run):
                    raise TraceError(f"{where}: the first line of a trace is its `run` line")
                self.run, whole = head, offset
                continue
            raw = read_json(text, where)
            episode = raw.get("episode")
            if not isinstance(episode, int):
                raise TraceError(f"{where}: field `episode` is missing or no number")
            branch, branches = raw.get("group", (0, 1))
            group.append((episode, position))
            if branch + 1 == branches:
                for one, at in group:
                    self._places.setdefault(one, []).append(at)
                group, whole = [], offset
        return whole


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
