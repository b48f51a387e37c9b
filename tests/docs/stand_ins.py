"""Real stand-ins for what is not at hand where the tests run: a server, a dump of Wikipedia.

Each is a context manager that gives texts of the page and what stands there instead while it is played; in outputs
they are turned back. Nothing is pretended inside the library: it talks to a server, and reads a file.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

_TURNS: Final = {
    "Thought 1:": " I need to search Moby-Dick and find its author.\nAction 1: Search[Moby-Dick]",
    "Thought 2:": " Moby-Dick was written by Herman Melville.\nAction 2: Finish[Herman Melville]",
    "A:": " A spider has 8 legs. 7 spiders have 7 * 8 = 56 legs. The answer is 56.",
}


class _Handler(BaseHTTPRequestHandler):
    """An OpenAI-compatible server that knows two questions; it honours `stop`, `n` and `stream`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": "qwen3-8b", "object": "model", "max_model_len": 32768}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        chat = "messages" in asked
        prompt = asked["messages"][-1]["content"] if chat else asked["prompt"]
        text = next((said for cue, said in _TURNS.items() if prompt.rstrip().endswith(cue)), " I do not know.")
        for stop in asked.get("stop") or ():
            text = text.partition(stop)[0]
        choices = [
            {"index": i, "finish_reason": "stop", **({"message": {"role": "assistant", "content": text}} if chat else {"text": text})}
            for i in range(asked.get("n") or 1)
        ]  # fmt: skip
        usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": len(text) // 4}
        if asked.get("stream"):
            self._stream(text, chat=chat, usage=usage)
        else:
            self._send({"object": "text_completion", "model": asked["model"], "choices": choices, "usage": usage})

    def _stream(self, text: str, *, chat: bool, usage: dict[str, int]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        pieces = [text[i : i + 12] for i in range(0, len(text), 12)]
        for piece in pieces:
            part = {"delta": {"content": piece}} if chat else {"text": piece}
            self._event({"choices": [{"index": 0, "finish_reason": None, **part}]})
        last: dict[str, object] = {"delta": {}} if chat else {"text": ""}
        self._event({"choices": [{"index": 0, "finish_reason": "stop", **last}], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _event(self, data: object) -> None:
        self.wfile.write(b"data: " + json.dumps(data).encode() + b"\n\n")

    def _send(self, data: object) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def server() -> Iterator[dict[str, str]]:
    """Serve two questions on loopback, in place of a model server at localhost:8000."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as served:
        served.daemon_threads = True
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        try:
            yield {"http://localhost:8000": f"http://127.0.0.1:{served.server_address[1]}"}
        finally:
            served.shutdown()
            thread.join()


@contextmanager
def dump() -> Iterator[dict[str, str]]:
    """Write a dump of a few articles with libzim, in place of one of a hundred gigabytes."""
    from libzim import writer

    articles = {
        "Moby-Dick": "<p><b>Moby-Dick</b> is an 1851 novel by the American writer Herman Melville.</p>",
        "Herman Melville": "<p><b>Herman Melville</b> was an American novelist. He was born in New York City.</p>",
    }
    name = "wikipedia_en_all_maxi.zim"
    with writer.Creator(Path(name)).config_indexing(True, "eng") as creator:
        for title, html in articles.items():
            creator.add_item(_article(writer, title, html))
        creator.set_mainpath("Moby-Dick")
        creator.add_metadata("Language", "eng")
    yield {f"/data/{name}": str(Path(name).resolve())}


def _article(writer: object, title: str, html: str) -> object:
    class Article(writer.Item):  # type: ignore[name-defined,misc]
        def get_path(self) -> str:
            return title.replace(" ", "_")

        def get_title(self) -> str:
            return title

        def get_mimetype(self) -> str:
            return "text/html"

        def get_contentprovider(self) -> object:
            return writer.StringProvider(html)  # type: ignore[attr-defined]

        def get_hints(self) -> dict[object, bool]:
            return {writer.Hint.FRONT_ARTICLE: True}  # type: ignore[attr-defined]

    return Article()


NAMED: Final[dict[str, Callable[[], AbstractContextManager[dict[str, str]]]]] = {"server": server, "dump": dump}
