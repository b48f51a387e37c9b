"""What tracing costs: CPU time of ReAct steps with a trace on disk beside the same steps without one.

    python -m tests.benchmarks.bench_trace [--episodes 40] [--rounds 15]

A step asks a server over loopback and uses a tool that is a function: the cheapest step that asks a model outside of
the process. The server runs in a process of its own, so that only our CPU counts: the flow, the prompt's rendering,
the HTTP call, parsing, the session. Rounds alternate between traced and not, and the least of each is compared, for
a busy machine only ever adds. The bound: tracing at or under 10 % of a step's CPU. Beside it the same with a scripted
client that answers at once: a step that does nothing, so the share is of our own bookkeeping alone, without a bound.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from reasonkit import HTTPClient, ReAct, ScriptedClient, Toolbox, tool
from reasonkit.clients.protocol import Client
from reasonkit.trace import Trace
from reasonkit.types import Request
from tests.benchmarks.goals import tell

STEPS = 6
BOUND = 0.10


@tool
def Search(title: str) -> str:
    """Look up a title."""
    return f"{title} is a town on a river in the north. " * 6


def says(prompt: str) -> str:
    number = int(re.findall(r"Thought (\d+):", prompt[-20:])[-1])
    if number == STEPS:
        return f" Now I know what was asked.\nAction {number}: Finish[town {number}]"
    return f" I need to look for town {number} and what river it stands on.\nAction {number}: Search[town {number}]"


def serve() -> None:
    """Answer completions on a free port, one connection after another, and print the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as reader:
                while _answered(connection, reader.readline, reader.read):
                    pass


def _answered(connection: socket.socket, line: Callable[[], bytes], read: Callable[[int], bytes]) -> bool:
    first, size = line(), 0
    if not first:
        return False
    while (header := line()) not in (b"\r\n", b""):
        name, _, value = header.partition(b":")
        size = int(value) if name.lower() == b"content-length" else size
    body = json.loads(read(size)) if size else {}
    data: object = {"object": "list", "data": [{"id": "m", "object": "model"}]}
    if "prompt" in body:
        usage = {"prompt_tokens": 700, "completion_tokens": 20, "total_tokens": 720}
        data = {"choices": [{"index": 0, "finish_reason": "stop", "text": says(body["prompt"])}], "usage": usage}
    text = json.dumps(data).encode()
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)
    )
    return True


class Silent(ScriptedClient):
    """Counts no words: a scripted client's own counting would be most of a step."""

    def count_tokens(self, text: str) -> int:
        return len(text) // 4


def scripted() -> Client:
    def answer(request: Request) -> str:
        assert isinstance(request.prompt, str)
        return says(request.prompt)

    return Silent(answer)


def seconds(client: Client, episodes: int, trace: Path | None) -> float:
    """Return the CPU seconds of a step."""
    agent = ReAct(client, tools=Toolbox([Search]), max_steps=STEPS)
    questions = [f"Which river is number {i}?" for i in range(episodes)]
    began = time.process_time()
    results = agent.map(questions, trace=trace)
    spent = time.process_time() - began
    assert all(result.answer == f"town {STEPS}" for result in results), results[0]
    return spent / (episodes * STEPS)


def measure(name: str, client: Client, episodes: int, rounds: int, folder: Path) -> float:
    """Print what a trace adds to a step; return its share."""
    without: list[float] = []
    traced: list[float] = []
    seconds(client, episodes, folder / f"{name}-warm.jsonl")
    for number in range(rounds):
        without.append(seconds(client, episodes, None))
        traced.append(seconds(client, episodes, folder / f"{name}-{number}.jsonl"))
    plain, more = min(without), min(traced) - min(without)
    print(f"{name:10} a step {plain * 1e6:7.1f} us of CPU, its trace {more * 1e6:6.1f} us: {more / plain:6.1%}")
    return more / plain


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What tracing costs.")
    parser.add_argument("--episodes", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        words = [sys.executable, "-m", "tests.benchmarks.bench_trace", "serve"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
            try:
                client = HTTPClient(url, model="m", endpoint="completions")
                share = measure("http", client, options.episodes, options.rounds, folder)
                client.close()
            finally:
                server.terminate()
        measure("scripted", scripted(), options.episodes * 3, options.rounds, folder)
        file = folder / "scripted-0.jsonl"
        size, episodes = file.stat().st_size, options.episodes * 3
        began = time.process_time()
        with Trace(file, append=False) as trace:
            opened = time.process_time() - began
            count = sum(1 for _ in trace.results())
        read = time.process_time() - began
    print(f"written {size / episodes / STEPS:.0f} bytes a step; {count} episodes opened in {opened * 1e3:.0f} ms,")
    print(f"their results read in {read * 1e3:.0f} ms of CPU")
    tell("a trace's share of a step's CPU", share, "", at_most=BOUND)
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    sys.exit(main())
