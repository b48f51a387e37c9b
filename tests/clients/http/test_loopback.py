"""The client against a real server on loopback, in each way of carrying; most servers here misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from reasonkit.clients.http import EndpointFacts, HTTPClient, Retries
from reasonkit.errors import (
    AuthenticationFailed,
    ClientClosed,
    ConnectionFailed,
    ContextOverflow,
    RateLimited,
    ReplyError,
    RequestTimeout,
    StatusError,
    Unsupported,
)
from reasonkit.types import Delta, Message, Reply, Request, Sampling
from tests.clients.bad_server import (
    DROP,
    HANG,
    STREAM_HEAD,
    BadServer,
    Manners,
    Raw,
    chunk,
    completion,
    delta,
    event,
    head,
    http,
    json_answer,
    page,
)
from tests.clients.http.asking import AT_ONCE, FORMS, Form, ask, ask_all, take

pytestmark = pytest.mark.parametrize("form", FORMS)

STEP = "I should search.\nAction 1: Search[Rhône]"
MARK = "\nObservation 1:"


def wrote(text: str) -> Callable[[dict[str, Any], int], str]:
    return lambda body, index: text


def stream(*pieces: bytes) -> Raw:
    return Raw((STREAM_HEAD, *(chunk(piece) for piece in pieces), chunk(b"")))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("manner", ["honour", "return", "ignore"])
@pytest.mark.parametrize("chat", [False, True])
def test_the_text_does_not_depend_on_what_the_server_makes_of_stop(
    form: Form, streamed: bool, manner: Any, chat: bool
) -> None:
    prompt = (Message(role="user", content="q"),) if chat else "q"
    manners = Manners(stop=manner, text=wrote(f"{STEP}{MARK} made up, and more of it, and on and on and on and on"))
    with BadServer(manners=manners) as server:
        came, _ = ask_all(form, server.url, Request(prompt=prompt, stop=(MARK,), stream=streamed))
    *deltas, reply = came[0]
    assert isinstance(reply, Reply)
    assert reply.completions[0].text == STEP
    if streamed:
        assert "".join(piece.text for piece in deltas if isinstance(piece, Delta)) == STEP
    else:
        assert not deltas


def test_a_stream_is_closed_as_soon_as_the_stop_text_is_whole(form: Form) -> None:
    pieces = [event(delta("a")), event(delta("b\nObser")), event(delta("vation 1: and"))]
    script = [Raw((STREAM_HEAD, *(chunk(piece) for piece in pieces), HANG))]
    with BadServer(script) as server:
        request = Request(prompt="q", stop=(MARK,), stream=True, sampling=Sampling(max_tokens=40))
        completion = ask(form, server.url, request).completions[0]
        assert server.left.wait(5)
    assert completion.text == "ab"
    assert any("37 tokens saved" in notice for notice in completion.notices)
    assert completion.usage.partial
    assert completion.usage.completion_tokens == 3


def test_a_server_that_ignores_stop_is_asked_for_streams_from_then_on(form: Form) -> None:
    manners = Manners(stop="ignore", text=wrote("x" + MARK + " y" * 200))
    request = Request(prompt="q", stop=(MARK,))
    with BadServer(manners=manners) as server:
        came, client = ask_all(form, server.url, request, request)
        bodies = server.bodies()
    assert client.facts.stop == "ignored"
    assert [body.get("stream", False) for body in bodies] == [False, True]
    assert [len(pieces) for pieces in came] == [1, 1], "nobody asked for pieces"
    assert "stop cut in the client" in " ".join(came[1][0].completions[0].notices)  # type: ignore[union-attr]


@pytest.mark.parametrize("parameter", ["stop", "temperature", "top_p", "seed", "max_tokens", "n", "logprobs"])
def test_a_refused_parameter_is_left_out_once_remembered_and_said(form: Form, parameter: str) -> None:
    manners = Manners(refuse=(parameter,), text=wrote("a" + MARK + " b"))
    request = Request(prompt="q", stop=(MARK,), seeds=(1, 2))
    with BadServer(manners=manners) as server:
        came, client = ask_all(form, server.url, request, request, logprobs=True)
        bodies = server.bodies()
    replies = [pieces[-1] for pieces in came]
    assert all(isinstance(reply, Reply) and [c.text for c in reply.completions] == ["a", "a"] for reply in replies)
    assert [parameter in body for body in bodies].count(True) == 1, "only the first request had it"
    assert parameter in client.facts.refused
    assert any(parameter in notice for notice in replies[0].completions[0].notices)  # type: ignore[union-attr]
    if parameter == "max_tokens":
        assert bodies[-1]["max_completion_tokens"] == 256


def test_samples_that_a_server_forgets_are_asked_for_again_with_other_seeds(form: Form) -> None:
    manners = Manners(n=False, text=lambda body, index: f"seed {body['seed']}")
    with BadServer(manners=manners) as server:
        came, client = ask_all(form, server.url, Request(prompt="q", seeds=(11, 12, 13)))
        bodies = server.bodies()
    reply = came[0][-1]
    assert isinstance(reply, Reply)
    assert [completion.text for completion in reply.completions] == ["seed 11", "seed 12", "seed 13"]
    assert [body.get("n", 1) for body in bodies] == [3, 1, 1]
    assert client.facts.samples is False
    assert not client.capabilities.samples
    assert sum(completion.usage.requests for completion in reply.completions) == 3


def test_two_choices_instead_of_five_are_completed_to_five(form: Form) -> None:
    with BadServer([json_answer(completion("a", "b"))], Manners(n=False, text=wrote("c"))) as server:
        reply = ask(form, server.url, Request(prompt="q", seeds=(1, 2, 3, 4, 5)))
    assert [completion.text for completion in reply.completions] == ["a", "b", "c", "c", "c"]


def test_more_choices_than_asked_for_are_not_returned(form: Form) -> None:
    with BadServer([json_answer(completion("a", "b", "c"))]) as server:
        assert len(ask(form, server.url, Request(prompt="q")).completions) == 1


@pytest.mark.parametrize("done", [True, False])
def test_done_may_be_missing(form: Form, done: bool) -> None:
    with BadServer(manners=Manners(done=done)) as server:
        reply = ask(form, server.url, Request(prompt="q", stream=True))
    assert reply.completions[0].text == "The answer is 4."


def test_a_stream_that_never_says_that_it_has_finished_is_asked_again(form: Form) -> None:
    cut = stream(event(delta("The ans")))
    with BadServer([cut, cut], Manners(text=wrote("The answer"))) as server:
        reply = ask(form, server.url, Request(prompt="q", stream=True))
        assert len(server.seen) == 3
    assert reply.completions[0].text == "The answer"
    assert reply.completions[0].usage.requests == 3
    assert reply.completions[0].usage.partial


def test_what_was_shown_before_a_stream_broke_is_not_shown_twice(form: Form) -> None:
    cut = Raw((STREAM_HEAD, chunk(event(delta("The answer is "))), DROP))
    with BadServer([cut], Manners(text=wrote("The answer is 4."))) as server:
        came, _ = ask_all(form, server.url, Request(prompt="q", stream=True))
    *deltas, reply = came[0]
    assert isinstance(reply, Reply)
    assert "".join(piece.text for piece in deltas if isinstance(piece, Delta)) == "The answer is 4."
    assert reply.completions[0].text == "The answer is 4."


def test_another_text_after_a_broken_stream_is_returned_whole_and_said(form: Form) -> None:
    cut = Raw((STREAM_HEAD, chunk(event(delta("It is "))), DROP))
    with BadServer([cut], Manners(text=wrote("The answer."))) as server:
        reply = ask(form, server.url, Request(prompt="q", stream=True))
    assert reply.completions[0].text == "The answer."
    assert any("what was shown" in notice for notice in reply.completions[0].notices)


def test_half_a_character_at_every_border_is_made_whole(form: Form) -> None:
    text = "é😀 ¡Rhône!" + MARK
    whole = event(delta(text, finish="stop")) + event(b"[DONE]")
    bytewise = Raw((STREAM_HEAD, *(chunk(whole[place : place + 1]) for place in range(len(whole))), chunk(b"")))
    with BadServer([bytewise]) as server:
        reply = ask(form, server.url, Request(prompt="q", stop=(MARK,), stream=True))
    assert reply.completions[0].text == "é😀 ¡Rhône!"


ANSWER = http(200, json.dumps(completion(STEP)).encode(), [("content-type", "application/json")])


@pytest.mark.parametrize("kept", [0, 1, 20, 80, len(ANSWER) - 1])
def test_a_connection_dropped_at_any_byte_is_tried_again(form: Form, kept: int) -> None:
    with BadServer([Raw((ANSWER[:kept], DROP))], Manners(text=wrote("fine"))) as server:
        reply = ask(form, server.url, Request(prompt="q"))
        assert len(server.seen) == 2
    assert reply.completions[0].text == "fine"
    assert reply.completions[0].usage.requests == 2
    assert any("asked again" in notice for notice in reply.completions[0].notices)


def test_a_server_that_always_drops_is_an_error_that_says_so(form: Form) -> None:
    with BadServer([Raw((DROP,))] * 4) as server:
        with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1"):
            ask(form, server.url, Request(prompt="q"))
        assert len(server.seen) == 4, "the first try and three more"


def test_a_server_that_is_not_there_is_an_error_that_says_what_to_check(form: Form) -> None:
    with BadServer() as server:
        url = server.url
    with pytest.raises(ConnectionFailed, match="is the server running"):
        ask(form, url, Request(prompt="q"), retries=0)


@pytest.mark.parametrize(
    "header", ["retry-after: 0", "retry-after: Wed, 21 Oct 2015 07:28:00 GMT", "retry-after-ms: 1"]
)
def test_too_many_requests_are_tried_again_when_the_server_says(form: Form, header: str) -> None:
    name, _, value = header.partition(": ")
    waits: list[tuple[float, str]] = []
    busy = json_answer({"error": {"message": "slow down"}}, 429, [(name, value)])
    with BadServer([busy], Manners(text=wrote("fine"))) as server:
        reply = ask(
            form,
            server.url,
            Request(prompt="q"),
            on_wait=lambda seconds, reason: waits.append((seconds, reason)),
        )
    assert reply.completions[0].text == "fine"
    assert len(waits) == 1
    assert waits[0][0] < 0.5
    assert "slow down" in waits[0][1]


def test_a_wait_past_the_deadline_is_not_begun(form: Form) -> None:
    busy = json_answer({"error": {"message": "slow down"}}, 429, [("retry-after", "60")])
    with BadServer([busy]) as server:
        with pytest.raises(RateLimited) as caught:
            ask(form, server.url, Request(prompt="q"), timeout_seconds=5)
        assert len(server.seen) == 1
    assert caught.value.retry_after_seconds == 60
    assert caught.value.status == 429


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503])
def test_passing_failures_are_tried_again(form: Form, status: int) -> None:
    with BadServer([json_answer({"detail": "later"}, status)], Manners(text=wrote("fine"))) as server:
        assert ask(form, server.url, Request(prompt="q")).completions[0].text == "fine"


@pytest.mark.parametrize(("status", "kind"), [(400, StatusError), (401, AuthenticationFailed), (404, StatusError)])
def test_other_refusals_are_not(form: Form, status: int, kind: type[Exception]) -> None:
    with BadServer([json_answer({"error": {"message": "no"}}, status)] * 9) as server:
        with pytest.raises(kind):
            ask(form, server.url, Request(prompt="q"), endpoint="completions")
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    "shape", [{"error": {"message": "bad thing"}}, {"error": "bad thing"}, {"detail": "bad thing"}]
)
def test_an_error_in_a_200_is_an_error_in_every_shape(form: Form, shape: dict[str, Any]) -> None:
    with BadServer([json_answer(shape)]) as server, pytest.raises(StatusError, match="bad thing"):
        ask(form, server.url, Request(prompt="q"))


def test_a_passing_error_in_a_200_is_tried_again(form: Form) -> None:
    busy = json_answer({"error": {"message": "Upstream overloaded", "code": 502}})
    with BadServer([busy], Manners(text=wrote("fine"))) as server:
        assert ask(form, server.url, Request(prompt="q")).completions[0].text == "fine"


def test_an_error_in_the_middle_of_a_stream_is_an_error(form: Form) -> None:
    broken = stream(event(delta("The")), event({"error": {"message": "the engine is gone", "code": 400}}))
    with BadServer([broken]) as server, pytest.raises(StatusError, match="the engine is gone"):
        ask(form, server.url, Request(prompt="q", stream=True))


@pytest.mark.parametrize("status", [200, 502])
def test_an_html_page_is_quoted_short(form: Form, status: int) -> None:
    text = "<!DOCTYPE html><html><head><title>Welcome to nginx</title></head><body>" + "<p>long</p>" * 500
    with BadServer([page(text, status)] * 9) as server:
        with pytest.raises((ReplyError, StatusError), match="Welcome to nginx") as caught:
            ask(form, server.url, Request(prompt="q"))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b'{"choices": {}}', b'{"choices": [{"text": 7}]}', b'{"choices": []}']
)
def test_an_answer_that_is_none_is_an_error_after_the_last_try(form: Form, body: bytes) -> None:
    answer = Raw((http(200, body, [("content-type", "application/json")]),))
    with BadServer([answer] * 4) as server:
        with pytest.raises(ReplyError):
            ask(form, server.url, Request(prompt="q"))
        assert len(server.seen) == 4


def test_a_hanging_server_is_given_up_at_the_deadline_and_let_go(form: Form) -> None:
    with BadServer([Raw((HANG,))]) as server:
        with pytest.raises(RequestTimeout, match=r"0\.2 s"):
            ask(form, server.url, Request(prompt="q"), timeout_seconds=0.2)
        assert server.left.wait(5), "the connection was closed"
        assert len(server.seen) == 1


@pytest.mark.parametrize("streamed", [False, True])
def test_a_slow_drip_is_given_up_at_the_deadline(form: Form, streamed: bool) -> None:
    drip: list[bytes | float] = []
    for _ in range(400):
        drip += [chunk(event(delta("x"))), 0.02]
    with BadServer([Raw((STREAM_HEAD, *drip))]) as server, pytest.raises(RequestTimeout):
        ask(form, server.url, Request(prompt="q", stream=streamed), timeout_seconds=0.3)


def test_a_redirect_is_an_error_that_names_the_new_place(form: Form) -> None:
    moved = json_answer({}, 307, [("location", "https://elsewhere.example/v1/completions")])
    with BadServer([moved]) as server:
        with pytest.raises(StatusError, match=r"elsewhere\.example"):
            ask(form, server.url, Request(prompt="q"))
        assert len(server.seen) == 1


def test_a_packed_answer_is_unpacked(form: Form) -> None:
    with BadServer(manners=Manners(text=wrote("gzip é"))) as server:
        assert ask(form, server.url, Request(prompt="q")).completions[0].text == "gzip é"
        assert "gzip" in server.seen[0].headers["accept-encoding"]


def test_closing_the_iterator_closes_the_connection(form: Form) -> None:
    endless = Raw((STREAM_HEAD, chunk(event(delta("The"))), HANG))
    with BadServer([endless]) as server:
        take(form, server.url, Request(prompt="q", stream=True), lambda piece: isinstance(piece, Delta))
        assert server.left.wait(5)


def test_one_connection_serves_request_after_request(form: Form) -> None:
    request = Request(prompt="q", stream=True)
    with BadServer() as server:
        ask_all(form, server.url, *[request, Request(prompt="q")] * 5)
        assert len(server.seen) == 10
        assert server.connections == 1


def test_a_stream_that_says_done_and_does_not_end_is_believed(form: Form) -> None:
    lasting = Raw((STREAM_HEAD, chunk(event(delta("fine", finish="stop")) + event(b"[DONE]")), HANG))
    with BadServer([lasting]) as server:
        assert ask(form, server.url, Request(prompt="q", stream=True)).completions[0].text == "fine"


def test_a_server_without_completions_is_asked_its_chat(form: Form) -> None:
    with BadServer(manners=Manners(endpoints=("chat",))) as server:
        came, client = ask_all(form, server.url, Request(prompt="q"), Request(prompt="q"))
        paths = [seen.path for seen in server.seen]
    assert paths == ["/v1/completions", "/v1/chat/completions", "/v1/chat/completions"]
    assert client.capabilities.endpoint == "chat"
    assert "chat" in " ".join(came[0][-1].completions[0].notices)  # type: ignore[union-attr]


def test_the_only_model_is_taken_where_none_is_named(form: Form) -> None:
    with BadServer() as server:
        came, client = ask_all(form, server.url, Request(prompt="q"), model=None)
        assert server.bodies()[0]["model"] == "tiny"
    assert isinstance(came[0][-1], Reply)
    assert client.describe()["model"] == "tiny"


def test_several_models_and_none_named_is_an_error_that_lists_them(form: Form) -> None:
    manners = Manners(models=({"id": "a"}, {"id": "b"}))
    with BadServer(manners=manners) as server, pytest.raises(ValueError, match="'a', 'b'"):
        ask(form, server.url, Request(prompt="q"), model=None)


def test_a_prompt_that_does_not_fit_is_an_overflow(form: Form) -> None:
    with BadServer(manners=Manners(context=100)) as server, pytest.raises(ContextOverflow) as caught:
        ask(form, server.url, Request(prompt="word " * 90))
    assert (caught.value.prompt_tokens, caught.value.max_tokens, caught.value.limit) == (90, 256, 100)


def test_garbage_after_an_overflow_is_an_overflow_where_the_context_is_known(form: Form) -> None:
    with BadServer() as server, pytest.raises(ContextOverflow):
        ask(form, server.url, Request(prompt="word " * 90), capabilities=EndpointFacts(max_context=50))


@pytest.mark.parametrize("shape", ["chat", "completions"])
def test_log_probabilities_are_read_in_both_shapes(form: Form, shape: Any) -> None:
    with BadServer(manners=Manners(logprobs=shape, text=wrote("a b c"))) as server:
        reply = ask(form, server.url, Request(prompt="q"), logprobs=True)
    assert reply.completions[0].logprobs[-1].token == "c "
    assert reply.completions[0].logprobs[-1].logprob == -0.5


@pytest.mark.parametrize(
    ("owner", "field", "value"),
    [
        ("llamacpp", "grammar", 'root ::= "x"'),
        ("vllm", "structured_outputs", {"grammar": 'root ::= "x"'}),
        ("sglang", "ebnf", 'root ::= "x"'),
    ],
)
def test_a_grammar_goes_where_the_server_reads_it(form: Form, owner: str, field: str, value: object) -> None:
    with BadServer(manners=Manners(models=({"id": "tiny", "owned_by": owner},))) as server:
        ask(form, server.url, Request(prompt="q", grammar='root ::= "x"'))
        assert server.bodies()[0][field] == value


def test_a_grammar_is_never_dropped(form: Form) -> None:
    with BadServer() as server:
        with pytest.raises(Unsupported, match="grammar"):
            ask(form, server.url, Request(prompt="q", grammar='root ::= "x"'))
        assert not server.bodies()


def test_the_key_is_sent_and_never_shown(form: Form, caplog: pytest.LogCaptureFixture) -> None:
    with BadServer(manners=Manners(key="the-right-key")) as server:
        came, client = ask_all(form, server.url, Request(prompt="q"), api_key="the-right-key")
        assert isinstance(came[0][-1], Reply)
        with pytest.raises(AuthenticationFailed) as caught:
            ask(form, server.url, Request(prompt="q"), api_key="a-wrong-key")
    shown = [
        repr(client),
        str(client.describe()),
        str(vars(client)),
        str(caught.value),
        repr(caught.value),
        caplog.text,
    ]
    assert not any("right-key" in text or "wrong-key" in text for text in shown)


def test_a_closed_client_says_so(form: Form) -> None:
    client = HTTPClient("http://127.0.0.1:9/v1", model="m")
    client.close()
    client.close()
    with pytest.raises(ClientClosed):
        next(client.stream(Request(prompt="q")))


def test_no_more_than_the_bound_are_under_way_and_none_fails_for_waiting(form: Form) -> None:
    inside, most, lock = [0], [0], threading.Lock()

    def text(body: dict[str, Any], index: int) -> str:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        threading.Event().wait(0.005)
        with lock:
            inside[0] -= 1
        return "fine"

    with BadServer(manners=Manners(text=text)) as server:
        replies = ask_together(form, server.url, Request(prompt="q"), 40, max_concurrency=6)
        assert len(replies) == 40
        assert most[0] <= 6
        assert server.connections <= 6


def test_too_many_requests_lower_the_number_under_way_and_none_is_lost(form: Form) -> None:
    busy = json_answer({"error": {"message": "slow down"}}, 429, [("retry-after", "0")])
    with BadServer([busy] * 8) as server:
        replies = ask_together(form, server.url, Request(prompt="q"), 30, max_concurrency=8)
    said = " ".join(notice for reply in replies for notice in reply.completions[0].notices)
    assert len(replies) == 30
    assert "at once from here on" in said


def ask_together(form: Form, url: str, request: Request, count: int, **options: Any) -> list[Reply]:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    options |= {"model": "tiny", "retries": Retries(limit=9, base_seconds=0.001)}

    def last(pieces: list[Delta | Reply]) -> Reply:
        assert isinstance(pieces[-1], Reply)
        return pieces[-1]

    if form == "sync":
        client = HTTPClient(url, **options)
        with ThreadPoolExecutor(count) as pool:
            came = list(pool.map(lambda _: list(client.stream(request)), range(count)))
        client.close()
        return [last(pieces) for pieces in came]

    async def main() -> list[Reply]:
        client = HTTPClient(url, transport=form, **options)

        async def one() -> Reply:
            return last([piece async for piece in client.astream(request)])

        try:
            return await asyncio.gather(*(one() for _ in range(count)))
        finally:
            await client.aclose()

    return asyncio.run(main())


def test_no_length_and_an_early_end_are_not_taken_for_an_answer(form: Form) -> None:
    cut = Raw(
        (head(200, [("content-type", "text/event-stream"), ("connection", "close")]), event(delta("The an")), DROP)
    )
    with BadServer([cut] * 4) as server, pytest.raises((ReplyError, ConnectionFailed)):
        ask(form, server.url, Request(prompt="q", stream=True), retries=AT_ONCE)
