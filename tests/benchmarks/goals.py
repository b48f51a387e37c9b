"""Goals: what a benchmark measured, and the bound that it was to stay under, or to reach.

A benchmark tells them as it goes; `python -m tests.benchmarks` gathers them into one table at the end. Nothing fails for a
goal that is missed: timings of a shared machine are for reading.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

FILE: Final = "REASONKIT_BENCH_GOALS"
"""The environment variable that names the file to which goals are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A figure beside its bound."""

    what: str
    measured: float
    bound: float
    unit: str
    at_least: bool = False
    """Whether the bound is to be reached; else it is not to be passed."""

    @property
    def met(self) -> bool:
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    @property
    def verdict(self) -> str:
        """Say whether the goal is met, and by how much of its bound."""
        apart = abs(self.measured - self.bound) / self.bound
        return f"met, {apart:.0%} to spare" if self.met else f"missed by {apart:.0%}"


def tell(what: str, measured: float, unit: str, *, at_most: float | None = None, at_least: float | None = None) -> None:
    """Tell a goal to whoever gathers them; nobody does when a benchmark is run by itself.

    Args:
        what: what was measured, in a few words.
        measured: the figure.
        unit: of the figure and its bound.
        at_most: the bound it is to stay at or under.
        at_least: the bound it is to reach.
    """
    if FILE not in os.environ:
        return
    bound = at_most if at_most is not None else at_least
    assert bound is not None, "a goal has a bound"
    goal = Goal(what=what, measured=measured, bound=bound, unit=unit, at_least=at_most is None)
    with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(goal)) + "\n")


def read(path: Path) -> list[Goal]:
    """Return the goals that were told to a file."""
    if not path.exists():
        return []
    return [Goal(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def table(goals: Iterable[Goal]) -> str:
    """Return one table, as Markdown."""
    lines = ["| goal | measured | bound | |", "|---|---|---|---|"]
    for goal in goals:
        side = "at least" if goal.at_least else "at most"
        lines.append(f"| {goal.what} | {goal.measured:.3g} {goal.unit} | {side} {goal.bound:g} | {goal.verdict} |")
    return "\n".join(lines)
