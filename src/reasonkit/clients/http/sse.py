"""Server-sent events, from bytes to the text of their `data` fields.

Lines end in LF, CRLF or CR, borders of pieces may fall anywhere (inside a character too), several data lines make one
event. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html. Not here: what the data means, ids and
reconnecting, which no OpenAI-compatible server uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LINE_END = re.compile(rb"\r\n|\n|\r(?!\n)")


class EventStream:
    """Collects bytes and gives back whole events."""

    __slots__ = ("_buffer", "_data", "_started")

    def __init__(self) -> None:
        self._buffer = b""
        self._data: list[bytes] = []
        self._started = False

    def feed(self, piece: bytes) -> Iterator[str]:
        """Take the next bytes; give the data of every event that is whole now.

        The events must be read before the next piece is fed.
        """
        buffer = self._buffer + piece
        if not self._started and len(buffer) >= 3:
            self._started = True
            buffer = buffer.removeprefix(b"\xef\xbb\xbf")
        position = 0
        for match in _LINE_END.finditer(buffer):
            if match.end() == len(buffer) and match.group() == b"\r":
                break  # a line feed may follow in the next piece
            event = self._line(buffer[position : match.start()])
            position = match.end()
            if event is not None:
                self._buffer = buffer[position:]
                yield event
        self._buffer = buffer[position:]

    def end(self) -> Iterator[str]:
        """Give the last event, if the server left out the empty line behind it."""
        for line in (self._buffer, b""):
            event = self._line(line)
            if event is not None:
                yield event
        self._buffer = b""

    def _line(self, line: bytes) -> str | None:
        if line:
            if line.startswith(b"data:"):
                value = line[5:]
                self._data.append(value[1:] if value.startswith(b" ") else value)
            return None
        if not self._data:
            return None
        data, self._data = b"\n".join(self._data), []
        return data.decode("utf-8", errors="replace")
