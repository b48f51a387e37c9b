"""`make bench`: every benchmark in a process of its own, one after another; at the end all goals in one table."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.goals import FILE, Goal, read, table


def machine() -> str:
    """Describe the machine, and how busy it is."""
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    return f"{platform.platform()}, {os.cpu_count()} cores, {load}, Python {platform.python_version()}"


def main() -> int:
    """Run the benchmarks named on the command line (`core http ...`), or all."""
    here = Path(__file__).parent
    known = sorted(file.stem.removeprefix("bench_") for file in here.glob("bench_*.py"))
    wanted = sys.argv[1:] or known
    print(machine())
    failed, told = 0, list[Goal]()
    for name in wanted:
        if name not in known:
            print(f"no benchmark {name!r}; there are: {', '.join(known)}", file=sys.stderr)
            return 2
        print(f"\n== {name}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "goals.jsonl"
            words = [sys.executable, "-m", f"tests.benchmarks.bench_{name}"]
            failed += bool(subprocess.run(words, check=False, env={**os.environ, FILE: str(file)}).returncode)
            told += read(file)
    if told:
        met = sum(goal.met for goal in told)
        print(f"\n{met} of {len(told)} goals met, {machine()}:\n\n{table(told)}")
    return min(failed, 1)


if __name__ == "__main__":
    raise SystemExit(main())
