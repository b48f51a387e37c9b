"""Asking a person before a tool or a program runs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Literal

from reasonkit.errors import InputError
from reasonkit.types import Act, Execute

Approve = Callable[[Act | Execute], bool] | Literal["ask"]
"""A function that says whether an effect may be carried out, or `"ask"` to ask at the terminal."""


def ask(effect: Act | Execute) -> bool:
    """Show what is about to run on the terminal and read yes or no; anything but yes is no."""
    if isinstance(effect, Act):
        shown = f"{effect.action.tool}[{effect.action.argument}]"
        if effect.thought:
            shown = f"{effect.thought}\n{shown}"
    else:
        shown = effect.program
    sys.stderr.write(f"{shown}\nRun this? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def known(approve: Approve | None) -> Approve | None:
    """Return what approves.

    Raises:
        InputError: it is neither a function nor "ask", or an async function, whose promise would pass for a yes.
    """
    if approve is not None and approve != "ask" and not callable(approve):
        raise InputError(f'approve is {approve!r}; give a function that returns True or False, or "ask"')
    if inspect.iscoroutinefunction(approve) or inspect.iscoroutinefunction(getattr(approve, "__call__", None)):  # noqa: B004 - an object with an async __call__ is meant
        raise InputError(f"approve is the async function {approve!r}; give one that returns True or False")
    return approve


def checked(approve: Approve | None, at_once: int) -> Callable[[Act | Execute], bool] | None:
    """Return the function that decides.

    Raises:
        InputError: it cannot be used, a person is to be asked several things at a time, or there is no terminal.
    """
    approve = known(approve)
    if approve != "ask":
        return approve
    if at_once > 1:
        raise InputError(f'approve="ask" asks one thing at a time, but concurrency is {at_once}; give concurrency=1')
    if sys.stdin is None or sys.stderr is None or not sys.stdin.isatty():
        raise InputError('approve="ask" needs a terminal to ask at; give a function instead')
    return ask
