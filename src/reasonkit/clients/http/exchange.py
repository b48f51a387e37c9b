"""Carrying one request and its answer over a lane, for a thread and for an event loop.

`timeout_seconds` of a Send bounds the whole exchange. On an event loop that is exact; a thread looks at the clock with
each piece that comes, and waits for one no longer than the bound.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from reasonkit.clients.http.lanes import Lanes
from reasonkit.clients.http.wire import Broken, Head, Send, Told

DRAIN_SECONDS = 0.25
"""How long a stream that has said [DONE] may take to end."""


class SyncExchange:
    """One request and its answer, carried for a thread."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._lane: Any = None
        self._response: Any = None
        self._pieces: Iterator[bytes] = iter(())
        self._streamed = False
        self._deadline = 0.0

    def send(self, wish: Send) -> Told:
        """Send; return the head of the answer."""
        self._lane = self._lanes.take()
        self._deadline = time.monotonic() + wish.timeout_seconds
        self._streamed = wish.streamed
        try:
            self._response = self._lane.handle_request(self._lanes.request(wish))
        except self._lanes.library.HTTPError as error:
            self.hang_up()
            return _broken(self._lanes.library, error)
        self._pieces = self._response.iter_bytes()
        return _head(self._response)

    def read(self) -> Told:
        """Return the next piece, or the whole body where it was not asked for in pieces; empty at the end."""
        pieces = []
        try:
            for piece in self._pieces:
                if time.monotonic() > self._deadline:
                    self.hang_up()
                    return Broken("timeout", "the deadline passed")
                if self._streamed:
                    return piece
                pieces.append(piece)
        except self._lanes.library.HTTPError as error:
            self.hang_up()
            return _broken(self._lanes.library, error)
        self.hang_up()
        return b"".join(pieces)

    def finish(self) -> None:
        """Read the end of a stream that has said all."""
        self.read()
        self.hang_up()

    def hang_up(self) -> None:
        """Be done with the request: a connection whose answer is whole is kept, any other is closed."""
        self._pieces = iter(())
        if self._response is not None:
            self._response.close()
            self._response = None
        if self._lane is not None:
            self._lanes.give(self._lane)
            self._lane = None


class AsyncExchange:
    """One request and its answer, carried on an event loop."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._lane: Any = None
        self._response: Any = None
        self._pieces: AsyncIterator[bytes] | None = None
        self._streamed = False
        self._deadline = 0.0

    async def send(self, wish: Send) -> Told:
        """Send; return the head of the answer."""
        self._lane = self._lanes.take_async()
        self._deadline = asyncio.get_running_loop().time() + wish.timeout_seconds
        self._streamed = wish.streamed
        try:
            async with asyncio.timeout_at(self._deadline):
                self._response = await self._lane.handle_async_request(self._lanes.request(wish))
        except TimeoutError:
            await self.hang_up()
            return Broken("timeout", "the deadline passed")
        except self._lanes.library.HTTPError as error:
            await self.hang_up()
            return _broken(self._lanes.library, error)
        self._pieces = self._response.aiter_bytes()
        return _head(self._response)

    async def read(self) -> Told:
        """Return the next piece, or the whole body where it was not asked for in pieces; empty at the end."""
        if self._pieces is None:
            return b""
        pieces = []
        try:
            async with asyncio.timeout_at(self._deadline):
                async for piece in self._pieces:
                    if self._streamed:
                        return piece
                    pieces.append(piece)
        except TimeoutError:
            await self.hang_up()
            return Broken("timeout", "the deadline passed")
        except self._lanes.library.HTTPError as error:
            await self.hang_up()
            return _broken(self._lanes.library, error)
        await self.hang_up()
        return b"".join(pieces)

    async def finish(self) -> None:
        """Read the end of a stream that has said all."""
        self._deadline = min(self._deadline, asyncio.get_running_loop().time() + DRAIN_SECONDS)
        await self.read()
        await self.hang_up()

    async def hang_up(self) -> None:
        """Be done with the request: a connection whose answer is whole is kept, any other is closed."""
        self._pieces = None
        response, self._response = self._response, None
        lane, self._lane = self._lane, None
        try:
            if response is not None:
                await response.aclose()
        finally:
            if lane is not None:
                self._lanes.give_async(lane)


def _head(response: Any) -> Head:
    return Head(response.status_code, response.headers)


def _broken(httpx: Any, error: Exception) -> Broken:
    message = f"{type(error).__name__}{f': {error}' if str(error) else ''}"
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError | httpx.UnsupportedProtocol):
        return Broken("connect", message)
    return Broken("timeout" if isinstance(error, httpx.TimeoutException) else "read", message)
