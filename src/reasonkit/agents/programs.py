"""The sandbox as the runner knows it: begun at the first program, an effect's answer translated."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from reasonkit.programs import STDOUT as PRINTED
from reasonkit.types import Execution

if TYPE_CHECKING:
    from reasonkit.sandbox import Sandbox


class InSandbox:
    """Runs programs in a sandbox.

    Args:
        sandbox: the caller's own; None makes one when the first program comes, and closes it.
    """

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox
        self._owned = sandbox is None
        self._lock = threading.Lock()

    def run(self, program: str, answer: str | None = None) -> Execution:
        """Run a program and read its answer."""
        from reasonkit.sandbox import LAST_EXPRESSION, STDOUT

        read = LAST_EXPRESSION if answer is None else STDOUT if answer == PRINTED else answer
        return self._begun().run(program, answer=read)

    async def arun(self, program: str, answer: str | None = None) -> Execution:
        """Run a program without blocking the event loop."""
        from reasonkit.sandbox import LAST_EXPRESSION, STDOUT

        read = LAST_EXPRESSION if answer is None else STDOUT if answer == PRINTED else answer
        return await self._begun().arun(program, answer=read)

    def close(self) -> None:
        """Close a sandbox that was made here."""
        with self._lock:
            if self._owned and self._sandbox is not None:
                self._sandbox.close()
                self._sandbox = None

    def _begun(self) -> Sandbox:
        with self._lock:
            if self._sandbox is None:
                from reasonkit.sandbox import Sandbox

                self._sandbox = Sandbox()
            return self._sandbox
