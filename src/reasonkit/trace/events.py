"""What a driver hands out and a trace holds: the events of a run, each with its place.

An event is an effect and its outcome. A transcript is not stored: it grows with every step and the file would grow
with its square; an event holds the transcript's hash, and the request as it was sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias

from reasonkit.types import (
    Act,
    Answer,
    Asked,
    Complete,
    Execute,
    Failure,
    Message,
    Note,
    Question,
    Recorded,
    Sampling,
    StopReason,
)

Place: TypeAlias = tuple[int, ...]
Rendering: TypeAlias = str | tuple[Message, ...]
"""A request's prompt as it is sent: a text to continue, or a chat."""

FORMAT = 1
"""The version of the file format; see `lines.py`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completing:
    """A Complete as a trace holds it."""

    transcript_sha256: str
    """Of the prompt's hash and the whole text before the cue."""
    cue: str = ""
    stop: tuple[str, ...] = ()
    sampling: Sampling = Sampling()
    grammar: str | None = None


Kept: TypeAlias = Completing | Act | Execute | Note
"""Effects as a trace holds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The head of a trace: what ran, with what. No secret is ever part of it."""

    strategy: str
    options: Mapping[str, object] = field(default_factory=dict)
    parts: Mapping[str, object] = field(default_factory=dict)
    """The strategies that this one is made of: their strategy, options, prompt and parts."""
    prompt: str | None = None
    prompt_sha256: str | None = None
    client: Mapping[str, str] = field(default_factory=dict)
    endpoint: Literal["chat", "completions"] = "completions"
    prefill: bool = False
    tools: tuple[str, ...] = ()
    seed: int = 0
    parent: str | None = None
    """The trace that this one was forked from, and where."""
    library: str = ""
    format: int = FORMAT
    time: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An episode begins."""

    episode: int
    question: Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """The world is about to be asked; never recorded."""

    episode: int
    place: Place
    effect: Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A piece of a completion as it comes; never recorded."""

    episode: int
    place: Place
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An effect and its outcome; a Note has none."""

    episode: int
    place: Place
    effect: Kept
    outcome: Recorded | None = None
    request: Rendering | None = None
    """Of a Complete: what was sent. In a merged request the first branch has it."""
    group: tuple[int, int] = (0, 1)
    """The number of this branch, and of all branches, of the one request that brought them."""
    seconds: float = 0.0
    """From asking to the last byte; a clock field, which no comparison reads."""
    inherited: bool = False
    """Whether the outcome was taken over from the trace that this one was forked from, or given by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """An episode is over."""

    episode: int
    stop_reason: StopReason
    answer: Answer | None = None
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """An episode goes on although the budget refused it: its refusals, and all that followed from them, are void."""

    episode: int


Line: TypeAlias = Run | Opened | Reopened | Event | End
Seen: TypeAlias = Opened | Began | Token | Event | End


def kept(effect: Asked | Note, redact: Callable[[str], str] | None = None) -> Kept:
    """Return the effect as a trace holds it; with `redact`, the hash is that of the text as it may be written."""
    if not isinstance(effect, Complete):
        return effect
    opening, transcript = effect.transcript.opening, effect.transcript
    if redact is None:
        digest = _digest_of_opening(opening.sha256, opening.text).copy()
        digest.update(transcript.continuation.encode("utf-8", "surrogatepass"))
    else:
        digest = _digest(opening.sha256, redact(transcript.text))
    return Completing(
        transcript_sha256=digest.hexdigest(),
        cue=effect.cue,
        stop=effect.stop,
        sampling=effect.sampling,
        grammar=effect.grammar,
    )


def _digest(prompt_sha256: str, text: str) -> hashlib._Hash:
    return hashlib.sha256(prompt_sha256.encode() + text.encode("utf-8", "surrogatepass"))


_digest_of_opening = lru_cache(maxsize=256)(_digest)
"""An episode's opening is most of each of its transcripts, and is hashed once."""


def follows(later: Place, earlier: Place) -> bool:
    """Say whether `later` can have been caused by `earlier`: even positions are time, odd ones siblings."""
    for position, (a, b) in enumerate(zip(later, earlier, strict=False)):
        if a != b:
            return position % 2 == 0 and a > b
    return False


def written(place: Place) -> str:
    """Return a place as messages show it: `0/3/1 #2` is effect 2 of child 1 of the gather at index 3 of the root."""
    return f"{path_text(place)} #{place[-1]}"


def path_text(place: Place) -> str:
    """Return the path of a place as it stands in a file: `0`, or `0/g/i` in child i of the gather at g."""
    return "/".join(("0", *map(str, place[:-1])))
