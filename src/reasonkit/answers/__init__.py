"""Answers in text: reading them out, comparing them with the gold, voting on them.

Pure functions over strings and plain values. Not here: datasets and averages over them (`evaluation`), and the steps of
Act and ReAct (`steps`).
"""

from reasonkit.answers.extraction import AnswerType, Extraction, extract
from reasonkit.answers.metrics import choice_match, exact_match, label_match, normalize_answer, numeric_match, token_f1
from reasonkit.answers.numbers import to_number
from reasonkit.answers.voting import canonical, maj_at_k, majority, overtaken

__all__ = [
    "AnswerType",
    "Extraction",
    "canonical",
    "choice_match",
    "exact_match",
    "extract",
    "label_match",
    "maj_at_k",
    "majority",
    "normalize_answer",
    "numeric_match",
    "overtaken",
    "to_number",
    "token_f1",
]
