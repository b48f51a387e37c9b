"""PAL, driven by hand: which program runs, what of it is the answer, and what becomes of one that fails."""

from __future__ import annotations

import pytest

from reasonkit.prompts import Prompt
from reasonkit.strategies.pal import pal
from reasonkit.types import Answer, Complete, Completion, Execute, Execution, Flow, ProgramError, Question

PROMPT = Prompt(name="short", question="Question: {{ question }}\n\n", cue="def solution():", stop=("\nQuestion:",))
QUESTION = Question(text="How many?")


def finished(flow: Flow[Answer], outcome: Completion | Execution) -> Answer:
    with pytest.raises(StopIteration) as stop:
        flow.send(outcome)
    assert isinstance(stop.value.value, Answer)
    return stop.value.value


def test_the_body_that_follows_the_cue_is_run_as_a_function() -> None:
    flow = pal(QUESTION, PROMPT)
    asked = next(flow)
    assert isinstance(asked, Complete)
    assert asked.transcript.text + asked.cue == "Question: How many?\n\ndef solution():"
    assert asked.sampling.max_tokens == 512
    effect = flow.send(Completion(text="\n    apples = 6\n    return apples * 7"))
    assert effect == Execute(program="def solution():\n    apples = 6\n    return apples * 7", answer="solution()")
    answer = finished(flow, Execution(value=42.0))
    assert (answer.text, answer.program) == ("42", effect.program)
    assert answer.execution == Execution(value=42.0)


@pytest.mark.parametrize(
    ("written", "expression"),
    [
        ("```python\ndef solution():\n    return 1\n```", "solution()"),
        ("def solution():\n    return 1", "solution()"),
        ("Here it is:\n```py\nanswer = 3\n```\nDone.", "answer"),
        ("```python\nprint(3)\n```", "$stdout"),
        ("```\n3 + 4\n```", None),
    ],
)
def test_a_whole_program_in_the_reply_is_taken_as_it_is(written: str, expression: str | None) -> None:
    flow = pal(QUESTION, Prompt(name="short", cue="def solution():" if "def " in written else ""))
    next(flow)
    effect = flow.send(Completion(text=written))
    assert isinstance(effect, Execute)
    assert effect.answer == expression
    assert "```" not in effect.program
    assert effect.program.count("def solution") <= 1


def test_a_program_cut_at_the_token_limit_is_truncated_and_never_run() -> None:
    flow = pal(QUESTION, PROMPT)
    next(flow)
    answer = finished(flow, Completion(text="\n    apples = 6\n    return app", finish="length"))
    assert answer.text is None
    assert answer.execution is not None
    assert answer.execution.error is not None
    assert answer.execution.error.kind == "truncated"


def test_a_program_that_fails_gives_no_answer() -> None:
    flow = pal(QUESTION, PROMPT)
    next(flow)
    flow.send(Completion(text="\n    return 1 / 0"))
    failed = Execution(error=ProgramError(kind="exception", message="ZeroDivisionError: division by zero", line=2))
    answer = finished(flow, failed)
    assert (answer.text, answer.execution) == (None, failed)


def test_a_repair_shows_the_program_and_its_error_once() -> None:
    flow = pal(QUESTION, PROMPT, repair=True)
    next(flow)
    flow.send(Completion(text="\n    return 1 / 0"))
    failed = Execution(error=ProgramError(kind="exception", message="ZeroDivisionError: division by zero"))
    asked = flow.send(failed)
    assert isinstance(asked, Complete)
    assert "    return 1 / 0\n\n# This program failed: ZeroDivisionError: division by zero\n" in asked.transcript.text
    flow.send(Completion(text="\n    return 1 / 2"))
    assert finished(flow, Execution(value=0.5)).text == "0.5"


def test_not_a_number_is_no_answer() -> None:
    flow = pal(QUESTION, PROMPT)
    next(flow)
    flow.send(Completion(text="\n    return float('nan')"))
    assert finished(flow, Execution(value=float("nan"))).text is None
