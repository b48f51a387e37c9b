"""Bytes at rest against real processes: what a plan says of each rank is what torch holds there, to the byte."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path

import pytest

from reasonkit.train.plan.adapters import tensors_of
from reasonkit.train.plan.configs import shape_of_config
from reasonkit.train.plan.states import SHARDINGS, Sharding, exact_states
from tests.train.plan.tiny import MODELS

ROOT = Path(__file__).parents[3]


@cache
def measured(ranks: int) -> dict[tuple[str, str], list[dict[str, int]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [[sys.executable, "-m", "tests.train.plan.sharded", str(i), str(ranks), str(port)] for i in range(ranks)]
    started = [
        subprocess.Popen(one, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for one in words
    ]
    ended = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0] * ranks, ended[0][1][-3000:]
    rows = [json.loads(line) for line in ended[0][0].splitlines() if line.startswith("{")]
    return {(row["sharding"], row["model"]): row["ranks"] for row in rows}


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("sharding", SHARDINGS)
@pytest.mark.parametrize("ranks", [2, 4])
def test_each_rank_holds_what_the_plan_says(ranks: int, sharding: Sharding, model: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    shape = shape_of_config(MODELS[model], name=model)
    planned = [asdict(one) for one in exact_states(tensors_of(shape), ranks, sharding, precision="fp32")]
    assert measured(ranks)["fsdp" if sharding == "zero3" else sharding, model] == planned
