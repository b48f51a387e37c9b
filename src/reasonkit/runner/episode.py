"""One episode of a session: its flows, what is on record of it, what is under way, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

from reasonkit.errors import BudgetSpent, ReasonkitError
from reasonkit.flow import Ask, Path, Place, Tree
from reasonkit.runner.budget import Account
from reasonkit.trace import End, Recording
from reasonkit.types import Act, Action, Answer, Failure, Observation, Recorded, StopReason


@dataclass(slots=True, eq=False)
class Episode:
    """What a session keeps of an episode that is open."""

    number: int
    tree: Tree
    recording: Recording
    account: Account | None
    inbox: list[tuple[Ask, Recorded]] = field(default_factory=list)
    """Outcomes that the flows have not been told yet."""
    recalled: dict[Path, list[tuple[Action, Observation]]] = field(default_factory=dict)
    """What tools did on each path before, for the state that they have when they are used next."""
    used: set[Place] = field(default_factory=set)
    """The recorded events that were asked for again."""
    outstanding: int = 0
    """Jobs under way."""
    asked: bool = False
    wrote: bool = False
    """Whether anything was added to what stood on record."""
    ended: bool = False
    error: tuple[Place, ReasonkitError] | None = None
    """The world's failure at the lowest place."""

    def recall(self, ask: Ask, outcome: Recorded) -> None:
        """Keep what a tool did without being asked."""
        if isinstance(ask.effect, Act) and isinstance(outcome, Observation):
            self.recalled.setdefault(ask.path, []).append((ask.effect.action, outcome))

    def how_it_ended(self, *, isolate: bool) -> End:
        """Return the end that follows from the flow, or from what stopped it.

        Args:
            isolate: whether a fault before the first effect is an end; else it is raised.
        """
        if not self.tree.finished and self.error is None:
            return End(episode=self.number, stop_reason="cancelled")
        failure = self.tree.failure or (self.error[1] if self.error else None)
        if failure is None:
            answer = self.tree.value
            if not isinstance(answer, Answer):
                raise TypeError(f"a strategy returns an Answer, not {answer!r}")
            if not (answer.text is None or isinstance(answer.text, str)):
                raise TypeError(f"an Answer's text is a text or None, not {answer.text!r}")
            if answer.stop_reason not in get_args(StopReason):
                raise TypeError(f"an Answer's stop_reason is one of {get_args(StopReason)}, not {answer.stop_reason!r}")
            return End(episode=self.number, stop_reason=answer.stop_reason, answer=answer)
        if not self.asked and not isolate:
            raise failure
        reason: StopReason = "error"
        if isinstance(failure, BudgetSpent) and failure is self.tree.failure:
            reason = "timeout" if failure.limit == "seconds" else "budget"
        return End(
            episode=self.number,
            stop_reason=reason,
            error=Failure(kind=type(failure).__name__, message=str(failure)),
        )
