"""The client and the doctor against real servers: llama.cpp and `transformers serve`, with the same tiny model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reasonkit.clients.doctor import examine
from reasonkit.clients.http import HTTPClient
from reasonkit.clients.stops import cut
from reasonkit.errors import ClientError, ContextOverflow
from reasonkit.types import Completion, Delta, Message, Reply, Request, Sampling
from tests.clients.http.real_servers import llama_server, transformers_server
from tests.clients.tiny_models import CHAT_TEMPLATE, Shape, write_gguf, write_transformers

pytestmark = pytest.mark.slow

PROMPTS = ("Question: which river", "Action 2: Search[the painter]", "Answer: yes and", "the town where the")
ALPHA = 'root ::= "yes and no"'


@dataclass(frozen=True)
class Serving:
    """A running server."""

    name: str
    url: str
    model: str

    def client(self, **options: Any) -> HTTPClient:
        return HTTPClient(self.url, model=self.model, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("xllamacpp")
    pytest.importorskip("gguf")
    pytest.importorskip("fastapi")
    found = tmp_path_factory.mktemp("models")
    write_gguf(found / "tiny.gguf", Shape(context=512), chat_template=CHAT_TEMPLATE)
    write_transformers(found / "tiny", Shape(context=512), chat_template=CHAT_TEMPLATE)
    return found


@pytest.fixture(scope="module")
def llama(folder: Path) -> Iterator[Serving]:
    with llama_server(folder / "tiny.gguf") as url:
        yield Serving("llama.cpp", url, "tiny")


@pytest.fixture(scope="module")
def transformers(folder: Path) -> Iterator[Serving]:
    with transformers_server(folder / "tiny") as url:
        yield Serving("transformers", url, str(folder / "tiny"))


@pytest.fixture(params=["llama", "transformers"])
def serving(request: pytest.FixtureRequest) -> Serving:
    found: Serving = request.getfixturevalue(request.param)
    return found


def asked(client: HTTPClient, prompt: Any, *, max_tokens: int = 24, **more: Any) -> Completion:
    *_, reply = client.stream(Request(prompt=prompt, sampling=Sampling(max_tokens=max_tokens), **more))
    assert isinstance(reply, Reply)
    return reply.completions[0]


def test_greedy_text_is_the_same_whichever_server_computes_it(llama: Serving, transformers: Serving) -> None:
    with llama.client() as one, transformers.client() as other:
        for prompt in PROMPTS:
            first, second = asked(one, prompt), asked(other, prompt)
            assert first.text == second.text
            assert first.usage.prompt_tokens == second.usage.prompt_tokens


@pytest.mark.parametrize("stream", [False, True])
def test_a_stop_text_cuts_at_the_same_place_whatever_the_server_makes_of_it(serving: Serving, stream: bool) -> None:
    with serving.client() as client:
        cuts = 0
        for prompt in PROMPTS:
            whole = asked(client, prompt).text
            for start in range(2, len(whole) - 2, 3):
                mark = whole[start : start + 2]
                if "\ufffd" in mark or "\ufffd" in whole[:start]:
                    continue  # half a character: what it becomes depends on where the server cuts
                got = asked(client, prompt, stop=(mark,), stream=stream)
                assert got.text == cut(whole, (mark,))[0]
                assert got.finish == "stop"
                cuts += 1
        assert cuts >= 5


def test_streamed_pieces_join_to_the_whole_text(serving: Serving) -> None:
    with serving.client() as client:
        *deltas, reply = client.stream(Request(prompt=PROMPTS[3], sampling=Sampling(max_tokens=24), stream=True))
        assert isinstance(reply, Reply)
        assert len(deltas) > 3
        assert "".join(delta.text for delta in deltas if isinstance(delta, Delta)) == reply.completions[0].text
        assert not reply.completions[0].usage.partial
        assert reply.completions[0].finish == "length"


def test_samples_are_as_many_as_asked_for(serving: Serving) -> None:
    with serving.client() as client:
        request = Request(prompt=PROMPTS[3], sampling=Sampling(temperature=1.0, max_tokens=8), seeds=(1, 2, 3, 4, 5))
        *_, reply = client.stream(request)
        assert isinstance(reply, Reply)
        assert len(reply.completions) == 5
        if serving.name == "llama.cpp":
            assert len({completion.text for completion in reply.completions}) > 1


def test_a_chat_is_answered(serving: Serving) -> None:
    with serving.client(endpoint="chat") as client:
        assert asked(client, (Message(role="user", content="the river"),)).text


def test_the_server_answers_the_next_request_after_a_cancelled_one(serving: Serving) -> None:
    with serving.client() as client:
        pieces = client.stream(Request(prompt=PROMPTS[3], sampling=Sampling(max_tokens=200), stream=True))
        next(pieces)
        pieces.close()
        assert asked(client, PROMPTS[0], max_tokens=2).finish == "length"


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_twelve_requests_at_once_are_all_answered_with_the_same_text(serving: Serving, transport: str) -> None:
    pytest.importorskip("aiohttp")

    async def main() -> list[str]:
        async def one() -> str:
            request = Request(prompt=PROMPTS[3], sampling=Sampling(max_tokens=8))
            pieces = [piece async for piece in client.astream(request)]
            assert isinstance(pieces[-1], Reply)
            return pieces[-1].completions[0].text

        async with serving.client(transport=transport) as client:
            return await asyncio.gather(*(one() for _ in range(12)))

    assert len(set(asyncio.run(main()))) == 1


def test_a_grammar_is_followed_by_llama_cpp(llama: Serving) -> None:
    with llama.client() as client:
        assert asked(client, PROMPTS[0], grammar=ALPHA).text == "yes and no"
        assert client.capabilities.grammar


def test_a_grammar_is_refused_where_there_is_none(transformers: Serving) -> None:
    with transformers.client() as client:
        with pytest.raises(ClientError, match="grammar"):
            asked(client, PROMPTS[0], grammar=ALPHA)


def test_an_overflow_of_llama_cpp_is_named_with_its_numbers(llama: Serving) -> None:
    with llama.client() as client:
        with pytest.raises(ContextOverflow) as caught:
            asked(client, "the river " * 400)
        assert caught.value.limit == 256
        assert caught.value.prompt_tokens > 256


def test_log_probabilities_come_from_llama_cpp(llama: Serving) -> None:
    with llama.client(logprobs=True) as client:
        got = asked(client, PROMPTS[3], max_tokens=6)
        assert 1 <= len(got.logprobs) <= 6  # it joins the tokens of one character
        assert got.text.startswith(got.logprobs[0].token)
        assert all(token.logprob <= 0 for token in got.logprobs)


def test_the_doctor_knows_llama_cpp(llama: Serving, tmp_path: Path) -> None:
    report = examine(llama.url)
    facts = report.facts
    assert (facts.server, facts.endpoint, facts.stop, facts.seed) == (
        "llama.cpp",
        "completions",
        "honoured",
        "honoured",
    )
    assert (facts.grammar, facts.max_context, facts.overflow) == ("grammar", 256, "refused")
    assert facts.logprobs
    report.save(tmp_path / "facts.json")
    with llama.client(capabilities=tmp_path / "facts.json") as client:
        assert asked(client, PROMPTS[0], grammar=ALPHA).text == "yes and no"


def test_the_doctor_knows_transformers_serve(transformers: Serving) -> None:
    facts = examine(transformers.url, model=transformers.model, longest_words=600).facts
    assert (facts.server, facts.endpoint, facts.stop) == ("transformers", "completions", "returned")
    assert (facts.samples, facts.seed, facts.logprobs, facts.grammar) == (False, "ignored", False, None)
    assert facts.stream
