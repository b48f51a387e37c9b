"""Carrying one request and its answer over a lane, for a thread and for an event loop.

`timeout_seconds` of a Send bounds the whole exchange, whatever the server does with its bytes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Generator, Iterator
from typing import TypeVar

from reasonkit.clients.http.carriers.answer import Answer, AsyncAnswer, AsyncLane, Lane
from reasonkit.clients.http.lanes import Lanes
from reasonkit.clients.http.wire import Broken, Finish, Hangup, Read, Send, Told, Wish

T = TypeVar("T")

DRAIN_SECONDS = 0.25
"""How long a stream that has said [DONE] may take to end."""
LATE = Broken("timeout", "the deadline passed")


class SyncExchange:
    """One request and its answer, carried for a thread."""

    __slots__ = ("_answer", "_deadline", "_lane", "_lanes", "_pieces", "_streamed")

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._lane: Lane | None = None
        self._answer: Answer | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._streamed = False
        self._deadline = 0.0

    def send(self, wish: Send) -> Told:
        """Send; return the head of the answer."""
        lane = self._lane = self._lanes.take()
        self._deadline = time.monotonic() + wish.timeout_seconds
        self._streamed = wish.streamed
        try:
            self._answer = lane.open(wish, self._deadline)
        except lane.errors as error:
            return self._failed(error)
        self._pieces = self._answer.pieces
        return self._answer.head

    def read(self) -> Told:
        """Return the next piece, or the whole body where it was not asked for in pieces; empty at the end."""
        if self._lane is None:
            return b""
        pieces = []
        try:
            for piece in self._pieces:
                if time.monotonic() > self._deadline:
                    self.hang_up()
                    return LATE
                if not piece:
                    continue
                if self._streamed:
                    return piece
                pieces.append(piece)
        except self._lane.errors as error:
            return self._failed(error)
        self.hang_up()
        return b"".join(pieces)

    def finish(self) -> None:
        """Read the end of a stream that has said all, if it comes soon."""
        if self._answer is not None:
            self._deadline = min(self._deadline, time.monotonic() + DRAIN_SECONDS)
            self._answer.hurry(self._deadline)
            self.read()
        self.hang_up()

    def hang_up(self) -> None:
        """Be done with the request: a connection whose answer is whole is kept, any other is closed."""
        answer, self._answer = self._answer, None
        lane, self._lane = self._lane, None
        self._pieces = iter(())
        if answer is not None:
            answer.close()
        if lane is not None:
            self._lanes.give(lane)

    def _failed(self, error: Exception) -> Broken:
        assert self._lane is not None
        broken = self._lane.broken(error)
        self.hang_up()
        return broken


class AsyncExchange:
    """One request and its answer, carried on an event loop."""

    __slots__ = ("_answer", "_deadline", "_lane", "_lanes", "_pieces", "_streamed")

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._lane: AsyncLane | None = None
        self._answer: AsyncAnswer | None = None
        self._pieces: AsyncIterator[bytes] | None = None
        self._streamed = False
        self._deadline = 0.0

    async def send(self, wish: Send) -> Told:
        """Send; return the head of the answer."""
        lane = self._lane = await self._lanes.take_async()
        self._deadline = asyncio.get_running_loop().time() + wish.timeout_seconds
        self._streamed = wish.streamed
        try:
            async with asyncio.timeout_at(self._deadline):
                self._answer = await lane.aopen(wish)
        except TimeoutError:
            await self.hang_up()
            return LATE
        except lane.errors as error:
            return await self._failed(error)
        self._pieces = self._answer.pieces
        return self._answer.head

    async def read(self) -> Told:
        """Return the next piece, or the whole body where it was not asked for in pieces; empty at the end."""
        if self._pieces is None or self._lane is None:
            return b""
        pieces = []
        try:
            async with asyncio.timeout_at(self._deadline):
                async for piece in self._pieces:
                    if not piece:
                        continue
                    if self._streamed:
                        return piece
                    pieces.append(piece)
        except TimeoutError:
            await self.hang_up()
            return LATE
        except self._lane.errors as error:
            return await self._failed(error)
        await self.hang_up()
        return b"".join(pieces)

    async def finish(self) -> None:
        """Read the end of a stream that has said all, if it comes soon."""
        self._deadline = min(self._deadline, asyncio.get_running_loop().time() + DRAIN_SECONDS)
        await self.read()
        await self.hang_up()

    async def hang_up(self) -> None:
        """Be done with the request: a connection whose answer is whole is kept, any other is closed."""
        answer, self._answer = self._answer, None
        lane, self._lane = self._lane, None
        self._pieces = None
        try:
            if answer is not None:
                await answer.aclose()
        finally:
            if lane is not None:
                self._lanes.give_async(lane)

    async def _failed(self, error: Exception) -> Broken:
        assert self._lane is not None
        broken = self._lane.broken(error)
        await self.hang_up()
        return broken


def carried(reading: Generator[Wish, Told, T], exchange: SyncExchange) -> T:
    """Carry a conversation that does not wait to its end, in this thread."""
    told: Told = None
    while True:
        try:
            wish = reading.send(told)
        except StopIteration as end:
            result: T = end.value
            return result
        told = None
        match wish:
            case Send():
                told = exchange.send(wish)
            case Read():
                told = exchange.read()
            case Hangup():
                exchange.hang_up()
            case Finish():
                exchange.finish()
            case _:
                raise TypeError(f"{wish!r} is not carried here")
