"""What `agent.stream()` yields: one episode as it happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from reasonkit.trace import Began, End, Event, Seen, Token
from reasonkit.types import Act, Action, Execute, Execution, Note, Observation, Result, Sample, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEvent:
    """A piece of what the model writes."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThoughtEvent:
    """A thought, whole."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionEvent:
    """An action that is about to be carried out, or the Finish that ends the run."""

    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationEvent:
    """What came back, or what the model was told of an action that could not be read."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramEvent:
    """A program that is about to run."""

    program: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEvent:
    """What came of a program."""

    execution: Execution


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEvent:
    """A sample of a vote."""

    sample: Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerEvent:
    """The end; always the last event."""

    result: Result


StreamEvent: TypeAlias = (
    TokenEvent
    | ThoughtEvent
    | ActionEvent
    | ObservationEvent
    | ProgramEvent
    | ExecutionEvent
    | SampleEvent
    | AnswerEvent
)


def shown(seen: Seen) -> Iterator[StreamEvent]:
    """Return what a reader of the stream is told of something that happened; the end is the agent's affair."""
    match seen:
        case Token():
            yield TokenEvent(text=seen.text)
        case Began(effect=Act(action=action, thought=thought)):
            if thought:
                yield ThoughtEvent(text=thought)
            yield ActionEvent(action=action)
        case Began(effect=Execute(program=program)):
            yield ProgramEvent(program=program)
        case Event(outcome=Observation(text=text)):
            yield ObservationEvent(text=text)
        case Event(outcome=Execution() as execution):
            yield ExecutionEvent(execution=execution)
        case Event(effect=Note(item=Step() as step)) if step.action is None or step.observation is None:
            if step.thought:
                yield ThoughtEvent(text=step.thought)
            if step.action is not None:
                yield ActionEvent(action=step.action)
            if step.observation is not None:
                yield ObservationEvent(text=step.observation)
        case Event(effect=Note(item=Sample() as sample)):
            yield SampleEvent(sample=sample)
        case Event() | End() | Began():
            pass
        case _:
            pass
