"""ROUGE-L: how much of a reference's words a summary gives in the same order.

Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section 3.1 (sentence level, the whole summary
taken as one sentence), with recall and precision weighing the same. Words are runs of letters and digits, capitals do
not count, and nothing is stemmed.
"""

from __future__ import annotations

import re


def rouge_l(summary: str, reference: str) -> float:
    """Return the F score of the longest common subsequence of words, 0 to 1.

    Args:
        summary: what a model wrote.
        reference: what it should say.
    """
    said, wanted = _words(summary), _words(reference)
    common = _common(said, wanted)
    return 2 * common / (len(said) + len(wanted)) if common else 0.0


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _common(one: list[str], two: list[str]) -> int:
    """Return the length of the longest common subsequence."""
    best = [0] * (len(two) + 1)
    for word in one:
        before = 0
        for place, other in enumerate(two, 1):
            before, best[place] = best[place], before + 1 if word == other else max(best[place], best[place - 1])
    return best[-1]
