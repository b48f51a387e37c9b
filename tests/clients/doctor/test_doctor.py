"""The doctor, on servers whose manners are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasonkit.clients.doctor import examine
from reasonkit.clients.http import EndpointFacts, HTTPClient, load_facts
from reasonkit.errors import AuthenticationFailed, ConnectionFailed, InputError
from reasonkit.types import Reply, Request
from tests.clients.bad_server import BadServer, Manners


def writes(body: dict[str, Any], index: int) -> str:
    """A model: greedy text is fixed, drawn text hangs on the seed and the number of the choice."""
    greedy = "e f g h i j k l m n o p q r s t u v w x y z and so on"
    return greedy if not body.get("temperature") else f"drawn by {body.get('seed')} as number {index}"


def without_seed(body: dict[str, Any], index: int, drawn: list[int] = [0]) -> str:  # noqa: B006  # counts
    drawn[0] += 1
    return writes(body | {"seed": drawn[0]}, index)


def same_choices(body: dict[str, Any], index: int) -> str:
    return writes(body, 0)


def always_greedy(body: dict[str, Any], index: int) -> str:
    return writes({}, 0)


GOOD = Manners(text=writes, prefill="plain", grammar="grammar", logprobs="chat", context=3000, cached=True)


def facts(manners: Manners) -> EndpointFacts:
    with BadServer(manners=manners) as server:
        return examine(server.url, model="tiny").facts


def test_a_server_that_keeps_every_promise_is_found_to() -> None:
    assert facts(GOOD) == EndpointFacts(
        endpoint="completions",
        stop="honoured",
        samples=True,
        samples_differ=True,
        seed="honoured",
        logprobs=True,
        stream=True,
        prefill="plain",
        grammar="grammar",
        max_context=3000,
        overflow="refused",
        prompt_caching=True,
    )


@pytest.mark.parametrize(
    ("manners", "expected"),
    [
        ({"stop": "return"}, {"stop": "returned"}),
        ({"stop": "ignore"}, {"stop": "ignored"}),
        ({"refuse": ("stop",)}, {"stop": None, "refused": ("stop",)}),
        ({"refuse": ("temperature", "top_p")}, {"refused": ("temperature", "top_p"), "seed": "ignored"}),
        ({"refuse": ("max_tokens",)}, {"refused": ("max_tokens",)}),
        ({"n": False}, {"samples": False}),
        ({"refuse": ("n",)}, {"samples": False, "refused": ("n",)}),
        ({"text": same_choices}, {"samples": True, "samples_differ": False}),
        ({"text": without_seed}, {"seed": "ignored"}),
        ({"text": always_greedy}, {"seed": "ignored", "samples_differ": False}),
        ({"refuse": ("seed",)}, {"seed": "ignored", "refused": ("seed",)}),
        ({"logprobs": "completions"}, {"logprobs": True}),
        ({"logprobs": None}, {"logprobs": False}),
        ({"streams": False}, {"stream": False}),
        ({"refuse": ("stream_options",)}, {"stream": True, "stream_usage": False}),
        ({"done": False}, {"stream": True}),
        ({"prefill": "flags"}, {"prefill": "flags"}),
        ({"prefill": None}, {"prefill": "none"}),
        ({"grammar": "structured_outputs"}, {"grammar": "structured_outputs"}),
        ({"grammar": "ebnf"}, {"grammar": "ebnf"}),
        ({"grammar": None}, {"grammar": None}),
        ({"context": 4000, "overflow": "cut"}, {"overflow": "cut", "max_context": 4000}),
        ({"context": None}, {"overflow": None, "max_context": None}),
        ({"cached": False}, {"prompt_caching": None}),
        ({"endpoints": ("chat",)}, {"endpoint": "chat"}),
        ({"endpoints": ("completions",)}, {"endpoint": "completions", "prefill": None}),
        ({"endpoints": ()}, {"endpoint": None, "stop": None}),
        ({"detail_errors": True, "refuse": ("stop",)}, {"refused": ("stop",)}),
    ],
)
def test_each_misbehaviour_is_found(manners: dict[str, Any], expected: dict[str, Any]) -> None:
    found = facts(replace(GOOD, **manners))
    assert {name: getattr(found, name) for name in expected} == expected


def test_garbage_after_an_overflow_is_found_where_the_context_is_told() -> None:
    models = ({"id": "tiny", "owned_by": "vllm", "max_model_len": 500},)
    found = facts(replace(GOOD, models=models, overflow="garbage"))
    assert (found.server, found.max_context, found.overflow) == ("vllm", 500, "garbage")


def test_the_file_is_what_the_client_reads(tmp_path: Path) -> None:
    manners = replace(GOOD, stop="ignore", refuse=("seed",), n=False)
    with BadServer(manners=manners) as server:
        report = examine(server.url)
        report.save(tmp_path / "endpoint.json")
        client = HTTPClient(server.url, model="tiny", capabilities=tmp_path / "endpoint.json")
        before = len(server.seen)
        *_, reply = client.stream(Request(prompt="q", stop=("k l",), seeds=(1, 2)))
        client.close()
        bodies = [seen.json for seen in server.seen[before:]]
    assert isinstance(reply, Reply)
    assert [completion.text for completion in reply.completions] == ["e f g h i j "] * 2
    assert load_facts(tmp_path / "endpoint.json") == report.facts == client.facts
    assert all(body["stream"] and "seed" not in body and "n" not in body for body in bodies)
    assert len(bodies) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[]", "capabilities file"),
        ('{"format": "reasonkit-endpoint/1", "stop": "sometimes"}', "'stop'"),
        ('{"format": "reasonkit-endpoint/1", "colour": 1}', "'colour'"),
    ],
)
def test_another_file_is_refused_with_its_fault(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(InputError, match=said):
        load_facts(path)
    with pytest.raises(InputError, match="doctor"):
        load_facts(tmp_path / "none.json")


def test_the_report_says_what_was_found_and_what_the_client_does() -> None:
    with BadServer(manners=replace(GOOD, stop="return")) as server:
        report = examine(server.url, model="tiny")
    text = "\n".join(report.lines())
    assert "stop" in text
    assert "cuts it off" in text
    assert json.loads(report.to_json())["facts"]["stop"] == "returned"
    assert report.usable


def test_the_key_is_nowhere_in_the_report() -> None:
    with BadServer(manners=replace(GOOD, key="the-secret-key")) as server:
        report = examine(server.url, api_key="the-secret-key")
        with pytest.raises(AuthenticationFailed) as caught:
            examine(server.url, api_key="another-secret")
    assert "the-secret-key" not in report.to_json() + "\n".join(report.lines()) + repr(report)
    assert "another-secret" not in str(caught.value)


def test_no_server_is_an_error_that_says_so() -> None:
    with BadServer() as server:
        url = server.url
    with pytest.raises(ConnectionFailed, match="is the server running"):
        examine(url)


def test_no_model_is_an_error_that_says_so() -> None:
    with BadServer(manners=Manners(models=())) as server, pytest.raises(InputError, match="name the model"):
        examine(server.url)
