"""Self-consistency and the back-offs, run with a scripted model through whole agents."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from reasonkit import CoT, CoTSCThenReAct, ReAct, ReActThenCoTSC, ScriptedClient, SelfConsistency
from reasonkit.answers import maj_at_k
from reasonkit.errors import InputError
from reasonkit.pages.memory import MemoryPages
from reasonkit.runner.budget import Budget
from reasonkit.types import Capabilities, Request

PAGES = MemoryPages({"Ulm": "Ulm is a city on the Danube."})


class Saying:
    """Says its lines in turn to chains of thought, and one ReAct turn after another."""

    def __init__(self, thoughts: Sequence[str], turns: Sequence[str] = ()) -> None:
        self.thoughts, self.turns = list(thoughts), list(turns)

    def __call__(self, request: Request) -> str:
        assert isinstance(request.prompt, str)
        return (
            self.turns.pop(0)
            if "Thought" in request.prompt[-12:]
            else f" It is so. The answer is {self.thoughts.pop(0)}."
        )


def votes_of(
    answers: Sequence[str], *, n: int = 9, early_stop: bool = True, wave: int = 5
) -> tuple[SelfConsistency, ScriptedClient]:
    client = ScriptedClient(Saying(answers))
    return SelfConsistency(CoT(client, temperature=0.7), n=n, early_stop=early_stop, wave=wave), client


def test_the_majority_wins_and_ties_go_to_the_first_seen() -> None:
    agent, _ = votes_of(["3", "4", "4.0", "many", "$3"], n=5, early_stop=False)
    result = agent("How many?")
    assert [(vote.answer, vote.count) for vote in result.votes] == [("3", 2), ("4", 2), ("many", 1)]
    assert (result.answer, result.margin, result.saved) == ("3", 0.0, 0)
    assert [sample.answer for sample in result.samples] == ["3", "4", "4", "many", "3"]
    assert maj_at_k([sample.answer for sample in result.samples]) == ("3", "3", "4", "4", "3")


def test_it_stops_between_waves_when_the_lead_cannot_be_overtaken() -> None:
    agent, client = votes_of(["7"] * 9, n=9, wave=5)
    result = agent("How many?")
    assert (result.answer, len(result.samples), result.saved, result.abstained) == ("7", 5, 4, 0)
    assert [len(request.seeds) for request in client.requests] == [5]


def test_a_vote_that_the_budget_cut_short_says_so_and_saved_nothing() -> None:
    agent, _ = votes_of(["5", "6", "5"], n=7, wave=3)
    result = agent("How many?", budget=Budget(calls=1))
    assert (result.answer, result.stop_reason, len(result.samples), result.saved) == ("5", "budget", 3, 0)


def test_without_early_stop_all_samples_are_one_request() -> None:
    agent, client = votes_of(["7"] * 9, early_stop=False)
    assert agent("How many?").saved == 0
    assert [len(set(request.seeds)) for request in client.requests] == [9]


def test_a_client_without_samples_gets_a_request_for_each_and_the_same_votes() -> None:
    client = ScriptedClient(lambda request: f" The answer is {request.seeds[0] % 3}.")
    single = ScriptedClient(lambda request: f" The answer is {request.seeds[0] % 3}.", capabilities=Capabilities())
    merged = SelfConsistency(CoT(client, temperature=0.7), n=8)("How many?")
    apart = SelfConsistency(CoT(single, temperature=0.7), n=8)("How many?")
    assert merged.votes == apart.votes
    assert len(single.requests) == len(apart.samples)


def test_abstentions_are_counted_apart() -> None:
    client = ScriptedClient([" Hm.", " The answer is 5.", " Well."])
    result = SelfConsistency(CoT(client, temperature=0.7), n=3)("How many?")
    assert (result.answer, result.abstained) == ("5", 2)
    assert result.margin == pytest.approx(1 / 3)


def test_samples_that_the_budget_does_not_cover_leave_the_votes_of_the_others() -> None:
    agent, _ = votes_of(["7"] * 9, n=9, wave=3)
    result = agent("How many?", budget=Budget(calls=1))
    assert (result.answer, result.stop_reason, len(result.samples)) == ("7", "budget", 3)
    nothing = votes_of(["7"])[0]("How many?", budget=Budget(calls=0))
    assert (nothing.answer, nothing.stop_reason) == (None, "budget")


def test_greedy_samples_are_refused_because_they_are_all_the_same() -> None:
    with pytest.raises(InputError, match=r"temperature=0\.7"):
        SelfConsistency(CoT(ScriptedClient([]), temperature=0.0))


def test_react_can_be_voted_on_each_sample_with_its_own_page() -> None:
    turns = (
        [" A.\nAction 1: Search[Ulm]"] * 3 + [" B.\nAction 2: Lookup[Danube]"] * 3 + [" C.\nAction 3: Finish[Ulm]"] * 3
    )
    client = ScriptedClient(Saying([], turns))
    result = SelfConsistency(ReAct(client, pages=PAGES, temperature=0.7), n=3, early_stop=False)("Which city?")
    assert [(vote.answer, vote.count) for vote in result.votes] == [("ulm", 3)]
    assert result.answer == "Ulm"
    lookups = [step.observation for step in result.steps if step.action and step.action.tool == "Lookup"]
    assert lookups == ["(Result 1 / 1) Ulm is a city on the Danube."] * 3


def test_react_without_an_answer_backs_off_to_the_vote() -> None:
    turns = [f" A.\nAction {i}: Search[x{i}]" for i in (1, 2)]
    client = ScriptedClient(Saying(["Ulm"] * 5, turns))
    result = ReActThenCoTSC(client, pages=PAGES, max_steps=2, n=5)("Which city?")
    assert (result.answer, result.stop_reason, len(result.steps), len(result.samples)) == ("Ulm", "finish", 2, 5)
    assert {request.sampling.temperature for request in client.requests} == {0.0, 0.7}


def test_react_with_an_answer_does_not_back_off() -> None:
    client = ScriptedClient(Saying([], [" A.\nAction 1: Finish[Ulm]"]))
    result = ReActThenCoTSC(client, pages=PAGES, n=5)("Which city?")
    assert (result.answer, result.samples) == ("Ulm", ())


@pytest.mark.parametrize(("answers", "reacts"), [("AABBC", True), ("AAABC", False), ("AAABB", False)])
def test_a_weak_majority_backs_off_to_react(answers: str, reacts: bool) -> None:
    client = ScriptedClient(Saying(list(answers), [" A.\nAction 1: Finish[Ulm]"]))
    result = CoTSCThenReAct(client, pages=PAGES, n=5, early_stop=False)("Which city?")
    assert result.answer == ("Ulm" if reacts else "A")
    assert bool(result.steps) == reacts
    assert sum(vote.count for vote in result.votes) == 5


def test_exactly_half_of_the_votes_is_enough() -> None:
    client = ScriptedClient(Saying(list("AABC")))
    assert CoTSCThenReAct(client, pages=PAGES, n=4, early_stop=False)("Which?").answer == "A"
