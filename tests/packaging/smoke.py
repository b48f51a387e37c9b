"""Tests that a user of the installed package might have; copied to another folder and run there, with its plugin."""

from __future__ import annotations

import pytest

from reasonkit import PAL, CoT, ReAct, Trace


@pytest.mark.parametrize("question", ["What is the capital of Peru?", "Who wrote Moby-Dick?"])
def test_the_bundled_model_ends_with_an_answer(question: str, reasonkit_trace: Trace) -> None:
    with ReAct() as agent:
        result = agent(question, trace=reasonkit_trace)
    assert result.error is None
    assert result.steps[0].observation


def test_a_chain_of_thought_is_asked_once(reasonkit_trace: Trace) -> None:
    with CoT(answer_type="number") as agent:
        assert agent("Tom has 2 cards. Tom buys 3 cards. How many?", trace=reasonkit_trace).usage.requests == 1


def test_a_program_runs_in_the_sandbox(reasonkit_trace: Trace) -> None:
    with PAL() as agent:
        result = agent("Tom has 2 cards. Tom buys 3 cards. How many cards does Tom have?", trace=reasonkit_trace)
    assert result.execution is not None
    assert "policy" in result.execution.enforced
