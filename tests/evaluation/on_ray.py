"""Runs on a real Ray of this machine, in a process of its own: `python -m tests.evaluation.on_ray WHAT FOLDER`.

Each prints what the tests assert. Agents are made in the workers, from functions of this file.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from reasonkit import CoT, ScriptedClient
from reasonkit.errors import InputError
from reasonkit.evaluation import evaluate
from reasonkit.evaluation.cluster import Stop, evaluate_on_ray
from reasonkit.evaluation.cluster.connection import Connection
from reasonkit.evaluation.rows import Row
from reasonkit.trace import Trace
from reasonkit.types import Request
from tests.evaluation.items import added, asked, sums


def agent(log: Path, deadly: int | None = None, *, always: bool = False) -> CoT:
    """Make an agent that says whom it answered, and whose process dies at one item: once, or whenever it is asked."""

    def say(request: Request) -> str:
        number = asked(request)
        if number == deadly and (always or not log.with_suffix(".died").exists()):
            log.with_suffix(".died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        with log.open("a") as file:
            file.write(f"s{number} {os.getpid()}\n")
        return added(request)

    return CoT(ScriptedClient(say), answer_type="number")


def loopback(folder: Path) -> object:
    """Return the addresses on which Ray's processes listen."""
    psutil: Any = importlib.import_module("psutil")
    del folder
    heard: set[str] = set()
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # a worker of the run before is still on its way out
            listening = [one for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]
            heard |= {one.laddr.ip for one in listening}
    return sorted(heard)


def killed(folder: Path) -> object:
    """Lose one of two workers on the way; then run again, and on one machine; and compare with a run on one machine."""
    log = folder / "log"
    first = evaluate_on_ray(functools.partial(agent, log, 23), sums(60), folder / "ray", workers=2, concurrency=6)
    said = log.read_text().split("\n")[:-1]
    log.unlink()
    again = evaluate_on_ray(functools.partial(agent, log), sums(60), folder / "ray", workers=2, concurrency=6)
    here = evaluate(agent(log), sums(60), folder / "ray")
    asked_again = log.exists()
    alone = evaluate(agent(folder / "other"), sums(60), folder / "alone")
    with Trace(folder / "ray" / "trace.jsonl", append=False) as one:
        with Trace(folder / "alone" / "trace.jsonl", append=False) as other:
            same = one.canonical() == other.canonical()
    return {
        "said": said, "asked_again": asked_again, "same": same,
        "right": [str(figures.right) for figures in (first, again, here, alone)],
    }  # fmt: skip


def deadly(folder: Path) -> object:
    """Ask an item that kills every worker which is asked it; and make agents that cannot be made."""
    build = functools.partial(agent, folder / "log", 5, always=True)
    figures = evaluate_on_ray(build, sums(20), folder / "run", workers=2, concurrency=2)
    rows = [json.loads(line) for line in (folder / "run" / "results.jsonl").read_text().splitlines()]
    try:
        evaluate_on_ray(functools.partial(CoT, "gguf:/no/such/model.gguf"), sums(2), folder / "none", workers=1)
    except InputError as error:
        unmade = str(error)
    return {
        "n": figures.n, "ends": figures.stop_reasons, "unmade": unmade,
        "error": next(row["error"] for row in rows if row["id"] == "s5"), "wrote": (folder / "none").exists(),
    }  # fmt: skip


def stopped(folder: Path) -> object:
    """Cancel after some items; then begin on one machine what Ray ends."""
    stop = Stop()

    def stop_at_ten(row: Row) -> None:
        if row.episode >= 10:
            stop.cancel()

    build = functools.partial(agent, folder / "log")
    part = evaluate_on_ray(build, sums(200), folder / "run", workers=2, concurrency=4, stop=stop, on_row=stop_at_ten)
    whole = evaluate_on_ray(build, sums(200), folder / "run", workers=2, concurrency=4)
    said = [line.split()[0] for line in (folder / "log").read_text().splitlines()]
    return {"part": part.n, "whole": whole.n, "twice": len(said) - len(set(said))}


def forever(folder: Path) -> object:
    """Run until somebody kills this process: a worker waits at one item, if there are the pipes `reached` and `hold`."""

    def build() -> CoT:
        def say(request: Request) -> str:
            with (folder / "log").open("a") as file:
                file.write(f"s{asked(request)}\n")
            if asked(request) == 30 and (folder / "reached").exists():
                (folder / "reached").write_text("yes")
                (folder / "hold").read_text()  # nobody writes: it waits until it is killed
            return added(request)

        return CoT(ScriptedClient(say), answer_type="number")

    figures = evaluate_on_ray(build, sums(60), folder / "run", workers=2, concurrency=2)
    return {"n": figures.n, "right": str(figures.right)}


def together(folder: Path) -> object:
    """Run what needs no cluster of its own on one."""
    found: dict[str, object] = {}
    with Connection(None, 2):
        for run in (killed, deadly, stopped, loopback):
            (folder / run.__name__).mkdir()
            found[run.__name__] = run(folder / run.__name__)
    return found


if __name__ == "__main__":
    print(json.dumps({"together": together, "forever": forever}[sys.argv[1]](Path(sys.argv[2]))))
