"""The bundled model: from a cold interpreter to an answer, and an evaluation over bundled questions.

Run it as `python -m tests.benchmarks.bench_embedded [ITEMS]`. The cold start is wall-clock time of a new process, the median of
five; the model's share is what its requests took, its loading included. Not here: how often it is right.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.goals import tell

ITEMS = 500
STARTS = 5
COLD = """
from reasonkit import ReAct
from reasonkit.trace import Trace
trace = Trace("cold.jsonl")
ReAct()("What is the capital of Peru?", trace=trace)
"""


def cold(folder: Path) -> tuple[float, float]:
    """Return the seconds of a new interpreter from nothing to its answer, and those of its model's requests."""
    (folder / "cold.jsonl").unlink(missing_ok=True)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", COLD], cwd=folder, check=True)
    whole = time.perf_counter() - began
    lines = [json.loads(line) for line in (folder / "cold.jsonl").read_text(encoding="utf-8").splitlines()]
    return whole, sum(
        line["seconds"] for line in lines if line["line"] == "event" and line["effect"]["type"] == "complete"
    )


def evaluated(items: int, folder: Path) -> tuple[float, float]:
    """Return the CPU and wall-clock seconds of an evaluation with ReAct."""
    from reasonkit import ReAct
    from reasonkit.evaluation import evaluate, load_dataset

    dataset = load_dataset("bundled:one_hop").sample(items, seed=233)
    with ReAct() as agent:
        cpu, wall = time.process_time(), time.perf_counter()
        evaluate(agent, dataset, folder / "run")
        return time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    """Print the figures."""
    items = int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS
    with tempfile.TemporaryDirectory() as name:
        starts = [cold(Path(name)) for _ in range(STARTS)]
        whole, model = (statistics.median(each) for each in zip(*starts, strict=True))
        cpu, wall = evaluated(items, Path(name))
    print(f"a cold interpreter to the answer: {whole:.2f} s, of which the model {model:.2f} s")
    print(f"{items} bundled questions by ReAct: {cpu:.0f} s CPU, {wall:.0f} s")
    tell("bundled model: cold interpreter to the answer", whole, "s", at_most=1.0)
    tell("bundled model: the model's share of it", model, "s", at_most=0.3)
    tell(f"bundled model: CPU of {items} questions by ReAct", cpu, "s", at_most=120 * items / 500)


if __name__ == "__main__":
    main()
