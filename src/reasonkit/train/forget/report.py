"""The figures of `reasonkit forget`: each variant against the base, and against full fine-tuning, item by item.

Shares have Wilson's interval; differences a paired bootstrap's over the same items, and McNemar's exact test. All tasks
but the new one are put together in one figure too: what was forgotten. Not here: measuring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reasonkit.evaluation import Interval, mcnemar, paired_bootstrap, wilson
from reasonkit.evaluation.table import markdown_table, percent
from reasonkit.train.forget.kept import BEFORE, Answered

OTHERS = "all others"
"""All tasks but the new one, together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two variants over the same items of a task."""

    task: str
    first: str
    second: str
    before: Interval
    """Share that the first has right."""
    after: Interval
    """Share that the second has right."""
    difference: Interval
    """The second's share less the first's."""
    lost: int
    """Items that only the first has right."""
    gained: int
    """Items that only the second has right."""
    p: float
    """Of McNemar's exact test, two-sided."""


def differences(found: Sequence[Answered]) -> tuple[Difference, ...]:
    """Return each variant against the base on each task and on all others together, then LoRA and mixes against full."""
    base, *variants = found
    names = [task for task, _ in base.right]
    rows = [
        _difference(task, base, one, _items(base, task, names), _items(one, task, names))
        for one in variants
        for task in (*names, OTHERS)
    ]
    full = next((one for one in variants if one.variant == "full"), None)
    if full is not None:
        rows += [
            _difference(task, full, one, _items(full, task, names), _items(one, task, names))
            for one in variants
            if one is not full
            for task in (names[0], OTHERS)
        ]
    return tuple(rows)


def report(found: Sequence[Answered]) -> str:
    """Return the tables in Markdown, and what they are of."""
    base, *variants = found
    names = [task for task, _ in base.right]
    rows = differences(found)
    table = [["task", BEFORE, *(one.variant for one in variants)]]
    for task in (*names, OTHERS):
        cells = [task, percent(_share(_items(base, task, names)))]
        cells += [_cell(row) for row in rows if row.task == task and row.first == BEFORE]
        table.append(cells)
    lines = [
        markdown_table(table),
        "",
        f"n={len(base.of(names[0]))} items a task, the same for all. `{names[0]}` is the task that is trained.",
        "A cell: right after training; in brackets the difference, with its 95 % interval (paired bootstrap).",
    ]
    against = [row for row in rows if row.first != BEFORE]
    if against:
        second = [["task", "against full", "difference", "only full right", "only this right", "McNemar's p"]]
        second += [
            [row.task, row.second, _signed(row.difference), str(row.lost), str(row.gained), f"{row.p:.3g}"]
            for row in against
        ]
        lines += ["", markdown_table(second)]
    trained = [
        f"{one.variant}: loss {'unknown' if one.loss is None else f'{one.loss:.4f}'} after {one.steps} steps, "
        f"{one.seconds:.0f} s"
        for one in variants
    ]
    return "\n".join([*lines, "", *trained])


def _difference(
    task: str, first: Answered, second: Answered, before: Sequence[bool], after: Sequence[bool]
) -> Difference:
    pairs = list(zip(before, after, strict=True))
    lost, gained = pairs.count((True, False)), pairs.count((False, True))
    return Difference(
        task=task,
        first=first.variant,
        second=second.variant,
        before=_share(before),
        after=_share(after),
        difference=paired_bootstrap(before, after),
        lost=lost,
        gained=gained,
        p=mcnemar(lost, gained),
    )


def _items(one: Answered, task: str, names: Sequence[str]) -> tuple[bool, ...]:
    if task != OTHERS:
        return one.of(task)
    return tuple(right for name in names[1:] for right in one.of(name))


def _share(items: Sequence[bool]) -> Interval:
    return wilson(sum(items), len(items))


def _cell(row: Difference) -> str:
    return f"{row.after.value:.1%} ({_signed(row.difference)})"


def _signed(found: Interval) -> str:
    return f"{found.value:+.1%} [{found.low:+.1%}, {found.high:+.1%}]"
