"""The options of methods, checked where a method is built: what cannot be used is named before anything is asked.

Not here: what a question must be (`asking.py`), and what is opened (`connect.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import get_args

from reasonkit.demonstrations import Choice
from reasonkit.errors import InputError
from reasonkit.types import Sampling


def sampling_of(
    *, temperature: float, top_p: float = 1.0, max_tokens: int, tokens_name: str = "max_tokens"
) -> Sampling:
    """Return how completions are drawn.

    Args:
        temperature: 0 is greedy; finite, 0 or more.
        top_p: above 0, at most 1.
        max_tokens: 1 or more.
        tokens_name: how the caller knows `max_tokens`, for the message.

    Raises:
        InputError: one of them is out of its range, or no number.
    """
    if not _is_number(temperature) or not math.isfinite(temperature) or temperature < 0:
        raise InputError(f"temperature is {temperature!r}; give a number, 0 or more")
    if not _is_number(top_p) or not 0 < top_p <= 1:
        raise InputError(f"top_p is {top_p!r}; give a number above 0 and at most 1")
    return Sampling(temperature=temperature, top_p=top_p, max_tokens=at_least_one(tokens_name, max_tokens))


def at_least_one(name: str, value: object) -> int:
    """Return a count.

    Raises:
        InputError: it is no whole number, or below 1.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{name} is {value!r}; give a whole number, 1 or more")
    return value


def checked_seed(seed: object) -> int:
    """Return a seed.

    Raises:
        InputError: it is no whole number.
    """
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise InputError(f"seed is {seed!r}; give a whole number")
    return seed


def checked_answer_type(kind: object) -> str:
    """Return what counts as an answer.

    Raises:
        InputError: there is no such kind of answer.
    """
    from reasonkit.answers import AnswerType

    known = get_args(AnswerType)
    if not isinstance(kind, str) or kind not in known:
        raise InputError(f"answer_type is {kind!r}; give one of {', '.join(known)}")
    return kind


def checked_examples(examples: object) -> Sequence[Mapping[str, object]] | None:
    """Return worked examples.

    Raises:
        InputError: they are no sequence of mappings.
    """
    if examples is None:
        return None
    if isinstance(examples, str | bytes) or not isinstance(examples, Sequence):
        raise InputError(f"examples is {examples!r}; give a list of examples, each a dict of the prompt's fields")
    for number, example in enumerate(examples):
        if not isinstance(example, Mapping) or not all(isinstance(name, str) for name in example):
            raise InputError(f"examples[{number}] is {example!r}; give a dict of the prompt's fields")
    return examples


def checked_choice(choice: object) -> Choice | None:
    """Return how worked examples are chosen; a number is the first so many.

    Raises:
        InputError: it is neither.
    """
    if choice is None or isinstance(choice, Choice):
        return choice
    if not isinstance(choice, int) or isinstance(choice, bool):
        raise InputError(f"choice is {choice!r}; give how many examples are shown, or a Choice(k=..., by=...)")
    return Choice(k=choice)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
