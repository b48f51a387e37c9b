"""Several processes of one run on this machine, started by torch's own launcher; the first fault ends all of them.

`torchrun -m reasonkit.train CONFIG` does the same, and is the way to several machines. Not here: what a process does.

Source: https://docs.pytorch.org/docs/stable/elastic/errors.html (the file in which a process leaves its error)
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from reasonkit.errors import InputError, ReasonkitError, TrainingFailed

_OURS = "reasonkit-"
"""Begins the names of runs that are launched here; their processes leave the talk about errors to this one."""
_LOST = "lost"
_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""


def launch(words: Sequence[str], processes: int, threads: int) -> int:
    """Run `python -m reasonkit.train` in several processes; return the exit code.

    Args:
        words: of its command line.
        processes: how many.
        threads: of each on the CPU.

    Raises:
        TrainingFailed: a process ended with an error; the others were ended.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    with tempfile.TemporaryDirectory(prefix="reasonkit-train-") as logs:
        settings = LaunchConfig(
            min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id=_OURS + uuid4().hex, max_restarts=0,
            rdzv_backend="c10d", rdzv_endpoint="localhost:0", logs_specs=DefaultLogsSpecs(log_dir=logs),
        )  # fmt: skip
        try:
            elastic_launch(settings, sys.executable)("-m", "reasonkit.train", *words)
        except ChildFailedError as error:
            return _told(dict(error.failures))
        except SignalException:
            return 130
    return 0


def _told(failures: dict[int, Any]) -> int:
    """Raise the error that came first; return 130 where a process was asked to stop."""
    found = []
    for rank, failure in failures.items():
        said: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            said = json.loads(Path(failure.error_file).read_text(encoding="utf-8"))
        if failure.exitcode == 130:
            return 130
        died = failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM
        when = float(said.get("at", failure.timestamp))
        found.append((not died, said.get("kind") == _LOST, when, rank, failure.exitcode, said))
    _, _, _, rank, code, said = min(found, key=lambda one: one[:4])
    if said.get("kind") == "InputError":
        raise InputError(said["text"])
    if said:
        raise TrainingFailed(said["text"] if said["kind"] == "TrainingFailed" else f"process {rank}: {said['text']}")
    name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    raise TrainingFailed(
        f"process {rank} ended with {name}; the others were ended. The same command goes on from the last checkpoint"
    )


def launched_here() -> bool:
    """Return whether this process was started by `launch`, which says what went wrong."""
    return os.environ.get("TORCHELASTIC_RUN_ID", "").startswith(_OURS)


def end_with_parent() -> None:
    """End this process when the one that launched it ends, however that ends; on Linux alone."""
    if "TORCHELASTIC_RUN_ID" in os.environ and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)


def leave(error: Exception) -> str:
    """Leave an error where the launcher looks for it; return it in words."""
    lost = not isinstance(error, ReasonkitError) and lost_another(error)
    kind = _LOST if lost else "InputError" if isinstance(error, InputError) else type(error).__name__
    text = str(error) if isinstance(error, ReasonkitError) else f"{type(error).__name__}: {error}"
    if lost:
        text = f"another process of the run was lost: {str(error).splitlines()[0]}"
    if isinstance(error, TrainingFailed):
        kind = "TrainingFailed"
    file = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if file:
        facts = {"kind": kind, "text": text, "at": time.time()}
        note = {"message": text, "extraInfo": {"timestamp": str(int(time.time()))}}
        Path(file).write_text(json.dumps({"message": note} | facts), encoding="utf-8")
    return text


def lost_another(error: Exception) -> bool:
    """Return whether an error says that the connection to another process broke."""
    import torch.distributed as dist

    marks = ("connection closed by peer", "connection reset", "broken pipe", "gloo", "nccl", "timed out")
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and any(mark in str(error).lower() for mark in marks)
    )
