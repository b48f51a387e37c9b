"""`make bench`: every benchmark in a process of its own, one after another, on a machine that it describes first."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run the benchmarks named on the command line (`core http ...`), or all."""
    here = Path(__file__).parent
    known = sorted(file.stem.removeprefix("bench_") for file in here.glob("bench_*.py"))
    wanted = sys.argv[1:] or known
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    failed = 0
    for name in wanted:
        if name not in known:
            print(f"no benchmark {name!r}; there are: {', '.join(known)}", file=sys.stderr)
            return 2
        print(f"\n== {name}", flush=True)
        failed += bool(subprocess.run([sys.executable, "-m", f"tests.benchmarks.bench_{name}"], check=False).returncode)
    return min(failed, 1)


if __name__ == "__main__":
    raise SystemExit(main())
