"""The figures of a run and their table; never a figure without its n and interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reasonkit.evaluation.intervals import RESAMPLED, Interval, mean, wilson
from reasonkit.evaluation.rows import Row
from reasonkit.runner.budget import Price
from reasonkit.types import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a run came to; an interval is of 95 %."""

    method: str
    n: int
    """Items that the figures are of."""
    right: Interval
    """Share of items whose strict answer is right (Wilson)."""
    lenient: Interval
    """The same of answers read forgivingly."""
    f1: Interval
    """Mean token F1."""
    steps: Interval
    tokens: Interval
    """Prompt and completion tokens an item."""
    seconds: Interval
    """Waiting for model, tools and programs an item."""
    requests: int
    usd: float | None
    """US dollars for all; None where no price is known."""
    recovered: int
    """Steps that were not read as they were written."""
    stop_reasons: tuple[tuple[str, int], ...]
    """Most frequent first."""
    step_counts: tuple[tuple[int, int], ...]
    """How many items took how many steps, fewest steps first."""
    maj_at_k: tuple[Interval, ...] = ()
    """For every k from 1 to the samples drawn, the share of items that the majority of the first k has right; only for
    methods that vote on every item."""


class Tally:
    """Sums over rows as they come; keeps counts, no rows.

    Args:
        price: what the model costs, if it is known.
    """

    def __init__(self, price: Price | None = None) -> None:
        self.n = self.right = self.failed = 0
        self.first_error: str | None = None
        self._price, self._usage = price, Usage()
        self._lenient = self._recovered = self._unvoted = 0
        self._f1: Counter[float] = Counter()
        self._steps: Counter[float] = Counter()
        self._tokens: Counter[float] = Counter()
        self._seconds: Counter[float] = Counter()
        self._reasons: Counter[str] = Counter()
        self._right_at: list[int] = []
        self._ended: Counter[tuple[int, bool]] = Counter()

    def add(self, row: Row) -> None:
        """Add an item."""
        self.n += 1
        self.right += row.right
        self._lenient += row.lenient
        self._recovered += row.recovered
        self._f1[row.f1] += 1
        self._steps[row.steps] += 1
        self._tokens[row.prompt_tokens + row.completion_tokens] += 1
        self._seconds[_three_digits(row.seconds)] += 1
        self._reasons[row.stop_reason] += 1
        self._usage += Usage(
            requests=row.requests, prompt_tokens=row.prompt_tokens, completion_tokens=row.completion_tokens
        )  # fmt: skip
        if row.error is not None:
            self.failed += 1
            self.first_error = self.first_error or row.error
        self._vote(row)

    def figures(self, method: str) -> Figures:
        """Return the figures of what was added."""
        return Figures(
            method=method,
            n=self.n,
            right=wilson(self.right, self.n),
            lenient=wilson(self._lenient, self.n),
            f1=mean(self._f1),
            steps=mean(self._steps),
            tokens=mean(self._tokens),
            seconds=mean(self._seconds),
            requests=self._usage.requests,
            usd=None if self._price is None else self._price.of(self._usage),
            recovered=self._recovered,
            stop_reasons=tuple(self._reasons.most_common()),
            step_counts=tuple(sorted((int(steps), count) for steps, count in self._steps.items())),
            maj_at_k=() if self._unvoted else tuple(wilson(right, self.n) for right in self._majorities()),
        )

    def _vote(self, row: Row) -> None:
        """Count the majorities of the first k; a vote that stopped early could not be overtaken and keeps its last."""
        if not row.right_at:
            self._unvoted += row.answer is not None
            return
        self._right_at += [0] * (len(row.right_at) - len(self._right_at))
        for k, right in enumerate(row.right_at):
            self._right_at[k] += right
        self._ended[len(row.right_at), row.right_at[-1]] += 1

    def _majorities(self) -> list[int]:
        return [
            right + sum(count for (length, last), count in self._ended.items() if last and length <= k)
            for k, right in enumerate(self._right_at)
        ]


def figures(method: str, rows: Iterable[Row], *, price: Price | None = None) -> Figures:
    """Return the figures of a run's rows."""
    tally = Tally(price)
    for row in rows:
        tally.add(row)
    return tally.figures(method)


def table(runs: Sequence[Figures]) -> str:
    """Return a Markdown table, a line a method."""
    priced = any(run.usd is not None for run in runs)
    names = ["method", "n", "right", "lenient", "F1", "steps", "tokens an item", "seconds an item"]
    names += ["US dollars"] if priced else []
    names += ["recovered steps", "ended"]
    lines = [names]
    for run in runs:
        cells = [run.method, str(run.n), percent(run.right), percent(run.lenient), percent(run.f1)]
        cells += [plain(run.steps, 2), plain(run.tokens, 0), plain(run.seconds, 2)]
        cells += [("unknown" if run.usd is None else f"{run.usd:.4f}")] if priced else []
        cells += [str(run.recovered), ", ".join(f"{reason} {count}" for reason, count in run.stop_reasons)]
        lines.append(cells)
    means = "the normal distribution" if any(run.n > RESAMPLED for run in runs) else "the bootstrap"
    return f"{markdown_table(lines)}\n\nIn brackets: 95 % intervals, of Wilson for shares, of {means} for means."


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a Markdown table; the first is its head."""
    head, *rest = ([" ".join(cell.replace("|", "\\|").split()) for cell in cells] for cells in rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rest))


def percent(share: Interval) -> str:
    """Write a share with its interval; a dash where there is nothing to count."""
    return "-" if not share.n else f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]"


def plain(interval: Interval, digits: int) -> str:
    """Write a mean with its interval; a dash where there is nothing to count."""
    if not interval.n:
        return "-"
    return f"{interval.value:.{digits}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def _three_digits(seconds: float) -> float:
    """Round to three significant digits, so that there are few distinct values however long the run is."""
    return float(f"{seconds:.3g}")
