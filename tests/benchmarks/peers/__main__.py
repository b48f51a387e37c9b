"""`make bench-peers`: the same episode in other libraries, each in an environment of its own, beside ours; one table.

Five model calls against the scripted server on loopback; CPU time of the client's process for each call, one episode after
another and 200 at once. The environments are made with pinned versions in a temporary folder, and removed at the end;
`--environments DIR` keeps them there for another run. Not here: what the answers are worth; all of them are the same.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.bench_http import CALLS

HERE = Path(__file__).parent
PEERS = {
    "haystack": ("Haystack", ("haystack-ai==3.4.0",)),
    "langgraph": ("LangGraph", ("langgraph==1.2.22", "langchain==1.4.7", "langchain-openai==1.7.3")),
    "smolagents": ("smolagents", ("smolagents[openai]==1.26.0",)),
    "dspy": ("DSPy", ("dspy==3.4.1",)),
}
OURS = (
    ("hand-written httpx loop", "hand-written, httpx sync", "hand-written, httpx async"),
    ("reasonkit, core install", "ReAct()", "ReAct().amap, core"),
    ("reasonkit[fast]", None, "ReAct().amap, fast"),
)
EPISODES = 100
AT_ONCE = 200


def main() -> int:
    """Make the environments, measure, print the table as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    parser.add_argument("--environments", type=Path, help="a folder for the environments, kept for another run")
    parser.add_argument("peers", nargs="*", default=list(PEERS), help=f"of {', '.join(PEERS)}; all if none is named")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.environments or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pythons = {peer: environment(folder.absolute() / peer, PEERS[peer][1]) for peer in options.peers}
        url = stack.enter_context(serving())
        print(
            f"{dt.datetime.now(dt.UTC):%d %B %Y}, {platform.system()} {platform.machine()}, "
            f"{os.cpu_count()} cores, Python {platform.python_version()}; load {os.getloadavg()[0]:.1f}\n"
        )
        print("| library | version | CPU ms a call, one after another | CPU ms a call, 200 at once | peak RSS MB |")
        print("|---|---|---|---|---|")
        for name, alone, many in OURS:
            row(name, "this checkout" if "reasonkit" in name else "", [
                None if case is None else ours(case, url, at_once) for case, at_once in ((alone, 1), (many, AT_ONCE))
            ])  # fmt: skip
        for peer, python in pythons.items():
            name, (main_pin, *_) = PEERS[peer]
            row(name, main_pin.partition("==")[2], [theirs(python, peer, url, at_once) for at_once in (1, AT_ONCE)])
    return 0


def environment(folder: Path, pins: tuple[str, ...]) -> Path:
    """Make a virtual environment with these packages, unless it stands already; return its interpreter."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"installing {', '.join(pins)}", file=sys.stderr)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins], check=True)
    return python


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Run the scripted server in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.peers.server"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.kill()


def ours(case: str, url: str, at_once: int) -> dict[str, float]:
    """Measure one of our own cases, in a fresh process."""
    episodes = AT_ONCE if at_once > 1 else EPISODES
    words = [sys.executable, "-m", "tests.benchmarks.bench_http", "measure", case, url, str(episodes), str(at_once)]
    return measured(words, {})


def theirs(python: Path, peer: str, url: str, at_once: int) -> dict[str, float]:
    """Measure a peer in its own environment; its telemetry is off, and nothing but loopback is asked."""
    episodes = AT_ONCE if at_once > 1 else EPISODES
    words = [str(python), str(HERE / "episodes.py"), peer, url, str(episodes), str(at_once), str(CALLS)]
    quiet = {
        "HAYSTACK_TELEMETRY_ENABLED": "False",
        "LANGSMITH_TRACING": "false",
        "DSPY_CACHEDIR": tempfile.gettempdir(),
    }
    return measured(words, quiet)


def measured(words: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Run a measurement; return what its last line says."""
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(name: str, version: str, figures: list[dict[str, float] | None]) -> None:
    """Print a line of the table."""
    alone, many = ("" if found is None else f"{found['ms']:.2f}" for found in figures)
    peak = max(found["rss"] for found in figures if found is not None)
    print(f"| {name} | {version} | {alone} | {many} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
