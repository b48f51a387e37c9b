"""A typed function as a tool for bracket actions: `@tool`, and what it makes of a function.

Not here: reading the brackets (`arguments.py`), calling with a time limit (`calls.py`), several tools (`toolbox.py`).
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, ParamSpec, TypeVar, overload

from reasonkit.errors import InputError
from reasonkit.tools.arguments import Parameter, parameters_of, signature_line
from reasonkit.tools.observations import checked_limit

P = ParamSpec("P")
R = TypeVar("R")

_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
MAX_CHARS: Final = 2_000
"""The longest observation of a tool that does not say otherwise, in characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Generic[P, R]):
    """A function with what a model is told of it; calling it calls the function."""

    name: str
    """What the model writes before the bracket."""
    function: Callable[P, R]
    parameters: tuple[Parameter, ...]
    description: str
    """The first paragraph of the docstring, on one line."""
    is_async: bool
    timeout_seconds: float | None = None
    cache: bool = False
    """Whether an answer is kept and given again for the same arguments."""
    max_chars: int | None = MAX_CHARS

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def describe(self) -> str:
        """Return the line that tells a model of the tool."""
        line = f"{self.name}[{signature_line(self.parameters)}]"
        if len(self.parameters) > 1:
            line += " (arguments in this order, separated by semicolons)"
        return f"{line}: {self.description}" if self.description else line


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(
    *,
    name: str | None = None,
    timeout_seconds: float | None = None,
    cache: bool = False,
    max_chars: int | None = MAX_CHARS,
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    timeout_seconds: float | None = None,
    cache: bool = False,
    max_chars: int | None = MAX_CHARS,
) -> Any:
    """Make a tool of a function, sync or async; a plain decorator, or one with options.

    The model is told of it by its signature and the first paragraph of its docstring. What it returns is shown to the
    model; a `ToolError` that it raises is shown as well, and any other exception ends the run.

    Args:
        function: its parameters are str, int, float, bool, a Literal of these, or one of them | None with a default.
        name: what the model writes before the bracket; left out, the function's own name.
        timeout_seconds: above 0; past it the model is told that there was no answer. A sync function goes on in its
            thread, as Python cannot end it; an async one is cancelled.
        cache: whether the same arguments get the kept answer; for functions whose answer depends on nothing else.
        max_chars: longest observation in characters, at least 80, or None for no limit.

    Raises:
        InputError: a name, an option or a parameter cannot be used.
    """

    def made(function: Callable[..., Any]) -> Tool[..., Any]:
        return tool_of(function, name=name, timeout_seconds=timeout_seconds, cache=cache, max_chars=max_chars)

    return made if function is None else made(function)


def tool_of(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    timeout_seconds: float | None = None,
    cache: bool = False,
    max_chars: int | None = MAX_CHARS,
) -> Tool[..., Any]:
    """Make a tool of a function; what `@tool` does, and a Toolbox with plain functions."""
    if not callable(function):
        raise InputError(f"{function!r} is no function; @tool makes a tool of one")
    called = name if name is not None else getattr(function, "__name__", "")
    if not isinstance(called, str) or not _NAME.fullmatch(called):
        raise InputError(f"{called!r} cannot be a tool's name: give name= with a letter and then letters, digits or _")
    if called.casefold() == "finish":
        raise InputError("a tool cannot be called Finish: that action ends the episode; give it another name=")
    if timeout_seconds is not None and not _is_duration(timeout_seconds):
        raise InputError(
            f"timeout_seconds of the tool {called!r} is {timeout_seconds!r}: give seconds above 0, or None"
        )
    plain = inspect.unwrap(function)
    return Tool(
        name=called,
        function=function,
        parameters=parameters_of(function, called),
        description=_summary(inspect.getdoc(plain) if inspect.isroutine(plain) else inspect.getdoc(type(plain))),
        is_async=inspect.iscoroutinefunction(plain) or inspect.iscoroutinefunction(getattr(plain, "__call__", None)),  # noqa: B004 - an object with an async __call__ is meant
        timeout_seconds=timeout_seconds,
        cache=cache,
        max_chars=checked_limit(max_chars),
    )


def _is_duration(seconds: object) -> bool:
    return isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0


def _summary(docstring: str | None) -> str:
    paragraph = (docstring or "").strip().split("\n\n", 1)[0]
    return " ".join(paragraph.split())
