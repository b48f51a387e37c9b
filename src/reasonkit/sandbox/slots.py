"""Who may run now: a fixed number of slots, each with its zygotes, shared by threads, tasks and forked processes.

Not here: what is run (host.py), one zygote (worker.py).
"""

from __future__ import annotations

import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeAlias

from reasonkit.errors import InputError
from reasonkit.sandbox.spawned import SpawningWorker
from reasonkit.sandbox.worker import Worker

AnyWorker: TypeAlias = Worker | SpawningWorker


@dataclass(slots=True)
class Slot:
    """Room for one program at a time; a zygote without and one with the heavy libraries."""

    workers: dict[bool, AnyWorker] = field(default_factory=dict)


class Slots:
    """The slots of one sandbox.

    Args:
        count: how many programs may run at once.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._set_up()
        _ALL.add(self)
        _watch_forks()

    def _set_up(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._free = [Slot() for _ in range(self._count)]
        self._closed = False
        self._executor: ThreadPoolExecutor | None = None

    def acquire(self) -> Slot:
        """Wait for a free slot and take it; the one that was used last comes first.

        Raises:
            InputError: the sandbox is closed.
        """
        with self._changed:
            while not self._closed and not self._free:
                self._changed.wait()
            if self._closed:
                raise InputError("the sandbox is closed: make another")
            return self._free.pop()

    def release(self, slot: Slot) -> None:
        """Give a slot back."""
        with self._changed:
            self._free.append(slot)
            self._changed.notify()

    def executor(self) -> ThreadPoolExecutor:
        """Return the threads that carry runs for event loops; as many as there are slots."""
        with self._changed:
            if self._closed:
                raise InputError("the sandbox is closed: make another")
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self._count, thread_name_prefix="reasonkit-sandbox")
            return self._executor

    def close(self) -> None:
        """End every zygote, after the runs of other threads."""
        if self._pid != os.getpid():
            return
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=True, cancel_futures=True)
        for _ in range(self._count):
            with self._changed:
                while not self._free:
                    self._changed.wait()
                slot = self._free.pop()
            for worker in slot.workers.values():
                worker.kill()
        self._count = 0

    def after_fork(self) -> None:
        """In a forked process: let go of the parent's zygotes and begin anew."""
        for slot in self._free:
            for worker in slot.workers.values():
                worker.forget()
        closed = self._closed
        self._set_up()
        self._closed = closed


_ALL: weakref.WeakSet[Slots] = weakref.WeakSet()
_watching = False


def _watch_forks() -> None:
    global _watching
    if not _watching and hasattr(os, "register_at_fork"):
        _watching = True
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    for slots in _ALL:
        slots.after_fork()


class Ticket:
    """Lets the task that waits for a run end it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: AnyWorker | None = None
        self._cancelled = False

    def enter(self, worker: AnyWorker) -> bool:
        """A run begins in `worker`; False where it was cancelled before."""
        with self._lock:
            self._worker = worker
            return not self._cancelled

    def leave(self) -> None:
        """The run is over."""
        with self._lock:
            self._worker = None

    def cancel(self) -> None:
        """End the run, or do not begin it."""
        with self._lock:
            self._cancelled = True
            if self._worker is not None:
                self._worker.abort()
