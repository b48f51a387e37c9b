"""The same evaluation out of one machine: agents in Ray actors, one process that writes.

The process that calls holds the folder, its trace and its sums, as `run.py` does; the actors only answer. An episode is
asked under its own number, so it draws the same seeds wherever it runs, and its lines come back whole and are written
at once. A worker that dies takes only the episodes under way with it: they are asked again by the others. What is on
record is never sent out. Ray is the extra `ray` and is imported when a run begins.
Not here: one process with many requests under way, which is enough for one server (`run.py`, `concurrency`).
Source: docs.ray.io, Ray Core: threaded actors, fault tolerance of actors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from reasonkit.agents.agent import Agent
from reasonkit.agents.asking import checked_concurrency
from reasonkit.errors import InputError
from reasonkit.evaluation.cluster.connection import Connection
from reasonkit.evaluation.cluster.crew import Crew, Stop
from reasonkit.evaluation.datasets import Dataset
from reasonkit.evaluation.rows import Row
from reasonkit.evaluation.run import carried_out, settings_of
from reasonkit.evaluation.table import Figures, Tally
from reasonkit.runner.budget import Budget, Price

__all__ = ["Stop", "evaluate_on_ray"]


def evaluate_on_ray(
    build: Callable[[], Agent],
    dataset: Dataset,
    out: str | Path,
    *,
    method: str | None = None,
    workers: int = 2,
    concurrency: int = 2,
    address: str | None = None,
    cpus: float = 1,
    gpus: float = 0,
    budget: Budget | None = None,
    price: Price | None = None,
    tally: Tally | None = None,
    on_row: Callable[[Row], None] | None = None,
    stop: Stop | None = None,
) -> Figures:
    """Run a method over a dataset with agents on a Ray cluster, or go on with a run that stopped.

    The folder is that of `evaluate`, and either goes on with what the other began.

    Args:
        build: makes an agent; called once in every worker, so it must be picklable, and name what is found there.
        dataset: the questions with their gold answers.
        out: the folder, on the machine that calls.
        method: how tables call it; the agent's own name if none is given.
        workers: agents, each in a process of its own.
        concurrency: items under way at the same time, over all workers; each asks one request at a time.
        address: of a cluster (`auto`, HOST:PORT, `ray://...`); None takes RAY_ADDRESS, or starts Ray on this machine.
        cpus: that each worker takes of the cluster.
        gpus: that each worker takes of the cluster; a fraction shares one.
        budget: what each item may spend.
        price: what the model costs.
        tally: kept up to date as rows come.
        on_row: called with each item's row as it comes.
        stop: ends the run early.

    Raises:
        MissingExtra: Ray is not installed.
        ClusterError: the cluster was not reached, or keeps losing its workers.
        InputError: the folder holds a run with other settings, or a worker cannot make its agent.
    """
    if workers < 1:
        raise InputError(f"workers is {workers}; give 1 or more")
    each = math.ceil(checked_concurrency(concurrency) / workers)
    with Connection(address, workers) as cluster:
        crew = Crew(cluster, build, workers=workers, threads=each, cpus=cpus, gpus=gpus)
        try:
            run = crew.begin()
            described = {"strategy": run.strategy, "options": run.options, "parts": run.parts}
            settings = settings_of(dataset, described, method=method, budget=budget)
            return carried_out(
                lambda trace: crew.each(dataset.questions, trace, budget, stop or Stop()),
                dataset, settings, Path(out), tally or Tally(price), on_row,
            )  # fmt: skip
        finally:
            crew.close()
