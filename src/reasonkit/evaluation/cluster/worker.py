"""What runs in an actor: an agent that answers single episodes under their own numbers, and returns their lines.

Not here: Ray. A worker is a plain object, and is tested as one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reasonkit.agents.agent import Agent
from reasonkit.agents.recording import head
from reasonkit.errors import ReasonkitError
from reasonkit.runner.budget import Budget
from reasonkit.trace import Line, Recording, Run, Trace
from reasonkit.types import Failure, Question


class Worker:
    """What runs in an actor: an agent, asked from several threads.

    Args:
        build: makes the agent.
    """

    def __init__(self, build: Callable[[], Agent]) -> None:
        self._build = build
        self._agent: Agent | None = None

    def begin(self) -> Run | Failure:
        """Make the agent; return what a trace says of it, or why there is none."""
        try:
            agent = self._build()
        except ReasonkitError as error:
            return Failure(kind=type(error).__name__, message=str(error))
        self._agent = agent
        return head(
            agent.recipe, agent.client, tools=agent.tools, adapter=agent.adapter, seed=agent.seed, parent=None
        )  # fmt: skip

    def answer(self, number: int, question: Question, recorded: Recording, budget: Budget | None) -> tuple[Line, ...]:
        """Answer a question as the episode of a number; return the lines that are not on record yet."""
        if self._agent is None:
            raise TypeError("a worker begins before it answers")
        trace = _Away(number, recorded)
        for _ in self._agent.each([question], trace=trace, budget=budget):
            pass
        return tuple(trace.lines)

    def cancel(self) -> None:
        """End what is under way after its request."""
        if self._agent is not None:
            self._agent.cancel()


class _Away(Trace):
    """The trace of one episode away from its file: it knows what is on record, and keeps what is new."""

    def __init__(self, number: int, recorded: Recording) -> None:
        super().__init__(None)
        self.begun, self._recorded = number, recorded
        self.lines: list[Line] = []

    def recording(self, episode: int) -> Recording:
        del episode
        return self._recorded

    def append(self, lines: Sequence[Line]) -> None:
        super().append(lines)
        self.lines += [line for line in lines if not isinstance(line, Run)]
