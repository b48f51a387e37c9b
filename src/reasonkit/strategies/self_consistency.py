"""Self-consistency: draw several samples and take the answer that most of them give.

Source: Wang et al. 2023, Self-Consistency Improves Chain of Thought Reasoning in Language Models, arXiv 2203.11171,
section 2. Samples are drawn in waves of a fixed size, and only between waves is it decided whether the leader can
still be overtaken: so timing decides nothing, and the answer is that of all n samples.
"""

from __future__ import annotations

from collections.abc import Callable

from reasonkit.answers import canonical, majority, overtaken
from reasonkit.errors import BudgetSpent
from reasonkit.flow import gather, note
from reasonkit.types import Answer, Flow, Question, Sample

Draw = Callable[[Question], Flow[Answer]]
"""Makes a fresh flow for one sample."""


def self_consistency(
    question: Question, *, sample: Draw, n: int = 21, early_stop: bool = True, wave: int = 5
) -> Flow[Answer]:
    """Answer by the majority of samples; of those that the budget covered, with stop_reason `budget`, if it was short.

    Args:
        question: what is asked.
        sample: makes the flow of one sample.
        n: samples at most (the ReAct paper: 21; the self-consistency paper: 40).
        early_stop: whether to stop when the lead cannot be overtaken.
        wave: samples drawn at a time, if it stops early.

    Raises:
        BudgetSpent: not one sample was granted.
    """
    drawn: list[Answer] = []
    refused = False
    while len(drawn) < n:
        size = min(wave if early_stop else n, n - len(drawn))
        answers = yield from gather([_sampled(question, sample) for _ in range(size)])
        drawn += [answer for answer in answers if answer is not None]
        votes, _ = majority(map(_voted, drawn))
        refused = None in answers
        if refused or (early_stop and not overtaken(votes, n - len(drawn))):
            break
    if not drawn:
        raise BudgetSpent(f"the budget does not cover one of {n} samples")
    votes, abstained = majority(map(_voted, drawn))
    winner = next((answer for answer in drawn if votes and _voted(answer) == votes[0].answer), None)
    return Answer(
        text=winner.text if winner else None,
        stop_reason="budget" if refused else "finish",
        votes=votes,
        abstained=abstained,
        saved=0 if refused else n - len(drawn),
        program=winner.program if winner else None,
        execution=winner.execution if winner else None,
    )


def _sampled(question: Question, sample: Draw) -> Flow[Answer | None]:
    """Draw one sample and put it on record; None if the budget does not cover it."""
    try:
        answer = yield from sample(question)
    except BudgetSpent:
        return None
    yield from note(
        Sample(
            answer=_voted(answer),
            text=answer.text or "",
            program=answer.program,
            execution=answer.execution,
            stop_reason=answer.stop_reason,
        )
    )
    return answer


def _voted(answer: Answer) -> str | None:
    if answer.execution is not None:
        return None if answer.execution.error else canonical(answer.execution.value)
    return None if answer.text is None else canonical(answer.text)
