"""Cancelling: whenever it comes, a run ends with a result; and calls that cannot be what was meant are named."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextlib import aclosing
from pathlib import Path

import pytest

from reasonkit import Agent, Direct, Recipe, ScriptedClient, Trace
from reasonkit.agents.events import AnswerEvent, StreamEvent
from reasonkit.errors import InputError, ReplayMismatch
from reasonkit.flow import note
from reasonkit.types import Answer, Flow, Question, Sample

QUESTIONS = ["What is one?", "What is two?", "What is three?"]


def an_agent() -> Direct:
    return Direct(ScriptedClient(lambda _: " It."))


def test_a_stream_that_is_cancelled_before_it_is_read_asks_nothing_and_ends_as_cancelled(tmp_path: Path) -> None:
    client = ScriptedClient([])  # asked anything, it fails
    agent = Direct(client)
    stream = agent.stream(QUESTIONS[0], trace=tmp_path / "a.jsonl")
    agent.cancel()
    (last,) = stream
    assert isinstance(last, AnswerEvent)
    assert last.result.stop_reason == "cancelled"
    with Trace(tmp_path / "a.jsonl", append=False) as trace:
        assert trace.result(0).stop_reason == "cancelled"


async def test_an_async_stream_is_cancelled_before_it_is_read_as_well() -> None:
    agent = Direct(ScriptedClient([]))
    stream = agent.astream(QUESTIONS[0])
    agent.cancel()
    async with aclosing(stream) as events:
        seen: list[StreamEvent] = [event async for event in events]
    assert [event.result.stop_reason for event in seen if isinstance(event, AnswerEvent)] == ["cancelled"]


def test_many_questions_that_are_cancelled_before_the_first_end_with_one_result() -> None:
    agent = Direct(ScriptedClient([]))
    results = agent.each(QUESTIONS)
    agent.cancel()
    assert [(number, result.stop_reason) for number, result in results] == [(0, "cancelled")]


def test_a_cancelled_agent_answers_the_next_call() -> None:
    agent = an_agent()
    agent.cancel()
    assert agent(QUESTIONS[0]).answer == "It."


def test_a_cancelled_stream_goes_on_when_it_is_run_again(tmp_path: Path) -> None:
    agent = an_agent()
    stream = agent.stream(QUESTIONS[0], trace=tmp_path / "a.jsonl")
    agent.cancel()
    list(stream)
    assert agent(QUESTIONS[0], trace=tmp_path / "a.jsonl").answer == "It."


def only_notes(question: Question) -> Flow[Answer]:
    """Put on record for ever, and never ask."""
    while True:
        yield from note(Sample(answer=question.text))


def test_a_strategy_that_only_notes_is_cancelled_in_the_midst() -> None:
    agent = Agent(Recipe(name="notes", strategy=only_notes), ScriptedClient([]))
    timer = threading.Timer(0.05, agent.cancel)
    timer.start()
    began = time.monotonic()
    result = agent(QUESTIONS[0])
    timer.join()
    assert result.stop_reason == "cancelled"
    assert result.samples
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("trace", [5, 5.0, ["a.jsonl"], b"a.jsonl"])
def test_a_trace_that_is_no_path_is_named(trace: object) -> None:
    with pytest.raises(InputError, match=r"trace is .*; give the path of a file, a Trace"):
        an_agent()(QUESTIONS[0], trace=trace)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"give the path of a file"):
        Direct.replay(trace)  # type: ignore[arg-type]


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A recording of the first two questions."""
    path = tmp_path / "two.jsonl"
    an_agent().map(QUESTIONS[:2], trace=path)
    return path


def test_a_replay_of_more_questions_than_were_recorded_says_so(recorded: Path) -> None:
    with (
        Trace(recorded, append=False) as trace,
        pytest.raises(ReplayMismatch, match=r"it holds 2 questions, and number 3 is 'What is three\?'"),
    ):
        an_agent().map(QUESTIONS, trace=trace)


def test_a_replay_of_fewer_questions_than_were_recorded_says_so(
    recorded: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="reasonkit.trace"), Trace(recorded, append=False) as trace:
        assert len(asyncio.run(an_agent().amap(QUESTIONS[:1], trace=trace))) == 1
    assert "1 of its 2 questions were not asked for" in caplog.text


def test_a_trace_that_is_only_looked_at_is_not_said_to_be_unasked(
    recorded: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="reasonkit.trace"), Trace(recorded, append=False) as trace:
        assert len(list(trace.results())) == 2
    assert not caplog.text
