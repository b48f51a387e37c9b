"""How host, zygote and child speak: frames of a length, one byte that says what it is, and content.

Content is JSON or text, never a pickle: what a hostile program may have written is only ever parsed as data.
"""

from __future__ import annotations

import os
import struct

_HEADER = struct.Struct("!IB")

HELLO = 1
"""Host to zygote: settings. Zygote to host: what it can enforce. Child to zygote: what it has locked."""
RUN = 2
"""A program and the answer that is wanted."""
DONE = 3
"""What came of it, in the child's words."""
TIMEOUT = 4
DIED = 5
"""The child ended without a word; content is what the zygote saw."""
ABORT = 6
FAILED = 7
"""The sandbox itself cannot work; content says why."""
OVERSIZE = 8
RERUN = 9
"""The program needs the image with the heavy libraries."""

ANSWER = struct.Struct("!Id")
"""What stands before a program and before its outcome: the run's number and its seconds."""

MAX_FRAME_BYTES = 64 << 20


class Closed(Exception):
    """The other side has closed the connection."""


def pack(kind: int, content: bytes = b"") -> bytes:
    """Return one frame."""
    return _HEADER.pack(len(content), kind) + content


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data` to a blocking descriptor."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def read_frame(descriptor: int, max_bytes: int = (1 << 32) - 1) -> tuple[int, bytes]:
    """Read one frame from a blocking descriptor.

    Raises:
        Closed: the other side has gone.
        OverflowError: the frame is longer than `max_bytes`.
    """
    length, kind = _HEADER.unpack(_read_exactly(descriptor, _HEADER.size))
    if length > max_bytes:
        raise OverflowError(f"a frame of {length} bytes")
    return kind, _read_exactly(descriptor, length)


def _read_exactly(descriptor: int, count: int) -> bytes:
    data = os.read(descriptor, count) if count else b""
    if len(data) == count:
        return data
    chunks = [data]
    missing = count - len(data)
    while missing:
        if not chunks[-1]:
            raise Closed
        chunks.append(os.read(descriptor, min(missing, 1 << 20)))
        missing -= len(chunks[-1])
    return b"".join(chunks)


class Inbox:
    """Frames out of what arrives in pieces, with a limit on what is kept."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._data = bytearray()

    def feed(self, data: bytes) -> bool:
        """Take in what arrived; False where it is more than the limit."""
        self._data += data
        return len(self._data) <= self._max_bytes

    def take(self) -> tuple[int, bytes] | None:
        """Return the next whole frame, None where there is none yet."""
        if len(self._data) < _HEADER.size:
            return None
        length, kind = _HEADER.unpack_from(self._data)
        if len(self._data) < _HEADER.size + length:
            return None
        content = bytes(self._data[_HEADER.size : _HEADER.size + length])
        del self._data[: _HEADER.size + length]
        return kind, content
