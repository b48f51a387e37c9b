"""A line of `results.jsonl`: what one item came to. A projection of the trace, which is the one truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from reasonkit.errors import DatasetError
from reasonkit.evaluation.datasets import Metric
from reasonkit.evaluation.scoring import score
from reasonkit.types import Question, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one item came to."""

    id: str
    episode: int
    """Its number in the trace."""
    question: str
    gold: tuple[str, ...]
    answer: str | None
    right: bool
    """The answer as it was read strictly agrees with the gold."""
    lenient: bool
    """It does so at least when it is read forgivingly."""
    f1: float
    stop_reason: str
    steps: int
    recovered: int
    """Steps that were not read as they were written."""
    requests: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    """Waited for the model, tools and programs, summed over what ran side by side."""
    right_at: tuple[bool, ...] = ()
    """For every k up to the samples drawn: whether the majority of the first k is right."""
    error: str | None = None


def row_of(episode: int, question: Question, result: Result, metric: Metric, *, seconds: float = 0.0) -> Row:
    """Score a result and keep what a report needs of it.

    Args:
        episode: the item's number.
        question: as the dataset has it; a result whose question could not be asked holds only what could be recorded.
        result: what became of it.
        metric: how it is scored.
        seconds: waited for the model, tools and programs.
    """
    scored = score(question, result, metric)
    return Row(
        id=question.id or str(episode),
        episode=episode,
        question=question.text,
        gold=question.gold,
        answer=result.answer,
        right=scored.right,
        lenient=scored.lenient,
        f1=round(scored.f1, 6),
        stop_reason=result.stop_reason,
        steps=len(result.steps),
        recovered=sum(step.rung != "accepted" for step in result.steps),
        requests=result.usage.requests,
        prompt_tokens=result.usage.prompt_tokens,
        completion_tokens=result.usage.completion_tokens,
        seconds=round(seconds, 3),
        right_at=scored.right_at,
        error=None if result.error is None else f"{result.error.kind}: {result.error.message}",
    )


def write_row(row: Row) -> str:
    """Return a line, its newline included."""
    named = {name: getattr(row, name) for name in _NAMES}
    try:
        text = json.dumps(named, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate in a model's answer: JSON can escape it
        text = json.dumps(named)
    return text + "\n"


def read_rows(path: Path) -> Iterator[Row]:
    """Read `results.jsonl`.

    Raises:
        DatasetError: it cannot be read, or a line is not one of its rows.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                yield _row(line, f"{path}, line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read as results: {error}") from None


_NAMES = tuple(field.name for field in fields(Row))


def _row(line: str, where: str) -> Row:
    try:
        raw = json.loads(line)
    except ValueError as error:
        raise DatasetError(
            f"{where}: not JSON ({error}); run the same eval again, which writes the file anew"
        ) from None
    if not isinstance(raw, dict) or set(raw) != set(_NAMES):
        raise DatasetError(f"{where}: not a row of results; run the same eval again, which writes the file anew")
    return Row(**raw | {"gold": tuple(raw["gold"]), "right_at": tuple(raw["right_at"])})
