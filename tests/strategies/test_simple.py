"""Direct and chain of thought, driven by hand."""

from __future__ import annotations

import pytest

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
