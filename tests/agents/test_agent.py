"""The ways to call an agent, with a scripted model: one kind of result, and no run loses its work."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from reasonkit import Agent, CoT, Direct, ReAct, Recipe, ScriptedClient, Trace
from reasonkit.agents.events import ActionEvent, AnswerEvent, ObservationEvent, ThoughtEvent, TokenEvent
from reasonkit.errors import ConnectionFailed, InputError, ReplayMismatch, RunFailed, TraceError
from reasonkit.flow import complete
from reasonkit.pages.memory import MemoryPages
from reasonkit.prompts import Prompt
from reasonkit.runner.budget import Budget
from reasonkit.tools.toolbox import Toolbox
from reasonkit.types import Answer, Capabilities, Flow, Message, Question, Request, Transcript

PAGES = MemoryPages({"Ulm": "Ulm is a city on the Danube. It was founded long ago."})
TURNS = [" I need Ulm.\nAction 1: Search[Ulm]", " It lies on the Danube.\nAction 2: Finish[the Danube]"]
QUESTION = "On which river does Ulm lie?"


def an_agent(max_steps: int = 7) -> ReAct:
    return ReAct(ScriptedClient(TURNS), pages=PAGES, max_steps=max_steps)


def test_sync_async_and_stream_give_the_same_result() -> None:
    result = an_agent()(QUESTION)
    assert (result.answer, result.stop_reason, result.usage.requests) == ("the Danube", "finish", 2)
    assert asyncio.run(an_agent().acall(QUESTION)) == result
    *_, last = an_agent().stream(QUESTION)
    assert last == AnswerEvent(result=result)


def test_a_stream_tells_what_happens_in_order() -> None:
    events = list(an_agent().stream(QUESTION))
    told = [event for event in events if not isinstance(event, TokenEvent)]
    assert [type(event) for event in told] == [
        ThoughtEvent, ActionEvent, ObservationEvent, ThoughtEvent, ActionEvent, AnswerEvent
    ]  # fmt: skip
    assert told[2] == ObservationEvent(text="Ulm is a city on the Danube. It was founded long ago.")
    assert "".join(event.text for event in events if isinstance(event, TokenEvent)) == "".join(TURNS)

    async def astreamed() -> list[object]:
        async with aclosing(an_agent().astream(QUESTION)) as stream:
            return [event async for event in stream]

    assert [event for event in asyncio.run(astreamed()) if not isinstance(event, TokenEvent)] == told


def test_a_sync_call_works_inside_a_running_event_loop() -> None:
    async def notebook() -> str | None:
        return an_agent()(QUESTION).answer

    assert asyncio.run(notebook()) == "the Danube"


def test_map_keeps_order_and_keeps_a_failure_with_its_question(tmp_path: Path) -> None:
    def say(request: Request) -> str:
        if "bad" in str(request.prompt):
            raise ConnectionFailed("the server went away")
        return f" {str(request.prompt)[-7:-4].strip()}"

    questions = [f"q{i}" if i != 3 else "bad" for i in range(8)]
    prompt = Prompt(name="own", question="{{ question }}\n", cue="A:")
    for concurrency in (1, 4):
        results = Direct(ScriptedClient(say), prompt=prompt).map(
            questions, concurrency=concurrency, trace=tmp_path / f"{concurrency}.jsonl"
        )
        assert [result.question.text for result in results] == questions
        assert [result.stop_reason for result in results] == ["finish"] * 3 + ["error"] + ["finish"] * 4
        assert results[3].error is not None
        assert results[3].error.kind == "ConnectionFailed"
    with Trace(tmp_path / "1.jsonl", append=False) as one, Trace(tmp_path / "4.jsonl", append=False) as other:
        assert one.canonical() == other.canonical()
    amapped = asyncio.run(Direct(ScriptedClient(say), prompt=prompt).amap(questions, concurrency=3))
    assert [result.answer for result in amapped] == [result.answer for result in results]


def test_a_failure_after_the_first_request_is_a_result_with_the_steps_so_far() -> None:
    result = ReAct(ScriptedClient([TURNS[0], ConnectionFailed("gone")]), pages=PAGES)(QUESTION)
    assert (result.answer, result.stop_reason, len(result.steps)) == (None, "error", 1)
    assert result.usage.requests == 1
    with pytest.raises(RunFailed, match="ConnectionFailed: gone"):
        result.raise_for_status()


def test_a_crashing_tool_is_a_result_and_says_which_tool() -> None:
    def shout(word: str) -> str:
        raise ZeroDivisionError(word)

    client = ScriptedClient([" Loud.\nAction 1: shout[hey]"])
    result = ReAct(client, tools=Toolbox([shout]), prompt="react/default")(QUESTION)
    assert result.stop_reason == "error"
    assert result.error is not None
    assert result.error.kind == "ToolCrashed"
    assert "shout" in result.error.message


def test_a_denied_action_is_an_observation() -> None:
    client = ScriptedClient([TURNS[0], " Then not.\nAction 2: Finish[unknown]"])
    asked: list[object] = []

    def refuse(effect: object) -> bool:
        asked.append(effect)
        return False

    result = ReAct(client, pages=PAGES, approve=refuse)(QUESTION)
    assert result.steps[0].observation == "Search[Ulm] was not approved and was not carried out."
    assert (result.answer, len(asked)) == ("unknown", 1)


def test_asking_at_a_terminal_needs_one_and_one_thing_at_a_time() -> None:
    agent = ReAct(ScriptedClient(TURNS), pages=PAGES, approve="ask")
    with pytest.raises(InputError, match="one thing at a time"):
        agent.map([QUESTION, QUESTION], concurrency=2)
    with pytest.raises(InputError, match="needs a terminal"):
        agent(QUESTION)


def test_a_trace_replays_without_client_or_pages_and_resumes_without_asking(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    result = an_agent()(QUESTION, trace=file)
    assert result.trace == str(file)
    assert ReAct.replay(file) == [result]
    silent = ScriptedClient([])
    assert ReAct(silent, pages=PAGES)(QUESTION, trace=file) == result
    assert silent.requests == []


def test_a_resumed_run_takes_up_the_page_that_was_found(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    lookup = " More.\nAction 2: Lookup[founded]"
    first = ReAct(ScriptedClient([TURNS[0], ConnectionFailed("gone")]), pages=PAGES)(QUESTION, trace=file)
    assert first.stop_reason == "error"
    client = ScriptedClient([lookup, " So.\nAction 3: Finish[long ago]"])
    second = ReAct(client, pages=PAGES)(QUESTION, trace=file)
    assert second.steps[1].observation == "(Result 1 / 1) It was founded long ago."
    assert (second.answer, len(client.requests)) == ("long ago", 2)


def test_a_changed_prompt_is_refused_in_replay_with_the_difference(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    prompt = Prompt(name="own", instruction="Be brief.\n", question="Question: {{ question }}\n")
    ReAct(ScriptedClient(TURNS), pages=PAGES, prompt=prompt)(QUESTION, trace=file)
    changed = Prompt(name="own", instruction="Be long.\n", question="Question: {{ question }}\n")
    with pytest.raises(ReplayMismatch) as refused:
        ReAct.replay(file, prompt=changed)
    assert "-Be brief." in str(refused.value)
    assert "+Be long." in str(refused.value)
    with pytest.raises(TraceError, match="give prompt="):
        ReAct.replay(file)


def test_other_settings_do_not_mix_in_one_trace(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    an_agent()(QUESTION, trace=file)
    with pytest.raises(TraceError, match="another options"):
        an_agent(max_steps=3)(QUESTION, trace=file)
    with pytest.raises(TraceError, match="react"):
        CoT.replay(file)
    with pytest.raises(ReplayMismatch, match="not about 'Another"):
        an_agent()("Another question?", trace=file)


def test_a_preview_is_the_first_request_and_sends_nothing() -> None:
    agent = an_agent()
    preview = agent.preview(QUESTION)
    assert isinstance(agent.client, ScriptedClient)
    assert agent.client.requests == []
    agent(QUESTION)
    assert preview.request == agent.client.requests[0].prompt
    chat = ReAct(ScriptedClient(TURNS, capabilities=Capabilities(endpoint="chat")), pages=PAGES).preview(QUESTION)
    assert isinstance(chat.request, tuple)
    assert chat.request[-1] == Message(role="user", content=f"Question: {QUESTION}\nThought 1:")
    assert len(chat.sha256) == 64


@pytest.mark.parametrize("question", ["", "  \n", "half a \ud800 pair"])
def test_a_question_that_cannot_be_asked_is_refused_before_anything_else(question: str) -> None:
    with pytest.raises(InputError):
        an_agent()(question)


@pytest.mark.parametrize("steps", [0, -1])
def test_a_wrong_option_is_refused_at_construction(steps: int) -> None:
    with pytest.raises(InputError, match="max_steps"):
        an_agent(max_steps=steps)


def test_a_budget_for_all_questions_stops_the_rest() -> None:
    client = ScriptedClient(lambda request: " 4")
    results = Direct(client).map([f"q{i}" for i in range(6)], total=Budget(calls=4))
    assert [result.stop_reason for result in results] == ["finish"] * 4 + ["budget"] * 2


def test_a_strategy_of_ones_own_is_a_generator_and_gets_everything(tmp_path: Path) -> None:
    def twice(question: Question, prompt: Prompt, *, times: int = 2) -> Flow[Answer]:
        transcript = Transcript(opening=prompt.open(question))
        said = ""
        for _ in range(times):
            completion = yield from complete(transcript, cue="A:")
            said += completion.text
            transcript = transcript.extended(f"A:{completion.text}\n")
        return Answer(text=said.strip())

    recipe = Recipe(name="twice", strategy=twice, prompt=Prompt(name="own"), options={"times": 3})
    file = tmp_path / "own.jsonl"
    agent = Agent(recipe, ScriptedClient([" a", " b", " c"]))
    assert agent(QUESTION, trace=file).answer == "a b c"
    with Trace(file, append=False) as trace:
        assert [result.answer for result in agent.replayed(trace)] == ["a b c"]


def test_closing_an_agent_leaves_what_the_caller_made() -> None:
    client = ScriptedClient(TURNS)
    with ReAct(client, pages=PAGES):
        pass
    assert ReAct(client, pages=PAGES)(QUESTION).answer == "the Danube"


def test_map_shows_how_far_it_is_where_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    agent = Direct(ScriptedClient(lambda request: " 4"))
    agent.map(["a", "b", "c"], progress=True)
    shown = capsys.readouterr()
    assert "3/3" in shown.err
    assert "3 answered" in shown.err
    agent.map(["a", "b", "c"])
    assert capsys.readouterr() == ("", "")


def test_what_a_budget_refused_is_asked_again_only_where_wanted(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    client = ScriptedClient({"Thought 1:": TURNS[0], "Thought 2:": TURNS[1]})
    agent = ReAct(client, pages=PAGES)
    assert agent(QUESTION, trace=file, budget=Budget(calls=1)).stop_reason == "budget"
    assert agent(QUESTION, trace=file, budget=Budget(calls=9)).stop_reason == "budget"
    assert len(client.requests) == 1
    again = agent(QUESTION, trace=file, budget=Budget(calls=9), reopen=True)
    assert (again.answer, len(client.requests)) == ("the Danube", 2)
    assert ReAct.replay(file) == [again]


def test_one_bad_question_costs_one_question() -> None:
    results = Direct(ScriptedClient(lambda request: " 4")).map(["a", "", "b"])
    assert [result.stop_reason for result in results] == ["finish", "error", "finish"]
    assert results[1].error is not None
    assert results[1].error.kind == "InputError"


def test_a_refused_resume_leaves_finished_answers_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    agent = Direct(ScriptedClient(lambda request: " 4"))
    agent.map(["a", "b"], trace=file)
    with pytest.raises(ReplayMismatch):
        agent.map(["a", "another"], trace=file, concurrency=2)
    with Trace(file, append=False) as trace:
        assert [result.answer for result in trace.results()] == ["4", "4"]
