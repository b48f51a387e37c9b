"""One method of `reasonkit eval`: run here or on a cluster, with a bar on a terminal and a Ctrl-C that loses nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reasonkit.agents.agent import Agent
    from reasonkit.evaluation import Dataset, Figures, Tally
    from reasonkit.runner.budget import Price


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """Where a run's agents are, if they are on a cluster."""

    workers: int
    address: str | None
    gpus: float


def run(
    name: str,
    build: Callable[[str], Agent],
    dataset: Dataset,
    out: Path,
    *,
    concurrency: int,
    price: Price | None,
    cluster: ClusterOptions | None,
) -> Figures:
    """Run one method; an interrupt gives the figures of what there is."""
    from reasonkit.evaluation import Tally

    tally = Tally(price)
    try:
        if cluster is None:
            figures = _here(build(name), name, dataset, out, concurrency, tally)
        else:
            figures = _on_ray(partial(build, name), name, dataset, out, concurrency, tally, cluster)
    except KeyboardInterrupt:  # the second one
        figures = tally.figures(name)
    if tally.failed:
        print(
            f"reasonkit: {name}: {tally.failed} of {tally.n} items failed, the first with {tally.first_error}; "
            "the same command asks them again",
            file=sys.stderr,
        )
    return figures


def _here(built: Agent, name: str, dataset: Dataset, out: Path, concurrency: int, tally: Tally) -> Figures:
    from reasonkit.cli.run import first_interrupt_cancels
    from reasonkit.evaluation import evaluate

    with built as agent, first_interrupt_cancels(agent), _bar(name, dataset, tally) as moved:
        return evaluate(
            agent, dataset, out, method=name, concurrency=concurrency, tally=tally, on_row=lambda _: moved()
        )  # fmt: skip


def _on_ray(
    build: Callable[[], Agent], name: str, dataset: Dataset, out: Path, concurrency: int, tally: Tally,
    cluster: ClusterOptions,
) -> Figures:  # fmt: skip
    from reasonkit.cli.run import first_interrupt_cancels
    from reasonkit.evaluation.cluster import Stop, evaluate_on_ray

    stop = Stop()
    with first_interrupt_cancels(stop), _bar(name, dataset, tally) as moved:
        return evaluate_on_ray(
            build, dataset, out, method=name, workers=cluster.workers, concurrency=concurrency,
            address=cluster.address, gpus=cluster.gpus, tally=tally, on_row=lambda _: moved(), stop=stop,
        )  # fmt: skip


@contextmanager
def _bar(name: str, dataset: Dataset, tally: Tally) -> Iterator[Callable[[], None]]:
    """Show how far a run is, with the running score and its interval, on a terminal alone."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from reasonkit.evaluation import wilson
    from reasonkit.evaluation.table import percent

    columns: list[ProgressColumn] = [
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[score]}"),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task(name, total=len(dataset.questions), score="", rate="")

        def move() -> None:
            speed = shown.tasks[0].speed
            rate = "" if speed is None else f"{speed:.1f}/s"
            shown.update(task, advance=1, score=f"right {percent(wilson(tally.right, tally.n))}", rate=rate)

        yield move
