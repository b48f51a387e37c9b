"""Finished runs, read and put together by their items: what a report is made of.

Runs over the same items with the same metric stand in one group, for only these may be read side by side.
Not here: how a report looks (`report.py`, `page/`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from reasonkit.errors import InputError
from reasonkit.evaluation.intervals import Interval
from reasonkit.evaluation.published import Published, beside, what_differs
from reasonkit.evaluation.rows import Row, read_rows
from reasonkit.evaluation.run import RESULTS, TRACE, Settings, read_settings
from reasonkit.evaluation.table import Figures, figures
from reasonkit.runner.budget import Price
from reasonkit.trace import Run
from reasonkit.trace.reading import read_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """One finished run."""

    folder: Path
    settings: Settings
    run: Run
    """The head of its trace."""
    figures: Figures
    """Their `method` is what tables call the run; it tells two runs of one method apart."""

    @property
    def model(self) -> str:
        """What was asked."""
        client = self.run.client
        return client.get("model") or ", ".join(client.values()) or "unknown"

    def published(self) -> Iterator[tuple[Published, Interval]]:
        """Yield what papers report of this method on this kind of dataset."""
        if (strategy := _strategy(self.run)) is None:
            return
        for table in beside(self.settings):
            if (share := table.share(strategy)) is not None:
                yield table, share


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Runs over the same items with the same metric."""

    runs: tuple[Finished, ...]

    @property
    def heading(self) -> str:
        """The dataset, how many items, and what tells them from others."""
        settings = self.runs[0].settings
        drawn = "" if settings.seed is None else f", drawn with seed {settings.seed}"
        return (
            f"{settings.dataset}: {settings.n} items{drawn}, metric {settings.metric} "
            f"(items {settings.items_sha256[:12]})"
        )

    def sources(self) -> list[tuple[Published, str]]:
        """Return the papers' tables that a report names, each with what keeps it apart from these runs."""
        tables = {table.source: table for run in self.runs for table, _ in run.published()}
        return [(table, what_differs(self.runs[0].settings, table)) for table in tables.values()]


def groups(folders: Iterable[str | Path], *, price: Price | None = None) -> list[Group]:
    """Read finished runs and put together what may be read side by side.

    Args:
        folders: of the runs.
        price: what the model costs, if it is known.

    Raises:
        InputError: a folder holds no finished run, or is named twice.
    """
    found: dict[tuple[str, str], list[Finished]] = {}
    seen: set[Path] = set()
    for folder in map(Path, folders):
        if folder.resolve() in seen:
            raise InputError(f"{folder}: named twice; name each run once")
        seen.add(folder.resolve())
        run = _finished(folder, price)
        found.setdefault((run.settings.items_sha256, run.settings.metric), []).append(run)
    return [Group(runs=_told_apart(runs)) for runs in found.values()]


def rows_of(run: Finished, first: int | None = None) -> Iterator[Row]:
    """Yield a run's rows in the order of its items.

    Args:
        run: the run.
        first: so many at most; None yields all.
    """
    rows = (row for row in read_rows(run.folder / RESULTS) if first is None or row.episode < first)
    yield from sorted(rows, key=lambda row: row.episode)


def _finished(folder: Path, price: Price | None) -> Finished:
    settings = read_settings(folder)
    if not (folder / RESULTS).exists():
        raise InputError(f"{folder}: the run has not ended; give the same eval again, which goes on with it")
    counted = figures(settings.method, read_rows(folder / RESULTS), price=price)
    if not counted.n or counted.n != settings.n:
        raise InputError(f"{folder}: {counted.n} results of {settings.n} items; give the same eval again to mend them")
    return Finished(folder=folder, settings=settings, run=_head(folder / TRACE), figures=counted)


def _head(trace: Path) -> Run:
    try:
        with trace.open(encoding="utf-8") as lines:
            head = read_line(lines.readline(), f"{trace}, line 1")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{trace}: cannot be read: {error}; a report needs each run's trace") from None
    if not isinstance(head, Run):
        raise InputError(f"{trace}: does not begin as a trace does; a report needs each run's trace")
    return head


def _told_apart(runs: list[Finished]) -> tuple[Finished, ...]:
    """Return the runs with names that differ: a method's, with its folder where several have it."""
    counts = Counter(run.settings.method for run in runs)
    short = {run.folder: f"{run.folder.parent.name}/{run.folder.name}" for run in runs}
    unique = len(set(short.values())) == len(short)
    return tuple(
        run
        if counts[run.settings.method] == 1
        else replace(
            run,
            figures=replace(
                run.figures, method=f"{run.settings.method} ({short[run.folder] if unique else run.folder})"
            ),
        )
        for run in runs
    )


def _strategy(run: Run) -> str | None:
    """Return what papers call a run's method by: a vote of anything but chains of thought is none of theirs."""
    sample = run.parts.get("sample")
    voted = sample.get("strategy") if isinstance(sample, Mapping) else None
    return None if run.strategy == "self_consistency" and voted != "cot" else run.strategy
