"""What one episode is about, what a strategy returns, and what the caller receives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reasonkit.errors import RunFailed
from reasonkit.types.models import Usage
from reasonkit.types.programs import Execution
from reasonkit.types.steps import Step

StopReason = Literal["finish", "forced", "step_limit", "stalled", "budget", "timeout", "cancelled", "error"]
"""How a run ended. An answer comes with `finish` and `forced`, and may come with the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one episode is about."""

    text: str
    id: str | None = None
    """Its name in a dataset."""
    gold: tuple[str, ...] = ()
    """Accepted answers; never shown to a model."""
    choices: tuple[str, ...] = ()
    """The options of a multiple-choice question, in the order shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One member of a vote, or the one program of PAL."""

    answer: str | None
    """The canonical answer; None is an abstention."""
    text: str = ""
    """The model's own words."""
    program: str | None = None
    execution: Execution | None = None
    stop_reason: StopReason = "finish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A worked example that was not shown."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which worked examples were shown, as indices into the pool."""

    by: str
    chosen: tuple[int, ...]
    """In the order shown."""
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """A canonical answer and how many samples gave it."""

    answer: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a strategy returns."""

    text: str | None
    stop_reason: StopReason = "finish"
    lenient: str | None = None
    """What a forgiving extraction reads in the same words; None where the two do not differ in kind."""
    votes: tuple[Vote, ...] = ()
    """Most votes first; ties in the order first seen."""
    abstained: int = 0
    """Samples without an answer."""
    saved: int = 0
    """Samples that an early stop did not have to draw."""
    program: str | None = None
    execution: Execution | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error as it stands in a trace: its class and its message."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one question; the same live and in replay."""

    question: Question
    answer: str | None
    stop_reason: StopReason
    steps: tuple[Step, ...] = ()
    samples: tuple[Sample, ...] = ()
    usage: Usage = Usage()
    error: Failure | None = None
    lenient: str | None = None
    votes: tuple[Vote, ...] = ()
    abstained: int = 0
    saved: int = 0
    program: str | None = None
    execution: Execution | None = None
    selection: Selection | None = None
    """Which worked examples were shown, where they were chosen for the question."""
    trace: str | None = None
    """The file in which the run is recorded, if any."""

    @property
    def margin(self) -> float | None:
        """The winner's lead over the second, as a share of all samples; None where nothing was voted on."""
        if not self.votes:
            return None
        total = sum(vote.count for vote in self.votes) + self.abstained
        second = self.votes[1].count if len(self.votes) > 1 else 0
        return (self.votes[0].count - second) / total

    @property
    def ladder(self) -> dict[str, int]:
        """How many steps were read on which rung: as written, by a named recovery, asked for once more, not at all."""
        return {
            "accepted": sum(step.rung == "accepted" for step in self.steps),
            "recovered": sum(step.rung == "recovered" for step in self.steps),
            "reasked": sum(step.rung == "reasked" for step in self.steps),
            "invalid": sum(step.rung == "invalid" for step in self.steps),
            "forced": int(self.stop_reason == "forced"),
        }

    def raise_for_status(self) -> Result:
        """Return the result, or raise RunFailed if an error ended the run."""
        if self.error is not None:
            raise RunFailed(f"{self.error.kind}: {self.error.message}")
        return self
