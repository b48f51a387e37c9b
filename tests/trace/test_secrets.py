"""Keys and headers are no part of a trace, whatever a server does with them."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reasonkit import CoT, ReAct
from reasonkit.trace import Trace
from tests.cli.server import serving

KEY = "sk-verysecret1234567890"


def test_a_key_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "t.jsonl"
    with serving() as server:
        with ReAct(server.url, model="fake", api_key=KEY) as agent:
            assert agent("Which planet?", trace=file).answer == "a planet"
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        with CoT(f"{server.url}?token=querysecret", model="fake") as agent:
            agent("Which planet?", trace=tmp_path / "u.jsonl")
        named = server.url.replace("//", "//user:passwordsecret@")
        monkeypatch.delenv("OPENAI_API_KEY")
        with CoT(named, model="fake") as agent:
            agent("Which planet?", trace=tmp_path / "v.jsonl")
    for one in tmp_path.iterdir():
        text = one.read_text(encoding="utf-8")
        assert '"event"' in text
        for secret in (KEY, "querysecret", "passwordsecret", "Authorization", "Bearer"):
            assert secret not in text


class _Echo(BaseHTTPRequestHandler):
    """Refuses everybody, and says with which header they came."""

    def do_GET(self) -> None:
        self._refuse()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._refuse()

    def _refuse(self) -> None:
        said = f"the header Authorization: {self.headers['Authorization']} is not welcome"
        body = json.dumps({"error": {"message": said}}).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_key_that_a_server_repeats_in_an_error_is_not_written(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with CoT(f"http://127.0.0.1:{server.server_address[1]}/v1", model="m", api_key=KEY) as agent:
            (result,) = agent.map(["Which planet?"], trace=tmp_path / "t.jsonl")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert result.error is not None
    assert "is not welcome" in result.error.message
    with Trace(tmp_path / "t.jsonl", append=False) as trace:
        assert trace.result(0).error == result.error
    assert "verysecret" not in (tmp_path / "t.jsonl").read_text(encoding="utf-8")
