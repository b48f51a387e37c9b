"""What an evaluation costs an item beside the model: asked, recorded, scored, counted, with a client that answers at once.

Run it as `python -m tests.benchmarks.bench_evaluation [ITEMS]`; it prints and asserts nothing. The bound is 0.3 ms an
item at 10,000 items.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from reasonkit import Direct, ScriptedClient
from reasonkit.evaluation import compare, evaluate
from tests.benchmarks.goals import tell
from tests.evaluation.items import asked, sums

ITEMS = 10_000
REPEATS = 3


def main() -> int:
    """Measure and print."""
    items = int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS
    dataset = sums(items)
    with tempfile.TemporaryDirectory() as name:
        folder, spent = Path(name), list[float]()
        for number in range(REPEATS):
            client = ScriptedClient(lambda request: f" {2 * asked(request)}")
            cpu, wall = time.process_time(), time.perf_counter()
            evaluate(Direct(client), dataset, folder / str(number))
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            spent.append(cpu / items * 1e3)
            print(f"evaluate, {items} items: {cpu / items * 1e3:.3f} ms CPU, {wall / items * 1e3:.3f} ms an item")
        tell("evaluation: CPU an item beside the model", min(spent), "ms", at_most=0.3)
        cpu, wall = time.process_time(), time.perf_counter()
        evaluate(Direct(ScriptedClient([])), dataset, folder / "0")
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(f"the same from the record: {cpu / items * 1e3:.3f} ms CPU, {wall / items * 1e3:.3f} ms an item")
        cpu = time.process_time()
        compare(folder / "0", folder / "1")
        print(f"compare two such runs: {time.process_time() - cpu:.2f} s CPU")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
