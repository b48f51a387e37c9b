"""What is measured is never trained on, the items are the same at each call, and one short run goes all the way."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from reasonkit.clients.scripted import ScriptedClient
from reasonkit.train.forget.tasks import NEW, OLD, Adapted, tasks, write_new, write_old
from reasonkit.train.recipes.tiny.problems import held_family, problem
from reasonkit.types import Reply, Request


def texts(file: Path) -> list[str]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert all(any(segment["learn"] for segment in row["segments"]) for row in rows)
    return ["".join(segment["text"] for segment in row["segments"]) for row in rows]


def test_no_row_of_the_new_task_is_among_the_items_measured(tmp_path: Path) -> None:
    write_new(tmp_path / "new.jsonl", 60, n=40, seed=3)
    rows = texts(tmp_path / "new.jsonl")
    items = [problem(random.Random(f"3 {NEW} {item}"), measured=True, task="family") for item in range(40)]
    assert len(rows) == 60
    assert all(held_family(item.family) for item in items)
    assert not [item for item in items if any(item.question in row for row in rows)]


def test_rows_of_what_the_model_knows_hold_each_of_its_methods(tmp_path: Path) -> None:
    write_old(tmp_path / "old.jsonl", 8, seed=3)
    rows = texts(tmp_path / "old.jsonl")
    assert [("Thought 1:" in row, "def solution():" in row, "The answer is" in row) for row in rows[:3]] == [
        (True, False, False), (False, True, False), (False, False, True),
    ]  # fmt: skip
    write_old(tmp_path / "again.jsonl", 8, seed=3)
    assert texts(tmp_path / "again.jsonl") == rows


def test_all_tasks_that_are_measured_by_default_are_the_recipes() -> None:
    assert {NEW, *OLD} <= set(tasks())


def test_every_request_of_an_adapted_client_names_its_adapter() -> None:
    asked: list[Request] = []

    def reply(request: Request) -> str:
        asked.append(request)
        return "yes"

    client = Adapted(ScriptedClient(reply), "red")
    *_, last = client.stream(Request(prompt="so?"))
    assert isinstance(last, Reply)
    assert [request.adapter for request in asked] == ["red"]


@pytest.mark.slow
def test_a_short_run_trains_measures_and_reports_on_the_bundled_model(tmp_path: Path) -> None:
    for package in ("torch", "transformers", "peft"):
        pytest.importorskip(package)
    from reasonkit.bundled import model_path
    from reasonkit.train.forget.kept import Plan
    from reasonkit.train.forget.report import report
    from reasonkit.train.forget.run import forget, variants_of

    plan = Plan(
        base=model_path(), out=tmp_path, variants=variants_of("lora", "4"), tasks=(NEW, "context sentiment"), n=2,
        rows=16, epochs=1.0, lr_full=3e-4, lr_lora=3e-3, seed=1,
    )  # fmt: skip
    found = forget(plan)
    assert [one.variant for one in found] == ["before", "lora-4"]
    assert found[0].of(NEW) == (False, False)
    assert (found[1].steps, found[1].loss is not None) == (1, True)
    assert (tmp_path / "lora-4" / "reasonkit-adapter.json").is_file()
    assert "| context sentiment |" in report(found)
