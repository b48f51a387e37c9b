"""The conversation, driven by hand: no server, no clock, no chance."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.clients.http.address import parse_address
from reasonkit.clients.http.converse import Rules, converse
from reasonkit.clients.http.endpoint import Endpoint
from reasonkit.clients.http.facts import EndpointFacts
from reasonkit.clients.http.payload import Options
from reasonkit.clients.http.retry import Retries
from reasonkit.clients.http.wire import Broken, Finish, Hangup, Head, Read, Send, Sleep, Told
from reasonkit.clients.stops import cut
from reasonkit.errors import ClientError, ConnectionFailed, RateLimited, RequestTimeout, StatusError
from reasonkit.types import Delta, Reply, Request, Sampling

JSON_HEAD = Head(200, {"content-type": "application/json"})
SSE_HEAD = Head(200, {"content-type": "text/event-stream; charset=utf-8"})


class Played:
    """A conversation with scripted answers and a clock that only sleeping and slow answers move."""

    def __init__(
        self,
        request: Request,
        *answers: tuple[Head | Broken, list[bytes | Broken]],
        facts: EndpointFacts | None = None,
        timeout_seconds: float = 60.0,
        retries: Retries | None = None,
        seconds_each: float = 0.0,
    ) -> None:
        self.now = 1000.0
        self.sent: list[dict[str, Any]] = []
        self.deltas: list[Delta] = []
        self.slept: list[float] = []
        self.hung_up = False
        self.reply: Reply | None = None
        self.endpoint = Endpoint(
            parse_address("http://h.example/v1", "the-key"),
            Options(model="m"),
            facts or EndpointFacts(),
            "auto",
            8,
        )
        rules = Rules(
            timeout_seconds=timeout_seconds,
            retries=retries or Retries(),
            clock=lambda: self.now,
            now=lambda: self.now,
            dice=lambda: 0.5,
        )
        left, pieces = iter(answers), iter(list[bytes | Broken]())
        conversation = converse(request, self.endpoint, rules)
        told: Told = None
        while True:
            try:
                wish = conversation.send(told)
            except StopIteration as end:
                self.reply = end.value
                return
            told = None
            match wish:
                case Send():
                    self.sent.append(json.loads(wish.body or b"null"))
                    self.now += seconds_each
                    told, script = next(left)
                    pieces = iter(script)
                case Read():
                    self.now += seconds_each
                    told = next(pieces, b"")
                case Sleep():
                    self.slept.append(wish.seconds)
                    self.now += wish.seconds
                case Hangup():
                    self.hung_up = True
                case Finish():
                    pass
                case Delta():
                    self.deltas.append(wish)

    @property
    def texts(self) -> list[str]:
        assert self.reply is not None
        return [completion.text for completion in self.reply.completions]

    @property
    def notices(self) -> str:
        assert self.reply is not None
        return "; ".join(self.reply.completions[0].notices)


def whole(*texts: str, **more: Any) -> tuple[Head, list[bytes | Broken]]:
    choices = [{"index": number, "text": text, "finish_reason": "stop"} for number, text in enumerate(texts)]
    return JSON_HEAD, [json.dumps({"choices": choices, **more}).encode()]


def refused(status: int, message: str, **headers: str) -> tuple[Head, list[bytes | Broken]]:
    head = Head(status, {name.replace("_", "-"): value for name, value in headers.items()})
    return head, [json.dumps({"error": {"message": message}}).encode()]


def events(texts: Iterable[str], *, finish: str | None = "stop", done: bool = True) -> bytes:
    held = [{"choices": [{"index": 0, "text": text, "finish_reason": None}]} for text in texts]
    if finish is not None:
        held.append({"choices": [{"index": 0, "text": "", "finish_reason": finish}]})
    lines = [json.dumps(event, ensure_ascii=False) for event in held] + (["[DONE]"] if done else [])
    return "".join(f"data: {line}\n\n" for line in lines).encode()


def sliced(data: Any, borders: list[int]) -> list[Any]:
    edges = sorted({0, len(data), *(border % (len(data) + 1) for border in borders)})
    return [data[a:b] for a, b in pairwise(edges)]


@given(
    text=st.text("ab\n :é😀", max_size=30),
    stop=st.lists(st.text("ab\n :é😀", min_size=1, max_size=4), max_size=3).map(tuple),
    tokens=st.lists(st.integers(0, 60), max_size=8),
    borders=st.lists(st.integers(0, 3000), max_size=12),
    finish=st.sampled_from(["stop", "length"]),
)
def test_whatever_the_chunks_the_streamed_text_is_the_unstreamed_one(
    text: str, stop: tuple[str, ...], tokens: list[int], borders: list[int], finish: str
) -> None:
    body = sliced(events(sliced(text, tokens), finish=finish), borders)
    streamed = Played(Request(prompt="q", stop=stop, stream=True), (SSE_HEAD, body))
    choice = {"index": 0, "text": text, "finish_reason": finish}
    plain = Played(Request(prompt="q", stop=stop), (JSON_HEAD, [json.dumps({"choices": [choice]}).encode()]))
    assert streamed.texts == plain.texts
    assert "".join(delta.text for delta in streamed.deltas) == streamed.texts[0]
    assert streamed.reply is not None
    assert plain.reply is not None
    assert streamed.reply.completions[0].finish == plain.reply.completions[0].finish
    if finish == "stop":
        assert streamed.texts == [cut(text, stop)[0]]


def test_the_wait_that_the_server_asks_for_is_kept_in_seconds_and_as_a_date() -> None:
    first = refused(429, "slow", retry_after="7")
    second = refused(503, "slow", retry_after="Thu, 01 Jan 1970 00:17:30 GMT")
    played = Played(Request(prompt="q"), first, second, whole("fine"), timeout_seconds=300)
    assert played.slept[0] >= 7
    assert played.now >= 1050, "17 minutes and 30 seconds after the epoch"
    assert played.texts == ["fine"]


def test_the_bound_of_the_wait_doubles() -> None:
    answers = [refused(500, "oops")] * 4
    played = Played(Request(prompt="q"), *answers, whole("fine"), retries=Retries(limit=4, base_seconds=1.0))
    assert played.slept == [0.5, 1.0, 2.0, 4.0]


def test_all_tries_together_end_at_the_deadline() -> None:
    with pytest.raises(StatusError):
        Played(
            Request(prompt="q"),
            *[refused(500, "oops")] * 50,
            timeout_seconds=20,
            retries=Retries(limit=50, base_seconds=8.0),
            seconds_each=1.0,
        )


def test_a_stream_that_outlasts_the_deadline_is_hung_up() -> None:
    drip: list[bytes | Broken] = [events([letter], finish=None, done=False) for letter in "abcdefghij"]
    with pytest.raises(RequestTimeout, match="5 s"):
        Played(Request(prompt="q", stream=True), (SSE_HEAD, drip), timeout_seconds=5, seconds_each=1.0)


def test_failed_and_cut_tries_are_counted() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 4}
    broken: tuple[Head, list[bytes | Broken]] = (
        SSE_HEAD,
        [events(["a", "b"], finish=None, done=False), Broken("read", "reset")],
    )
    played = Played(Request(prompt="q", stream=True), broken, refused(500, "oops"), whole("fine", usage=usage))
    assert played.reply is not None
    used = played.reply.completions[0].usage
    assert (used.requests, used.completion_tokens, used.partial) == (3, 6, True)
    assert used.prompt_tokens > 10, "the broken try's prompt is guessed"


def test_the_prompt_of_an_uncounted_stream_is_guessed_from_counted_ones() -> None:
    facts = EndpointFacts()
    request = Request(prompt="a prompt of some length", stop=("#",), stream=True)
    counted = whole("x", usage={"prompt_tokens": 40, "completion_tokens": 1})
    first = Played(request, counted, facts=facts)
    rules = Rules(timeout_seconds=9, retries=Retries(), clock=lambda: 0.0, now=lambda: 0.0, dice=lambda: 0.0)
    conversation = converse(request, first.endpoint, rules)
    told: Told = None
    answers: list[Told] = [SSE_HEAD, events(["y#"], finish=None, done=False)]
    try:
        while True:
            wish = conversation.send(told)
            told = answers.pop(0) if isinstance(wish, Send | Read) else None
    except StopIteration as end:
        used = end.value.completions[0].usage
    assert 35 <= used.prompt_tokens <= 50
    assert used.partial


def test_cached_tokens_are_counted() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8}}
    played = Played(Request(prompt="q"), whole("fine", usage=usage))
    assert played.reply is not None
    assert played.reply.completions[0].usage.cached_tokens == 8


def test_a_count_of_one_choice_for_several_is_known_to_be_partial() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    played = Played(Request(prompt="q", seeds=(1, 2, 3)), whole("x" * 60, "y" * 60, "z" * 60, usage=usage))
    assert played.reply is not None
    assert played.reply.completions[0].usage.partial
    assert sum(completion.usage.completion_tokens for completion in played.reply.completions) == 5


def test_no_count_is_said_to_be_partial() -> None:
    played = Played(Request(prompt="q"), whole("fine"))
    assert played.reply is not None
    assert played.reply.completions[0].usage.partial


def test_every_seed_of_a_request_is_used_where_samples_come_one_at_a_time() -> None:
    facts = EndpointFacts(samples=False)
    played = Played(Request(prompt="q", seeds=(5, 6, 7)), whole("a"), whole("b"), whole("c"), facts=facts)
    assert [body["seed"] for body in played.sent] == [5, 6, 7]
    assert played.texts == ["a", "b", "c"]


def test_a_server_that_refuses_two_parameters_is_asked_a_third_time() -> None:
    temperature = "Unsupported value: 'temperature' does not support 0 with this model"
    played = Played(
        Request(prompt="q", stop=("#",)),
        refused(400, "Unsupported parameter: 'stop' is not supported with this model."),
        refused(400, temperature),
        whole("a#b"),
    )
    assert played.texts == ["a"]
    assert set(played.endpoint.facts.refused) == {"stop", "temperature"}
    assert not played.slept, "nothing is waited for"


def test_a_parameter_that_is_refused_though_it_was_left_out_is_an_error() -> None:
    facts = EndpointFacts(refused=("stop",))
    with pytest.raises(StatusError):
        Played(Request(prompt="q", stop=("#",)), refused(400, "'stop' is not supported"), facts=facts)


def test_a_stream_is_asked_for_where_stop_is_refused_so_that_it_can_be_closed() -> None:
    played = Played(
        Request(prompt="q", stop=("#",), sampling=Sampling(max_tokens=50)),
        (SSE_HEAD, [events(["a", "#", "b"], finish=None, done=False)]),
        facts=EndpointFacts(refused=("stop",)),
    )
    assert played.sent[0]["stream"] is True
    assert "stop" not in played.sent[0]
    assert played.hung_up
    assert not played.deltas
    assert played.texts == ["a"]


def test_several_streamed_choices_are_kept_apart() -> None:
    held = [{"choices": [{"index": place, "text": text, "finish_reason": None}]} for place, text in
            ((1, "b"), (0, "a"), (1, "b#x"), (0, "a#"))]  # fmt: skip
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in held).encode()
    played = Played(Request(prompt="q", stop=("#",), seeds=(1, 2), stream=True), (SSE_HEAD, [body]))
    assert played.texts == ["aa", "bb"]
    assert played.hung_up
    assert {delta.index for delta in played.deltas} == {0, 1}


def test_a_stream_is_only_closed_when_every_choice_has_met_its_stop_text() -> None:
    held = [{"choices": [{"index": 0, "text": "a#", "finish_reason": None}]},
            {"choices": [{"index": 1, "text": "b", "finish_reason": None}]},
            {"choices": [{"index": 1, "text": "", "finish_reason": "stop"}]}]  # fmt: skip
    body = [f"data: {json.dumps(event)}\n\n".encode() for event in held]
    played = Played(Request(prompt="q", stop=("#",), seeds=(1, 2), stream=True), (SSE_HEAD, list(body)))
    assert played.texts == ["a", "b"]


@pytest.mark.parametrize("reason", ["abort", "error"])
def test_a_server_that_gave_up_is_asked_again(reason: str) -> None:
    gave_up: tuple[Head, list[bytes | Broken]] = (
        JSON_HEAD,
        [json.dumps({"choices": [{"text": "x", "finish_reason": reason}]}).encode()],
    )
    assert Played(Request(prompt="q"), gave_up, whole("fine")).texts == ["fine"]


@given(status=st.integers(400, 599), body=st.binary(max_size=60))
def test_no_error_body_whatever_breaks_the_client(status: int, body: bytes) -> None:
    answer: tuple[Head, list[bytes | Broken]] = (Head(status, {}), [body])
    with pytest.raises(ClientError):
        Played(Request(prompt="q"), *[answer] * 9, retries=Retries(limit=1))


@given(body=st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["choices", "text", "message", "delta", "content", "index", "finish_reason", "usage", "error",
                         "prompt_tokens", "logprobs", "tokens", "token_logprobs", "detail", "code"]), inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_no_json_whatever_breaks_the_client(body: Any) -> None:
    answers: list[tuple[Head | Broken, list[bytes | Broken]]] = [(JSON_HEAD, [json.dumps(body).encode()])] * 9
    event = f"data: {json.dumps(body)}\n\ndata: [DONE]\n\n".encode()
    for request, script in (
        (Request(prompt="q"), answers),
        (Request(prompt="q", stream=True), [(SSE_HEAD, [event])] * 9),
    ):
        try:
            played = Played(request, *script, retries=Retries(limit=1))
        except ClientError:
            continue
        assert played.reply is not None
        assert isinstance(played.texts[0], str)


def test_no_message_holds_the_key() -> None:
    with pytest.raises(ConnectionFailed) as caught:
        Played(Request(prompt="q"), *[(Broken("connect", "Bearer the-key refused"), [])] * 9)
    assert "the-key" not in str(caught.value)
    with pytest.raises(RateLimited) as limited:
        Played(Request(prompt="q"), *[refused(429, "key the-key is over its limit")] * 9)
    assert "the-key" not in str(limited.value)


def test_a_prompt_that_no_server_ever_counted_is_guessed_and_not_taken_for_free() -> None:
    body: list[bytes | Broken] = [events(["y#"], finish=None, done=False)]
    played = Played(Request(prompt="word " * 100, stop=("#",), stream=True), (SSE_HEAD, body))
    assert played.reply is not None
    assert 100 <= played.reply.completions[0].usage.prompt_tokens <= 250
    assert played.reply.completions[0].usage.partial


def test_a_try_that_the_server_may_have_begun_makes_the_count_partial() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 4}
    for kind, partial in (("read", True), ("connect", False)):
        broken: tuple[Broken, list[bytes | Broken]] = (Broken(kind, "gone"), [])  # type: ignore[arg-type]
        played = Played(Request(prompt="q"), broken, whole("fine", usage=usage))
        assert played.reply is not None
        assert played.reply.completions[0].usage.partial is partial
