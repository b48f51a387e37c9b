"""In-context tasks can be solved from their examples, and from nothing else."""

from __future__ import annotations

import random

import pytest

from reasonkit.train.recipes.tiny import contexts


@pytest.mark.parametrize("kind", ["sentiment", "topic", "recall"])
def test_the_last_answer_was_shown_before(kind: str) -> None:
    for seed in range(100):
        *shown, last = contexts.task(random.Random(seed), kind=kind)
        assert last.learned
        assert last.answer in {example.answer for example in shown}


@pytest.mark.parametrize("kind", list(contexts.TASKS))
def test_an_answer_is_learned_only_once_it_can_be_known(kind: str) -> None:
    for seed in range(60):
        examples = contexts.task(random.Random(seed), kind=kind)
        assert not examples[0].learned
        assert examples[-1].learned


def test_labels_change_from_prompt_to_prompt() -> None:
    labels = [contexts.task(random.Random(seed), kind="sentiment")[0].answer for seed in range(50)]
    assert len(set(labels)) > 45


def test_the_picked_item_stands_at_the_same_place_in_every_example() -> None:
    for seed in range(60):
        examples = contexts.task(random.Random(seed), kind="pick")
        lists = [example.prompt.split("\n")[0].partition(": ")[2].split(", ") for example in examples]
        shared = [
            place
            for place in range(3)
            if all(items[place] == example.answer.strip() for items, example in zip(lists, examples, strict=True))
        ]
        assert shared
