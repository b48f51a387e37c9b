"""Running a method over a dataset: into a folder, resumable, one failed item a recorded failure.

The folder holds `settings.json`, `trace.jsonl` and `results.jsonl`. The trace is the one truth: after a crash the same
call goes on where it stopped, asks nothing twice, and writes the results anew. Other settings are refused.
Not here: more than one process (`cluster.py`); many agents against one server, through `concurrency`, come first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from reasonkit.agents.agent import Agent
from reasonkit.errors import InputError
from reasonkit.evaluation.datasets import Dataset, Metric
from reasonkit.evaluation.rows import Row, row_of, write_row
from reasonkit.evaluation.table import Figures, Tally
from reasonkit.runner.budget import Budget, Price
from reasonkit.trace import Event, Line, Recording, Trace
from reasonkit.types import Result

TRACE, RESULTS, SETTINGS = "trace.jsonl", "results.jsonl", "settings.json"
SCORING = 1
"""Counts up when the same answers would be scored otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What makes two runs comparable; what else a run was made with stands at the head of its trace."""

    method: str
    """How tables call it."""
    dataset: str
    kind: str
    """The form of the dataset's file; it tells which published figures stand beside the run's."""
    n: int
    seed: int | None
    """Of the draw of the items; None takes them as they stand."""
    items_sha256: str
    """Of ids, questions, gold answers and choices, in their order."""
    metric: Metric
    extraction: str | None
    """What is read out of the model's words: number, choice, yes_no or text; None where the answer is written apart."""
    scoring: int
    budget: str | None
    """What each item may spend."""


def evaluate(
    agent: Agent,
    dataset: Dataset,
    out: str | Path,
    *,
    method: str | None = None,
    concurrency: int = 1,
    budget: Budget | None = None,
    price: Price | None = None,
    tally: Tally | None = None,
    on_row: Callable[[Row], None] | None = None,
) -> Figures:
    """Run an agent over a dataset, or go on with a run that stopped; items that the world failed are asked again.

    Args:
        agent: a method with its client.
        dataset: the questions with their gold answers.
        out: the folder; made if it is missing.
        method: how tables call it; the agent's own name if none is given.
        concurrency: requests under way at the same time.
        budget: what each item may spend.
        price: what the model costs; it changes no answer, so a run may go on with another.
        tally: kept up to date as rows come, for whoever shows a running score.
        on_row: called with each item's row as it comes.

    Returns:
        The figures. Their n is less than the dataset's if the run was cancelled; `results.jsonl` is then not written.

    Raises:
        InputError: the folder holds a run with other settings; the message says which.
    """
    settings = settings_of(dataset, agent.recipe.described(), method=method, budget=budget)
    return carried_out(
        lambda trace: agent.each(dataset.questions, concurrency=concurrency, trace=trace, budget=budget),
        dataset, settings, Path(out), tally or Tally(price), on_row,
    )  # fmt: skip


def settings_of(
    dataset: Dataset, described: Mapping[str, object], *, method: str | None, budget: Budget | None
) -> Settings:  # fmt: skip
    """Return the settings of a run.

    Args:
        dataset: what is asked.
        described: the strategy with its options and parts, as a recipe or the head of a trace has them.
        method: how tables call it; the strategy's own name if none is given.
        budget: what each item may spend.
    """
    return Settings(
        method=method or str(described["strategy"]),
        dataset=dataset.name,
        kind=dataset.kind,
        n=len(dataset.questions),
        seed=dataset.seed,
        items_sha256=_items_sha256(dataset),
        metric=dataset.metric,
        extraction=_extraction(described),
        scoring=SCORING,
        budget=None if budget is None else repr(budget),
    )


def carried_out(
    answers: Callable[[Trace], Iterator[tuple[int, Result]]],
    dataset: Dataset,
    settings: Settings,
    folder: Path,
    sums: Tally,
    on_row: Callable[[Row], None] | None,
) -> Figures:
    """Keep a run's folder while its answers come: settings, trace, results.

    Args:
        answers: records in the trace that it is given, and yields each item's number and result.
        dataset: what is asked.
        settings: of the run; a folder of another run is refused.
        folder: of the run.
        sums: what rows are added to.
        on_row: called with each item's row as it comes.
    """
    _same(folder, settings)
    partial = folder / f"{RESULTS}.partial"
    with _Timed(folder / TRACE) as trace, partial.open("w", encoding="utf-8") as lines:
        for episode, result in answers(trace):
            seconds = trace.seconds.pop(episode, 0.0)
            if result.stop_reason == "cancelled":
                continue
            row = row_of(episode, dataset.questions[episode], result, dataset.metric, seconds=seconds)
            lines.write(write_row(row))
            sums.add(row)
            if on_row is not None:
                on_row(row)
    if sums.n == settings.n:
        partial.replace(folder / RESULTS)
    return sums.figures(settings.method)


def read_settings(folder: str | Path) -> Settings:
    """Read the settings of a run.

    Raises:
        InputError: the folder is not one of a run.
    """
    try:
        return Settings(**json.loads((Path(folder) / SETTINGS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{folder}: not the folder of a run ({error}); give one that eval wrote") from None


class _Timed(Trace):
    """A trace that also sums what each open episode waited for."""

    def __init__(self, path: Path) -> None:
        self.seconds: dict[int, float] = {}
        super().__init__(path)

    def append(self, lines: Sequence[Line]) -> None:
        super().append(lines)
        self._add(lines)

    def recording(self, episode: int) -> Recording:
        found = super().recording(episode)
        self.seconds.pop(episode, None)
        self._add(list(found.events.values()))
        return found

    def _add(self, lines: Sequence[Line]) -> None:
        for line in lines:
            if isinstance(line, Event) and line.group[0] == 0:  # a merged request is waited for once
                self.seconds[line.episode] = self.seconds.get(line.episode, 0.0) + line.seconds


def _same(folder: Path, settings: Settings) -> None:
    """Write the settings of a new run, or compare those of one that goes on."""
    file = folder / SETTINGS
    if file.exists():
        before = asdict(read_settings(folder))
        for name, value in asdict(settings).items():
            if before[name] != value:
                raise InputError(
                    f"{folder}: holds a run with another {name}: {before[name]!r} then, {value!r} now; "
                    "give another folder, or the same settings to go on"
                )
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        begun = file.with_suffix(".partial")
        begun.write_text(json.dumps(asdict(settings), indent=2) + "\n", encoding="utf-8")
        begun.replace(file)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror or error}; give a folder that can be written") from None


def _extraction(described: Mapping[str, object]) -> str | None:
    """Return what a strategy, or one that it is made of, reads out of words."""
    options, parts = described.get("options"), described.get("parts")
    if isinstance(options, Mapping) and options.get("answer_type") is not None:
        return str(options["answer_type"])
    inside = parts.values() if isinstance(parts, Mapping) else ()
    return next((found for part in inside if isinstance(part, Mapping) and (found := _extraction(part))), None)


def _items_sha256(dataset: Dataset) -> str:
    digest = hashlib.sha256()
    for question in dataset.questions:
        item = [question.id, question.text, question.gold, question.choices]
        digest.update(json.dumps(item, ensure_ascii=True).encode() + b"\n")
    return digest.hexdigest()
