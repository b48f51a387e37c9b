"""A loopback server that says whatever a function says of a prompt, as a completions endpoint, and keeps the requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Says = Callable[[str], str]


class Answering(ThreadingHTTPServer):
    """Answers with what a function says of a prompt."""

    daemon_threads = True

    def __init__(self, says: Says) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.says = says
        super().__init__(("127.0.0.1", 0), type("Bound", (_Handler,), {"answering": self}))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def prompts(self) -> list[str]:
        return [body["prompt"] for body in self.bodies]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: the other side was killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answering: Answering

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": "fake", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "messages" in body:
            self._send({"error": {"message": "only completions here"}}, status=404)
            return
        self.answering.bodies.append(body)
        text = self.answering.says(body["prompt"])
        for stop in body.get("stop") or ():
            text = text.partition(stop)[0]
        choices = [{"index": i, "finish_reason": "stop", "text": text} for i in range(body.get("n") or 1)]
        self._send({"choices": choices, "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}})

    def _send(self, data: object, status: int = 200) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def answering(says: Says) -> Iterator[Answering]:
    server = Answering(says)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
