"""Several clients as one."""

from __future__ import annotations

import asyncio

import pytest

from reasonkit.clients.fallback import FallbackClient
from reasonkit.clients.http import HTTPClient, Retries
from reasonkit.clients.protocol import Client
from reasonkit.clients.scripted import ScriptedClient
from reasonkit.errors import AuthenticationFailed, ConnectionFailed, ContextOverflow, InputError, ServerFailed
from reasonkit.types import Capabilities, Completion, Delta, Reply, Request
from tests.clients.bad_server import DROP, STREAM_HEAD, BadServer, Manners, Raw, chunk, delta, event, json_answer

REQUEST = Request(prompt="q")


def completion(client: Client, request: Request = REQUEST) -> Completion:
    *_, reply = client.stream(request)
    assert isinstance(reply, Reply)
    return reply.completions[0]


def acompletion(client: Client, request: Request = REQUEST) -> Completion:
    async def main() -> Completion:
        pieces = [piece async for piece in client.astream(request)]
        assert isinstance(pieces[-1], Reply)
        return pieces[-1].completions[0]

    return asyncio.run(main())


@pytest.mark.parametrize("asking", [completion, acompletion])
def test_the_next_is_asked_on_a_failure_of_the_named_class_and_it_is_said(asking: object) -> None:
    first, second = ScriptedClient([ConnectionFailed("gone")], name="a"), ScriptedClient(["four"], name="b")
    got = asking(FallbackClient([first, second]))  # type: ignore[operator]
    assert got.text == "four"
    assert any("scripted a failed (ConnectionFailed: gone)" in notice for notice in got.notices)
    assert got.usage.partial


def test_without_a_failure_only_the_first_is_asked_and_nothing_is_said() -> None:
    first, second = ScriptedClient(["four"]), ScriptedClient(["five"])
    got = completion(FallbackClient([first, second]))
    assert (got.text, got.notices, second.requests) == ("four", (), [])


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationFailed("no key", status=401),
        ContextOverflow(prompt_tokens=9, max_tokens=9, limit=9),
    ],
)
def test_another_failure_is_raised_at_once(error: Exception) -> None:
    second = ScriptedClient(["four"])
    with pytest.raises(type(error)):
        completion(FallbackClient([ScriptedClient([error]), second]))
    assert second.requests == []


def test_the_class_of_failures_is_the_callers_choice() -> None:
    overflow = ContextOverflow(prompt_tokens=9, max_tokens=9, limit=9)
    client = FallbackClient([ScriptedClient([overflow]), ScriptedClient(["four"])], on=(ContextOverflow,))
    assert completion(client).text == "four"


def test_where_all_fail_the_last_failure_is_raised_and_names_the_others() -> None:
    client = FallbackClient(
        [ScriptedClient([ConnectionFailed("one")]), ScriptedClient([ServerFailed("two", status=500)])]
    )
    with pytest.raises(ServerFailed, match="two") as caught:
        completion(client)
    assert "one" in caught.value.__notes__[0]


def test_a_client_that_failed_rests_and_is_asked_again_later() -> None:
    now = [0.0]
    first, second = ScriptedClient([ConnectionFailed("gone"), "first"]), ScriptedClient(["second", "second"])
    client = FallbackClient([first, second], rest_seconds=10, clock=lambda: now[0])
    texts = [completion(client).text, completion(client).text]
    now[0] = 11.0
    assert [*texts, completion(client).text] == ["second", "second", "first"]
    assert len(first.requests) == 2


def test_what_all_can_do_is_what_it_can_do() -> None:
    able = ScriptedClient([], capabilities=Capabilities(samples=True, grammar=True, prefill=True, max_context=100))
    less = ScriptedClient([], capabilities=Capabilities(samples=False, grammar=True, max_context=50))
    assert FallbackClient([able, less]).capabilities == Capabilities(grammar=True, max_context=50)


def test_clients_of_different_endpoints_are_refused() -> None:
    chat = ScriptedClient([], capabilities=Capabilities(endpoint="chat"))
    with pytest.raises(InputError, match="endpoint"):
        FallbackClient([ScriptedClient([]), chat])
    with pytest.raises(InputError, match="at least one"):
        FallbackClient([])


def test_a_stream_that_breaks_is_carried_on_by_the_next() -> None:
    cut = Raw((STREAM_HEAD, chunk(event(delta("The answer "))), DROP))
    with BadServer([cut]) as bad, BadServer(manners=Manners(text=lambda body, index: "The answer is 4.")) as good:
        clients = [HTTPClient(server.url, model="m", retries=0) for server in (bad, good)]
        client = FallbackClient(clients)
        *deltas, reply = client.stream(Request(prompt="q", stream=True))
        client.close()
    assert isinstance(reply, Reply)
    assert "".join(piece.text for piece in deltas if isinstance(piece, Delta)) == "The answer is 4."
    assert reply.completions[0].text == "The answer is 4."


def test_real_clients_fall_back_after_their_own_tries_and_no_secret_shows() -> None:
    busy = json_answer({"error": {"message": "overloaded"}}, 503)
    with BadServer([busy] * 2) as bad, BadServer() as good:
        first = HTTPClient(
            bad.url, model="big", api_key="key-of-the-first", retries=Retries(limit=1, base_seconds=0.001)
        )
        client = FallbackClient([first, HTTPClient(good.url, model="small")])
        got = completion(client)
        assert len(bad.seen) == 2
        client.close()
    assert got.text == "The answer is 4."
    assert any("http big" in notice and "503" in notice for notice in got.notices)
    assert "key-of-the-first" not in str(got) + str(client.describe())


def test_closing_it_closes_the_client_under_way() -> None:
    first = ScriptedClient(["a long answer"])
    pieces = FallbackClient([first]).stream(Request(prompt="q", stream=True))
    next(pieces)
    pieces.close()
    assert len(first.cancelled) == 1
