"""The sandbox as the runner knows it: begun at the first program, an effect's answer translated."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from reasonkit.errors import InputError, SandboxUnavailable
from reasonkit.types import Execution

if TYPE_CHECKING:
    from reasonkit.sandbox import Sandbox, Target


class InSandbox:
    """Runs programs in a sandbox.

    Args:
        sandbox: the caller's own; None makes one when the first program comes, and closes it.

    Raises:
        InputError: it is no sandbox.
    """

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        if sandbox is not None and (isinstance(sandbox, type) or not callable(getattr(sandbox, "run", None))):
            raise InputError(f"sandbox is {sandbox!r}; give a Sandbox(...), or None for one with its defaults")
        self._sandbox = sandbox
        self._closed = False
        self._owned = sandbox is None
        self._lock = threading.Lock()

    def run(self, program: str, answer: str | None = None) -> Execution:
        """Run a program and read its answer."""
        return self._begun().run(program, answer=_target(answer))

    async def arun(self, program: str, answer: str | None = None) -> Execution:
        """Run a program without blocking the event loop."""
        return await self._begun().arun(program, answer=_target(answer))

    def close(self) -> None:
        """Close a sandbox that was made here; no program runs afterwards."""
        with self._lock:
            self._closed = True
            if self._owned and self._sandbox is not None:
                self._sandbox.close()
                self._sandbox = None

    def _begun(self) -> Sandbox:
        with self._lock:
            if self._closed:
                raise SandboxUnavailable("the agent's sandbox is closed: ask before close(), or build another agent")
            if self._sandbox is None:
                from reasonkit.sandbox import Sandbox

                self._sandbox = Sandbox()
            return self._sandbox


def run_again(program: str, sandbox: Sandbox | None = None) -> Execution:
    """Run a saved program, for example `result.program`, without a model.

    Args:
        program: its text; what of it is the answer is found as PAL finds it.
        sandbox: where it runs; None makes one for this run.
    """
    from reasonkit.programs import answer_expression

    programs = InSandbox(sandbox)
    try:
        return programs.run(program, answer_expression(program))
    finally:
        programs.close()


def _target(answer: str | None) -> Target:
    """Return an effect's answer as the sandbox takes it."""
    from reasonkit.programs import STDOUT as PRINTED
    from reasonkit.sandbox import LAST_EXPRESSION, STDOUT, Expression

    if answer is None:
        return LAST_EXPRESSION
    return STDOUT if answer == PRINTED else Expression(answer)
