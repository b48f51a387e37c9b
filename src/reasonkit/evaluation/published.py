"""What the papers report, to stand beside a run: a model, a dataset and a table for each figure.

The figures are in `published.jsonl`. No paper gives intervals; where it is known of how many items a figure is,
Wilson's is computed here. A figure is of the paper's model and prompts, so it stands beside a run and never in a test
against it; what else keeps the two apart is said in words.
Not here: figures that are not in the paper's own tables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from reasonkit.evaluation.intervals import Interval, wilson
from reasonkit.evaluation.run import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The figures that one table of a paper gives for one dataset."""

    paper: str
    arxiv: str
    where: str
    """The table."""
    model: str
    kind: str
    """The form of its dataset, as `load_dataset` calls it."""
    dataset: str
    """With the metric."""
    n: int | None
    """Items of the published test set; None where the paper does not say how many it took."""
    figures: Mapping[str, float]
    """Percent, by strategy as a trace names it."""

    def share(self, strategy: str) -> Interval | None:
        """Return a figure with Wilson's interval, or as a bare value with n = 0 where n is not known."""
        percent = self.figures.get(strategy)
        if percent is None:
            return None
        if self.n is None:
            return Interval(value=percent / 100, low=percent / 100, high=percent / 100, n=0)
        return wilson(round(self.n * percent / 100), self.n)

    @property
    def source(self) -> str:
        """Where it is printed."""
        return f"{self.paper}, arXiv {self.arxiv}, {self.where}: {self.dataset}, {self.model}"


@cache
def published() -> tuple[Published, ...]:
    """Return everything that is known of the papers' tables."""
    text = files("reasonkit.evaluation").joinpath("published.jsonl").read_text(encoding="utf-8")
    return tuple(Published(**json.loads(line)) for line in text.splitlines())


def beside(settings: Settings) -> tuple[Published, ...]:
    """Return the tables that are of a run's kind of dataset."""
    return tuple(table for table in published() if table.kind == settings.kind)


def what_differs(settings: Settings, table: Published) -> str:
    """Say why a run's items are not, or may not be, those of a paper's figure."""
    if settings.dataset.startswith("bundled:"):
        return f"other items: {settings.dataset} was written for this library in the same form"
    if table.n is not None and settings.n == table.n:
        return "as many items as the published test set; whether they are the same was not checked"
    if table.n is not None:
        return f"other items: {settings.n} here, {table.n} there"
    return f"{settings.n} {'item' if settings.n == 1 else 'items'} here; the paper does not say how many it took"
