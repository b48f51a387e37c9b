"""What a program prints, and the `sys` that it sees.

`print` and `input` are CPython's own; only what they write to and read from is ours. Output over the limit ends the
program at once. Not here: any other file.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

from reasonkit.sandbox.guards import Refuse


class Captured(io.RawIOBase):
    """The raw end of a captured stream.

    Args:
        limit: bytes that are kept.
        overflow: called when more arrive; does not return.
    """

    def __init__(self, limit: int, overflow: Callable[[], NoReturn]) -> None:
        super().__init__()
        self._limit = limit
        self._overflow = overflow
        self._data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        count = len(data)
        room = self._limit - len(self._data)
        self._data += data[: max(room, 0)]
        if count > room:
            self._overflow()
        return count

    def text(self) -> str:
        """Return what has arrived; a character that the limit cut in half is left out."""
        return self._data.decode("utf-8", "ignore")


def capture(limit: int, overflow: Callable[[], NoReturn]) -> tuple[Captured, io.TextIOWrapper]:
    """Return a captured stream and the text file that writes to it."""
    raw = Captured(limit, overflow)
    return raw, io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="strict", newline="\n")


def install(stdout: io.TextIOWrapper, stderr: io.TextIOWrapper) -> None:
    """Make these the process's own, with an empty standard input."""
    sys.stdin = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    sys.stdout = stdout
    sys.stderr = stderr


class SystemView(ModuleType):
    """The part of `sys` that computes nothing and leads nowhere."""

    writable_names = frozenset({"stdout", "stderr", "stdin", "argv"})

    def __init__(self, refuse: Refuse, depth: Callable[[], int]) -> None:
        super().__init__("sys", sys.__doc__)
        shown = [
            "maxsize",
            "maxunicode",
            "byteorder",
            "float_info",
            "int_info",
            "hash_info",
            "float_repr_style",
            "version",
            "version_info",
            "hexversion",
            "platform",
            "copyright",
            "api_version",
            "getsizeof",
            "intern",
            "exit",
            "getdefaultencoding",
            "get_int_max_str_digits",
            "set_int_max_str_digits",
        ]
        own: dict[str, object] = {name: getattr(sys, name) for name in shown}

        def setrecursionlimit(limit: int, /) -> None:
            sys.setrecursionlimit(limit + depth() if isinstance(limit, int) and limit > 0 else limit)

        def getrecursionlimit() -> int:
            return sys.getrecursionlimit() - depth()

        def read_missing(name: str) -> object:
            if not hasattr(sys, name):
                raise AttributeError(f"module 'sys' has no attribute {name!r}", name=name, obj=self)
            refuse(f"the name {name!r} of the module 'sys' is refused")

        own |= {
            "setrecursionlimit": setrecursionlimit,
            "getrecursionlimit": getrecursionlimit,
            "argv": ["program.py"],
            "__getattr__": read_missing,
            "__spec__": None,
            "__loader__": None,
        }
        self.__dict__.update(own)

    @property
    def stdout(self) -> Any:
        return sys.stdout

    @stdout.setter
    def stdout(self, stream: Any) -> None:
        sys.stdout = stream

    @property
    def stderr(self) -> Any:
        return sys.stderr

    @stderr.setter
    def stderr(self, stream: Any) -> None:
        sys.stderr = stream

    @property
    def stdin(self) -> Any:
        return sys.stdin

    @stdin.setter
    def stdin(self, stream: Any) -> None:
        sys.stdin = stream
