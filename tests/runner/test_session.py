"""The rules of the runner, as properties: whatever the driver, the timing, the cut or the kill, one run is one trace."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonkit.errors import BudgetSpent, ReasonkitError, ReplayMismatch
from reasonkit.flow import complete, gather
from reasonkit.runner.async_driver import adrive
from reasonkit.runner.budget import Account, Budget
from reasonkit.runner.drivers import drive, in_order, in_threads
from reasonkit.runner.jobs import Job
from reasonkit.runner.session import Session
from reasonkit.trace import End, Event, Opened, Run, Seen, Token, Trace, canonical, fold
from reasonkit.types import Act, Answer, Complete, Completion, Flow, Question, Refused, Result
from tests.runner.scripted_world import MAKES, Make, ScriptedWorld, cot, deep_votes, episodes, react, start, twins
from tests.runner.scripted_world import self_consistency as sc

RUN = Run(strategy="test", seed=5)
makes = st.lists(st.sampled_from(MAKES), min_size=1, max_size=3)
numbers = st.integers(0, 10**6)
QUICK = settings(max_examples=40)


def render(effect: Complete) -> str:
    return effect.transcript.text + effect.cue


def session(
    chosen: list[Make], trace: Trace, *, strict: bool = False, budget: int | None = None, at_once: int = 3
) -> Session:
    return Session(
        episodes(chosen), trace, run=RUN, render=render, strict=strict, at_once=at_once, isolate=True,
        budget=None if budget is None else Budget(tokens=budget),
        count=lambda rendering: len(str(rendering)),
    )  # fmt: skip


Driver = Callable[[Session, ScriptedWorld], list[Seen]]


def run_sync(session: Session, world: ScriptedWorld) -> list[Seen]:
    return list(drive(session, world, in_order(world)))


def run_threads(session: Session, world: ScriptedWorld) -> list[Seen]:
    return list(drive(session, world, in_threads(world, 3)))


def run_batch(session: Session, world: ScriptedWorld) -> list[Seen]:
    return list(drive(session, world, world.as_batch))


def run_async(session: Session, world: ScriptedWorld) -> list[Seen]:
    async def main() -> list[Seen]:
        return [seen async for seen in adrive(session, world, at_once=4)]

    return asyncio.run(main())


DRIVERS: dict[str, Driver] = {"sync": run_sync, "threads": run_threads, "batch": run_batch, "async": run_async}
drivers = st.sampled_from(list(DRIVERS))


@contextmanager
def a_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "t.jsonl"


def lines_of(seen: list[Seen]) -> list[str]:
    """Return what happened in the order of places, without the clock."""
    kept = [line for line in seen if isinstance(line, (Event, End))]
    kept.sort(key=lambda line: (line.episode, isinstance(line, End), line.place if isinstance(line, Event) else ()))
    return [canonical(line) for line in kept]


def folded(seen: list[Seen]) -> list[Result]:
    questions = {line.episode: line.question for line in seen if isinstance(line, Opened)}
    return [
        fold(
            question,
            [line for line in seen if isinstance(line, Event) and line.episode == episode],
            next((line for line in seen if isinstance(line, End) and line.episode == episode), None),
        )
        for episode, question in sorted(questions.items())
    ]


def results_of(trace: Trace) -> list[Result]:
    return [
        fold(recording.question, recording.events.values(), recording.end)
        for recording in map(trace.recording, trace.episodes)
        if recording.question is not None
    ]


def recorded_in(trace: Trace) -> set[tuple[int, tuple[int, ...]]]:
    return {(episode, place) for episode in trace.episodes for place in trace.recording(episode).events}


def asked_by(world: ScriptedWorld) -> set[tuple[int, tuple[int, ...]]]:
    return {(job.episode, ask.place) for job in world.asked for ask in job.asks}


@QUICK
@given(makes, numbers, numbers, st.sampled_from([0, 0, 15, 3]))
def test_drivers_and_replay_agree_whatever_the_timing(chosen: list[Make], script: int, timing: int, fail: int) -> None:
    lines, results = [], []
    for name, driver in DRIVERS.items():
        with a_file() as file:
            with Trace(file) as trace:
                seen = driver(session(chosen, trace), ScriptedWorld(script, timing, fail_one_in=fail))
            with Trace(file, append=False) as trace:
                assert results_of(trace) == folded(seen)
                assert trace.canonical() == lines_of(seen)
                for again in (run_sync, DRIVERS[name]):
                    world = ScriptedWorld(0)
                    assert folded(again(session(chosen, trace, strict=True), world)) == folded(seen)
                    assert not world.asked
        lines.append(lines_of(seen))
        results.append(folded(seen))
    assert all(line == lines[0] for line in lines)
    assert all(result == results[0] for result in results)


@settings(max_examples=60)
@given(makes, numbers, numbers, st.integers(50, 900))
def test_a_budget_grants_the_same_whatever_the_timing(
    chosen: list[Make], script: int, timing: int, budget: int
) -> None:
    lines = []
    for driver in DRIVERS.values():
        with a_file() as file:
            with Trace(file) as trace:
                seen = driver(session(chosen, trace, budget=budget), ScriptedWorld(script, timing))
            with Trace(file, append=False) as trace:
                assert folded(run_sync(session(chosen, trace, strict=True), ScriptedWorld(0))) == folded(seen)
        lines.append(lines_of(seen))
        for result in folded(seen):
            assert result.usage.prompt_tokens + result.usage.completion_tokens <= budget
    assert all(line == lines[0] for line in lines)


@settings(max_examples=60)
@given(makes, numbers, numbers, st.floats(0, 1), drivers, drivers, st.sampled_from([None, None, 120, 250, 400]))
def test_a_trace_cut_at_any_byte_resumes_to_the_same_trace(
    chosen: list[Make], script: int, timing: int, cut: float, first: str, second: str, budget: int | None
) -> None:
    with a_file() as file:
        with Trace(file) as trace:
            seen = DRIVERS[first](session(chosen, trace, budget=budget), ScriptedWorld(script, timing))
        data = file.read_bytes()
        file.write_bytes(data[: int(cut * len(data))])
        with Trace(file) as resumed:
            had = recorded_in(resumed)
            world = ScriptedWorld(script, timing + 1)
            again = DRIVERS[second](session(chosen, resumed, budget=budget), world)
        assert not had & asked_by(world)
        assert folded(again) == folded(seen)
        with Trace(file, append=False) as whole:
            assert whole.canonical() == lines_of(seen)
            assert whole.torn_bytes == 0


def test_a_trace_cut_at_every_byte_resumes(tmp_path: Path) -> None:
    chosen = [MAKES[3], deep_votes]
    file = tmp_path / "t.jsonl"
    with Trace(file) as trace:
        seen = run_async(session(chosen, trace), ScriptedWorld(5, 1))
    data = file.read_bytes()
    for cut in range(0, len(data), 1 if len(data) < 2000 else 11):
        file.write_bytes(data[:cut])
        with Trace(file) as resumed:
            run_batch(session(chosen, resumed), ScriptedWorld(5))
        with Trace(file, append=False) as whole:
            assert whole.canonical() == lines_of(seen)


@QUICK
@given(makes, numbers, st.integers(1, 12), drivers, st.sampled_from([KeyboardInterrupt, asyncio.CancelledError]))
def test_a_killed_run_keeps_its_steps_and_resumes(
    chosen: list[Make], script: int, after: int, driver: str, kind: type[BaseException]
) -> None:
    def kill(job: Job) -> None:
        del job
        if len(world.asked) >= after:
            raise kind

    whole = folded(run_batch(session(chosen, Trace(), at_once=1), ScriptedWorld(script)))
    with a_file() as file:
        world = ScriptedWorld(script, before=kill)
        killed = True
        with Trace(file) as trace:
            try:
                DRIVERS[driver](session(chosen, trace, at_once=1), world)
                killed = False
            except kind:
                pass
        with Trace(file) as trace:
            parts = results_of(trace)
            for part, full in zip(parts, whole, strict=False):
                assert set(part.steps) <= set(full.steps)
                assert part == full or part.stop_reason == "cancelled"
            acted = sum(
                isinstance(event.effect, Act)
                for episode in trace.episodes
                for event in trace.recording(episode).events.values()
            )
            searches = [step for part in parts for step in part.steps if step.action and step.action.tool == "Search"]
            assert len(searches) == acted
            if driver == "sync" and killed:
                assert acted == sum(isinstance(job.effect, Act) for job in world.asked[: after - 1])
            had = recorded_in(trace)
            world = ScriptedWorld(script)
            assert folded(run_async(session(chosen, trace), world)) == whole
            assert not had & asked_by(world)


@QUICK
@given(makes, numbers, numbers, drivers)
def test_resuming_after_failures_of_the_world_gives_the_run_without_them(
    chosen: list[Make], script: int, timing: int, driver: str
) -> None:
    whole = run_batch(session(chosen, Trace()), ScriptedWorld(script))
    with a_file() as file:
        with Trace(file) as trace:
            DRIVERS[driver](session(chosen, trace), ScriptedWorld(script, timing, fail_one_in=4))
        with Trace(file) as trace:
            world = ScriptedWorld(script, timing)
            had = recorded_in(trace)
            again = DRIVERS[driver](session(chosen, trace), world)
        assert folded(again) == folded(whole)
        assert not had & asked_by(world)


@QUICK
@given(st.sampled_from(MAKES), numbers, st.integers(0, 8))
def test_a_recording_reopened_after_refusals_takes_up_where_they_were(make: Make, script: int, budget: int) -> None:
    whole = folded(run_batch(session([make], Trace()), ScriptedWorld(script)))
    with a_file() as file:
        with Trace(file) as trace:
            run_async(session([make], trace, budget=50 + 80 * budget), ScriptedWorld(script))
        with Trace(file, append=False) as trace:
            recording = trace.recording(0)
            recording.reopen()
            assert not any(isinstance(event.outcome, Refused) for event in recording.events.values())
            kept = set(recording.events)

            class Reopened(Trace):
                def recording(self, episode: int) -> type(recording):  # type: ignore[valid-type]
                    del episode
                    return recording

            world = ScriptedWorld(script)
            again = folded(run_async(session([make], Reopened()), world))
            assert not {(0, place) for place in kept} & asked_by(world)
            assert (again[0].answer, again[0].stop_reason) == (whole[0].answer, whole[0].stop_reason)


def test_identical_first_requests_of_a_gather_are_one_request() -> None:
    for driver in DRIVERS.values():
        world = ScriptedWorld(3)
        driver(session([lambda q: sc(q, samples=6, wave=6)], Trace()), world)
        assert [len(job.asks) for job in world.asked] == [6]
        assert len(set(world.asked[0].seeds)) == 6


def test_later_identical_requests_of_a_gather_are_not_merged() -> None:
    world = ScriptedWorld(3)
    run_sync(session([twins], Trace()), world)
    assert [len(job.asks) for job in world.asked] == [1] * 8


def test_without_merging_each_branch_draws_the_same_sample() -> None:
    def results(merge: bool) -> list[str | None]:
        one = Session(
            episodes([lambda q: sc(q, samples=6, wave=6)]), Trace(), run=RUN, render=render, merge=merge
        )  # fmt: skip
        return [sample.answer for sample in folded(run_sync(one, ScriptedWorld(3)))[0].samples]

    assert results(True) == results(False)


def test_tokens_are_events_and_never_traced() -> None:
    for driver in (run_sync, run_async):
        with a_file() as file:
            with Trace(file) as trace:
                seen = driver(session([sc], trace), ScriptedWorld(3))
            assert any(isinstance(one, Token) for one in seen)
            with Trace(file, append=False) as trace:
                assert len(recorded_in(trace)) == sum(isinstance(one, Event) for one in seen)


def test_abandoning_the_iterator_ends_the_episode_as_cancelled(tmp_path: Path) -> None:
    with Trace(tmp_path / "a.jsonl") as trace:
        world = ScriptedWorld(3)
        iterator = drive(session([react], trace), world, in_order(world))
        while not isinstance(next(iterator), Event):
            pass
        iterator.close()
    with Trace(tmp_path / "a.jsonl", append=False) as trace:
        assert trace.recording(0).end == End(episode=0, stop_reason="cancelled")

    async def main() -> None:
        with Trace(tmp_path / "b.jsonl") as trace:
            stream = adrive(session([deep_votes], trace), ScriptedWorld(3, 3), at_once=4)
            async with aclosing(stream) as seen:
                await _until_an_event(seen)

    asyncio.run(main())
    with Trace(tmp_path / "b.jsonl", append=False) as trace:
        assert trace.recording(0).end == End(episode=0, stop_reason="cancelled")


async def _until_an_event(seen: AsyncIterator[Seen]) -> None:
    async for one in seen:
        if isinstance(one, Event):
            return


def test_cancelling_ends_between_requests_and_returns() -> None:
    for driver in DRIVERS.values():
        world = ScriptedWorld(3, before=lambda job: running.cancel())  # noqa: B023 - called in this round
        running = session([react], Trace())
        seen = driver(running, world)
        assert folded(seen)[0].stop_reason == "cancelled"
        assert len(world.asked) == 1
        assert sum(isinstance(one, Event) for one in seen) >= 1


def test_replay_refuses_another_question_and_shows_the_difference(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    with Trace(file) as trace:
        run_batch(session([react], trace), ScriptedWorld(3))
    asked_otherwise = [(Question(text="q0"), react("another"))]
    with Trace(file, append=False) as trace, pytest.raises(ReplayMismatch) as refused:
        run_batch(Session(asked_otherwise, trace, run=RUN, render=render, strict=True), ScriptedWorld(3))
    assert "-Question: q0" in str(refused.value)
    assert "+Question: another" in str(refused.value)
    assert "episode 0, place 0 #0" in str(refused.value)


def test_replay_refuses_a_recorded_event_that_is_not_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    with Trace(file) as trace:
        run_batch(session([deep_votes], trace), ScriptedWorld(3))

    def gives_up(question: str) -> Flow[Answer]:
        del question
        yield from gather(list[Flow[Answer]]())
        return Answer(text=None)

    with Trace(file, append=False) as trace, pytest.raises(ReplayMismatch):
        run_batch(session([gives_up], trace, strict=True), ScriptedWorld(3))


def test_a_bug_in_a_strategy_propagates_with_the_trace_ended() -> None:
    def broken(question: str) -> Flow[Answer]:
        yield from complete(start(question))
        raise ZeroDivisionError

    for driver in DRIVERS.values():
        with a_file() as file:
            with Trace(file) as trace, pytest.raises(ZeroDivisionError):
                driver(session([broken, cot], trace), ScriptedWorld(1))
            with Trace(file, append=False) as trace:
                assert recorded_in(trace)
                assert trace.recording(0).end == End(episode=0, stop_reason="cancelled")


def test_a_strategy_that_yields_while_closing_does_not_keep_others_from_ending(tmp_path: Path) -> None:
    def stubborn(question: str) -> Flow[Answer]:
        try:
            yield from complete(start(question))
        finally:
            yield from complete(start(question))
        raise AssertionError

    def interrupted(job: Job) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "t.jsonl"
    with Trace(file) as trace, pytest.raises((KeyboardInterrupt, RuntimeError)):
        run_sync(session([stubborn, cot], trace), ScriptedWorld(1, before=interrupted))
    with Trace(file, append=False) as trace:
        assert [trace.recording(episode).end for episode in (0, 1)] == [
            End(episode=0, stop_reason="cancelled"),
            End(episode=1, stop_reason="cancelled"),
        ]


def test_a_failed_branch_stops_alone_and_the_lowest_place_names_the_error() -> None:
    def fails(job: Job) -> None:
        place = job.asks[0].place
        if place in ((0, 1, 0), (0, 2, 0)):
            raise ReasonkitError(f"down at {place[1]}")

    def branches(question: str) -> Flow[Answer]:
        answers = yield from gather([_numbered(question, i) for i in range(4)])
        return answers[0]

    for driver in DRIVERS.values():
        world = ScriptedWorld(1, before=fails)
        result = folded(driver(session([branches], Trace()), world))[0]
        assert result.stop_reason == "error"
        assert result.error is not None
        assert result.error.message == "down at 1"
        assert {ask.place[1] for job in world.asked for ask in job.asks} == {0, 1, 2, 3}


def _numbered(question: str, i: int) -> Flow[Answer]:
    completion = yield from complete(start(f"{question} {i}"))
    return Answer(text=completion.text)


def test_a_refusal_can_be_caught_and_else_ends_as_budget() -> None:
    result = folded(run_sync(session([cot], Trace(), budget=1), ScriptedWorld(1)))[0]
    assert (result.stop_reason, result.answer) == ("budget", None)
    assert result.error is not None
    assert "1 tokens" in result.error.message

    def catches(question: str) -> Flow[Answer]:
        try:
            return (yield from cot(question))
        except BudgetSpent as spent:
            return Answer(text=f"no {spent.limit} left")

    assert folded(run_sync(session([catches], Trace(), budget=1), ScriptedWorld(1)))[0].answer == "no tokens left"


def test_seconds_are_a_timeout() -> None:
    now = iter(range(0, 1000, 10))
    account = Account(Budget(seconds=15), clock=lambda: float(next(now)))
    timed = Session(episodes([react]), Trace(), run=RUN, render=render, shared=account)
    result = folded(run_sync(timed, ScriptedWorld(7)))[0]
    assert result.stop_reason in ("timeout", "finish", "step_limit")
    late = Account(Budget(seconds=5), clock=lambda: float(next(now)))
    timed = Session(episodes([react]), Trace(), run=RUN, render=render, shared=late)
    assert folded(run_sync(timed, ScriptedWorld(7)))[0].stop_reason == "timeout"


def test_episodes_are_begun_lazily_and_forgotten_at_their_end() -> None:
    begun = 0

    def lazily() -> Iterator[tuple[Question, Flow[Answer]]]:
        nonlocal begun
        for i in range(50):
            begun += 1
            yield Question(text=f"q{i}"), cot(f"q{i}")

    world = ScriptedWorld(1)
    running = Session(lazily(), Trace(), run=RUN, render=render, at_once=2)
    for seen in drive(running, world, in_order(world)):
        if isinstance(seen, End):
            assert begun <= seen.episode + 4
    assert world.forgotten == list(range(50))


def test_a_fault_before_the_first_effect_is_raised_unless_isolated() -> None:
    def faulty(question: str) -> Flow[Answer]:
        if question:
            raise ReasonkitError("no such prompt")
        yield from complete(start(question))
        return Answer(text=None)

    alone = Session([(Question(text="q"), faulty("q"))], Trace(), run=RUN, render=render)
    with pytest.raises(ReasonkitError, match="no such prompt"):
        run_sync(alone, ScriptedWorld(1))
    results = folded(run_sync(session([faulty, cot], Trace()), ScriptedWorld(1)))
    assert [result.stop_reason for result in results] == ["error", "finish"]


def test_a_flow_is_driven_by_hand() -> None:
    flow = cot("q")
    effect = next(flow)
    assert isinstance(effect, Complete)
    assert render(effect) == "Q: q\nA:"
    with pytest.raises(StopIteration) as stop:
        flow.send(Completion(text="the answer is 4"))
    assert stop.value.value == Answer(text="4")


def test_the_same_generator_twice_in_a_gather_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        next(gather([cot("q")] * 2))
