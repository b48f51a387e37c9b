from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from reasonkit.clients.local import LocalClient
from reasonkit.clients.stops import cut
from reasonkit.errors import (
    ClientClosed,
    ContextOverflow,
    InputError,
    MissingExtra,
    ModelNotFound,
    NoChatTemplate,
    RequestTimeout,
)
from reasonkit.types import Completion, Delta, Message, Reply, Request, Sampling
from tests.clients.tiny_models import CHAT_TEMPLATE, write_transformers

PROMPT = "Question: which river flows through the town?\nThought 1:"
ASK = Request(prompt=PROMPT, sampling=Sampling(max_tokens=24))
DRAWN = replace(ASK, sampling=Sampling(temperature=1.0, top_p=0.9, max_tokens=24))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_transformers(tmp_path_factory.mktemp("local") / "tiny")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[LocalClient]:
    client = LocalClient(folder)
    yield client
    client.close()


@pytest.fixture(scope="module")
def plain(folder: Path) -> Iterator[LocalClient]:
    client = LocalClient(folder, deterministic=True)
    yield client
    client.close()


def ask(client: LocalClient, request: Request) -> tuple[Completion, ...]:
    last = list(client.stream(request))[-1]
    assert isinstance(last, Reply)
    return last.completions


def texts(client: LocalClient, request: Request) -> list[str]:
    return [completion.text for completion in ask(client, request)]


async def aask(client: LocalClient, request: Request) -> tuple[Completion, ...]:
    async with aclosing(client.astream(request)) as pieces:
        last = [piece async for piece in pieces][-1]
    assert isinstance(last, Reply)
    return last.completions


def test_greedy_text_is_what_transformers_generates(client: LocalClient, folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    ids = tokenizer(PROMPT, return_tensors="pt")
    out = model.generate(**ids, max_new_tokens=24, do_sample=False)
    expected = tokenizer.decode(out[0, ids.input_ids.shape[1] :], skip_special_tokens=True)
    assert texts(client, ASK) == [expected]
    assert texts(client, replace(ASK, seeds=(1, 2, 3))) == [expected] * 3


def test_a_seed_draws_the_same_text_again_and_seeds_differ(client: LocalClient) -> None:
    drawn = {seed: texts(client, replace(DRAWN, seeds=(seed,)))[0] for seed in (1, 2, 3, 2**40)}
    assert len(set(drawn.values())) == 4
    for seed, text in drawn.items():
        assert texts(client, replace(DRAWN, seeds=(seed,))) == [text]


def test_more_samples_than_rows_are_those_drawn_alone(client: LocalClient, plain: LocalClient) -> None:
    seeds = tuple(range(20))
    alone = [texts(plain, replace(DRAWN, seeds=(seed,)))[0] for seed in seeds]
    assert texts(client, replace(DRAWN, seeds=seeds)) == alone
    assert texts(plain, replace(DRAWN, seeds=seeds)) == alone


def test_several_samples_compute_the_prompt_once(folder: Path) -> None:
    client = LocalClient(folder)
    completions = ask(client, replace(DRAWN, seeds=(1, 2, 3)))
    prompt = client.count_tokens(PROMPT) + 1
    assert client.stats().prompt_tokens == prompt
    assert [c.usage.prompt_tokens for c in completions] == [prompt, 0, 0]
    assert sum(c.usage.requests for c in completions) == 1
    client.close()


def test_a_longer_prompt_computes_only_what_was_appended(folder: Path) -> None:
    client = LocalClient(folder)
    first = ask(client, ASK)[0]
    longer = ask(client, replace(ASK, prompt=PROMPT + first.text + "\nAction 1:"))[0]
    assert longer.usage.cached_tokens >= first.usage.prompt_tokens
    again = ask(client, ASK)[0]
    assert again.usage.cached_tokens == again.usage.prompt_tokens - 1
    assert again.text == first.text
    client.close()


def test_a_warm_prefix_survives_what_the_budget_does_not_hold(folder: Path) -> None:
    client = LocalClient(folder, cache_bytes=64 * 1024)
    prefix = "one two three " * 8 + "\n"
    client.warm(prefix)
    for number in range(20):
        ask(client, replace(ASK, prompt=f"{number} and something else " * 6))
    assert client.stats().cache_bytes <= 64 * 1024
    usage = ask(client, replace(ASK, prompt=prefix + "Question"))[0].usage
    assert usage.cached_tokens >= client.count_tokens(prefix)
    client.close()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_stop_is_cut_exactly_and_never_shown(client: LocalClient, data: st.DataObject) -> None:
    whole = texts(client, replace(ASK, sampling=Sampling(max_tokens=48)))[0]
    stop = []
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(whole) - 1))
        stop.append(whole[start : start + data.draw(st.integers(1, 6))])
    request = replace(ASK, stop=tuple(stop), sampling=Sampling(max_tokens=48), stream=True)
    *pieces, reply = client.stream(request)
    assert isinstance(reply, Reply)
    completion = reply.completions[0]
    assert completion.text == cut(whole, tuple(stop))[0]
    assert completion.finish == "stop"
    assert "".join(piece.text for piece in pieces if isinstance(piece, Delta)) == completion.text


