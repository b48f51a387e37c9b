"""Generators of rows that kill their process in the middle of a step: as a kill from outside, but at a known place."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def row(seed: int, index: int) -> dict[str, str]:
    """Return a row; the process of rank 1 is killed as it draws the rows of the third step."""
    if os.environ.get("RANK") == "1" and _step() == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return _made(seed, index)


def once(seed: int, index: int) -> dict[str, str]:
    """Return a row; the process is killed in the step that the environment names, while a marked file is there."""
    mark = Path(os.environ.get("DIE_ONCE_MARK", "nothing"))
    if mark.is_file() and _step() == int(os.environ["DIE_ONCE_IN_STEP"]):
        mark.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return _made(seed, index)


def _made(seed: int, index: int) -> dict[str, str]:
    number = (seed + index) % 97
    return {"input": f"Twice {number} is", "target": f" {2 * number}"}


def _step() -> int | None:
    """Return the step under way, told by the frames above; None before the first."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_name == "_gradients":
            return int(frame.f_locals["step"])
    return None
