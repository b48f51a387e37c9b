"""The chains of a recorded episode: completions each of whose requests goes on from the one before.

A chain is one continued text, cut into what the model wrote and all the rest: prompt, cues, observations, what a
strategy put between. A plain run is one chain, a vote has one for each sample, a back-off one for each of its halves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from reasonkit.trace.events import Completing, Event, Place, Rendering
from reasonkit.trace.file import Recording
from reasonkit.types import Completion, Note, Sample, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A completion in its place."""

    place: Place
    request: Rendering
    """As it was sent."""
    before: str
    """What stands between the last turn's words and this one's: at first the prompt, then observations and cues."""
    words: str
    """The model's own, as they stand in the text from now on."""
    good: bool
    """Whether something could be read in them."""


@dataclass(slots=True, kw_only=True)
class Chain:
    """Turns that go on from one another."""

    path: Place
    turns: list[Turn] = field(default_factory=list)
    sample: Sample | None = None
    """Of a vote, where the chain is one of its samples."""

    @property
    def opening(self) -> str:
        """The prompt, without the first cue."""
        return self.turns[0].before

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(turn.before + turn.words for turn in self.turns)


def text_of(request: Rendering) -> str:
    """Return a request as one continued text: the turns of a chat, one after another, are what a text endpoint gets."""
    return request if isinstance(request, str) else "".join(message.content for message in request)


def chains(recording: Recording) -> list[Chain]:
    """Return the chains of an episode, in the order of their places."""
    requests = {
        event.effect: event.request
        for event in recording.events.values()
        if isinstance(event.effect, Completing) and event.request is not None
    }
    found: list[Chain] = []
    for path in sorted({place[:-1] for place in recording.events}):
        events = [event for place, event in sorted(recording.events.items()) if place[:-1] == path]
        found += _chains(path, events, requests)
    return found


def _chains(path: Place, events: list[Event], requests: dict[Completing, Rendering]) -> Iterator[Chain]:
    sample = next(
        (e.effect.item for e in events if isinstance(e.effect, Note) and isinstance(e.effect.item, Sample)), None
    )
    steps = [(e.place, e.effect.item) for e in events if isinstance(e.effect, Note) and isinstance(e.effect.item, Step)]
    completed = [(event, event.effect) for event in events if isinstance(event.effect, Completing)]
    chain, end = Chain(path=path, sample=sample), ""
    for number, (event, effect) in enumerate(completed):
        request = event.request if event.request is not None else requests.get(effect)
        if request is None or not isinstance(event.outcome, Completion):
            continue
        text = text_of(request)
        if chain.turns and not text.startswith(end):
            yield chain
            chain, end = Chain(path=path, sample=sample), ""
        before = text[len(end) :]
        following = completed[number + 1] if number + 1 < len(completed) else None
        after = None
        if following is not None and (sent := following[0].request or requests.get(following[1])) is not None:
            later = text_of(sent)
            after = later[len(text) : len(later) - len(following[1].cue)] if later.startswith(text) else None
        limit = following[0].place if following is not None else None
        step = next((s for at, s in steps if at > event.place and (limit is None or at < limit)), None)
        words = _words(event.outcome.text, step, effect.cue, after)
        good = (step is None or step.malformed is None) and words is not None
        words = event.outcome.text.rstrip() if words is None else words
        chain.turns.append(Turn(place=event.place, request=request, before=before, words=words, good=good))
        end = text + words
    if chain.turns:
        yield chain


def _words(said: str, step: Step | None, cue: str, after: str | None) -> str | None:
    """Return what stands in the text of what the model said, or None if that cannot be told apart from the rest."""
    plain = said.rstrip()
    if after is None:  # the last turn
        if step is None or step.action is None or not step.recovered:
            return plain
        action = f"{step.action.tool}[{step.action.argument}]"
        thinks = cue.startswith("Thought")
        return f" {step.thought}\nAction {step.number}: {action}" if thinks else f" {action}"
    if step is not None and step.observation is not None:
        seen = f"\nObservation {step.number}: {step.observation}\n"
        if after.endswith(seen):
            return after[: -len(seen)]
    if after.startswith(plain):
        return plain
    kept = after.rstrip("\n")
    return kept if kept.strip() == plain.strip().partition("\n")[0] else None
