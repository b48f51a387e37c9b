"""A stopped experiment goes on with what it has measured, and only with that of its own plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reasonkit.errors import InputError
from reasonkit.train.forget.kept import FILE, Answered, Kept, Plan
from tests.train.adapters.files import write_model


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    out = tmp_path / "out"
    out.mkdir()
    return Plan(
        base=write_model(tmp_path / "base"), out=out, variants=(), tasks=("new", "old"), n=2, rows=16, epochs=1.0,
        lr_full=3e-4, lr_lora=3e-3, seed=1,
    )  # fmt: skip


def test_answers_are_read_back_as_they_were_added(plan: Plan) -> None:
    answered = Answered(
        variant="lora-4", right=(("new", (True, False)), ("old", (True, True))), loss=0.5, steps=3, seconds=1.5
    )
    Kept(plan).add(answered)
    assert Kept(plan).answers == {"lora-4": answered}


def test_answers_of_another_plan_are_refused_by_the_key_that_differs(plan: Plan, tmp_path: Path) -> None:
    Kept(plan)
    with pytest.raises(InputError, match=r"n was 2 and is 3; give another folder"):
        Kept(replace(plan, n=3))
    other = write_model(tmp_path / "other", fill=b"\x05")
    with pytest.raises(InputError, match="base_sha256 was"):
        Kept(replace(plan, base=other))


def test_a_file_that_holds_something_else_is_said(plan: Plan) -> None:
    (plan.out / FILE).write_text("not JSON\n")
    with pytest.raises(InputError, match="not the answers of an earlier run"):
        Kept(plan)
