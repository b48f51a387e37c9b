"""Scoring one answer against its gold: strictly and forgivingly, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reasonkit.answers import (
    choice_match,
    exact_match,
    extract,
    label_match,
    maj_at_k,
    numeric_match,
    token_f1,
)
from reasonkit.answers.extraction import AnswerType
from reasonkit.evaluation.datasets import Metric
from reasonkit.types import Question, Result

_MATCHES: dict[Metric, Callable[[str | None, str], bool]] = {
    "number": numeric_match,
    "exact": exact_match,
    "choice": choice_match,
    "label": label_match,
}
ANSWER_TYPES: dict[Metric, AnswerType] = {"number": "number", "exact": "text", "choice": "choice", "label": "text"}
"""What an extraction looks for, by metric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one result is worth."""

    right: bool
    """The answer matches a gold answer."""
    lenient: bool
    """The answer, or what a forgiving extraction reads in the same words, matches one."""
    f1: float
    """The best token F1 with a gold answer (HotpotQA's rule for yes and no)."""
    right_at: tuple[bool, ...]
    """For every k up to the samples drawn: whether the majority of the first k is right."""


def score(question: Question, result: Result, metric: Metric) -> Score:
    """Score a result against the gold of its question."""
    match = _MATCHES[metric]

    def agrees(answer: str | None) -> bool:
        return any(match(answer, gold) for gold in question.gold)

    right = agrees(result.answer)
    known: dict[str | None, bool] = {}
    winners = maj_at_k([sample.answer for sample in result.samples])
    for winner in winners:
        if winner not in known:
            known[winner] = agrees(winner)
    return Score(
        right=right,
        lenient=right or agrees(_read(question, result, metric)),
        f1=max((token_f1(result.answer, gold) for gold in question.gold), default=0.0),
        right_at=tuple(known[winner] for winner in winners),
    )


def _read(question: Question, result: Result, metric: Metric) -> str | None:
    """Return what a forgiving extraction reads in the words of the answer."""
    if result.lenient is not None or result.answer is None:
        return result.lenient
    return extract(result.answer, ANSWER_TYPES[metric], choices=question.choices).lenient
