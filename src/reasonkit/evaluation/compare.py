"""Comparing two runs over the same items: who has what right, what the difference is worth, and the items that flip.

Items are aligned by their ids. The test is McNemar's, exact; the intervals are of a paired bootstrap. What is not
comparable is refused: other items, another metric, another extraction or scoring, or a run that has not ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reasonkit.errors import InputError
from reasonkit.evaluation.intervals import Interval, mcnemar, paired_bootstrap
from reasonkit.evaluation.rows import Row, read_rows
from reasonkit.evaluation.run import RESULTS, TRACE, Settings, read_settings
from reasonkit.evaluation.table import percent, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """An item that one run has right and the other has not."""

    id: str
    question: str
    gold: tuple[str, ...]
    gained: bool
    """Whether the second run has it right."""
    answers: tuple[str | None, str | None]
    episodes: tuple[int, int]
    """Its numbers in the two traces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two runs come to, item by item."""

    first: str
    second: str
    """How the runs are called: dataset and method, with their folders."""
    traces: tuple[Path, Path]
    n: int
    both: int
    only_first: int
    only_second: int
    neither: int
    p: float
    """Of McNemar's exact test, two-sided."""
    right: Interval
    """The second's share of right answers less the first's."""
    f1: Interval
    tokens: Interval
    """The second's tokens an item less the first's."""
    flips: tuple[Flip, ...]

    def lines(self, flips: int = 20) -> list[str]:
        """Return a report in words.

        Args:
            flips: how many of the items that flip are shown.
        """
        gained, lost = self.only_second, self.only_first
        found = [
            f"first:  {self.first}",
            f"second: {self.second}",
            f"{self.n} items: both right {self.both}, only first {lost}, only second {gained}, neither {self.neither}",
            f"right, second less first: {percent(self.right)} n={self.n} (paired bootstrap, 95 %)",
            f"McNemar's exact test: p = {self.p:.4g}" + (" (no item flips)" if not gained + lost else ""),
            f"F1, second less first: {percent(self.f1)} n={self.n}",
            f"tokens an item, second less first: {plain(self.tokens, 0)} n={self.n}",
        ]
        for flip in self.flips[:flips]:
            sign = "+" if flip.gained else "-"
            found += [
                f"{sign} {flip.id}: {flip.question}",
                f"    gold {' | '.join(flip.gold)}; first {flip.answers[0]!r}, second {flip.answers[1]!r}",
                f"    reasonkit trace show {self.traces[0]} --episode {flip.episodes[0]}",
                f"    reasonkit trace show {self.traces[1]} --episode {flip.episodes[1]}",
            ]
        if len(self.flips) > flips:
            found.append(f"... and {len(self.flips) - flips} more items that flip")
        return found


def compare(first: str | Path, second: str | Path, *, lenient: bool = False, seed: int = 0) -> Comparison:
    """Compare two runs that `evaluate` wrote.

    Args:
        first: a run's folder.
        second: another's, over the same items.
        lenient: whether answers count as they are read forgivingly, in both.
        seed: of the bootstrap.

    Raises:
        InputError: the two are not comparable; the message says why.
    """
    folders = Path(first), Path(second)
    settings = read_settings(folders[0]), read_settings(folders[1])
    _comparable(folders, settings)
    ones, others = (_rows(folder, of) for folder, of in zip(folders, settings, strict=True))
    _same_items(folders, ones, others)
    pairs = [(one, others[name]) for name, one in ones.items()]

    def good(row: Row) -> bool:
        return row.lenient if lenient else row.right

    only_first = sum(good(a) and not good(b) for a, b in pairs)
    only_second = sum(good(b) and not good(a) for a, b in pairs)
    both = sum(good(a) and good(b) for a, b in pairs)
    return Comparison(
        first=_name(folders[0], settings[0]),
        second=_name(folders[1], settings[1]),
        traces=(folders[0] / TRACE, folders[1] / TRACE),
        n=len(pairs),
        both=both,
        only_first=only_first,
        only_second=only_second,
        neither=len(pairs) - both - only_first - only_second,
        p=mcnemar(only_first, only_second),
        right=paired_bootstrap([good(a) for a, _ in pairs], [good(b) for _, b in pairs], seed=seed),
        f1=paired_bootstrap([a.f1 for a, _ in pairs], [b.f1 for _, b in pairs], seed=seed),
        tokens=paired_bootstrap([_tokens(a) for a, _ in pairs], [_tokens(b) for _, b in pairs], seed=seed),
        flips=tuple(
            Flip(
                id=a.id, question=a.question, gold=a.gold, gained=good(b),
                answers=(a.answer, b.answer), episodes=(a.episode, b.episode),
            )
            for a, b in pairs
            if good(a) != good(b)
        ),
    )  # fmt: skip


def _comparable(folders: tuple[Path, Path], settings: tuple[Settings, Settings]) -> None:
    one, other = settings
    both_read = one.extraction is not None and other.extraction is not None
    for name, differs in (
        ("metric", one.metric != other.metric),
        ("extraction", both_read and one.extraction != other.extraction),
        ("scoring", one.scoring != other.scoring),
    ):
        if differs:
            raise InputError(
                f"not comparable: {name} is {getattr(one, name)!r} in {folders[0]}, "
                f"{getattr(other, name)!r} in {folders[1]}; evaluate both with the same"
            )


def _rows(folder: Path, settings: Settings) -> dict[str, Row]:
    """Return a run's rows by their ids, in the order of the items."""
    if not (folder / RESULTS).exists():
        raise InputError(f"{folder}: the run has not ended; give the same eval again, which goes on with it")
    rows = {row.id: row for row in sorted(read_rows(folder / RESULTS), key=lambda row: row.episode)}
    if len(rows) != settings.n:
        raise InputError(f"{folder}: {len(rows)} results of {settings.n} items; give the same eval again to mend them")
    return rows


def _same_items(folders: tuple[Path, Path], ones: dict[str, Row], others: dict[str, Row]) -> None:
    for here, there, has, lacks in ((*folders, ones, others), (*folders[::-1], others, ones)):
        if missing := [name for name in has if name not in lacks]:
            raise InputError(
                f"not comparable: other items. {len(missing)} of {len(has)} in {here} are not in {there}, "
                f"the first is {missing[0]!r}; evaluate both on the same, with the same n and seed"
            )
    for name, one in ones.items():
        if (one.question, one.gold) != (others[name].question, others[name].gold):
            raise InputError(
                f"not comparable: item {name!r} is {one.question[:60]!r} with gold {one.gold} in {folders[0]}, "
                f"{others[name].question[:60]!r} with {others[name].gold} in {folders[1]}"
            )


def _name(folder: Path, settings: Settings) -> str:
    return f"{settings.method} on {settings.dataset} ({folder})"


def _tokens(row: Row) -> int:
    return row.prompt_tokens + row.completion_tokens
