"""What an HTTP call costs: the client and the ReAct agent beside hand-written loops, in one table.

Episodes of five model calls against a scripted OpenAI-compatible server on loopback, which runs in a process of its
own. Each line is measured in a fresh process: CPU time of that process for each call, after a warm-up. Run it as
`python -m tests.benchmarks.bench_http`; it prints and asserts nothing, for timings of a shared machine say little
alone: compare lines of one run.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.benchmarks.goals import tell

CALLS = 5
"""Model calls in an episode."""
FEW_SHOT = "Question: What is it?\nThought 1: I should look.\nAction 1: Search[it]\nObservation 1: It is it.\n" * 38
"""Of 3.8 KB, as in the measurements that the goals come from."""
_STEP = re.compile(rb'Thought (\d+):"')
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
Connected = Callable[[str], Any]


class Scripted(asyncio.Protocol):
    """One connection of the server: answers `Thought i:` with a search, and the fifth with the end."""

    connections = 0
    calls = 0
    delay = 0.0

    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.counted = False

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            found = _LENGTH.search(head)
            whole = end + 4 + (int(found.group(1)) if found else 0)
            if len(self.buffer) < whole:
                return
            body, self.buffer = self.buffer[end + 4 : whole], self.buffer[whole:]
            if head.startswith(b"GET"):
                answer = json.dumps({"connections": Scripted.connections, "calls": Scripted.calls}).encode()
                Scripted.connections = Scripted.calls = 0
            else:
                if not self.counted:
                    self.counted = True
                    Scripted.connections += 1
                Scripted.calls += 1
                answer = self.answer(body)
            packed = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
                len(answer),
                answer,
            )
            if Scripted.delay and not head.startswith(b"GET"):
                asyncio.get_running_loop().call_later(Scripted.delay, self.transport.write, packed)
            else:
                self.transport.write(packed)

    def answer(self, body: bytes) -> bytes:
        """Return the reply to a request: that of its last `Thought i:`."""
        return _ANSWERS[min(int(_STEP.findall(body)[-1]), CALLS)]


def _answer(step: int) -> bytes:
    action = "Finish[Rome]" if step == CALLS else f"Search[thing {step}]"
    choice = {"index": 0, "text": f" I look.\nAction {step}: {action}", "finish_reason": "stop"}
    usage = {"prompt_tokens": 900, "completion_tokens": 12, "total_tokens": 912}
    return json.dumps({"id": "x", "object": "text_completion", "choices": [choice], "usage": usage}).encode()


_ANSWERS = {step: _answer(step) for step in range(CALLS + 1)}


def serve(delay: float, protocol: type[Scripted] = Scripted) -> None:
    """Run the server; print its port."""
    Scripted.delay = delay

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, backlog=1024)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(main())


# --- the loops that people write by hand -------------------------------------------------------------------------


def _payload(prompt: str) -> dict[str, Any]:
    return {"model": "m", "prompt": prompt, "max_tokens": 100, "temperature": 0.0, "top_p": 1.0, "stop": ["\nObs"]}


def _episode(ask: Callable[[str], str]) -> None:
    text = FEW_SHOT + "Question: q\n"
    for step in range(1, CALLS + 1):
        written = ask(f"{text}Thought {step}:")
        text += f"Thought {step}:{written}\nObservation {step}: Nothing.\n"


def _repeated(ask: Callable[[str], str], episodes: int) -> None:
    for _ in range(episodes):
        _episode(ask)


async def _aepisode(ask: Callable[[str], Awaitable[str]]) -> None:
    text = FEW_SHOT + "Question: q\n"
    for step in range(1, CALLS + 1):
        written = await ask(f"{text}Thought {step}:")
        text += f"Thought {step}:{written}\nObservation {step}: Nothing.\n"


def hand_http_client(url: str, episodes: int, _at_once: int) -> Callable[[], object]:
    """Loop over http.client."""
    connection = http.client.HTTPConnection(url.removeprefix("http://").partition("/")[0])

    def ask(prompt: str) -> str:
        connection.request(
            "POST", "/v1/completions", json.dumps(_payload(prompt)), {"content-type": "application/json"}
        )
        return str(json.loads(connection.getresponse().read())["choices"][0]["text"])

    return lambda: _repeated(ask, episodes)


def hand_httpx(url: str, episodes: int, _at_once: int) -> Callable[[], object]:
    """Loop over httpx.Client."""
    import httpx

    client = httpx.Client()

    def ask(prompt: str) -> str:
        return str(client.post(f"{url}/completions", json=_payload(prompt)).json()["choices"][0]["text"])

    return lambda: _repeated(ask, episodes)


def hand_httpx_async(url: str, episodes: int, at_once: int) -> Callable[[], object]:
    """Gather over httpx.AsyncClient, its limits raised to the concurrency."""
    import httpx

    async def main(episodes: int) -> None:
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
        async with httpx.AsyncClient(limits=limits, timeout=60) as client:

            async def ask(prompt: str) -> str:
                answer = await client.post(f"{url}/completions", json=_payload(prompt))
                return str(answer.json()["choices"][0]["text"])

            await _bounded(episodes, at_once, lambda: _aepisode(ask))

    return lambda: asyncio.run(main(episodes))


def hand_aiohttp(url: str, episodes: int, at_once: int) -> Callable[[], object]:
    """Gather over aiohttp."""
    import aiohttp

    async def main(episodes: int) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:

            async def ask(prompt: str) -> str:
                async with session.post(f"{url}/completions", json=_payload(prompt)) as answer:
                    return str((await answer.json())["choices"][0]["text"])

            await _bounded(episodes, at_once, lambda: _aepisode(ask))

    return lambda: asyncio.run(main(episodes))


async def _bounded(episodes: int, at_once: int, one: Callable[[], Awaitable[None]]) -> None:
    left = iter(range(episodes))

    async def work() -> None:
        for _ in left:
            await one()

    await asyncio.gather(*(work() for _ in range(at_once)))


# --- ours --------------------------------------------------------------------------------------------------------


def client_sync(url: str, episodes: int, _at_once: int) -> Callable[[], object]:
    """HTTPClient in a plain loop."""
    from reasonkit.clients.http import HTTPClient
    from reasonkit.types import Reply, Request, Sampling

    client = HTTPClient(url, model="m")

    def ask(prompt: str) -> str:
        request = Request(prompt=prompt, stop=("\nObs",), sampling=Sampling(max_tokens=100))
        reply = next(iter(client.stream(request)))
        assert isinstance(reply, Reply)
        return reply.completions[0].text

    return lambda: _repeated(ask, episodes)


def _client_async(transport: str) -> Callable[[str, int, int], Callable[[], object]]:
    def make(url: str, episodes: int, at_once: int) -> Callable[[], object]:
        from reasonkit.clients.http import HTTPClient
        from reasonkit.types import Reply, Request, Sampling

        async def main() -> None:
            client = HTTPClient(url, model="m", transport=transport, max_concurrency=at_once)

            async def ask(prompt: str) -> str:
                request = Request(prompt=prompt, stop=("\nObs",), sampling=Sampling(max_tokens=100))
                async with contextlib.aclosing(client.astream(request)) as pieces:
                    async for piece in pieces:
                        assert isinstance(piece, Reply)
                        return piece.completions[0].text
                return ""

            await _bounded(episodes, at_once, lambda: _aepisode(ask))
            await client.aclose()

        return lambda: asyncio.run(main())

    return make


def _uvloop(main: Coroutine[Any, Any, Any]) -> Any:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def _agent(
    transport: str, runs: Callable[[Coroutine[Any, Any, Any]], Any] = asyncio.run
) -> Callable[[str, int, int], Callable[[], object]]:
    """ReAct, tracing on: `threads` over the sync client (one after another where there is one), else async."""

    def make(url: str, episodes: int, at_once: int) -> Callable[[], object]:
        from reasonkit import ReAct, Toolbox, tool
        from reasonkit.clients.http import HTTPClient

        @tool
        def Search(what: str) -> str:
            """Look something up."""
            return f"Nothing about {what}."

        folder = tempfile.TemporaryDirectory()
        questions = [f"Question number {number}?" for number in range(episodes)]
        numbers = iter(range(1000))
        lasting = HTTPClient(url, model="m", max_concurrency=at_once)

        def run() -> None:
            trace = Path(folder.name) / f"{next(numbers)}.jsonl"
            if transport == "threads":
                results = ReAct(lasting, tools=Toolbox([Search])).map(questions, concurrency=at_once, trace=trace)
            else:
                results = runs(run_async(trace))
            assert all(result.answer == "Rome" for result in results), results[0]

        async def run_async(trace: Path) -> Any:
            client = HTTPClient(url, model="m", transport=transport, max_concurrency=at_once)
            try:
                agent = ReAct(client, tools=Toolbox([Search]))
                return await agent.amap(questions, concurrency=at_once, trace=trace)
            finally:
                await client.aclose()

        return run

    return make


CASES: dict[str, Callable[[str, int, int], Callable[[], object]]] = {
    "hand-written, http.client": hand_http_client,
    "hand-written, httpx sync": hand_httpx,
    "hand-written, httpx async": hand_httpx_async,
    "hand-written, aiohttp": hand_aiohttp,
    "HTTPClient sync": client_sync,
    "HTTPClient async, core": _client_async("httpx"),
    "HTTPClient async, fast": _client_async("aiohttp"),
    "ReAct()": _agent("threads"),
    "ReAct().map, threads": _agent("threads"),
    "ReAct().amap, core": _agent("httpx"),
    "ReAct().amap, fast": _agent("aiohttp"),
    "ReAct().amap, fast, uvloop": _agent("aiohttp", _uvloop),
}


def measure(case: str, url: str, episodes: int, at_once: int) -> None:
    """Measure one case in this process; print a line of JSON."""
    make = CASES[case]
    make(url, max(at_once, 5), at_once)()  # imports, connections, compiled templates
    run = make(url, episodes, at_once)
    run() if at_once == 1 else None
    with urlopen(f"{url}/stats") as answer:
        answer.read()
    began, wall = time.process_time(), time.perf_counter()
    run()
    cpu, wall = time.process_time() - began, time.perf_counter() - wall
    with urlopen(f"{url}/stats") as answer:
        connections = json.loads(answer.read())["connections"]
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    calls = episodes * CALLS
    print(json.dumps({"ms": 1000 * cpu / calls, "wall": wall, "connections": connections, "rss": rss}))


TABLES = (
    ("one after another", 1, 0.0, 150, [
        "hand-written, http.client", "hand-written, httpx sync", "HTTPClient sync", "ReAct()",
        "hand-written, httpx async", "hand-written, aiohttp", "HTTPClient async, core", "HTTPClient async, fast",
        "ReAct().amap, core", "ReAct().amap, fast",
    ]),
    ("200 at once", 200, 0.0, 400, [
        "hand-written, aiohttp", "hand-written, httpx async", "HTTPClient async, core", "HTTPClient async, fast",
        "ReAct().map, threads", "ReAct().amap, core", "ReAct().amap, fast", "ReAct().amap, fast, uvloop",
    ]),
    ("2,000 calls, 256 at once, 20 ms", 256, 0.02, 400, [
        "hand-written, aiohttp", "hand-written, httpx async", "HTTPClient async, core", "HTTPClient async, fast",
        "ReAct().map, threads", "ReAct().amap, core", "ReAct().amap, fast", "ReAct().amap, fast, uvloop",
    ]),
)  # fmt: skip


def main(only: str = "") -> None:
    """Print the tables."""
    print(
        f"HTTP, CPU of the client's process for each model call ({platform.machine()}, {os.cpu_count()} cores, Python"
    )
    print(f"{platform.python_version()}; an episode is {CALLS} calls, a prompt {len(FEW_SHOT)} bytes)")
    figures: dict[tuple[int, str], dict[str, float]] = {}
    for title, at_once, delay, episodes, cases in TABLES:
        with _server(delay) as url:
            print(f"\n{title:36} {'ms/call':>8} {'wall s':>7} {'connections':>12} {'RSS MB':>7}")
            for case in cases:
                if only not in case:
                    continue
                count = at_once if "httpx async" in case and at_once > 1 else episodes  # several ms each
                found = json.loads(_child("measure", case, url, str(count), str(at_once)))
                figures[at_once, case] = found
                print(
                    f"{case:36} {found['ms']:8.3f} {found['wall']:7.2f} {found['connections']:12} {found['rss']:7.0f}",
                    flush=True,
                )

    if not only:
        _tell(figures)


def _tell(figures: dict[tuple[int, str], dict[str, float]]) -> None:
    """Tell the goals: ratios of lines that were measured side by side."""

    def ratio(at_once: int, case: str, to: tuple[int, str]) -> float:
        return figures[at_once, case]["ms"] / figures[to]["ms"]

    core, fast, alone = "ReAct().amap, core", "ReAct().amap, fast", (1, "ReAct()")
    tell(
        "ReAct, one after another, traced / httpx loop",
        ratio(*alone, (1, "hand-written, httpx sync")),
        "x",
        at_most=1.4,
    )
    tell("ReAct, 200 at once, core / one after another", ratio(200, core, alone), "x", at_most=2)
    tell("ReAct, 200 at once, fast / one after another", ratio(200, fast, alone), "x", at_most=1.5)
    tell("ReAct, 200 at once, core: connections", figures[200, core]["connections"], "", at_most=200)
    tell("ReAct, 200 at once, core: peak memory", figures[200, core]["rss"], "MB", at_most=60)
    hand = (256, "hand-written, aiohttp")
    tell("ReAct, 256 at once, 20 ms away, fast / aiohttp loop", ratio(256, fast, hand), "x", at_most=2)


@contextlib.contextmanager
def _server(delay: float) -> Any:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.bench_http", "serve", str(delay)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.kill()


def _child(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench_http", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", delay]:
            serve(float(delay))
        case ["measure", case_name, url, episodes, at_once]:
            measure(case_name, url, int(episodes), int(at_once))
        case rest:
            main(*rest)
