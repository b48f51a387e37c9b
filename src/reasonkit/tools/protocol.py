"""What the runner knows of tools: names, and for each episode a session that uses them.

State (the page that was found, the place of the last Lookup) belongs to a session. Each episode, and each branch of a
vote, opens its own; two of them never share one.
"""

from __future__ import annotations

from typing import Protocol

from reasonkit.types import Action, Observation


class ToolSession(Protocol):
    """The tools of one episode, with the state that they keep between actions."""

    def use(self, action: Action) -> Observation:
        """Perform an action.

        A ToolError becomes an observation with status `error`; any other exception of a tool is raised as ToolCrashed.
        """
        ...

    async def ause(self, action: Action) -> Observation:
        """Perform an action without blocking the event loop."""
        ...

    def recall(self, action: Action, observation: Observation) -> None:
        """Take up the state after an action that a trace has on record, without performing it."""
        ...


class Toolset(Protocol):
    """Tools under the names that a model writes before the bracket."""

    @property
    def names(self) -> tuple[str, ...]:
        """The verbs, in the order in which a model is told of them; Finish is not among them."""
        ...

    def describe(self) -> str:
        """Return a line a tool for the model: its name, its argument and what it does."""
        ...

    def open(self) -> ToolSession:
        """Begin an episode."""
        ...

    def close(self) -> None:
        """Free what the tools hold."""
        ...
