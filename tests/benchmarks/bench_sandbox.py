"""What the sandbox costs: latency, loops, throughput; beside plain exec, a fresh interpreter, RestrictedPython.

Run as `python -m tests.benchmarks.bench_sandbox`. Covered: one machine, this minute; figures are compared within one
run only. Not covered: correctness (tests/sandbox).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from RestrictedPython import compile_restricted, safe_builtins

from reasonkit.sandbox import Sandbox
from tests.benchmarks.goals import tell

LIGHT = "import math\ndef solution():\n    eggs = 16 - 3 - 4\n    return math.floor(eggs * 2.0)\n"
SYMBOLIC = (
    "from sympy import symbols, solve\ndef solution():\n    x, y = symbols('x y')\n"
    "    return solve([x + y - 10, x - y - 2], [x, y])\n"
)
LOOPS = {
    "arithmetic": "def solution():\n    t = 0\n    for i in range(300_000):\n        t = (t * 31 + i) % 1_000_003\n    return t\n",
    "items": "def solution():\n    d = {}\n    for i in range(200_000):\n        d[i % 97] = d.get(i % 97, 0) + i\n    return d[5]\n",
    "attributes": (
        "class A:\n    def __init__(self):\n        self.n = 0\n        self._m = 1\n    def step(self, i):\n"
        "        self.n += i\n        self._m = self.n % 7\ndef solution():\n    a = A()\n    for i in range(150_000):\n"
        "        a.step(i)\n    return a.n\n"
    ),
    "others' attributes": (
        "class N:\n    pass\ndef solution():\n    n = N()\n    n.v = 0\n    for i in range(150_000):\n"
        "        n.v += i\n        n.w = n.v\n    return n.v\n"
    ),
    "calls": "def f(x):\n    return x + 1\ndef solution():\n    t = 0\n    for i in range(200_000):\n        t = f(t)\n    return t\n",
}


def median_milliseconds(run: Callable[[], object], repeats: int, pause: float = 0.0) -> float:
    """Return the median time of one call; `pause` seconds lie between calls."""
    taken = []
    for _ in range(repeats):
        if pause:
            time.sleep(pause)
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def plain(program: str, answer: str = "solution()") -> object:
    """Run a program with `exec`, in this process and without any wall."""
    names: dict[str, object] = {"__name__": "__main__"}
    exec(program, names)
    return eval(answer, names)


def restricted() -> object:
    """Run the light program as RestrictedPython's documentation shows, in this process."""
    import math

    names: dict[str, object] = {
        "__builtins__": {**safe_builtins, "__import__": lambda *_: math},
        "_getattr_": getattr,
        "__name__": "__main__",
    }
    exec(compile_restricted(LIGHT, "<program>", "exec"), names)
    return eval("solution()", names)


def fresh(program: str) -> object:
    """Run a program in an interpreter of its own."""
    return subprocess.run([sys.executable, "-I", "-c", program + "solution()"], check=True, capture_output=True)


def throughput(workers: int, count: int) -> float:
    """Return light programs a second over `workers`."""
    with Sandbox(workers=workers) as sandbox, ThreadPoolExecutor(workers) as pool:
        list(pool.map(sandbox.run, ["1"] * workers * 4))
        started = time.perf_counter()
        list(pool.map(lambda _: sandbox.run(LIGHT, "solution()"), range(count)))
        return count / (time.perf_counter() - started)


def main() -> list[tuple[str, str]]:
    """Measure, and return what was measured with its figure."""
    rows = []
    with Sandbox() as sandbox:
        enforced = sandbox.run(LIGHT, "solution()").enforced
        sandbox.run(SYMBOLIC, "solution()")
        light = median_milliseconds(lambda: sandbox.run(LIGHT, "solution()"), 100, 0.01)
        tell("sandbox: a light program, every layer on", light, "ms", at_most=1.0)
        rows += [
            ("isolation", ", ".join(enforced)),
            (
                "light program, a waiting child",
                f"{light:.2f} ms",
            ),
            (
                "light program, back to back",
                f"{median_milliseconds(lambda: sandbox.run(LIGHT, 'solution()'), 300):.2f} ms",
            ),
            ("light program, plain exec", f"{median_milliseconds(lambda: plain(LIGHT), 100):.2f} ms"),
            ("light program, RestrictedPython in process", f"{median_milliseconds(restricted, 50):.2f} ms"),
            ("light program, fresh interpreter", f"{median_milliseconds(lambda: fresh(LIGHT), 10):.1f} ms"),
            ("sympy program", f"{median_milliseconds(lambda: sandbox.run(SYMBOLIC, 'solution()'), 30, 0.02):.2f} ms"),
            ("sympy program, fresh interpreter", f"{median_milliseconds(lambda: fresh(SYMBOLIC), 3):.0f} ms"),
        ]
        for name, program in LOOPS.items():
            timed = (
                f"import time\n{program}begun = time.process_time()\nsolution()\ntaken = time.process_time() - begun\n"
            )
            ours = [float(str(sandbox.run(timed, "taken").value)) * 1000 for _ in range(7)]
            theirs = [float(str(plain(timed, "taken"))) * 1000 for _ in range(7)]
            ratio = min(ours) / min(theirs)
            tell(f"sandbox: loop over {name} / plain exec", ratio, "x", at_most=1.5)
            rows.append(
                (
                    f"loop over {name}",
                    f"{ratio:.2f} x plain exec, in processor time ({min(ours):.1f} ms, {min(theirs):.1f} ms)",
                )
            )
    rows += [(f"throughput, {workers} workers", f"{throughput(workers, 400):.0f} a second") for workers in (1, 2)]
    return rows


if __name__ == "__main__":
    for label, figure in main():
        print(f"{label:45} {figure}")
