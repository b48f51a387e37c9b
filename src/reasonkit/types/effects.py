"""What a strategy yields (effects) and what it is sent (outcomes)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar

from reasonkit.types.models import Completion, Sampling
from reasonkit.types.programs import Execution
from reasonkit.types.results import Sample, Selection
from reasonkit.types.steps import Action, Step

T = TypeVar("T")

BudgetLimit = Literal["tokens", "calls", "seconds", "usd", "steps"]
"""What can be bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A worked example: what is asked, and what a good answer looks like, both as they are sent."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A rendered prompt: all that stands before the model's first word."""

    name: str
    """The prompt's name, for example `react/default`."""
    sha256: str
    """Of the prompt's own files: its templates, demonstrations and settings."""
    instruction: str = ""
    demonstrations: tuple[Exchange, ...] = ()
    question: str
    demonstrations_as_turns: bool = True
    """Whether a chat shows demonstrations as turns; else they stand in the system turn."""
    text: str = field(init=False, repr=False, compare=False)
    """The parts as one text, computed once."""

    def __post_init__(self) -> None:
        shown = "".join(exchange.question + exchange.answer for exchange in self.demonstrations)
        object.__setattr__(self, "text", self.instruction + shown + self.question)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """An opening and what has been said since, as one growing text."""

    opening: Opening
    continuation: str = ""

    @property
    def text(self) -> str:
        return self.opening.text + self.continuation

    def extended(self, text: str) -> Transcript:
        """Return the transcript with `text` at its end."""
        return Transcript(opening=self.opening, continuation=self.continuation + text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """Effect: continue `transcript` after `cue`, up to the first of `stop`."""

    transcript: Transcript
    cue: str = ""
    stop: tuple[str, ...] = ()
    sampling: Sampling = Sampling()
    grammar: str | None = None
    """A grammar that the completion must follow (llama.cpp's GBNF)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Effect: use a tool."""

    action: Action
    thought: str = ""
    """What the model said before it; shown to whoever approves or watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute:
    """Effect: run a program in the sandbox and read its answer."""

    program: str
    answer: str | None = None
    """An expression whose value is the answer, `"$stdout"` for what it prints; None takes the last expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Effect: put on record; nothing is asked of the world."""

    item: Step | Sample | Selection


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gather:
    """Effect: run these flows side by side. Not data: it holds generators, takes an index and is never recorded."""

    flows: tuple[Flow[object], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Outcome: what a tool said."""

    text: str
    status: Literal["ok", "missing", "error", "denied"] = "ok"
    shortened: bool = False
    """Whether the text was cut at the tool's limit; the text says so too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Outcome: the budget does not cover the request. Raised as BudgetSpent inside the strategy."""

    limit: BudgetLimit
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Outcome of a Gather: the errors that ended branches, in their order. Never recorded."""

    failures: tuple[Exception, ...] = ()


Asked: TypeAlias = Complete | Act | Execute
"""What the world performs."""
Effect: TypeAlias = Asked | Note | Gather
Recorded: TypeAlias = Completion | Observation | Execution | Refused
"""What the world, or a budget, brings."""
Outcome: TypeAlias = Recorded | Gathered
Flow: TypeAlias = Generator[Effect, Outcome | None, T]
"""A strategy at work: yields effects, is sent outcomes, returns a value."""
