"""A goal says whether it is met, and by how much."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.goals import FILE, Goal, read, table, tell


@pytest.mark.parametrize(
    ("measured", "bound", "at_least", "verdict"),
    [
        (30.0, 40.0, False, "met, 25% to spare"),
        (40.0, 40.0, False, "met, 0% to spare"),
        (60.0, 40.0, False, "missed by 50%"),
        (6.0, 4.0, True, "met, 50% to spare"),
        (3.0, 4.0, True, "missed by 25%"),
    ],
)
def test_a_goal_says_by_how_much(measured: float, bound: float, at_least: bool, verdict: str) -> None:
    assert Goal(what="x", measured=measured, bound=bound, unit="us", at_least=at_least).verdict == verdict


def test_goals_that_are_told_come_back_in_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "goals.jsonl"
    monkeypatch.setenv(FILE, str(file))
    tell("a step", 0.5, "ms", at_most=1)
    tell("a batch", 5, "x", at_least=4)
    assert table(read(file)).splitlines()[2:] == [
        "| a step | 0.5 ms | at most 1 | met, 50% to spare |",
        "| a batch | 5 x | at least 4 | met, 25% to spare |",
    ]


def test_nothing_is_written_when_nobody_gathers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FILE, raising=False)
    monkeypatch.chdir(tmp_path)
    tell("a step", 0.5, "ms", at_most=1)
    assert not list(tmp_path.iterdir())
