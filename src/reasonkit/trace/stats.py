"""What a trace amounts to: episodes and their ends, steps, recoveries, tokens, time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from reasonkit.trace.events import Completing, Event
from reasonkit.trace.file import Recording, Trace
from reasonkit.trace.fold import fold
from reasonkit.types import Act, Completion, Execute, Note, Refused, Result, Step, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Sums over the episodes of a trace."""

    episodes: int
    stop_reasons: Mapping[str, int]
    answered: int
    steps: int
    most_steps: int
    samples: int
    recoveries: Mapping[str, int]
    malformed: Mapping[str, int]
    reasked: int
    usage: Usage
    truncated: int
    """Completions that the token limit cut."""
    refused: int
    """Requests that the budget did not cover."""
    inherited: int
    """Outcomes that were taken over from a parent."""
    tools: Mapping[str, int]
    statuses: Mapping[str, int]
    """How tools answered."""
    programs: int
    model_seconds: float
    """Waiting for completions, summed over branches that may have run side by side."""
    tool_seconds: float
    median_episode_seconds: float
    """The median over episodes of all waiting."""


def stats(trace: Trace) -> Stats:
    """Return the sums over a trace."""
    results: list[Result] = []
    events: list[Event] = []
    waits: list[float] = []
    for number in trace.episodes:
        recording = trace.recording(number)
        if recording.question is not None:
            results.append(fold(recording.question, recording.events.values(), recording.end))
            waits.append(sum(map(_wait, recording.events.values())))
        events += recording.events.values()
    steps = [
        event.effect.item for event in events if isinstance(event.effect, Note) and isinstance(event.effect.item, Step)
    ]
    completions = [event.outcome for event in events if isinstance(event.outcome, Completion)]
    return Stats(
        episodes=len(results),
        stop_reasons=_counted(result.stop_reason for result in results),
        answered=sum(result.answer is not None for result in results),
        steps=len(steps),
        most_steps=max((len(result.steps) for result in results), default=0),
        samples=sum(len(result.samples) for result in results),
        recoveries=_counted(recovery for step in steps for recovery in step.recovered),
        malformed=_counted(step.malformed for step in steps if step.malformed),
        reasked=sum(step.reasked for step in steps),
        usage=sum((result.usage for result in results), Usage()),
        truncated=sum(completion.truncated for completion in completions),
        refused=sum(isinstance(event.outcome, Refused) for event in events),
        inherited=sum(event.inherited for event in events),
        tools=_counted(event.effect.action.tool for event in events if isinstance(event.effect, Act)),
        statuses=_counted(
            getattr(event.outcome, "status", "") for event in events if isinstance(event.effect, Act) and event.outcome
        ),
        programs=sum(isinstance(event.effect, Execute) for event in events),
        model_seconds=sum(_wait(event) for event in events if isinstance(event.effect, Completing)),
        tool_seconds=sum(_wait(event) for event in events if not isinstance(event.effect, Completing)),
        median_episode_seconds=median(waits) if waits else 0.0,
    )


def seconds_of(recording: Recording) -> float:
    """Return what an episode waited for the world, summed."""
    return sum(map(_wait, recording.events.values()))


def _wait(event: Event) -> float:
    return event.seconds if event.group[0] == 0 else 0.0  # a merged request is waited for once


def _counted(items: Iterable[str]) -> dict[str, int]:
    return dict(Counter(items).most_common())
