"""One model, three backends: greedy text from llama.cpp, from here and from `transformers serve` is the same."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("xllamacpp")
pytest.importorskip("gguf")

import httpx
import torch

from reasonkit.clients.gguf import GGUFClient
from reasonkit.clients.local import LocalClient
from reasonkit.clients.protocol import Client
from reasonkit.types import Completion, Message, Reply, Request, Sampling
from tests.clients.tiny_models import CHAT_TEMPLATE, write_gguf, write_transformers

PROMPTS = [
    "Question: which river flows through the town?\nThought 1:",
    "Answer: 12 and 345",
    "  two spaces, a tab\tand\n\n\nlines ",
    "größer — 漢字 🎲",
    "",
    "the " * 100,
]


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GGUFClient, LocalClient]]:
    folder = tmp_path_factory.mktemp("both")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    gguf = GGUFClient(write_gguf(folder / "tiny.gguf", chat_template=CHAT_TEMPLATE), logprobs=True)
    local = LocalClient(write_transformers(folder / "tiny", chat_template=CHAT_TEMPLATE), logprobs=True)
    yield gguf, local
    gguf.close()
    local.close()
    torch.set_num_threads(before)


def ask(client: Client, request: Request) -> Completion:
    *_, reply = client.stream(request)
    assert isinstance(reply, Reply)
    return reply.completions[0]


def same(left: Completion, right: Completion) -> bool:
    """Compare texts; bytes that are no character are shown differently, and llama.cpp holds the last three back."""
    a, b = (one.text.replace("\ufffd", "") for one in (left, right))
    return b.startswith(a) and len(b) - len(a) <= (3 if left.finish == "length" else 0)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_greedy_text_and_tokens_agree(backends: tuple[GGUFClient, LocalClient], prompt: str) -> None:
    request = Request(prompt=prompt, sampling=Sampling(max_tokens=32))
    left, right = (ask(client, request) for client in backends)
    assert left.usage.prompt_tokens == right.usage.prompt_tokens
    assert same(left, right)
    assert left.finish == right.finish


def test_logprobs_agree(backends: tuple[GGUFClient, LocalClient]) -> None:
    request = Request(prompt=PROMPTS[0], sampling=Sampling(max_tokens=12))
    left, right = (ask(client, request) for client in backends)
    assert left.logprobs[0].logprob == pytest.approx(right.logprobs[0].logprob, abs=1e-3)


def test_stops_and_chats_agree(backends: tuple[GGUFClient, LocalClient]) -> None:
    whole = ask(backends[0], Request(prompt=PROMPTS[0], sampling=Sampling(max_tokens=32))).text
    chat = (Message(role="user", content="which river?"), Message(role="assistant", content="Thought 1:"))
    for request in [
        Request(prompt=PROMPTS[0], stop=(whole[4:7],), sampling=Sampling(max_tokens=32)),
        Request(prompt=chat, sampling=Sampling(max_tokens=16)),
        Request(prompt=chat[:1], sampling=Sampling(max_tokens=16)),
    ]:
        left, right = (ask(client, request) for client in backends)
        assert same(left, right)
        assert left.finish == right.finish
    assert backends[0].count_tokens(PROMPTS[3]) == backends[1].count_tokens(PROMPTS[3])


@pytest.mark.slow
def test_transformers_serve_writes_the_same(tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    folder = write_transformers(tmp_path / "tiny")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "cache").mkdir()
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder), "--device", "cpu"]
    options = ["--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(
        [*command, *options], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    local = LocalClient(folder)
    try:
        assert server.stderr is not None
        log = []
        for line in server.stderr:
            log.append(line)
            if "startup complete" in line:
                break
        assert "startup complete" in log[-1], "".join(log)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as http:
            for prompt in PROMPTS[:3]:
                body = {"model": str(folder), "prompt": prompt, "max_tokens": 16, "temperature": 0}
                reply = http.post("/v1/completions", json=body)
                assert reply.status_code == 200, reply.text
                said = reply.json()["choices"][0]["text"]
                mine = ask(local, Request(prompt=prompt, sampling=Sampling(max_tokens=16))).text
                assert said.replace("\ufffd", "") == mine.replace("\ufffd", "")
    finally:
        server.terminate()
        server.communicate()
        local.close()
