"""The fresh process that reads back what was saved.

Loading the libraries takes many seconds, so one process does that once, beside the training, and never sees a model;
each check is done by a new child of it. Not here: what is checked (`verify.py`).
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reasonkit.errors import ReasonkitError, VerificationFailed
from reasonkit.train.verify import Check, verify

_LAUNCHED = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID")
"""What a launcher says to the processes of a run; the one here is alone."""


class Checker:
    """Checks folders, each in a process of its own.

    Args:
        modules: loaded once, before the first check.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self._talk = tempfile.TemporaryFile(mode="w+", encoding="utf-8")  # noqa: SIM115 - closed in close()
        surroundings = {name: value for name, value in os.environ.items() if name not in _LAUNCHED}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "reasonkit.train.checker", *modules], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._talk, text=True, env=surroundings | {"OMP_NUM_THREADS": "1"}, start_new_session=True,
        )  # fmt: skip

    def check(self, folder: Path) -> Check:
        """Have a new process check a folder.

        Raises:
            VerificationFailed: what was saved is not what was in memory, or the process ended without a word.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(str(folder)) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, as the missing answer says
        answer = self._process.stdout.readline()
        said: dict[str, Any] = json.loads(answer) if answer else {"fault": self._end()}
        if "fault" in said:
            raise VerificationFailed(f"{str(folder)!r} was written, but does not read back: {said['fault']}")
        return Check(**said)

    def _end(self) -> str:
        """Say how the process has ended, with the last that it said."""
        code = self._process.wait()
        self._talk.seek(0)
        last = (self._talk.read().strip().splitlines() or [""])[-1]
        return f"the process that checks has ended with {code}" + (f": {last}" if last else "")

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._talk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _serve(modules: Sequence[str]) -> None:
    """Load modules, then check the folders that are named on stdin, one a line."""
    import torch

    torch.set_num_threads(1)
    for module in modules:
        importlib.import_module(module)
    for line in sys.stdin:
        print(json.dumps(_in_a_child(Path(json.loads(line)))), flush=True)


def _in_a_child(folder: Path) -> dict[str, Any]:
    """Return what a check found, or its fault."""
    if not hasattr(os, "fork"):  # Windows: this process has seen other checkpoints, but never the model in memory
        return _found(folder)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            pipe.write(json.dumps(_found(folder)))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    try:
        found: dict[str, Any] = json.loads(said)
    except ValueError:
        found = {"fault": f"the process that checked it ended with {os.waitstatus_to_exitcode(status)}"}
    return found


def _found(folder: Path) -> dict[str, Any]:
    try:
        return asdict(verify(folder))
    except ReasonkitError as error:
        return {"fault": str(error)}
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        return {"fault": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    _serve(sys.argv[1:])
