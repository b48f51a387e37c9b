"""The async driver: the same as the sync one, on an event loop.

One coroutine touches the flows; tasks perform the jobs and fill a queue. It stands in a file of its own because
asyncio is most of what importing it costs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing

from reasonkit.runner.drivers import Performer, seen_by
from reasonkit.runner.jobs import Brought, Item, Job
from reasonkit.runner.session import Session
from reasonkit.trace import Seen


async def adrive(session: Session, world: Performer, *, at_once: int) -> AsyncGenerator[Seen, None]:
    """Run a session's episodes with up to `at_once` requests under way; yield what happens."""
    items: asyncio.Queue[tuple[Job, Item]] = asyncio.Queue()
    pending: deque[Job] = deque()
    running: dict[Job, asyncio.Task[None]] = {}

    async def work(job: Job) -> None:
        try:
            async with aclosing(world.aperform(job)) as pieces:
                async for item in pieces:
                    items.put_nowait((job, item))
        except BaseException as error:
            items.put_nowait((job, error))
            if not isinstance(error, Exception):
                raise

    try:
        while True:
            pending.extend(session.take())
            if session.cancelled:
                pending.clear()
            while pending and len(running) < at_once:
                job = pending.popleft()
                running[job] = asyncio.create_task(work(job))
            for seen in seen_by(session, world):
                yield seen
            if not running:
                break
            job, item = await items.get()
            while (token := session.bring(job, item)) is not None:
                yield token
                job, item = await items.get()
            del running[job]
    finally:
        for task in running.values():
            task.cancel()
        await asyncio.gather(*running.values(), return_exceptions=True)
        while not items.empty():  # paid for, and not yet looked at
            job, item = items.get_nowait()
            if isinstance(item, Brought):
                session.bring(job, item)
        session.close()
    for seen in seen_by(session, world):
        yield seen
