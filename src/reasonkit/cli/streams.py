"""The process's two streams where one is full, closed or missing: talk may be lost, data not without a word.

Not for what is printed on them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TextIO, cast


class Talk:
    """A stream whose failures are of no account: a full or closed stderr must not end a run.

    Args:
        stream: what it writes to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or do nothing."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            discard(self._stream)
            return len(text)

    def flush(self) -> None:
        """Flush, or do nothing."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            discard(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def usable() -> Iterator[None]:
    """Have a stdout and a stderr that can be written to; a stream that is missing is the null device."""
    before = sys.stdout, sys.stderr
    with ExitStack() as stack:
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:
                setattr(sys, name, stack.enter_context(open(os.devnull, "w", encoding="utf-8")))  # noqa: PTH123 - the null device is no path of ours
        sys.stderr = cast("TextIO", Talk(sys.stderr))
        try:
            yield
        finally:
            sys.stderr.flush()
            sys.stdout, sys.stderr = before


def flushed() -> OSError | None:
    """Write out what stdout still holds; return what went wrong, and then discard the rest."""
    try:
        sys.stdout.flush()
    except OSError as error:
        discard(sys.stdout)
        return error
    except ValueError:  # closed by somebody; nothing is left to write
        return None
    return None


def discard(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere, so that the interpreter does not complain at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)
