"""What goes wrong beneath: memory, a failing pass, a dead thread. A model object that fails on demand stands in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from reasonkit.clients.local import LocalClient
from reasonkit.errors import ClientClosed, OutOfMemory, WorkerDied
from reasonkit.types import Reply, Request, Sampling
from tests.clients.tiny_models import write_transformers

ASK = Request(prompt="Question: which river?", sampling=Sampling(temperature=1.0, max_tokens=12))


@pytest.fixture
def failing(tmp_path: Path) -> tuple[LocalClient, list[Callable[[Any], None]]]:
    """A client, and a list of what is done with the ids of each forward pass before it."""
    from transformers import AutoModelForCausalLM

    folder = write_transformers(tmp_path / "tiny")
    model = AutoModelForCausalLM.from_pretrained(folder)
    doings: list[Callable[[Any], None]] = []

    def before(module: Any, args: Any, kwargs: Any) -> None:
        for do in doings:
            do(kwargs["input_ids"])

    client = LocalClient(model, tokenizer=folder)
    model.register_forward_pre_hook(before, with_kwargs=True)
    return client, doings


def texts(client: LocalClient, request: Request) -> list[str]:
    *_, reply = client.stream(request)
    assert isinstance(reply, Reply)
    return [completion.text for completion in reply.completions]


def test_out_of_memory_in_a_batch_halves_it_and_loses_nothing(failing: tuple[Any, Any]) -> None:
    client, doings = failing
    alone = [texts(client, replace(ASK, seeds=(seed,)))[0] for seed in range(8)]

    def small_device(ids: torch.Tensor) -> None:
        if ids.shape[0] > 3:
            raise torch.OutOfMemoryError("no room for so many rows")

    doings.append(small_device)
    assert texts(client, replace(ASK, seeds=tuple(range(8)))) == alone
    assert client.stats().rows_limit <= 4
    client.close()


def test_a_request_that_never_fits_fails_alone_with_its_remedy(failing: tuple[Any, Any]) -> None:
    client, doings = failing

    def no_room(ids: torch.Tensor) -> None:
        if ids.shape[1] > 20:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    doings.append(no_room)
    with pytest.raises(OutOfMemory, match="shorten"):
        texts(client, replace(ASK, prompt="one two three " * 20))
    assert texts(client, ASK)[0]
    client.close()


def test_a_failing_pass_fails_its_own_request_and_no_other(failing: tuple[Any, Any]) -> None:
    client, doings = failing
    expected = texts(client, ASK)

    def poisoned(ids: torch.Tensor) -> None:
        if ids.shape[1] == 29:  # the first of 30 is known
            raise RuntimeError("a bad kernel")

    doings.append(poisoned)
    outcomes: list[object] = []

    def work(request: Request) -> None:
        try:
            outcomes.append(texts(client, request))
        except RuntimeError as error:
            outcomes.append(str(error))

    bad = replace(ASK, prompt="x" * 29)
    threads = [threading.Thread(target=work, args=(request,)) for request in (ASK, bad, ASK)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == sorted(map(str, [expected, expected, "a bad kernel"]))
    client.close()


def test_a_dead_worker_fails_all_who_wait_and_all_who_come(failing: tuple[Any, Any]) -> None:
    client, doings = failing

    def die(ids: torch.Tensor) -> None:
        raise SystemExit("the thread is told to go")

    doings.append(die)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            texts(client, ASK)
        except WorkerDied as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 4
    with pytest.raises(WorkerDied, match="told to go"):
        texts(client, ASK)
    client.close()
    with pytest.raises(ClientClosed):
        texts(client, ASK)
