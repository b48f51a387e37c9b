"""Comparing an answer with the gold: exact match, token F1, numeric, choice and label match.

Sources: HotpotQA's evaluation (arXiv 1809.09600), whose rules ReAct uses; PAL's numeric match (arXiv 2211.10435).
An abstention (None) never matches. Not here: averages and intervals over a dataset.
"""

from __future__ import annotations

import re
import string
from collections import Counter

from reasonkit.answers.numbers import to_number

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_CLOSED = frozenset({"yes", "no", "noanswer"})


def normalize_answer(text: str) -> str:
    """Lower the case, drop ASCII punctuation and the articles a, an, the, and collapse spaces; in this order."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str | None, gold: str) -> bool:
    """Tell whether two answers are the same once normalised."""
    return answer is not None and normalize_answer(answer) == normalize_answer(gold)


def token_f1(answer: str | None, gold: str) -> float:
    """Return the harmonic mean of token precision and recall, 0 to 1, of two normalised answers.

    It is 0 if either is yes, no or noanswer and the other is not the same: half a yes is worth nothing.
    """
    if answer is None:
        return 0.0
    said, right = normalize_answer(answer), normalize_answer(gold)
    if said != right and (said in _CLOSED or right in _CLOSED):
        return 0.0
    said_tokens, right_tokens = said.split(), right.split()
    shared = sum((Counter(said_tokens) & Counter(right_tokens)).values())
    return 2 * shared / (len(said_tokens) + len(right_tokens)) if shared else 0.0


def numeric_match(answer: object, gold: object, *, absolute: float = 1e-3, relative: float = 0.0) -> bool:
    """Tell whether two numbers, or texts of numbers, are less than `absolute`, or `relative` of the gold, apart.

    PAL's rule is the default: an absolute distance under 1e-3, whatever the size. Where only one side has a percent
    sign, 50 % matches 50 and 0.5 alike.
    """
    said, right = to_number(answer), to_number(gold)
    if said is None or right is None:
        return False
    bound = max(absolute, relative * abs(right))
    candidates = [said]
    if _is_percentage(answer) and not _is_percentage(gold):
        candidates.append(said / 100)
    elif _is_percentage(gold) and not _is_percentage(answer):
        candidates.append(said * 100)
    return any(abs(candidate - right) < bound or candidate == right for candidate in candidates)


def choice_match(answer: str | None, gold: str) -> bool:
    """Tell whether two letters of choices, such as `(b)` and `B`, are the same."""
    return answer is not None and _bare(answer) == _bare(gold) != ""


def label_match(answer: str | None, gold: str) -> bool:
    """Tell whether two labels, such as `Not enough info.` and `NOT ENOUGH INFO`, are the same."""
    return answer is not None and _label(answer) == _label(gold) != ""


def _label(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold().replace("_", " ")))


def _bare(letter: str) -> str:
    return letter.strip(" \t\r\n().:[]{}*\"'").casefold()


def _is_percentage(value: object) -> bool:
    return isinstance(value, str) and ("%" in value or "percent" in value.casefold())
