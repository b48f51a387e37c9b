"""Recording, replaying and forking through agents: what several calls, another prompt or another model do to a trace."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from reasonkit import CoT, Prompt, ReAct, ScriptedClient, SelfConsistency, Toolbox, Trace, tool
from reasonkit.agents.agent import Agent
from reasonkit.agents.votes import CoTSCThenReAct, ReActThenCoTSC
from reasonkit.errors import InputError, ReplayMismatch, TraceError
from reasonkit.pages.memory import MemoryPages
from reasonkit.trace.export import Counts, export
from reasonkit.types import Action, Capabilities, Observation, Request

SCRIPT: Mapping[str | re.Pattern[str], str] = {
    "Thought 1:": " Search it.\nAction 1: Find[river]",
    "Thought 2:": " And the sea.\nAction 2: Find[sea]",
    "Thought 3:": " Done.\nAction 3: Finish[the sea]",
}
QUESTION = "Where does the river end?"


@tool
def Find(words: str) -> str:
    """Look for words."""
    return f"About {words}."


class Counting(ScriptedClient):
    """Says how often it was asked."""

    @property
    def asked(self) -> int:
        return len(self.requests)


def react(
    script: Mapping[str | re.Pattern[str], str] = SCRIPT, *, prompt: Prompt | str = "react/default", max_steps: int = 7
) -> tuple[ReAct, Counting]:
    client = Counting(script)
    return ReAct(client, tools=Toolbox([Find]), prompt=prompt, max_steps=max_steps), client


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    file = tmp_path / "run.jsonl"
    agent, _ = react()
    assert agent(QUESTION, trace=file).answer == "the sea"
    return file


# --- one trace for several calls ----------------------------------------------------------------------------------


def test_calls_with_one_trace_are_its_episodes_in_order(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    agent, client = react()
    with Trace(file) as trace:
        first = agent("Where?", trace=trace)
        second = agent("When?", trace=trace)
        assert [one.question.text for one in trace.results()] == ["Where?", "When?"]
    asked = client.asked
    with Trace(file, append=False) as trace:
        assert list(trace.results()) == [first, second]
    with Trace(file) as trace:
        assert (agent("Where?", trace=trace), agent("When?", trace=trace)) == (first, second)
    assert client.asked == asked


def test_a_trace_that_is_only_read_is_replayed_by_an_agent_of_ones_own(recorded: Path) -> None:
    agent, client = react({})
    with Trace(recorded, append=False) as trace:
        assert list(trace.unasked) == [0]
        result = agent(QUESTION, trace=trace)
        assert not trace.unasked
    assert (result.answer, len(result.steps), client.asked) == ("the sea", 3, 0)
    assert result == ReAct.replay(recorded)[0]


async def test_an_async_call_replays_as_well(recorded: Path) -> None:
    agent, client = react({})
    with Trace(recorded, append=False) as trace:
        assert (await agent.acall(QUESTION, trace=trace)).answer == "the sea"
    assert not client.asked


def test_a_replay_takes_the_endpoint_from_the_trace_and_not_from_the_client(recorded: Path) -> None:
    chat = ScriptedClient({}, capabilities=Capabilities(endpoint="chat"))
    with Trace(recorded, append=False) as trace:
        assert ReAct(chat, tools=Toolbox([Find]))(QUESTION, trace=trace).answer == "the sea"


def test_a_replay_with_another_prompt_fails_with_the_difference(recorded: Path) -> None:
    prompt = Prompt.load("react/default")
    other = replace(prompt, instruction=prompt.instruction.replace("Answer the question", "Answer this question"))
    agent, _ = react({}, prompt=other)
    with Trace(recorded, append=False) as trace, pytest.raises(ReplayMismatch) as refused:
        agent(QUESTION, trace=trace)
    assert "-Answer the question by taking turns" in str(refused.value)
    assert "+Answer this question by taking turns" in str(refused.value)


def test_a_replay_with_fewer_steps_names_what_was_not_asked_for(recorded: Path) -> None:
    agent, _ = react({}, max_steps=1)
    with Trace(recorded, append=False) as trace, pytest.raises(ReplayMismatch, match=r"ended with|not asked for now"):
        agent(QUESTION, trace=trace)


def test_a_replay_of_another_question_shows_the_recorded_one(recorded: Path) -> None:
    agent, _ = react({})
    with Trace(recorded, append=False) as trace, pytest.raises(ReplayMismatch, match="Where does the river end"):
        agent("Something else?", trace=trace)


def test_another_method_cannot_replay_it(recorded: Path) -> None:
    with Trace(recorded, append=False) as trace, pytest.raises(TraceError, match="'react', which 'cot' cannot replay"):
        CoT(ScriptedClient({}))(QUESTION, trace=trace)


def test_a_mismatch_names_the_nearest_recording(recorded: Path) -> None:
    """A run that skips its first step asks for what stands at another place."""
    with Trace(recorded) as trace:
        events = dict(trace.recording(0).events)

    class Shifted(Trace):
        def recording(self, episode: int):  # type: ignore[no-untyped-def]
            recording = super().recording(episode)
            recording.events[(0,)] = replace(events[(3,)], place=(0,))
            recording.events[(3,)] = replace(events[(0,)], place=(3,))
            return recording

    agent, _ = react({})
    with Shifted(recorded, append=False) as trace, pytest.raises(ReplayMismatch) as refused:
        agent(QUESTION, trace=trace)
    assert "The nearest recording stands at place 0 #3, and is the same." in str(refused.value)


def test_samples_never_collapse_into_one(tmp_path: Path) -> None:
    """Equal requests have their own outcomes: each sample comes back as it was drawn, in its place."""
    file = tmp_path / "t.jsonl"

    def drawn(request: Request) -> str:
        return f" Thinking {request.seeds[0]}. The answer is {request.seeds[0] % 5}."

    voting = SelfConsistency(CoT(ScriptedClient(drawn), temperature=0.7), n=12, early_stop=False)
    result = voting("How many?", trace=file)
    assert len({sample.text for sample in result.samples}) > 1
    (replayed,) = SelfConsistency.replay(file)
    assert replayed.samples == result.samples
    assert len(replayed.samples) == 12
    assert replayed.votes == result.votes


# --- fork ---------------------------------------------------------------------------------------------------------

OTHER: Mapping[str | re.Pattern[str], str] = {
    "Thought 2:": " No, the lake.\nAction 2: Find[lake]",
    "Thought 3:": " So.\nAction 3: Finish[the lake]",
}


def actions(result_steps: tuple[object, ...]) -> list[str]:
    return [f"{step.action.tool}[{step.action.argument}]" for step in result_steps]  # type: ignore[attr-defined]


def test_a_fork_goes_on_with_another_model_and_names_its_parent(recorded: Path, tmp_path: Path) -> None:
    agent, client = react(OTHER)
    new = tmp_path / "fork.jsonl"
    (result,) = agent.fork(recorded, step=2, trace=new)
    assert actions(result.steps) == ["Find[river]", "Find[lake]", "Finish[the lake]"]
    assert client.asked == 2
    assert result.usage.requests == 2
    with Trace(new, append=False) as trace:
        assert trace.run is not None
        assert trace.run.parent == f"{recorded}#step=2"
        inherited = [place for place, event in sorted(trace.recording(0).events.items()) if event.inherited]
        assert inherited == [(0,), (1,)]
    assert ReAct.replay(new) == [result]
    assert recorded.read_bytes().count(b"inherited") == 0


def test_a_fork_with_another_prompt_holds_that_prompts_requests_and_replays(recorded: Path, tmp_path: Path) -> None:
    prompt = replace(Prompt.load("react/default"), name="mine", instruction="Be brief.\n")
    agent, _ = react(OTHER, prompt=prompt)
    new = tmp_path / "fork.jsonl"
    (result,) = agent.fork(recorded, step=3, trace=new)
    assert actions(result.steps) == ["Find[river]", "Find[sea]", "Finish[the lake]"]
    assert ReAct.replay(new, prompt=prompt) == [result]
    with Trace(new, append=False) as trace:
        assert str(trace.recording(0).events[(0,)].request).startswith("Be brief.\n")


def test_a_fork_with_another_answer_of_the_model(recorded: Path, tmp_path: Path) -> None:
    agent, client = react({})
    (result,) = agent.fork(recorded, step=2, completion=" Enough.\nAction 2: Finish[a delta]", trace=tmp_path / "f")
    assert (result.answer, client.asked) == ("a delta", 0)
    assert ReAct.replay(tmp_path / "f") == [result]


def test_a_fork_with_another_observation_keeps_the_models_words_of_that_step(recorded: Path, tmp_path: Path) -> None:
    agent, client = react(OTHER)
    (result,) = agent.fork(recorded, step=2, observation="The sea is dry.", trace=tmp_path / "f")
    assert actions(result.steps) == ["Find[river]", "Find[sea]", "Finish[the lake]"]
    assert result.steps[1].observation == "The sea is dry."
    assert client.asked == 1


def test_a_fork_at_the_first_step_asks_everything_anew_and_one_past_the_last_nothing(recorded: Path) -> None:
    agent, client = react()
    (result,) = agent.fork(recorded, step=1)
    assert (result.answer, client.asked) == ("the sea", 3)
    agent, client = react({})
    (result,) = agent.fork(recorded, step=9)
    assert (result.answer, client.asked) == ("the sea", 0)


def test_tools_know_what_was_done_before_the_fork(recorded: Path) -> None:
    told: list[tuple[Action, Observation]] = []
    toolbox = Toolbox([Find])
    opening = toolbox.open

    class Told:
        names = toolbox.names
        describe, close = toolbox.describe, toolbox.close

        def open(self):  # type: ignore[no-untyped-def]
            session = opening()
            session.recall = lambda action, observation: told.append((action, observation))  # type: ignore[method-assign]
            return session

    ReAct(ScriptedClient(OTHER), tools=Told()).fork(recorded, step=2)
    assert told == [(Action(tool="Find", argument="river"), Observation(text="About river."))]


def test_one_episode_of_many_is_forked(tmp_path: Path) -> None:
    file, new = tmp_path / "t.jsonl", tmp_path / "f.jsonl"
    react()[0].map(["First?", "Second?", "Third?"], trace=file)
    results = react(OTHER)[0].fork(file, step=2, episode=1, trace=new)
    assert [result.question.text for result in results] == ["Second?"]
    assert len(react(OTHER)[0].fork(file, step=2)) == 3
    with Trace(new, append=False) as trace:
        assert trace.run is not None
        assert trace.run.parent == f"{file}#episode=1&step=2"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"step": 0}, "step is 0"),
        ({"step": 2, "episode": 5}, "no episode 5"),
        ({"step": 2, "completion": "a", "observation": "b"}, "not both"),
        ({"step": 8, "completion": "a"}, "no step 8: the episode has 3"),
        ({"step": 3, "observation": "a"}, "step 3 used no tool"),
    ],
)
def test_what_cannot_be_forked_is_said(recorded: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        react()[0].fork(recorded, **options)  # type: ignore[arg-type]


def test_a_fork_is_not_written_over_another_run(recorded: Path) -> None:
    before = recorded.read_bytes()
    taken = recorded.with_name("taken.jsonl")
    taken.write_bytes(before)
    with pytest.raises(InputError, match="holds another run already"):
        react()[0].fork(recorded, step=2, trace=taken)
    assert taken.read_bytes() == before


def test_an_interrupted_fork_goes_on(recorded: Path, tmp_path: Path) -> None:
    new = tmp_path / "f.jsonl"
    (whole,) = react(OTHER)[0].fork(recorded, step=2, trace=new)
    lines = new.read_bytes().splitlines(keepends=True)
    new.write_bytes(b"".join(lines[:5]))
    agent, client = react(OTHER)
    assert agent.fork(recorded, step=2, trace=new) == [whole]
    assert client.asked == 2


# --- redaction ----------------------------------------------------------------------------------------------------


def masked(text: str) -> str:
    return text.replace("river", "[masked]")


def test_what_is_redacted_is_never_written_and_the_run_is_as_without(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    agent, _ = react()
    with Trace(file, redact=masked) as trace:
        result = agent(QUESTION, trace=trace)
    assert b"river" not in file.read_bytes()
    assert b"[masked]" in file.read_bytes()
    assert result.steps[0].observation == "About river."
    assert result.steps == agent(QUESTION).steps


def test_a_redacted_trace_replays_and_resumes(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    with Trace(file, redact=masked) as trace:
        react()[0](QUESTION, trace=trace)
    (replayed,) = ReAct.replay(file, redact=masked)
    assert replayed.answer == "the sea"
    assert replayed.steps[0].observation == "About [masked]."
    whole = file.read_bytes()
    file.write_bytes(b"".join(whole.splitlines(keepends=True)[:6]))
    agent, client = react()
    with Trace(file, redact=masked) as trace:
        assert agent(QUESTION, trace=trace).answer == "the sea"
    assert client.asked == 1
    assert b"river" not in file.read_bytes()
    before = file.read_bytes()
    with Trace(file, redact=masked) as trace:
        assert agent(QUESTION, trace=trace).answer == "the sea"
    assert file.read_bytes() == before


def test_a_redaction_that_leaves_the_prompt_alone_need_not_be_known_to_a_replay(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    with Trace(file, redact=lambda text: text.replace("Zamora 77", "[masked]")) as trace:
        react()[0](f"{QUESTION} My code is Zamora 77.", trace=trace)
    assert b"Zamora" not in file.read_bytes()
    assert ReAct.replay(file)[0].answer == "the sea"


def test_a_redaction_that_gives_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="redact= returned None"), Trace(tmp_path / "t", redact=lambda text: None) as t:  # type: ignore[arg-type,return-value]
        react()[0](QUESTION, trace=t)


def test_a_torn_last_line_is_said_in_the_log(recorded: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorded.write_bytes(recorded.read_bytes()[:-9])
    with caplog.at_level(logging.WARNING, "reasonkit"):
        assert ReAct.replay(recorded)[0].answer == "the sea"
    (record,) = caplog.records
    assert "its last line was not written whole" in record.getMessage()
    assert str(recorded) in record.getMessage()


# --- back-offs ----------------------------------------------------------------------------------------------------


def back_off(method: type[CoTSCThenReAct | ReActThenCoTSC], turns: Mapping[str, str]) -> tuple[Agent, Counting]:
    """Chains of thought that never agree, and ReAct turns over pages in memory."""

    def says(request: Request) -> str:
        prompt = request.prompt
        assert isinstance(prompt, str)
        if prompt.endswith("A:"):
            return f" Perhaps. The answer is {request.seeds[0]}."
        return next(text for cue, text in turns.items() if prompt.endswith(cue))

    client = Counting(says)
    return method(client, pages=MemoryPages({}), n=4, wave=4, max_steps=2), client


GIVES_UP = {"Thought 1:": " Look.\nAction 1: Search[Po]", "Thought 2:": " Look.\nAction 2: Search[Po (river)]"}
FINDS = {"Thought 1:": " Look.\nAction 1: Search[Po]", "Thought 2:": " So.\nAction 2: Finish[the sea]"}


def test_a_fork_at_the_first_step_keeps_the_vote_before_it(tmp_path: Path) -> None:
    file, new = tmp_path / "t.jsonl", tmp_path / "f.jsonl"
    agent, _ = back_off(CoTSCThenReAct, FINDS)
    first = agent(QUESTION, trace=file)
    assert (first.answer, len(first.votes)) == ("the sea", 4)
    agent, client = back_off(CoTSCThenReAct, {"Thought 1:": " Ah.\nAction 1: Finish[the delta]"})
    (result,) = agent.fork(file, step=1, trace=new)
    assert (result.answer, result.votes) == ("the delta", first.votes)
    assert client.asked == 1
    assert CoTSCThenReAct.replay(new) == [result]


@pytest.mark.parametrize(
    ("method", "turns", "rows"), [(CoTSCThenReAct, FINDS, 5), (ReActThenCoTSC, GIVES_UP, 4), (ReActThenCoTSC, FINDS, 1)]
)
def test_an_export_takes_the_half_of_a_back_off_that_answered(
    method: type[CoTSCThenReAct | ReActThenCoTSC], turns: Mapping[str, str], rows: int, tmp_path: Path
) -> None:
    agent, _ = back_off(method, turns)
    agent(QUESTION, trace=tmp_path / "t.jsonl")
    with Trace(tmp_path / "t.jsonl", append=False) as trace:
        found = list(export(trace, "sft", Counts()))
    assert len(found) == rows
    learned = ["".join(part["text"] for part in row["segments"] if part["learn"]) for row in found]
    assert any("Finish[the sea]" in text for text in learned) == (turns is FINDS)
    assert not any("Search[Po (river)]" in text for text in learned)
