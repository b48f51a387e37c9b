"""ROUGE-L: worked examples of the paper, and what must hold of any score."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.train.rouge import rouge_l

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=12).map(" ".join)


@pytest.mark.parametrize(
    ("summary", "score"),
    [("police kill the gunman", 3 / 4), ("the gunman kill police", 2 / 4), ("the gunman police killed", 2 / 4)],
)
def test_the_examples_of_the_paper(summary: str, score: float) -> None:
    assert rouge_l(summary, "police killed the gunman") == pytest.approx(score)


def test_capitals_and_marks_do_not_count() -> None:
    assert rouge_l("Anna, and BEN!", "anna and ben") == 1
    assert rouge_l("Émile's", "émile s") == 1


@given(WORDS, WORDS)
def test_a_score_is_symmetric_and_between_nothing_and_one(one: str, two: str) -> None:
    assert rouge_l(one, two) == rouge_l(two, one)
    assert 0 <= rouge_l(one, two) <= 1
    assert rouge_l(one, one) == (1 if one else 0)
