"""Two traces, episode by episode: where they first differ, and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import unified_diff

from reasonkit.trace.events import End, Event, Place, written
from reasonkit.trace.file import Recording, Trace
from reasonkit.trace.lines import canonical
from reasonkit.trace.mismatch import shown
from reasonkit.types import Completion, Execution, Note, Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first difference of an episode."""

    episode: int
    place: Place | None
    """Where; None is the question, or the end."""
    lines: tuple[str, ...]
    """A diff."""

    @property
    def where(self) -> str:
        """Return the place in words."""
        return f"episode {self.episode}" + (f", place {written(self.place)}" if self.place else "")


def differences(first: Trace, second: Trace) -> Iterator[Difference]:
    """Yield the first difference of each episode that is not the same in both; clock fields are not looked at."""
    for episode in sorted({*first.episodes, *second.episodes}):
        found = _first(episode, first.recording(episode), second.recording(episode))
        if found is not None:
            yield found


def _first(episode: int, a: Recording, b: Recording) -> Difference | None:
    if a.question != b.question:
        asked = [one.question.text if one.question else "(not there)" for one in (a, b)]
        return Difference(episode=episode, place=None, lines=_diff(*asked))
    for place in sorted({*a.events, *b.events}):
        left, right = a.events.get(place), b.events.get(place)
        if left is None or right is None or canonical(_bare(left)) != canonical(_bare(right)):
            return Difference(episode=episode, place=place, lines=_diff(_text(left), _text(right)))
    left_end, right_end = a.end, b.end
    if left_end == right_end or (left_end and right_end and canonical(left_end) == canonical(right_end)):
        return None
    return Difference(episode=episode, place=None, lines=_diff(_ended(left_end), _ended(right_end)))


def _bare(event: Event) -> Event:
    return replace(event, inherited=False)


def _text(event: Event | None) -> str:
    if event is None:
        return "(not there)"
    if isinstance(event.effect, Note):
        return repr(event.effect.item)
    said = event.outcome
    if isinstance(said, (Completion, Observation)):
        text = said.text
    elif isinstance(said, Execution):
        text = repr(said.value) if said.error is None else f"{said.error.kind}: {said.error.message}"
    else:
        text = repr(said)
    return f"{shown(event.effect, event.request)}\n=> {text}"


def _ended(end: End | None) -> str:
    if end is None:
        return "(cut off)"
    answer = end.answer.text if end.answer else None
    return f"{end.stop_reason}\nanswer: {answer}" + (f"\n{end.error.kind}: {end.error.message}" if end.error else "")


def _diff(a: str, b: str) -> tuple[str, ...]:
    lines = tuple(unified_diff(a.splitlines(), b.splitlines(), "first", "second", lineterm="", n=2))
    return lines or ("the same words, but another prompt, settings or usage",)
