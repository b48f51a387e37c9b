"""One answer against its gold: strictly and forgivingly."""

from __future__ import annotations

import pytest

from reasonkit.evaluation import Metric, score
from reasonkit.types import Question, Result, Sample


@pytest.mark.parametrize(
    ("metric", "gold", "answer", "right", "lenient"),
    [
        ("number", "1,234", "$1234.00", True, True),
        ("number", "12", "12 apples", False, True),
        ("number", "0.5", "0.5004", True, True),
        ("number", "12", None, False, False),
        ("exact", "The Rhine", "rhine.", True, True),
        ("exact", "Rhine", "It is long. The answer is Rhine.", False, True),
        ("choice", "B", "(b)", True, True),
        ("choice", "B", "the second, B) 40", False, True),
        ("label", "NOT ENOUGH INFO", "not enough info.", True, True),
        ("label", "SUPPORTS", "REFUTES", False, False),
    ],
)
def test_strict_and_lenient(metric: Metric, gold: str, answer: str | None, right: bool, lenient: bool) -> None:
    question = Question(text="?", gold=(gold,), choices=("30", "40") if metric == "choice" else ())
    scored = score(question, Result(question=question, answer=answer, stop_reason="finish"), metric)
    assert (scored.right, scored.lenient) == (right, lenient)


def test_the_best_of_several_gold_answers_counts() -> None:
    question = Question(text="?", gold=("United Kingdom", "UK", "Great Britain"))
    scored = score(question, Result(question=question, answer="the UK", stop_reason="finish"), "exact")
    assert (scored.right, scored.f1) == (True, 1.0)
    half = score(question, Result(question=question, answer="Britain", stop_reason="finish"), "exact")
    assert not half.right
    assert half.f1 == pytest.approx(2 / 3)


def test_half_a_yes_is_worth_nothing() -> None:
    question = Question(text="?", gold=("yes",))
    assert score(question, Result(question=question, answer="yes it is", stop_reason="finish"), "exact").f1 == 0.0


def test_a_lenient_reading_that_the_method_made_is_used() -> None:
    question = Question(text="?", gold=("7",))
    result = Result(question=question, answer=None, lenient="7", stop_reason="finish")
    scored = score(question, result, "number")
    assert (scored.right, scored.lenient) == (False, True)


def test_abstentions_in_a_vote_are_never_right() -> None:
    question = Question(text="?", gold=("5",))
    samples = tuple(Sample(answer=answer) for answer in (None, "5", "4", "4"))
    result = Result(question=question, answer="4", stop_reason="finish", samples=samples)
    assert score(question, result, "number").right_at == (False, True, True, False)
