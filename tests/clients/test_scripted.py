from __future__ import annotations

import asyncio
import re
import threading
from contextlib import aclosing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.clients.protocol import Client
from reasonkit.clients.scripted import ScriptedClient
from reasonkit.errors import (
    ClientClosed,
    ClientError,
    ConnectionFailed,
    ContextOverflow,
    InputError,
    Unsupported,
)
from reasonkit.types import Capabilities, Completion, Delta, Message, Reply, Request, Sampling, Usage


def ask(client: Client, request: Request) -> tuple[Completion, ...]:
    last = list(client.stream(request))[-1]
    assert isinstance(last, Reply)
    return last.completions


def say(client: Client, prompt: str, **options: object) -> str:
    return ask(client, replace(Request(prompt=prompt), **options))[0].text  # type: ignore[arg-type]


async def aask(client: Client, request: Request) -> tuple[Completion, ...]:
    async with aclosing(client.astream(request)) as pieces:
        last = [piece async for piece in pieces][-1]
    assert isinstance(last, Reply)
    return last.completions


def test_a_sequence_is_said_in_order_and_its_requests_are_kept() -> None:
    client = ScriptedClient(["one", "two"])
    assert [say(client, "a"), say(client, "b")] == ["one", "two"]
    assert [request.prompt for request in client.requests] == ["a", "b"]


def test_a_script_that_runs_out_names_the_request() -> None:
    client = ScriptedClient(["only"])
    say(client, "first")
    with pytest.raises(ClientError, match=r"run out.*request number 2.*'Thought 2:'"):
        say(client, "Thought 2:")


def test_one_text_in_place_of_a_list_is_refused() -> None:
    with pytest.raises(InputError, match="list"):
        ScriptedClient("Finish[yes]")


def test_of_a_mapping_the_key_nearest_the_end_decides() -> None:
    client = ScriptedClient({"Thought 1:": " first", re.compile(r"Thought [23]:\Z"): " later", "": "other"})
    assert say(client, "Question: x\nThought 1:") == " first"
    assert say(client, "Thought 1: a\nThought 2:") == " later"
    assert say(client, "nothing that is known") == "other"


def test_a_prompt_that_no_key_fits_is_named() -> None:
    with pytest.raises(ClientError, match="'the very end'"):
        say(ScriptedClient({"Thought 1:": "x"}), "the very end")


def test_the_lines_of_one_key_are_told_apart_by_seed() -> None:
    client = ScriptedClient({"Q": ["a", "b", "c"]})
    assert [c.text for c in ask(client, Request(prompt="Q", seeds=(6, 7, 8)))] == ["a", "b", "c"]
    assert say(client, "Q", seeds=(7,)) == "b"


def test_a_callable_sees_one_seed_at_a_time() -> None:
    client = ScriptedClient(lambda request: f"seed {request.seeds}")
    assert [c.text for c in ask(client, Request(prompt="Q", seeds=(4, 9)))] == ["seed (4,)", "seed (9,)"]


def test_a_scripted_exception_is_raised() -> None:
    client = ScriptedClient([ConnectionFailed("gone"), "back"])
    with pytest.raises(ConnectionFailed):
        say(client, "Q")
    assert say(client, "Q") == "back"


def test_a_scripted_completion_keeps_what_it_says_of_itself() -> None:
    scripted = Completion(text="cut off", finish="length", usage=Usage(requests=1, prompt_tokens=7), notices=("n",))
    assert ask(ScriptedClient([scripted]), Request(prompt="Q")) == (scripted,)


def test_text_from_the_stop_on_is_never_said() -> None:
    client = ScriptedClient(["Search[x]\nObservation 1: invented", "no stop"])
    completion = ask(client, Request(prompt="Q", stop=("\nObservation 1:", "\nThought"), stream=True))[0]
    assert (completion.text, completion.finish) == ("Search[x]", "stop")
    assert say(client, "Q", stop=("\nObservation 1:",)) == "no stop"


