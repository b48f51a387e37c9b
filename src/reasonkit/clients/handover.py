"""Hand the pieces of an answer from the thread that computes it to the one that waits, be it a thread or an event loop.

Not here: what is computed, and in which thread.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TypeAlias

from reasonkit.types import Delta, Reply

Piece: TypeAlias = Delta | Reply | BaseException
"""A reply or an exception is the last."""
Post: TypeAlias = Callable[[Piece], None]
Begin: TypeAlias = Callable[[Post, threading.Event], None]
"""Begin to compute elsewhere: post the pieces, stop soon after the event is set."""


def read(begin: Begin) -> Generator[Delta | Reply, None, None]:
    """Yield what is computed elsewhere; closing the generator cancels it."""
    pieces: queue.SimpleQueue[Piece] = queue.SimpleQueue()
    cancelled = threading.Event()
    begin(pieces.put, cancelled)
    try:
        while True:
            piece = pieces.get()
            if isinstance(piece, BaseException):
                raise piece
            yield piece
            if isinstance(piece, Reply):
                return
    finally:
        cancelled.set()


async def aread(begin: Begin) -> AsyncGenerator[Delta | Reply, None]:
    """Yield what is computed elsewhere, without blocking the event loop."""
    import asyncio

    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[Piece] = asyncio.Queue()
    cancelled = threading.Event()

    def post(piece: Piece) -> None:
        if not cancelled.is_set():  # else nobody reads, and the loop may be gone
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

    begin(post, cancelled)
    try:
        while True:
            piece = await pieces.get()
            if isinstance(piece, BaseException):
                raise piece
            yield piece
            if isinstance(piece, Reply):
                return
    finally:
        cancelled.set()
