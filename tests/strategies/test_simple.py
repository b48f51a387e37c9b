"""Direct and chain of thought, driven by hand."""

from __future__ import annotations

import pytest

from reasonkit.answers import AnswerType
from reasonkit.prompts import Prompt
from reasonkit.strategies.cot import cot
from reasonkit.strategies.direct import direct
from reasonkit.types import Answer, Complete, Completion, Flow, Question

PROMPT = Prompt(name="short", question="Q: {{ question }}\n", cue="A:", stop=("\n",))


def answered(flow: Flow[Answer], text: str) -> Answer:
    effect = next(flow)
    assert isinstance(effect, Complete)
    assert (effect.transcript.text, effect.cue, effect.stop) == ("Q: How many?\n", "A:", ("\n",))
    with pytest.raises(StopIteration) as stop:
        flow.send(Completion(text=text))
    assert isinstance(stop.value.value, Answer)
    return stop.value.value


@pytest.mark.parametrize(("written", "answer"), [(" 7", "7"), ("\n 7 \nQ: next", "7"), ("  ", None), ("", None)])
def test_direct_takes_the_first_line_that_is_not_blank(written: str, answer: str | None) -> None:
    assert answered(direct(Question(text="How many?"), PROMPT), written) == Answer(text=answer)


def test_chain_of_thought_takes_what_follows_the_last_the_answer_is() -> None:
    read = answered(
        cot(Question(text="How many?"), PROMPT, answer_type="number"),
        " 3 + 4 = 8, so the answer is 8. No: 3 + 4 = 7. The answer is $7.00.",
    )
    assert read.text == "7.00"


def test_chain_of_thought_keeps_strict_and_lenient_apart() -> None:
    read = answered(cot(Question(text="How many?"), PROMPT, answer_type="number"), " 3 + 4 makes 7")
    assert (read.text, read.lenient) == (None, "7")


def test_zero_shot_is_asked_in_two_stages_with_the_trigger_of_the_answers_type() -> None:
    prompt = Prompt.load("cot/zero-shot")
    question = Question(text="Which is largest?", choices=("a cat", "a dog", "a cow"))
    flow = cot(question, prompt, answer_type="choice")
    first = next(flow)
    assert isinstance(first, Complete)
    asked = "Q: Which is largest?\n(A) a cat\n(B) a dog\n(C) a cow\nA: Let's think step by step."
    assert first.transcript.text + first.cue == asked
    second = flow.send(Completion(text=" A cow is larger than a dog.\n"))
    assert isinstance(second, Complete)
    trigger = "Therefore, among A through C, the answer is"
    assert second.transcript.text + second.cue == f"{asked} A cow is larger than a dog.\n{trigger}"
    with pytest.raises(StopIteration) as stop:
        flow.send(Completion(text=" (C)."))
    assert stop.value.value.text == "C"


@pytest.mark.parametrize(
    ("kind", "reply", "answer"),
    [("number", " 12.", "12"), ("yes_no", " Yes.", "yes"), ("text", " the cow.", "the cow")],
)
def test_zero_shot_reads_each_type(kind: AnswerType, reply: str, answer: str) -> None:
    flow = cot(Question(text="How?"), Prompt.load("cot/zero-shot"), answer_type=kind)
    next(flow)
    flow.send(Completion(text=" Well."))
    with pytest.raises(StopIteration) as stop:
        flow.send(Completion(text=reply))
    assert stop.value.value.text == answer
