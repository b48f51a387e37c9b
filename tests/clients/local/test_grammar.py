from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("llguidance")

from reasonkit.clients.local import LocalClient
from reasonkit.errors import InputError
from reasonkit.types import Completion, Reply, Request, Sampling
from tests.clients.tiny_models import write_transformers

ACTION = 'root ::= [^\\n]{0,12} "\\nAction 1: " ("Search" | "Lookup" | "Finish") "[" [a-z ]{1,8} "]"'
"""A free thought, then an action."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalClient]:
    client = LocalClient(write_transformers(tmp_path_factory.mktemp("grammar") / "tiny"))
    yield client
    client.close()


def ask(client: LocalClient, request: Request) -> tuple[Completion, ...]:
    *_, reply = client.stream(request)
    assert isinstance(reply, Reply)
    return reply.completions


def test_whatever_is_drawn_follows_the_grammar_and_ends_with_it(client: LocalClient) -> None:
    assert client.capabilities.grammar
    request = Request(
        prompt="Thought 1:",
        grammar=ACTION,
        seeds=tuple(range(12)),
        sampling=Sampling(temperature=1.0, max_tokens=80),
    )
    completions = ask(client, request)
    for completion in completions:
        assert re.fullmatch(r"[^\n]*\nAction 1: (Search|Lookup|Finish)\[[a-z ]{1,8}\]", completion.text)
        assert completion.finish == "stop"
    assert len({completion.text for completion in completions}) > 6


def test_rows_with_and_without_a_grammar_share_a_batch(client: LocalClient) -> None:
    free = Request(prompt="Thought 1:", sampling=Sampling(temperature=1.0, max_tokens=16), seeds=(3,))
    alone = ask(client, free)[0].text
    bound = client.stream(Request(prompt="Thought 1:", grammar=ACTION, sampling=Sampling(max_tokens=60), stream=True))
    next(bound)
    assert ask(client, free)[0].text == alone
    *_, reply = bound
    assert isinstance(reply, Reply)
    assert "\nAction 1: " in reply.completions[0].text


@pytest.mark.parametrize("broken", ['root ::= ("a" | ', "root ::= other", ""])
def test_a_broken_grammar_is_refused(client: LocalClient, broken: str) -> None:
    with pytest.raises(InputError, match="grammar"):
        ask(client, Request(prompt="x", grammar=broken))
