"""kill -9 at any request, in a process of its own: the same command goes on, and asks nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reasonkit.trace import Completing, Trace
from tests.cli.server import TURNS

PROGRAM = """
import sys
from reasonkit import ReAct
url, trace, concurrency = sys.argv[1], sys.argv[2], int(sys.argv[3])
with ReAct(url, model="fake", max_steps=3) as agent:
    for result in agent.map([f"Question number {i}?" for i in range(6)], trace=trace, concurrency=concurrency):
        print(result.answer)
"""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    counted: _Counting

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": "fake", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
        if "Question number" not in prompt:
            self._send(self._reply(body, " a probe"))
            return
        self.counted.take(prompt)
        self._send(self._reply(body, next(text for cue, text in TURNS.items() if prompt.endswith(cue))))

    def _reply(self, body: dict[str, object], text: str) -> object:
        said = {"message": {"role": "assistant", "content": text}} if "messages" in body else {"text": text}
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        return {"choices": [{"index": 0, "finish_reason": "stop", **said}], "usage": usage}

    def _send(self, data: object) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Counting(ThreadingHTTPServer):
    """Counts prompts, and from the nth on lets them wait."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), type("Bound", (_Handler,), {"counted": self}))
        self.asked: Counter[str] = Counter()
        self.held = threading.Event()
        self.free = threading.Event()
        self.hold_from = 0
        self._lock = threading.Lock()

    def take(self, prompt: str) -> None:
        with self._lock:
            self.asked[prompt] += 1
            holds = self.hold_from and self.asked.total() >= self.hold_from
        if holds:
            self.held.set()
            self.free.wait(30)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: the other side was killed."""


@contextmanager
def counting() -> Iterator[_Counting]:
    server = _Counting()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.free.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("kill_at", "concurrency"), [(1, 1), (4, 1), (9, 3)])
def test_a_run_that_was_killed_goes_on_where_it_stopped(kill_at: int, concurrency: int, tmp_path: Path) -> None:
    trace = tmp_path / "run.jsonl"
    with counting() as server:
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        words = [sys.executable, "-c", PROGRAM, url, str(trace), str(concurrency)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
        server.hold_from = kill_at
        with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL) as running:
            assert server.held.wait(30)
            running.send_signal(signal.SIGKILL)
        assert running.returncode == -signal.SIGKILL
        had = recorded(trace)
        server.free.set()
        server.hold_from = 0
        server.asked.clear()
        again = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=True)
        assert again.stdout.splitlines() == ["a planet"] * 6
        assert not had & set(server.asked), "what stood on record was asked again"
        assert set(server.asked.values()) == {1}
        assert had | set(server.asked) == recorded(trace)
        assert len(had | set(server.asked)) == 12
        server.asked.clear()
        subprocess.run(words, env=environment, capture_output=True, timeout=60, check=True)
        assert not server.asked


def recorded(trace: Path) -> set[str]:
    """Return the prompts that were answered."""
    if not trace.exists() or not trace.stat().st_size:
        return set()
    with Trace(trace, append=False) as file:
        return {
            request if isinstance(request, str) else request[-1].content
            for episode in file.episodes
            for event in file.recording(episode).events.values()
            if isinstance(event.effect, Completing) and (request := event.request) is not None
        }
