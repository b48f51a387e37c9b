"""The back-offs between ReAct and chain of thought with self-consistency.

Source: Yao et al. 2023, arXiv 2210.03629, section 3.2: "ReAct -> CoT-SC" when ReAct gives no answer within its steps,
"CoT-SC -> ReAct" when the majority answer has fewer than n/2 votes.
"""

from __future__ import annotations

from reasonkit.strategies.self_consistency import Draw
from reasonkit.types import Answer, Flow, Question


def react_then_cot_sc(question: Question, *, react: Draw, cot_sc: Draw) -> Flow[Answer]:
    """Answer by ReAct; by the vote of chains of thought if ReAct gives no answer."""
    answer = yield from react(question)
    if answer.text is not None:
        return answer
    return (yield from cot_sc(question))


def cot_sc_then_react(question: Question, *, cot_sc: Draw, react: Draw, n: int) -> Flow[Answer]:
    """Answer by the vote of chains of thought; by ReAct if the winner has fewer than half of the n votes.

    Args:
        question: what is asked.
        cot_sc: makes the flow of the vote.
        react: makes the flow of ReAct.
        n: samples that the vote may draw; the winner needs at least n / 2 votes.
    """
    voted = yield from cot_sc(question)
    if voted.votes and voted.votes[0].count >= n / 2:
        return voted
    answer = yield from react(question)
    return Answer(
        text=answer.text,
        stop_reason=answer.stop_reason,
        votes=voted.votes,
        abstained=voted.abstained,
        saved=voted.saved,
    )
