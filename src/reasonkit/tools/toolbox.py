"""Several tools as one Toolset: plain functions, `@tool` functions, and other Toolsets such as Wikipedia."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from reasonkit.errors import InputError, ToolError
from reasonkit.tools.arguments import read_arguments
from reasonkit.tools.calls import Caller
from reasonkit.tools.crashes import crashes
from reasonkit.tools.observations import refused, shown, unknown_tool
from reasonkit.tools.protocol import ToolSession, Toolset
from reasonkit.tools.tool import Tool, tool_of
from reasonkit.types import Action, Observation

_KEPT: Final = 1_024
"""Answers kept of all cached tools together; the one unused longest goes first."""


class Toolbox:
    """Tools under one roof.

    A function's `ToolError` is an observation; any other exception of it is raised as ToolCrashed. A tool that does not
    exist is an observation that lists those that do.

    Args:
        tools: plain functions, functions with `@tool`, Toolsets; in the order in which a model is told of them.

    Raises:
        InputError: two tools have one name, or something is no tool.
    """

    def __init__(self, tools: Iterable[Tool[..., Any] | Toolset | Callable[..., Any]]) -> None:
        if isinstance(tools, str) or not isinstance(tools, Iterable):
            raise InputError(f"tools is {tools!r}: give several, a list of functions and Toolsets")
        self._members: dict[str, Tool[..., Any] | Toolset] = {}
        self._parts: list[Tool[..., Any] | Toolset] = []
        for given in tools:
            part = _part(given)
            for name in (part.name,) if isinstance(part, Tool) else part.names:
                if name in self._members:
                    raise InputError(f"two tools are called {name!r}: give one of them another name=")
                self._members[name] = part
            self._parts.append(part)
        self._caller = Caller()
        self._kept = _Kept()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._members)

    def describe(self) -> str:
        """Return a line a tool, in order."""
        return "\n".join(part.describe() for part in self._parts)

    def open(self) -> "ToolboxSession":
        """Begin an episode: each Toolset among the tools opens a session of its own."""
        sessions: dict[int, ToolSession] = {id(part): part.open() for part in self._parts if not isinstance(part, Tool)}
        members = {name: part if isinstance(part, Tool) else sessions[id(part)] for name, part in self._members.items()}
        return ToolboxSession(members, self._caller, self._kept)

    def close(self) -> None:
        """Close the Toolsets and end what async functions run on."""
        for part in self._parts:
            if not isinstance(part, Tool):
                part.close()
        self._caller.close()


class ToolboxSession:
    """The tools of one episode."""

    def __init__(self, members: dict[str, Tool[..., Any] | ToolSession], caller: Caller, kept: "_Kept") -> None:
        self._members = members
        self._caller = caller
        self._kept = kept

    def use(self, action: Action) -> Observation:
        """Perform an action.

        Raises:
            ToolCrashed: a function raised something other than ToolError.
        """
        ready = self._ready(action)
        if isinstance(ready, Observation):
            return ready
        if not isinstance(ready, _Call):
            return ready.use(action)
        try:
            returned = self._caller.call(ready.name, ready.bound, is_async=ready.is_async, seconds=ready.seconds)
        except ToolError as error:
            return refused(error)
        return self._kept.put(ready, _shown(ready, returned))

    async def ause(self, action: Action) -> Observation:
        """Perform an action without blocking the event loop; a sync function runs in a thread."""
        ready = self._ready(action)
        if isinstance(ready, Observation):
            return ready
        if not isinstance(ready, _Call):
            return await ready.ause(action)
        try:
            returned = await self._caller.acall(ready.name, ready.bound, is_async=ready.is_async, seconds=ready.seconds)
        except ToolError as error:
            return refused(error)
        return self._kept.put(ready, _shown(ready, returned))

    def recall(self, action: Action, observation: Observation) -> None:
        """Hand a recorded action to the Toolset that it belongs to; a function has no state."""
        member = self._members.get(action.tool)
        if member is not None and not isinstance(member, Tool):
            member.recall(action, observation)

    def _ready(self, action: Action) -> "Observation | ToolSession | _Call":
        """Return what the action comes to before anything is called: an answer, the session to ask, or a call."""
        member = self._members.get(action.tool)
        if member is None:
            return unknown_tool(action.tool, tuple(self._members))
        if not isinstance(member, Tool):
            return member
        try:
            values = read_arguments(member.parameters, action.argument, member.name)
        except ToolError as error:
            return refused(error)
        call = _Call(tool=member, values=values)
        return self._kept.get(call) or call


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    tool: Tool[..., Any]
    values: tuple[object, ...]
    """One for each parameter."""

    @property
    def name(self) -> str:
        return self.tool.name

    @property
    def is_async(self) -> bool:
        return self.tool.is_async

    @property
    def seconds(self) -> float | None:
        return self.tool.timeout_seconds

    @property
    def key(self) -> tuple[str, str]:
        return self.tool.name, repr(self.values)

    def bound(self) -> Any:
        """Call the function."""
        pairs = list(zip(self.tool.parameters, self.values, strict=True))
        by_place = [value for parameter, value in pairs if not parameter.by_name]
        by_name = {parameter.name: value for parameter, value in pairs if parameter.by_name}
        return self.tool.function(*by_place, **by_name)


def _shown(call: _Call, returned: object) -> Observation:
    """Show what a function returned; what its own objects raise while they are written is the tool's crash."""
    with crashes(f"what the tool {call.name!r} returned cannot be shown: it"):
        return shown(returned, call.tool.max_chars)


class _Kept:
    """The answers of cached tools; safe in several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple[str, str], Observation] = OrderedDict()

    def get(self, call: _Call) -> Observation | None:
        if not call.tool.cache:
            return None
        with self._lock:
            found = self._answers.get(call.key)
            if found is not None:
                self._answers.move_to_end(call.key)
            return found

    def put(self, call: _Call, observation: Observation) -> Observation:
        """Keep a good answer of a cached tool, and return it."""
        if call.tool.cache and observation.status == "ok":
            with self._lock:
                self._answers[call.key] = observation
                while len(self._answers) > _KEPT:
                    self._answers.popitem(last=False)
        return observation


def _part(given: object) -> Tool[..., Any] | Toolset:
    if isinstance(given, Tool) or _is_toolset(given):
        return given
    if callable(given) and not isinstance(given, type):
        return tool_of(given)
    raise InputError(
        f"{given!r} is no tool: give a function, a function with @tool, or a Toolset such as Wikipedia(...)"
    )


def _is_toolset(given: object) -> TypeGuard[Toolset]:
    return not isinstance(given, type) and all(hasattr(given, each) for each in ("names", "describe", "open", "close"))
