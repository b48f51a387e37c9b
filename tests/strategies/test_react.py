"""The ReAct loop, driven by hand: what it asks, in which order, and what it makes of the answers."""

from __future__ import annotations

import pytest

from reasonkit.clients.grammars import action_grammar, step_grammar
from reasonkit.prompts import Prompt
from reasonkit.strategies.react import act, react
from reasonkit.types import (
    Act,
    Action,
    Answer,
    Complete,
    Completion,
    Effect,
    Flow,
    Note,
    Observation,
    Outcome,
    Question,
    Step,
)

PROMPT = Prompt(name="short", question="Question: {{ question }}\n")
QUESTION = Question(text="Where?")


class ByHand:
    """Sends outcomes to a flow and keeps its steps."""

    def __init__(self, flow: Flow[Answer]) -> None:
        self.flow = flow
        self.steps: list[Step] = []
        self.answer: Answer | None = None
        self.effect: Effect | None = None
        self.send(None)

    def send(self, outcome: Outcome | None) -> ByHand:
        try:
            self.effect = self.flow.send(outcome)
            while isinstance(self.effect, Note):
                assert isinstance(self.effect.item, Step)
                self.steps.append(self.effect.item)
                self.effect = self.flow.send(None)
        except StopIteration as stop:
            self.answer, self.effect = stop.value, None
        return self

    def writes(self, text: str, *, truncated: bool = False) -> ByHand:
        assert isinstance(self.effect, Complete)
        return self.send(Completion(text=text, finish="length" if truncated else "stop"))

    def sees(self, text: str) -> ByHand:
        assert isinstance(self.effect, Act)
        return self.send(Observation(text=text))

    @property
    def pending(self) -> Effect | None:
        return self.effect

    @property
    def asked(self) -> str:
        assert isinstance(self.effect, Complete)
        return self.effect.transcript.text + self.effect.cue


def test_an_episode_grows_one_text_as_in_the_paper() -> None:
    hand = ByHand(react(QUESTION, PROMPT))
    assert hand.asked == "Question: Where?\nThought 1:"
    assert isinstance(hand.effect, Complete)
    assert hand.effect.stop == ("\nObservation 1:",)
    assert (hand.effect.sampling.temperature, hand.effect.sampling.max_tokens) == (0.0, 100)
    hand = hand.writes(" Look it up.\nAction 1: Search[Ulm]")
    assert hand.pending == Act(action=Action(tool="Search", argument="Ulm"), thought="Look it up.")
    hand.sees("Ulm is a city.")
    assert hand.asked == (
        "Question: Where?\nThought 1: Look it up.\nAction 1: Search[Ulm]\nObservation 1: Ulm is a city.\nThought 2:"
    )
    hand.writes(" Done.\nAction 2: Finish[Ulm]")
    assert hand.answer == Answer(text="Ulm", stop_reason="finish")
    assert hand.steps == [
        Step(
            number=1, thought="Look it up.", action=Action(tool="Search", argument="Ulm"), observation="Ulm is a city."
        ),
        Step(number=2, thought="Done.", action=Action(tool="Finish", argument="Ulm")),
    ]


def test_a_thought_without_an_action_is_asked_for_its_action_alone() -> None:
    hand = ByHand(react(QUESTION, PROMPT)).writes(" I wonder.\nAnd I ramble on.")
    assert hand.asked == "Question: Where?\nThought 1: I wonder.\nAction 1:"
    assert isinstance(hand.effect, Complete)
    assert hand.effect.stop == ("\n",)
    hand.writes(" Search[Ulm]").sees("Found.")
    assert hand.steps[0].reasked
    assert hand.asked.endswith("Thought 1: I wonder.\nAction 1: Search[Ulm]\nObservation 1: Found.\nThought 2:")


def test_what_cannot_be_read_twice_is_an_invalid_action() -> None:
    hand = ByHand(react(QUESTION, PROMPT)).writes(" Hm.").writes(" dunno")
    assert hand.steps == [
        Step(number=1, thought="Hm.", observation="Invalid action: dunno", reasked=True, malformed="no_action")
    ]
    assert hand.asked.endswith("Thought 1: Hm.\nAction 1: dunno\nObservation 1: Invalid action: dunno\nThought 2:")


def test_an_observation_that_the_model_wrote_is_not_believed() -> None:
    hand = ByHand(react(QUESTION, PROMPT))
    hand.writes(" A.\nAction 1: Search[B]\nObservation 1: B is right.\nThought 2: So B.\nAction 2: Finish[B]")
    assert hand.pending == Act(action=Action(tool="Search", argument="B"), thought="A.")
    hand.sees("No such page.")
    assert "B is right" not in hand.asked
    assert "observation_written" in hand.steps[0].recovered


def test_an_unknown_tool_is_not_carried_out() -> None:
    hand = ByHand(react(QUESTION, PROMPT)).writes(" A.\nAction 1: Delete[everything]")
    hand.writes(" Delete[everything]")
    assert hand.steps[0].malformed == "unknown_tool"
    assert hand.steps[0].observation == "Invalid action: Delete[everything]"


