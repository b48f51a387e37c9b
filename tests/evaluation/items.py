"""A dataset of sums and a client that adds, for runs of any length."""

from __future__ import annotations

import re

from reasonkit.evaluation import Dataset
from reasonkit.types import Question, Request


def sums(n: int) -> Dataset:
    """Return n sums; their ids are their numbers with an s."""
    questions = tuple(
        Question(id=f"s{number}", text=f"What is {number} plus {number}?", gold=(str(2 * number),))
        for number in range(n)
    )  # fmt: skip
    return Dataset(name="sums", metric="number", questions=questions)


def asked(request: Request) -> int:
    """Return which number is to be doubled."""
    assert isinstance(request.prompt, str)
    return int(re.findall(r"What is (\d+) plus", request.prompt)[-1])


def added(request: Request) -> str:
    """Answer; every tenth sum is wrong."""
    number = asked(request)
    return f" I add. The answer is {2 * number + (number % 10 == 9)}."
