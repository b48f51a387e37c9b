"""Small runs for the tests of training: rows, a base, configurations, and real processes that share a run."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import socket
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from reasonkit.errors import ReasonkitError
from reasonkit.train.config import TrainConfig
from reasonkit.train.config.reading import parsed

PEOPLE = ("Anna", "Ben", "Cara", "Dan", "Eve", "Finn")
TOWNS = ("Rome", "Oslo", "Lima", "Cairo", "Paris")
_LOADED = ("torch.distributed.fsdp", "torch.distributed.checkpoint", "transformers.models.llama.modeling_llama", "peft")


def rows(folder: Path, count: int = 120, *, texts: bool = False) -> Path:
    """Write rows in which the answer stands in the question; or both as one text."""
    dice = random.Random(1)
    lines = []
    for _ in range(count):
        person, town = dice.choice(PEOPLE), dice.choice(TOWNS)
        asked = f"{person} lives in {town}. Where does {person} live?"
        lines.append({"text": f"{asked} {town}"} if texts else {"input": asked, "target": f" {town}"})
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def base(folder: Path) -> Path:
    """Write a random model that a run may adapt."""
    from tests.clients.tiny_models import Shape, write_transformers

    return write_transformers(folder / "base", Shape(hidden=32, intermediate=48, heads=2, kv_heads=2, context=96))


def settings(folder: Path, **changes: Any) -> dict[str, Any]:
    """Return a run of a small new model; groups of settings are merged."""
    plain: dict[str, Any] = {
        "output": str(folder / "run"),
        "data": [{"file": str(folder / "rows.jsonl")}],
        "model": {"width": 32, "layers": 2, "heads": 2, "context": 96, "vocabulary": 320},
        "batch": {"rows": 8, "max_length": 64},
        "optimizer": {"lr": 3e-3},
        "steps": 8,
        "checkpoint": {"every": 4, "verify": False},
    }
    for key, value in changes.items():
        plain[key] = plain.get(key, {}) | value if isinstance(value, Mapping) else value
    return plain


def config(folder: Path, **changes: Any) -> TrainConfig:
    return parsed(settings(folder, **changes), "a test")


def adapting(folder: Path, kind: str = "lora", **changes: Any) -> dict[str, Any]:
    """Return the settings that adapt the base."""
    return {"model": {"path": str(folder / "base")}, "method": {"kind": kind, "rank": 4, **changes}}


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "losses.jsonl").read_text().splitlines()]


def together(fields: dict[str, Any], processes: int, **options: Any) -> Any:
    """Run in so many real processes, on gloo; return the outcome on the first, or raise what one of them raised."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_LOADED, "reasonkit.train.run", "reasonkit.train.material"])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    ends, started = [], []
    for rank in range(processes):
        near, far = context.Pipe(duplex=False)
        one = context.Process(target=_process, args=(fields, processes, rank, port, far, options))
        one.start()
        far.close()
        ends.append(near)
        started.append(one)
    said = [end.recv() if end.poll(240) else TimeoutError("a process said nothing") for end in ends]
    for one in started:
        one.join(30)
        one.kill()
    for answer in said:
        if isinstance(answer, Exception):
            raise answer
    return said[0]


def _process(fields: dict[str, Any], size: int, rank: int, port: int, end: Connection, options: dict[str, Any]) -> None:
    os.environ |= {
        "WORLD_SIZE": str(size), "RANK": str(rank), "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    import torch

    torch.set_num_threads(1)
    from reasonkit.train.material import material
    from reasonkit.train.run import run
    from reasonkit.train.sharding import joined

    try:
        with joined() as world:
            end.send(run(parsed(fields, "a test"), world, material, **options))
    except (ReasonkitError, RuntimeError) as error:
        end.send(error)