def test_max_tokens_cuts_and_says_so() -> None:
    completion = ask(ScriptedClient(["one two three"]), Request(prompt="Q", sampling=Sampling(max_tokens=2)))[0]
    assert (completion.text, completion.finish) == ("one two", "length")
    assert completion.usage == Usage(requests=1, prompt_tokens=1, completion_tokens=2)


@given(text=st.text(max_size=40), stop=st.lists(st.text("ab\n ", min_size=1, max_size=3), max_size=3))
def test_the_pieces_of_a_stream_add_up_to_the_reply(text: str, stop: list[str]) -> None:
    request = Request(prompt="Q", stop=tuple(stop), stream=True, seeds=(1, 2))
    *pieces, reply = ScriptedClient([text, text]).stream(request)
    assert isinstance(reply, Reply)
    for index, completion in enumerate(reply.completions):
        said = [piece.text for piece in pieces if isinstance(piece, Delta) and piece.index == index]
        assert "".join(said) == completion.text
        assert "" not in said
        assert not any(one in completion.text for one in stop)


def test_without_a_reader_there_are_no_pieces() -> None:
    assert len(list(ScriptedClient(["several words here"]).stream(Request(prompt="Q")))) == 1


def test_only_the_first_sample_carries_the_prompt() -> None:
    first, second = ask(ScriptedClient(["a b", "c"]), Request(prompt="p q r", seeds=(0, 1)))
    assert first.usage + second.usage == Usage(requests=1, prompt_tokens=3, completion_tokens=3)
    assert second.usage.prompt_tokens == 0


@pytest.mark.parametrize(
    ("request_", "capabilities"),
    [
        (Request(prompt="Q"), Capabilities(endpoint="chat")),
        (Request(prompt=(Message(role="user", content="Q"),)), Capabilities()),
        (Request(prompt=(Message(role="assistant", content="A"),)), Capabilities(endpoint="chat")),
        (Request(prompt="Q", seeds=(1, 2)), Capabilities()),
        (Request(prompt="Q", grammar='root ::= "a"'), Capabilities()),
    ],
)
def test_what_is_not_claimed_is_refused(request_: Request, capabilities: Capabilities) -> None:
    with pytest.raises(Unsupported):
        ask(ScriptedClient(["x"], capabilities=capabilities), request_)


def test_overflow_is_an_error_with_its_numbers_and_spends_no_line() -> None:
    client = ScriptedClient(["x"], capabilities=Capabilities(max_context=10))
    with pytest.raises(ContextOverflow) as caught:
        say(client, "one two three", sampling=Sampling(max_tokens=8))
    assert (caught.value.prompt_tokens, caught.value.max_tokens, caught.value.limit) == (3, 8, 10)
    assert say(client, "one two", sampling=Sampling(max_tokens=8)) == "x"


def test_a_closed_client_refuses() -> None:
    client = ScriptedClient(["x"])
    client.close()
    client.close()
    with pytest.raises(ClientClosed):
        say(client, "Q")


def test_closing_a_stream_early_counts_as_cancelled() -> None:
    client = ScriptedClient(["a b c", "d"])
    request = Request(prompt="Q", stream=True)
    pieces = client.stream(request)
    next(pieces)
    pieces.close()
    assert client.cancelled == [request]
    say(client, "Q")
    assert client.cancelled == [request]


async def test_async_says_the_same_and_lets_others_run_between() -> None:
    client = ScriptedClient({"A": "a1 a2 a3", "B": "b1 b2 b3"})
    order: list[str] = []

    async def read(prompt: str) -> None:
        async for piece in client.astream(Request(prompt=prompt, stream=True)):
            if isinstance(piece, Delta):
                order.append(piece.text.strip())  # noqa: PERF401  (the order across tasks is the point)

    await asyncio.gather(read("A"), read("B"))
    assert order == ["a1", "b1", "a2", "b2", "a3", "b3"]
    await client.aclose()
    with pytest.raises(ClientClosed):
        await aask(client, Request(prompt="A"))


def test_from_threads_every_line_is_said_once() -> None:
    lines = [str(number) for number in range(200)]
    client = ScriptedClient(lines)
    said: list[str] = []

    def work() -> None:
        said.extend(say(client, "Q") for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == sorted(lines)
