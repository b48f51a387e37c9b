"""What a fork takes over from its parent: the outcomes before a step, and one that is given by hand.

A fork runs the flow anew and is served these outcomes instead of asking; from the step on it asks for itself. Steps
are those that stand on record outside of votes. Not here: running it; see the agents' `fork`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reasonkit.errors import InputError
from reasonkit.trace.events import Completing, Event, Place
from reasonkit.trace.file import Recording
from reasonkit.types import Act, Completion, Note, Observation, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """Where a run comes from, and what it takes over: for each episode, events by place."""

    parent: str
    events: Mapping[int, Mapping[Place, Event]] = field(default_factory=dict)


def steps_of(recording: Recording) -> list[int]:
    """Return where the steps of an episode end: the places of their notes in the root flow, in order."""
    return sorted(
        place[0]
        for place, event in recording.events.items()
        if len(place) == 1 and isinstance(event.effect, Note) and isinstance(event.effect.item, Step)
    )


def taken_over(
    recording: Recording, step: int, *, completion: str | None = None, observation: str | None = None
) -> dict[Place, Event]:
    """Return the events that a fork at `step` is served.

    Args:
        recording: of the parent.
        step: the first one to be run anew, from 1. An episode with fewer steps is taken over whole.
        completion: what the model is to have said at that step, instead of asking it.
        observation: what the tool is to have said at that step; the model's words there are kept.

    Raises:
        InputError: both are given, or there is nothing that they could stand for.
    """
    if completion is not None and observation is not None:
        raise InputError("give what the model says at the step, or what the tool says, not both")
    ends = steps_of(recording)
    if step < 1:
        raise InputError(f"step is {step}; the first one is 1")
    if step > len(ends) + 1:
        if completion is not None or observation is not None:
            raise InputError(f"there is no step {step}: the episode has {len(ends)}")
        return dict(recording.events)
    begin = ends[step - 2] + 1 if step > 1 else _first(recording)
    kept = {place: event for place, event in recording.events.items() if place[0] < begin}
    if completion is not None:
        kept[(begin,)] = Event(
            episode=0,
            place=(begin,),
            effect=Completing(transcript_sha256=""),
            outcome=Completion(text=completion),
        )
    if observation is not None:
        kept |= _told(recording, begin, step, observation)
    return kept


def _first(recording: Recording) -> int:
    """Return where step 1 begins: the first completion of the root flow, after whatever votes stand before it."""
    asked = [
        place[0]
        for place, event in recording.events.items()
        if len(place) == 1 and isinstance(event.effect, Completing)
    ]
    return min(asked, default=0)


def _told(recording: Recording, begin: int, step: int, observation: str) -> dict[Place, Event]:
    """Return the step's events up to its action, which is answered by hand."""
    events: dict[Place, Event] = {}
    for place, event in sorted(recording.events.items()):
        if place[0] < begin or len(place) > 1:
            continue
        if isinstance(event.effect, Note):
            break
        if isinstance(event.effect, Act):
            return events | {place: replace(event, outcome=Observation(text=observation))}
        events[place] = event
    raise InputError(f"step {step} used no tool, so no tool can have said something else")