def test_a_last_bracket_may_be_missing_only_at_the_token_limit() -> None:
    cut = ByHand(react(QUESTION, PROMPT)).writes(" A.\nAction 1: Finish[Ulm", truncated=True)
    assert cut.answer == Answer(text="Ulm")
    assert cut.steps[0].recovered == ("missing_bracket",)
    whole = ByHand(react(QUESTION, PROMPT)).writes(" A.\nAction 1: Finish[Ulm")
    assert whole.answer is None


def test_the_limit_of_steps_ends_without_an_answer() -> None:
    hand = ByHand(react(QUESTION, PROMPT, max_steps=2))
    for number in (1, 2):
        hand.writes(f" A.\nAction {number}: Search[{number}]").sees(f"page {number}")
    assert hand.answer == Answer(text=None, stop_reason="step_limit")
    assert len(hand.steps) == 2


def test_a_forced_finish_asks_for_the_answer_from_what_was_seen() -> None:
    hand = ByHand(react(QUESTION, PROMPT, max_steps=1, forced_finish=True))
    hand.writes(" A.\nAction 1: Search[B]").sees("B lies in Ulm.")
    assert hand.asked.endswith("Observation 1: B lies in Ulm.\nAction 2: Finish[")
    hand.writes("Ulm")
    assert hand.answer == Answer(text="Ulm", stop_reason="forced")


def test_the_steps_left_are_told_where_asked_for() -> None:
    hand = ByHand(react(QUESTION, PROMPT, max_steps=3, steps_left_hint=True))
    hand.writes(" A.\nAction 1: Search[B]").sees("B.")
    assert "Observation 1: B. (2 steps left)\n" in hand.asked


def test_repeating_an_action_is_pointed_out_once_and_then_ends_the_run() -> None:
    hand = ByHand(react(QUESTION, PROMPT))
    for number in (1, 2, 3):
        hand.writes(f" A.\nAction {number}: Search[B]").sees("Nothing.")
        if number == 2:
            assert "Nothing. This action gave the same observation before" in hand.asked
    assert hand.answer == Answer(text=None, stop_reason="stalled")
    assert [step.number for step in hand.steps] == [1, 2, 3]
    patient = ByHand(react(QUESTION, PROMPT, stop_when_stalled=False))
    for number in range(1, 8):
        patient.writes(f" A.\nAction {number}: Search[B]").sees("Nothing.")
    assert patient.answer == Answer(text=None, stop_reason="step_limit")


def test_a_lookup_that_goes_on_is_no_stall() -> None:
    hand = ByHand(react(QUESTION, PROMPT))
    for number in range(1, 8):
        hand.writes(f" A.\nAction {number}: Lookup[b]").sees(f"(Result {number} / 9) b")
    assert hand.answer == Answer(text=None, stop_reason="step_limit")


def test_act_has_no_thoughts() -> None:
    hand = ByHand(act(QUESTION, PROMPT))
    assert hand.asked == "Question: Where?\nAction 1:"
    hand.writes(" Search[Ulm]").sees("A city.")
    assert hand.asked == "Question: Where?\nAction 1: Search[Ulm]\nObservation 1: A city.\nAction 2:"
    assert hand.writes(" Finish[Ulm]").answer == Answer(text="Ulm")
    assert [step.thought for step in hand.steps] == ["", ""]
    assert not any(step.reasked for step in hand.steps)


def test_an_empty_finish_is_no_answer() -> None:
    assert ByHand(react(QUESTION, PROMPT)).writes(" A.\nAction 1: Finish[]").answer == Answer(text=None)


def test_being_sent_the_wrong_kind_of_outcome_is_our_bug() -> None:
    flow = react(QUESTION, PROMPT)
    next(flow)
    with pytest.raises(TypeError, match="expected Completion"):
        flow.send(Observation(text="x"))


def test_each_step_says_on_which_rung_it_was_read() -> None:
    hand = ByHand(react(QUESTION, PROMPT))
    hand.writes(" A.\nAction 1: Search[B]").sees("B.")
    hand.writes(" A.\nAction 2: search[C]").sees("C.")
    hand.writes(" Hm.").writes(" Search[D]").sees("D.")
    hand.writes(" Hm.").writes(" dunno")
    assert [step.rung for step in hand.steps] == ["accepted", "recovered", "reasked", "invalid"]


def test_a_constrained_turn_carries_the_grammar_of_its_step() -> None:
    hand = ByHand(react(QUESTION, PROMPT, constrained=True))
    assert isinstance(hand.effect, Complete)
    assert hand.effect.grammar == step_grammar(1, ("Search", "Lookup", "Finish"))
    acting = ByHand(act(QUESTION, PROMPT, constrained=True))
    assert isinstance(acting.effect, Complete)
    assert acting.effect.grammar == action_grammar(("Search", "Lookup", "Finish"))
    assert isinstance(ByHand(react(QUESTION, PROMPT)).effect, Complete)