def test_a_stop_in_the_prompt_does_not_stop(client: LocalClient) -> None:
    assert texts(client, replace(ASK, stop=("Thought 1:",))) == texts(client, ASK)


def test_streams_of_several_samples_add_up(client: LocalClient) -> None:
    *pieces, reply = client.stream(replace(DRAWN, seeds=(3, 4, 90), stream=True))
    assert isinstance(reply, Reply)
    for index, completion in enumerate(reply.completions):
        said = [piece.text for piece in pieces if isinstance(piece, Delta) and piece.index == index]
        assert "".join(said) == completion.text
        assert len(said) > 1


def test_the_limit_is_named_as_the_reason(client: LocalClient) -> None:
    completion = ask(client, replace(ASK, sampling=Sampling(max_tokens=3)))[0]
    assert (completion.finish, completion.usage.completion_tokens) == ("length", 3)


def test_an_overflow_is_an_error_with_its_numbers_before_anything_is_computed(client: LocalClient) -> None:
    prompt = "one two three " * 30
    tokens = client.count_tokens(prompt) + 1
    before = client.stats().prompt_tokens
    with pytest.raises(ContextOverflow) as caught:
        ask(client, Request(prompt=prompt, sampling=Sampling(max_tokens=512 - tokens + 1)))
    assert (caught.value.prompt_tokens, caught.value.limit) == (tokens, 512)
    assert client.stats().prompt_tokens == before


def test_a_request_that_just_fits_gets_all_its_tokens(folder: Path) -> None:
    client = LocalClient(folder, max_context=64)
    room = 64 - client.count_tokens("one two") - 1
    completion = ask(client, Request(prompt="one two", sampling=Sampling(max_tokens=room)))[0]
    assert completion.finish == "stop" or completion.usage.completion_tokens == room
    client.close()


def test_logprobs_are_those_of_a_plain_forward_pass(folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    client = LocalClient(folder, logprobs=True)
    completion = ask(client, replace(ASK, sampling=Sampling(max_tokens=8)))[0]
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    ids = tokenizer(PROMPT).input_ids
    for one in completion.logprobs:
        with torch.no_grad():
            logprobs = model(torch.tensor([ids])).logits[0, -1].log_softmax(0)
        ids.append(int(logprobs.argmax()))
        assert one.logprob == pytest.approx(float(logprobs.max()), abs=1e-4)
    assert len(completion.logprobs) == 8
    client.close()


def test_a_chat_is_rendered_by_the_models_own_template_and_a_last_turn_is_continued(tmp_path: Path) -> None:
    client = LocalClient(write_transformers(tmp_path / "chat", chat_template=CHAT_TEMPLATE))
    assert client.capabilities.endpoint == "chat"
    user = Message(role="user", content="which river?")
    rendered = client._texts.render((user,))
    assert rendered == "<s><user>which river?\n<assistant>"
    begun = (user, Message(role="assistant", content="Thought 1:"))
    assert client._texts.render(begun).endswith("<assistant>Thought 1:")
    assert texts(client, replace(ASK, prompt=begun))[0]
    client.close()


def test_a_chat_without_a_template_is_refused(client: LocalClient, folder: Path) -> None:
    with pytest.raises(NoChatTemplate):
        ask(client, replace(ASK, prompt=(Message(role="user", content="hi"),)))
    with pytest.raises(NoChatTemplate):
        LocalClient(folder, endpoint="chat")


def test_threads_share_the_model_and_get_what_they_would_get_alone(client: LocalClient, plain: LocalClient) -> None:
    requests = [replace(DRAWN, prompt=f"Question: number {n}\nThought 1:", seeds=(n,)) for n in range(20)]
    alone = [texts(plain, request)[0] for request in requests]
    together: dict[int, str] = {}

    def work(number: int) -> None:
        together[number] = texts(client, requests[number])[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[number] for number in range(20)] == alone


async def test_an_event_loop_is_served_together(folder: Path, plain: LocalClient) -> None:
    client = LocalClient(folder, max_batch=4)
    requests = [replace(DRAWN, prompt=f"{n} Question" * (n % 3 + 1), seeds=(n,), stream=n % 2 == 0) for n in range(10)]
    alone = [texts(plain, request)[0] for request in requests]
    replies = await asyncio.gather(*(aask(client, request) for request in requests))
    assert [completions[0].text for completions in replies] == alone
    stats = client.stats()
    assert stats.steps < stats.drawn_tokens / 2
    await client.aclose()


def test_closing_a_stream_early_cancels_it(folder: Path) -> None:
    client = LocalClient(folder, max_batch=1)
    stream = client.stream(replace(DRAWN, sampling=Sampling(temperature=2.0, max_tokens=480), stream=True))
    next(stream)
    stream.close()
    assert ask(client, ASK)[0].text
    assert client.stats().drawn_tokens < 300
    client.close()


async def test_cancelling_a_task_cancels_its_request(folder: Path) -> None:
    client = LocalClient(folder, max_batch=1)
    task = asyncio.create_task(aask(client, replace(ASK, sampling=Sampling(max_tokens=450))))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await aask(client, ASK))[0].text
    await client.aclose()


