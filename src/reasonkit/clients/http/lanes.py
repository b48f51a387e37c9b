"""Lanes to a server: each carries one request at a time, and lies on a stack while it carries none.

So the cost of a request does not grow with their number, none waits for a connection, and there are never more
connections than requests under way. With `reasonkit[fast]` the one lane of an event loop is aiohttp's. Not here: what
travels on a lane (`exchange`), and how (`carriers`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from importlib.util import find_spec
from typing import Literal

from reasonkit.clients.http.address import Address
from reasonkit.clients.http.carriers.answer import AsyncLane, Lane
from reasonkit.errors import InputError, MissingExtra


class Lanes:
    """The connections of one client, for threads and for event loops.

    Args:
        address: the server.
        transport: None, `"httpx"`, `"aiohttp"`, or an object with httpx's `handle_request` or `handle_async_request`.
    """

    def __init__(self, address: Address, transport: object) -> None:
        from reasonkit.clients.http.carriers.route import Route

        self._route = Route(address)
        self._given = None if transport is None or isinstance(transport, str) else transport
        self._kind = _kind(transport)
        self._free: list[Lane] = []
        self._all: list[Lane] = []
        self._async_free: list[AsyncLane] = []
        self._async_all: list[AsyncLane] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._keeper: AsyncGenerator[None, None] | None = None

    def take(self) -> Lane:
        """Return a free lane, or a new one."""
        try:
            return self._free.pop()  # one step, so that threads need no lock
        except IndexError:
            lane = self._new()
            self._all.append(lane)
            return lane

    def give(self, lane: Lane) -> None:
        """Put a lane back."""
        self._free.append(lane)

    async def take_async(self) -> AsyncLane:
        """Return a free lane of the running event loop, or a new one."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # connections belong to their loop; those of one that has ended cannot be used
            self._loop = loop
            self._async_free, self._async_all = [], []
            self._keeper = self._until_the_loop_ends()
            await anext(self._keeper)
        if self._async_free:
            lane = self._async_free[-1]
            return lane if lane.shared else self._async_free.pop()
        lane = self._new_async()
        self._async_all.append(lane)
        if lane.shared:
            self._async_free.append(lane)
        return lane

    def give_async(self, lane: AsyncLane) -> None:
        """Put a lane back."""
        if not lane.shared:
            self._async_free.append(lane)

    def close(self) -> None:
        """Close every connection of threads."""
        lanes, self._all, self._free = self._all, [], []
        for lane in lanes:
            lane.close()

    async def aclose(self) -> None:
        """Close every connection."""
        self.close()
        if self._keeper is not None and self._loop is asyncio.get_running_loop():
            await self._keeper.aclose()
        self._loop = self._keeper = None

    async def _until_the_loop_ends(self) -> AsyncGenerator[None, None]:
        """Close the loop's connections when it shuts its generators down, as `asyncio.run` does at its end.

        So nobody who forgets to close a client is left with open connections and warnings.
        """
        lanes = self._async_all
        try:
            yield
        finally:
            for lane in lanes:
                await lane.aclose()

    def _new(self) -> Lane:
        if self._given is not None:
            from reasonkit.clients.http.carriers.given import GivenLane

            if not hasattr(self._given, "handle_request"):
                raise InputError(f"the transport {type(self._given).__name__} is for async use only")
            return GivenLane(self._route, self._given)
        from reasonkit.clients.http.carriers.core import CoreLane

        return CoreLane(self._route)

    def _new_async(self) -> AsyncLane:
        if self._given is not None:
            from reasonkit.clients.http.carriers.given import GivenLane

            if not hasattr(self._given, "handle_async_request"):
                raise InputError(f"the transport {type(self._given).__name__} is for sync use only")
            return GivenLane(self._route, self._given)
        if self._kind == "aiohttp":
            from reasonkit.clients.http.carriers.fast import FastLane

            return FastLane(self._route)
        from reasonkit.clients.http.carriers.core import AsyncCoreLane

        return AsyncCoreLane(self._route)


def _kind(transport: object) -> Literal["httpx", "aiohttp"]:
    """Return what carries async requests."""
    if transport == "aiohttp":
        if find_spec("aiohttp") is None:
            raise MissingExtra("transport='aiohttp'", "fast")
        return "aiohttp"
    if isinstance(transport, str) and transport != "httpx":
        raise InputError(f"there is no transport {transport!r}: give 'httpx', 'aiohttp', or an object of httpx's kind")
    return "aiohttp" if transport is None and find_spec("aiohttp") is not None else "httpx"
