"""The sandbox as a caller holds it: workers, threads, event loops, forks, and what comes back.

The host never runs a line of a program and never imports what a program imports. Not here: one zygote (worker.py).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Literal, Self

from reasonkit.errors import InputError, IsolationUnavailable, SandboxUnavailable
from reasonkit.sandbox import protocol
from reasonkit.sandbox.allowed import DEFAULT_MODULES, HEAVY
from reasonkit.sandbox.isolation import LAYERS, REQUIRED, Isolation, local_isolation, warn_once
from reasonkit.sandbox.slots import AnyWorker, Slot, Slots, Ticket
from reasonkit.sandbox.spawned import SpawningWorker
from reasonkit.sandbox.targets import LAST_EXPRESSION, Target, as_request
from reasonkit.sandbox.worker import Gone, Outcome, Worker, package_folders
from reasonkit.types import Execution, ProgramError
from reasonkit.values import decode_value

ERROR_KINDS = frozenset({"exception", "refused", "syntax", "memory", "output", "no_answer", "unconvertible"})
"""What a child may say of its own program; time, signals and crashes are the zygote's to tell."""

MAX_PROGRAM_BYTES = 4 << 20


class Sandbox:
    """Runs programs that a model wrote: every honest one unchanged, and lets nothing out.

    The kernel is the wall: each program runs in a process of its own that has given up files, network, processes and
    memory beyond its limits. RestrictedPython is the first door: it refuses early and says why. Covered: reading and
    writing files, the network, other processes, the caller's memory and environment, the next program, endless loops,
    memory, output. Not covered: what a program says (its answer is data, never trust it as code), bugs of the
    kernel or the processor, timing side channels between programs; see SECURITY.md.

    Nothing starts before the first run. Safe to use from many threads, from a running event loop, and after a fork.

    Args:
        timeout_seconds: wall-clock limit of one program, over 0.
        memory_bytes: what a program may take beside the interpreter and its libraries, at least 16 MiB.
        output_bytes: what it may print.
        modules: what it may import; a package brings its submodules.
        isolation: "best" takes what the machine offers, and warns once where a layer is missing; "required" raises
            where limits, Landlock or seccomp are missing.
        workers: how many programs may run at once, at least 1; each has its own zygote, about 20 MB (80 MB with sympy).
    """

    def __init__(
        self,
        *,
        timeout_seconds: float = 5.0,
        memory_bytes: int = 512 << 20,
        output_bytes: int = 64 << 10,
        modules: Sequence[str] = DEFAULT_MODULES,
        isolation: Literal["best", "required"] = "best",
        workers: int = 1,
    ) -> None:
        if not 0 < timeout_seconds <= 86_400:
            raise InputError(f"timeout_seconds is {timeout_seconds!r}: give seconds over 0 and up to a day")
        if memory_bytes < 16 << 20:
            raise InputError(f"memory_bytes is {memory_bytes!r}: give at least {16 << 20}")
        if output_bytes < 0:
            raise InputError(f"output_bytes is {output_bytes!r}: give 0 or more")
        if workers < 1:
            raise InputError(f"workers is {workers!r}: give 1 or more")
        if isolation not in {"best", "required"}:
            raise InputError(f'isolation is {isolation!r}: give "best" or "required"')
        if isinstance(modules, str):
            raise InputError(f"modules is the string {modules!r}: give a tuple of names")
        self.timeout_seconds = float(timeout_seconds)
        self.memory_bytes = memory_bytes
        self.output_bytes = output_bytes
        self.modules = tuple(modules)
        self.isolation = isolation
        self.workers = workers
        self._layers = LAYERS
        self._forks = hasattr(os, "fork")
        heavy = sorted(HEAVY & {name.partition(".")[0] for name in self.modules})
        self._heavy = re.compile(rf"\b(?:{'|'.join(heavy)})\b") if heavy else None
        self._slots = Slots(workers)
        self._finalizer = weakref.finalize(self, self._slots.close)

    def run(self, program: str, answer: Target | str | None = LAST_EXPRESSION) -> Execution:
        """Run `program` and read its answer.

        Args:
            program: Python source.
            answer: where the answer stands: an Expression (a plain string is one), a Variable, STDOUT or
                LAST_EXPRESSION (None is that too).

        Returns:
            What came of it. Whatever the program did wrong is its `error`, never raised.

        Raises:
            SandboxUnavailable: the sandbox itself could not be started; nothing is said about the program.
            IsolationUnavailable: `isolation="required"`, and a layer is missing here.
            InputError: the sandbox is closed.
        """
        return self._run(program, answer, None)

    async def arun(self, program: str, answer: Target | str | None = LAST_EXPRESSION) -> Execution:
        """Run `program` as `run` does, without blocking the event loop; cancelling it ends the program."""
        ticket = Ticket()
        work = asyncio.get_running_loop().run_in_executor(self._slots.executor(), self._run, program, answer, ticket)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            ticket.cancel()
            work.cancel()
            raise

    def _run(self, program: str, answer: Target | str | None, ticket: Ticket | None) -> Execution:
        target = as_request(answer)
        started = time.monotonic()
        try:
            encoded = json.dumps({"program": program, "answer": target}, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            problem = ProgramError(kind="syntax", message=f"the program is not text: {error.reason}")
            return Execution(error=problem, seconds=time.monotonic() - started)
        if len(encoded) > MAX_PROGRAM_BYTES:
            problem = ProgramError(kind="refused", message=f"the program is longer than {MAX_PROGRAM_BYTES} bytes")
            return Execution(error=problem, seconds=time.monotonic() - started)
        heavy = self._heavy is not None and self._heavy.search(f"{program}\n{target}") is not None
        slot = self._slots.acquire()
        try:
            outcome, enforced = self._perform(slot, encoded, heavy=heavy, ticket=ticket)
            if outcome.kind == protocol.RERUN:
                outcome, enforced = self._perform(slot, encoded, heavy=True, ticket=ticket)
        finally:
            self._slots.release(slot)
        return self._execution(outcome, enforced, target["kind"])

    def _perform(
        self, slot: Slot, request: bytes, *, heavy: bool, ticket: Ticket | None
    ) -> tuple[Outcome, tuple[str, ...]]:
        """Run in a slot's zygote; a zygote that died is replaced once."""
        for attempt in (1, 2):
            worker = slot.workers.get(heavy)
            if worker is None:
                worker = slot.workers[heavy] = self._make_worker(heavy=heavy)
            try:
                self._start(worker)
                if ticket is not None and not ticket.enter(worker):
                    return Outcome(kind=protocol.ABORT, content=b"", seconds=0.0), worker.enforced
                try:
                    return worker.run(request, self.timeout_seconds), worker.enforced
                finally:
                    if ticket is not None:
                        ticket.leave()
            except Gone as error:
                if attempt == 2:
                    raise SandboxUnavailable(
                        f"the sandbox's process was lost twice over one program: {error}"
                    ) from error
        raise AssertionError

    def _make_worker(self, *, heavy: bool) -> AnyWorker:
        kind = Worker if self._forks else SpawningWorker
        return kind(self._settings(heavy=heavy))

    def _start(self, worker: AnyWorker) -> None:
        if not worker.start():
            return
        missing = local_isolation(worker.enforced, worker.missing).missing
        lacking = [reason for layer, reason in missing if layer in REQUIRED]
        if self.isolation == "required" and lacking:
            worker.kill()
            raise IsolationUnavailable(
                f'isolation="required" is not to be had here: {"; ".join(lacking)}. Run on Linux 5.13 or later with '
                'Landlock and seccomp, or ask for isolation="best"'
            )
        if missing and self._layers is LAYERS:
            warn_once(tuple(reason for _, reason in missing))

    def _settings(self, *, heavy: bool) -> dict[str, Any]:
        light = [name for name in self.modules if name.partition(".")[0] not in HEAVY]
        paths, readable = package_folders(self.modules)
        return {
            "timeout_seconds": self.timeout_seconds,
            "memory_bytes": self.memory_bytes,
            "output_bytes": self.output_bytes,
            "modules": [*light, *(name for name in self.modules if name not in light)],
            "heavy": heavy,
            "layers": sorted(self._layers),
            "paths": paths,
            "readable": readable,
            "time_zone": os.environ.get("TZ"),
        }

    def _execution(self, outcome: Outcome, enforced: tuple[str, ...], target: str) -> Execution:
        error: ProgramError | None = None
        value: object = None
        stdout = ""
        match outcome.kind:
            case protocol.DONE:
                value, stdout, error = _read_reply(outcome.content)
                if target == "stdout" and error is None:
                    value = stdout
                    if not stdout:
                        value, error = None, ProgramError(kind="no_answer", message="the program prints nothing")
            case protocol.TIMEOUT:
                error = ProgramError(
                    kind="timeout", message=f"the program ran longer than {self.timeout_seconds:g} seconds"
                )
            case protocol.DIED:
                kind, _, message = outcome.content.decode(errors="replace").partition(": ")
                told = kind if kind in {"timeout", "memory"} else "crash"
                error = ProgramError(kind=told, message=message)  # type: ignore[arg-type]
            case protocol.ABORT:
                error = ProgramError(kind="timeout", message="the run was cancelled")
            case _:
                error = ProgramError(kind="unconvertible", message="the answer is too large to be handed over")
        return Execution(value=value, stdout=stdout, error=error, seconds=outcome.seconds, enforced=enforced)

    def describe_isolation(self) -> Isolation:
        """Start a zygote and return what is in force here, and why the rest is not.

        Raises:
            SandboxUnavailable: none could be started.
        """
        slot = self._slots.acquire()
        try:
            worker = slot.workers.get(False)
            if worker is None:
                worker = slot.workers[False] = self._make_worker(heavy=False)
            worker.start()
            return local_isolation(worker.enforced, worker.missing)
        finally:
            self._slots.release(slot)

    def close(self) -> None:
        """End every process of this sandbox; waits for runs in other threads. May be called again."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)


def describe_isolation() -> Isolation:
    """Return what isolation a default sandbox has on this machine, and why the rest is missing.

    Raises:
        SandboxUnavailable: none could be started.
    """
    with Sandbox() as sandbox:
        return sandbox.describe_isolation()


def _read_reply(content: bytes) -> tuple[object, str, ProgramError | None]:
    """Read what a child says: data that a hostile program may have written."""
    try:
        reply = json.loads(content)
        stdout = reply["stdout"]
        if type(stdout) is not str:
            raise InputError("stdout is no text")
        if "error" not in reply:
            return decode_value(reply["value"]), stdout, None
        kind, message, line = reply["error"]
        if kind not in ERROR_KINDS or type(message) is not str or not (line is None or type(line) is int):
            raise InputError("an error is a known kind, a text and a line")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return (
            None,
            "",
            ProgramError(kind="unconvertible", message=f"the program's process sent no proper reply: {error}"),
        )
    return None, stdout, ProgramError(kind=kind, message=message, line=line)
