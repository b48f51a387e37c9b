"""The sync driver: it carries jobs from a session to the world and back, and hands out what happens.

It uses no event loop; how jobs are performed, one after another or in threads, is a carrier's affair (a local model
turns jobs in threads into batches). It is a lazy generator: nothing happens until somebody reads, and closing it ends
every open episode as cancelled. The async driver is in `async_driver.py`.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import closing
from typing import Protocol, TypeAlias

from reasonkit.errors import ReasonkitError
from reasonkit.runner.jobs import Brought, Item, Job
from reasonkit.runner.session import Session
from reasonkit.trace import End, Seen, Token


class Performer(Protocol):
    """The world, as far as a driver knows it."""

    def perform(self, job: Job) -> Generator[Token | Brought, None, None]:
        """Perform a job: tokens, then what was brought."""
        ...

    def aperform(self, job: Job) -> AsyncGenerator[Token | Brought, None]:
        """Perform a job without blocking the event loop."""
        ...

    def forget(self, episode: int) -> None:
        """Drop what is kept of an episode that is over."""
        ...


Carried: TypeAlias = Generator[tuple[Job, Item], None, None]
Carrier: TypeAlias = Callable[[deque[Job], deque[tuple[Job, Item]]], Carried]
"""Performs jobs from a queue that may grow while it runs; ends when the queue is empty and nothing is under way. What
was brought and not handed out when it is closed goes into the second queue: it has been paid for."""


def drive(session: Session, world: Performer, carry: Carrier) -> Generator[Seen, None, None]:
    """Run a session's episodes; yield what happens."""
    pending: deque[Job] = deque()
    late: deque[tuple[Job, Item]] = deque()
    try:
        pending.extend(session.take())
        yield from seen_by(session, world)
        with closing(carry(pending, late)) as carried:
            for job, item in carried:
                if (token := session.bring(job, item)) is not None:
                    yield token
                    continue
                pending.extend(session.take())
                if session.cancelled:
                    pending.clear()
                yield from seen_by(session, world)
    finally:
        for job, item in late:
            if isinstance(item, Brought):
                session.bring(job, item)
        session.close()
    yield from seen_by(session, world)


def in_order(world: Performer) -> Carrier:
    """Perform jobs one after another."""

    def carry(pending: deque[Job], _late: deque[tuple[Job, Item]]) -> Carried:
        while pending:
            job = pending.popleft()
            try:
                for item in world.perform(job):
                    yield job, item
            except ReasonkitError as error:
                yield job, error

    return carry


def in_threads(world: Performer, threads: int) -> Carrier:
    """Perform up to `threads` jobs at the same time."""

    def carry(pending: deque[Job], late: deque[tuple[Job, Item]]) -> Carried:
        jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        items: queue.SimpleQueue[tuple[Job, Item]] = queue.SimpleQueue()
        stopped = threading.Event()
        running = started = 0

        def work() -> None:
            while (job := jobs.get()) is not None and not stopped.is_set():
                try:
                    for item in world.perform(job):
                        items.put((job, item))
                        if stopped.is_set():
                            break
                except BaseException as error:  # noqa: BLE001 - carried to the driver's thread and raised there
                    items.put((job, error))

        try:
            while True:
                while pending and running < threads:
                    jobs.put(pending.popleft())
                    running += 1
                    if started < running:
                        started += 1
                        threading.Thread(target=work, name=f"reasonkit-{started}", daemon=True).start()
                if not running:
                    return
                job, item = items.get()
                running -= not isinstance(item, Token)
                yield job, item
        finally:
            stopped.set()
            for _ in range(started):
                jobs.put(None)
            while not items.empty():
                late.append(items.get())

    return carry


def seen_by(session: Session, world: Performer) -> Iterator[Seen]:
    """Return what has happened; let the world forget episodes that are over."""
    for seen in session.drain():
        if isinstance(seen, End):
            world.forget(seen.episode)
        yield seen
