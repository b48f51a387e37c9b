"""The figures of a run, one JSON object a line and step, and the lock that keeps a second run out of the folder.

Lines after the checkpoint that a run goes on from are taken back, a torn last one too: the file is always that of one
run. Not here: the picture (`curve.py`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reasonkit.errors import InputError

LOSSES = "losses.jsonl"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is known of a step."""

    step: int
    """From 1: so many steps have been taken."""
    loss: float
    """Mean cross-entropy, in nats, of the labels learned in this step."""
    lr: float
    tokens: int
    """Seen so far."""
    seconds: float
    """Of training so far."""
    held_out: float | None = None
    """Mean cross-entropy of the held-out labels after this step, where it was measured."""


class Journal:
    """Appends lines; only the first process has one.

    Args:
        folder: of the run.
        step: the steps of the checkpoint that the run goes on from.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._path = folder / LOSSES
        kept = [line for line in read_losses(folder) if line.step <= step]
        partial = folder / f"{LOSSES}.partial"
        partial.write_text("".join(_text(line) for line in kept), encoding="utf-8")
        partial.replace(self._path)
        self._file = self._path.open("a", encoding="utf-8")

    def add(self, line: Line) -> None:
        """Append a line."""
        self._file.write(_text(line))
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_losses(folder: Path) -> list[Line]:
    """Return the lines of a run, without a torn last one."""
    with suppress(FileNotFoundError):
        return list(_lines((folder / LOSSES).read_text(encoding="utf-8")))
    return []


def _lines(text: str) -> Iterator[Line]:
    for line in text.splitlines():
        try:
            fields: dict[str, Any] = json.loads(line)
        except ValueError:
            return
        yield Line(**fields)


def _text(line: Line) -> str:
    fields = asdict(line)
    if line.held_out is None:
        del fields["held_out"]
    return json.dumps(fields) + "\n"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder; the lock goes with the process, however it ends.

    Raises:
        InputError: another run writes there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows has none; there the folder is the caller's affair
        yield
        return
    with (folder / _LOCK).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            other = file.read().strip() or "unknown"
            raise InputError(
                f"output {str(folder)!r}: another run writes there (process {other}); wait for it, or give another folder"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
