"""The exact bytes and headers that are sent, caught at httpx's own transport."""

from __future__ import annotations

import json

import httpx
import pytest
import respx

from reasonkit.clients.http import EndpointFacts, HTTPClient
from reasonkit.errors import InputError, Unsupported
from reasonkit.types import Message, Reply, Request, Sampling

BASE = "http://server.example/v1"
ANSWER = {"choices": [{"index": 0, "text": "four", "message": {"content": "four"}, "finish_reason": "stop"}]}


def sent(request: Request, client: HTTPClient, path: str = "/completions") -> httpx.Request:
    with respx.mock(base_url=BASE) as router:
        route = router.post(path).mock(return_value=httpx.Response(200, json=ANSWER))
        pieces = list(client.stream(request))
    client.close()
    assert isinstance(pieces[-1], Reply)
    assert route.call_count == 1
    caught: httpx.Request = route.calls.last.request
    return caught


def test_a_text_is_sent_with_known_fields_only_and_none_of_them_null() -> None:
    request = Request(prompt="2 + 2 =", stop=("\n",), sampling=Sampling(temperature=0.7, max_tokens=9), seeds=(5,))
    body = json.loads(sent(request, HTTPClient(BASE, model="m")).content)
    assert body == {
        "model": "m",
        "prompt": "2 + 2 =",
        "max_tokens": 9,
        "temperature": 0.7,
        "top_p": 1.0,
        "seed": 5,
        "stop": ["\n"],
    }


def test_a_chat_is_sent_turn_by_turn() -> None:
    turns = (Message(role="system", content="Be short."), Message(role="user", content="é {{x}} %s"))
    body = json.loads(sent(Request(prompt=turns), HTTPClient(BASE, model="m"), "/chat/completions").content)
    assert body["messages"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "é {{x}} %s"},
    ]


def test_the_prompt_travels_byte_for_byte() -> None:
    prompt = 'Ünïcode 😀 "quotes" \\ back\nslash \x00\x7f  '
    assert json.loads(sent(Request(prompt=prompt), HTTPClient(BASE, model="m")).content)["prompt"] == prompt


def test_half_a_character_in_the_prompt_is_refused() -> None:
    client = HTTPClient(BASE, model="m")
    with pytest.raises(InputError, match="half of a character"):
        list(client.stream(Request(prompt="a\ud83d")))
    client.close()


def test_the_key_is_a_bearer_token() -> None:
    headers = sent(Request(prompt="q"), HTTPClient(BASE, model="m", api_key="k-1")).headers
    assert headers["authorization"] == "Bearer k-1"


def test_without_a_key_nothing_authorises() -> None:
    assert "authorization" not in sent(Request(prompt="q"), HTTPClient(BASE, model="m")).headers


def test_further_fields_are_sent_as_they_are() -> None:
    client = HTTPClient(BASE, model="m", extra_body={"top_k": 20, "temperature": 0.1})
    body = json.loads(sent(Request(prompt="q"), client).content)
    assert (body["top_k"], body["temperature"]) == (20, 0.1)


def test_seeds_fit_into_32_bits() -> None:
    assert json.loads(sent(Request(prompt="q", seeds=(2**63 + 7,)), HTTPClient(BASE, model="m")).content)["seed"] == 7


def test_a_last_assistant_turn_is_continued_in_the_way_of_the_server() -> None:
    turns = (Message(role="user", content="q"), Message(role="assistant", content="Thought 1:"))
    client = HTTPClient(BASE, model="m", capabilities=EndpointFacts(prefill="flags"))
    body = json.loads(sent(Request(prompt=turns), client, "/chat/completions").content)
    assert body["continue_final_message"] is True
    assert body["add_generation_prompt"] is False


def test_a_last_assistant_turn_is_refused_where_it_would_not_be_continued() -> None:
    turns = (Message(role="user", content="q"), Message(role="assistant", content="Thought 1:"))
    client = HTTPClient(BASE, model="m", capabilities=EndpointFacts(prefill="none"))
    with pytest.raises(Unsupported, match="continue"):
        list(client.stream(Request(prompt=turns)))
    client.close()


def test_a_chat_is_not_squeezed_into_completions() -> None:
    client = HTTPClient(BASE, model="m", endpoint="completions")
    with pytest.raises(Unsupported, match="endpoint='chat'"):
        list(client.stream(Request(prompt=(Message(role="user", content="q"),))))
    client.close()


def test_an_adapter_is_a_model_of_its_own() -> None:
    client = HTTPClient(BASE, model="m")
    with pytest.raises(Unsupported, match="model="):
        list(client.stream(Request(prompt="q", adapter="hotpot")))
    client.close()


def test_a_transport_of_the_callers_own_is_used() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=ANSWER))
    client = HTTPClient(BASE, model="m", transport=transport)
    reply = list(client.stream(Request(prompt="q")))[-1]
    assert isinstance(reply, Reply)
    assert reply.completions[0].text == "four"
