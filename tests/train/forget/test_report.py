"""The figures of forgetting: paired by item, each with its n and interval."""

from __future__ import annotations

import pytest

from reasonkit.errors import InputError
from reasonkit.evaluation import mcnemar
from reasonkit.train.forget.kept import Answered
from reasonkit.train.forget.report import OTHERS, differences, report
from reasonkit.train.forget.run import variants_of

NEW, OLD, MORE = "pal unseen_family", "react one", "context recall"


def answered(name: str, new: str, old: str, more: str, loss: float | None = 0.1) -> Answered:
    """Make answers out of texts in which x is right."""
    right = tuple(
        (task, tuple(letter == "x" for letter in text)) for task, text in ((NEW, new), (OLD, old), (MORE, more))
    )
    return Answered(variant=name, right=right, loss=loss)


FOUND = [
    answered("before", "....", "xxxx", "xx.."),
    answered("full", "xxxx", "x...", "..x."),
    answered("lora-4", "xxx.", "xxx.", "xx..", loss=None),
]


def test_each_variant_is_compared_with_the_base_on_the_same_items() -> None:
    rows = {(row.first, row.second, row.task): row for row in differences(FOUND)}
    full = rows["before", "full", OLD]
    assert (full.before.value, full.after.value, full.difference.value) == (1.0, 0.25, -0.75)
    assert (full.lost, full.gained, full.p) == (3, 0, mcnemar(3, 0))
    assert full.difference.low <= -0.75 <= full.difference.high
    assert full.difference.n == 4


def test_what_was_forgotten_is_all_tasks_but_the_new_one_together() -> None:
    rows = {(row.second, row.task): row for row in differences(FOUND) if row.first == "before"}
    others = rows["full", OTHERS]
    assert others.difference.n == 8
    assert (others.lost, others.gained) == (5, 1)
    assert rows["full", NEW].difference.value == 1.0


def test_lora_is_compared_with_full_on_the_new_task_and_on_the_others() -> None:
    rows = {(row.second, row.task): row for row in differences(FOUND) if row.first == "full"}
    assert set(rows) == {("lora-4", NEW), ("lora-4", OTHERS)}
    assert rows["lora-4", NEW].difference.value == -0.25
    assert (rows["lora-4", OTHERS].lost, rows["lora-4", OTHERS].gained) == (1, 4)


def test_the_report_shows_n_and_intervals_and_says_what_it_does_not_know() -> None:
    lines = report(FOUND).splitlines()
    assert lines[0] == "| task | before | full | lora-4 |"
    assert lines[3].startswith("| react one | 100.0% [51.0%, 100.0%] | 25.0% (-75.0% [")
    assert any(line.startswith("n=4 items a task") for line in lines)
    assert lines[-1].startswith("lora-4: loss unknown")


def test_variants_are_named_by_their_ranks_and_unknown_ones_are_refused() -> None:
    found = variants_of("full,lora,mix,lora-mix", "4,32")
    assert [(one.name, one.rank, one.mixed) for one in found] == [
        ("full", None, False), ("lora-4", 4, False), ("lora-32", 32, False), ("full, mixed", None, True),
        ("lora-4, mixed", 4, True),
    ]  # fmt: skip
    with pytest.raises(InputError, match="there are: full, lora, mix, lora-mix"):
        variants_of("half", "4")
    with pytest.raises(InputError, match="whole numbers"):
        variants_of("lora", "4,eight")
    with pytest.raises(InputError, match="from 1 to 256"):
        variants_of("lora", "0")
