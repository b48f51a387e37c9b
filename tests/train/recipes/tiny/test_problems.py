"""Word problems: the program, the rationale and the answer agree, and kept families stay out of training."""

from __future__ import annotations

import random
import re

from reasonkit.train.recipes.tiny.problems import EVENTS, families, held_events, held_family, problem


def run(program: str) -> object:
    names: dict[str, object] = {}
    exec(f"def solution():{program}", names)
    solution = names["solution"]
    assert callable(solution)
    return solution()


def test_the_program_computes_the_answer() -> None:
    for seed in range(400):
        found = problem(random.Random(seed), small=seed % 2 == 0)
        assert run(found.program) == found.answer, found


def test_the_rationale_is_right_one_operation_at_a_time() -> None:
    for seed in range(200):
        found = problem(random.Random(seed), small=True)
        for step in found.steps:
            left, operator, right, value = re.fullmatch(r"(\d+) ([-+*/]) (\d+) = (\d+)\.", step).groups()  # type: ignore[union-attr]
            results = {"+": int(left) + int(right), "-": int(left) - int(right), "*": int(left) * int(right)}
            assert int(value) == (int(left) // int(right) if operator == "/" else results[operator])
        assert found.steps[-1].endswith(f"= {found.answer}.")


def test_the_results_of_small_problems_stay_below_a_hundred() -> None:
    for seed in range(200):
        steps = problem(random.Random(seed), small=True).steps
        assert all(int(step.rstrip(".").rpartition(" = ")[2]) < 100 for step in steps)


def test_kept_families_are_only_drawn_for_measurement() -> None:
    kept = {family.name for family in families() if held_family(family.name)}
    assert 2 <= len(kept) < len(families()) / 3
    assert not kept & {problem(random.Random(seed)).family for seed in range(600)}
    assert {problem(random.Random(seed), task="family").family for seed in range(80)} <= kept


def test_kept_pairs_of_events_exist_and_are_few() -> None:
    kept = sum(held_events(first, second) for first in EVENTS for second in EVENTS)
    assert 8 < kept < len(EVENTS) ** 2 / 4


def test_every_family_can_be_drawn_small_and_large() -> None:
    for small in (False, True):
        found = {problem(random.Random(seed), small=small, task="known_family").family for seed in range(900)}
        assert found == {family.name for family in families() if not held_family(family.name)}
