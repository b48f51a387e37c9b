"""A cache never changes an answer: whatever was asked before or is asked beside, a row gets what it gets alone.

Compared with bare forward passes over the whole text so far: logits to 1e-4, tokens wherever the best two are further
apart than that.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from reasonkit.clients.local import LocalClient
from reasonkit.types import Completion, Reply, Request, Sampling
from tests.clients.tiny_models import Shape, write_transformers

CLOSE = 1e-4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_transformers(tmp_path_factory.mktemp("law") / "tiny", Shape(context=256))


@pytest.fixture(scope="module")
def bare(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def check(bare: tuple[Any, Any], prompt: str, completion: Completion, tokens: int) -> None:
    """Compare a greedy completion with bare forward passes."""
    model, tokenizer = bare
    ids = tokenizer(prompt).input_ids
    begun = len(ids)
    for one in completion.logprobs[:tokens]:
        with torch.no_grad():
            logprobs = model(torch.tensor([ids])).logits[0, -1].log_softmax(0)
        best, second = logprobs.topk(2).values.tolist()
        assert one.logprob == pytest.approx(best, abs=CLOSE)
        if best - second <= CLOSE:
            return
        ids.append(int(logprobs.argmax()))
    assert completion.text.startswith(tokenizer.decode(ids[begun:], skip_special_tokens=True).rstrip("\ufffd"))


@dataclass(frozen=True)
class Said:
    """What is done next to a text that grows and changes."""

    kind: str
    text: str
    cut: int
    samples: int


SAID = st.builds(
    Said,
    kind=st.sampled_from(["append", "append", "edit", "again", "continue"]),
    text=st.text("abc \n12", min_size=1, max_size=12),
    cut=st.integers(1, 30),
    samples=st.integers(1, 3),
)


def grown(prompt: str, last: str, step: Said) -> str:
    if step.kind == "append":
        return prompt + step.text
    if step.kind == "edit":
        return (prompt[: -step.cut] or "a") + step.text
    if step.kind == "continue":
        return prompt + last + step.text
    return prompt


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(SAID, min_size=1, max_size=8),
    cache_bytes=st.sampled_from([0, 20_000, 10**8]),
    data=st.data(),
)
def test_a_text_that_grows_and_changes_is_continued_as_if_it_were_new(
    folder: Path, bare: tuple[Any, Any], steps: list[Said], cache_bytes: int, data: st.DataObject
) -> None:
    client = LocalClient(folder, cache_bytes=cache_bytes, logprobs=True, max_batch=data.draw(st.integers(1, 3)))
    prompt, last = "Question: which river?", ""
    for step in steps:
        prompt = grown(prompt, last, step)[-200:]
        request = Request(prompt=prompt, sampling=Sampling(max_tokens=6), seeds=tuple(range(step.samples)))
        *_, reply = client.stream(request)
        assert isinstance(reply, Reply)
        assert len({completion.text for completion in reply.completions}) == 1
        check(bare, prompt, reply.completions[0], 6)
        last = reply.completions[0].text
    client.close()


@settings(max_examples=12, deadline=None)
@given(
    prompts=st.lists(st.text("abc \n12", min_size=1, max_size=60), min_size=2, max_size=8),
    lengths=st.lists(st.integers(1, 12), min_size=8, max_size=8),
    max_batch=st.integers(1, 5),
    shared=st.text("abc ", max_size=40),
)
def test_rows_that_join_and_leave_get_what_they_get_alone(
    folder: Path, bare: tuple[Any, Any], prompts: list[str], lengths: list[int], max_batch: int, shared: str
) -> None:
    client = LocalClient(folder, logprobs=True, max_batch=max_batch)
    replies: dict[int, Reply] = {}

    def work(number: int) -> None:
        request = Request(prompt=shared + prompts[number], sampling=Sampling(max_tokens=lengths[number]))
        *_, reply = client.stream(request)
        assert isinstance(reply, Reply)
        replies[number] = reply

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    for number, prompt in enumerate(prompts):
        check(bare, shared + prompt, replies[number].completions[0], lengths[number])


def test_long_prompts_are_computed_in_pieces_beside_rows_that_draw(folder: Path, bare: tuple[Any, Any]) -> None:
    from reasonkit.clients.local import worker

    client = LocalClient(folder, logprobs=True)
    prompts = ["one two " * 20, "three four " * 15, "five", "six seven " * 18]
    before, worker._PROMPT_TOKENS = worker._PROMPT_TOKENS, 7
    try:
        replies: dict[str, Reply] = {}

        def work(prompt: str) -> None:
            *_, reply = client.stream(Request(prompt=prompt, sampling=Sampling(max_tokens=20)))
            assert isinstance(reply, Reply)
            replies[prompt] = reply

        threads = [threading.Thread(target=work, args=(prompt,)) for prompt in prompts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        worker._PROMPT_TOKENS = before
    client.close()
    for prompt, reply in replies.items():
        check(bare, prompt, reply.completions[0], 20)


def test_deterministic_runs_are_bit_equal(folder: Path) -> None:
    request = Request(prompt="Question: which river?", sampling=Sampling(temperature=1.0, max_tokens=20), seeds=(1, 2))
    runs = []
    for _ in range(2):
        client = LocalClient(folder, deterministic=True, logprobs=True)
        list(client.stream(replace(request, prompt="something else before")))
        runs.append(list(client.stream(request))[-1])
        assert client.stats().cached_tokens == 0
        client.close()
    assert runs[0] == runs[1]
