"""A loopback server that answers a ReAct episode over the bundled pages, in both of the endpoints' shapes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TURNS = {
    "Thought 1:": " I need to search Mercury.\nAction 1: Search[Mercury]",
    "Thought 2:": " That is enough.\nAction 2: Finish[a planet]",
    "A:": " It is small. The answer is a planet.",
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gate: threading.Event
    asked: threading.Event

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": "fake", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.set()
        self.gate.wait(20)
        chat = "messages" in body
        prompt = body["messages"][-1]["content"] if chat else body["prompt"]
        text = next(text for cue, text in TURNS.items() if prompt.endswith(cue))
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        if body.get("stream"):
            self._stream(text, chat=chat, usage=usage)
            return
        choice = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        self._send({"choices": [{"index": 0, "finish_reason": "stop", **choice}], "usage": usage})

    def _stream(self, text: str, *, chat: bool, usage: dict[str, int]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for piece in (text[:9], text[9:]):
            part = {"delta": {"content": piece}} if chat else {"text": piece}
            self._event({"choices": [{"index": 0, "finish_reason": None, **part}]})
        last: dict[str, object] = {"delta": {}} if chat else {"text": ""}
        self._event({"choices": [{"index": 0, "finish_reason": "stop", **last}], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _event(self, data: object) -> None:
        self.wfile.write(b"data: " + json.dumps(data).encode() + b"\n\n")
        self.wfile.flush()

    def _send(self, data: object) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.gate, self.asked = threading.Event(), threading.Event()
        self.gate.set()
        handler = type("Bound", (Handler,), {"gate": self.gate, "asked": self.asked})
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()