def test_a_closed_client_refuses_and_may_be_closed_twice(folder: Path) -> None:
    client = LocalClient(folder)
    stream = client.stream(replace(DRAWN, sampling=Sampling(temperature=2.0, max_tokens=480), stream=True))
    next(stream)
    client.close()
    client.close()
    with pytest.raises(ClientClosed):
        list(stream)
    with pytest.raises(ClientClosed):
        ask(client, ASK)


def test_a_request_that_takes_too_long_is_told_so(folder: Path) -> None:
    client = LocalClient(folder, timeout_seconds=0.0)
    with pytest.raises(RequestTimeout):
        ask(client, replace(ASK, sampling=Sampling(max_tokens=400)))
    client.close()


def test_an_unknown_adapter_is_refused_and_never_left_out(client: LocalClient) -> None:
    with pytest.raises(InputError, match="hotpot"):
        ask(client, replace(ASK, adapter="hotpot"))


def test_a_grammar_is_never_left_out_where_llguidance_is_missing(
    client: LocalClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(MissingExtra, match=r"reasonkit\[grammar\]"):
        ask(client, replace(ASK, grammar='root ::= "a"'))


def test_a_card_is_followed(tmp_path: Path) -> None:
    folder = write_transformers(tmp_path / "tiny", chat_template=CHAT_TEMPLATE)
    (folder / "reasonkit.json").write_text(json.dumps({"endpoint": "completions", "max_context": 128, "name": "t"}))
    client = LocalClient(folder)
    assert (client.capabilities.endpoint, client.capabilities.max_context) == ("completions", 128)
    assert client.describe() == {"client": "local", "model": "t", "dtype": "float32"}
    client.close()


def test_what_is_no_model_is_said_so(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ModelNotFound, match="no model folder"):
        LocalClient(tmp_path / "absent")
    with pytest.raises(ModelNotFound, match=r"config\.json is missing"):
        LocalClient(tmp_path)
    broken = write_transformers(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(InputError, match="cannot be loaded"):
        LocalClient(broken)
    with pytest.raises(InputError, match="max_context"):
        LocalClient(folder, max_context=4096)
    with pytest.raises(InputError, match="dtype"):
        LocalClient(folder, dtype="float8")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="bnb-int8, bnb-nf4, torchao-int8"):
        LocalClient(folder, quantization="torchao-int4")  # type: ignore[arg-type]


def test_without_the_extra_the_pip_line_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("reasonkit.clients.local.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"reasonkit\[local\]"):
        LocalClient(folder)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_low_precision_runs(folder: Path, dtype: str) -> None:
    client = LocalClient(folder, dtype=dtype)  # type: ignore[arg-type]
    assert client.describe()["dtype"] == dtype
    assert texts(client, ASK)[0]
    client.close()
