"""One lane for a whole event loop over aiohttp, with the extra `fast`: about half the cost of a request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from yarl import URL

from reasonkit.clients.http.carriers.answer import CONNECT_SECONDS, KEEPALIVE_SECONDS
from reasonkit.clients.http.carriers.route import Route
from reasonkit.clients.http.wire import Broken, Head, Send

GONE = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
"""What a request meets on a connection that the server has closed since the last one."""


class FastAnswer:
    """An answer over aiohttp."""

    __slots__ = ("_response", "head", "pieces")

    def __init__(self, response: aiohttp.ClientResponse, *, streamed: bool) -> None:
        self._response = response
        self.head = Head(response.status, response.headers)
        self.pieces = _pieces(response, streamed=streamed)

    async def aclose(self) -> None:
        if not self._response.content.at_eof():
            self._response.close()
        self._response.release()


class FastLane:
    """A session of aiohttp; it takes any number of requests at once, for they are bounded before.

    Args:
        route: the way to the server.
    """

    errors: tuple[type[Exception], ...] = (aiohttp.ClientError,)
    shared = True

    def __init__(self, route: Route) -> None:
        self._route = route
        self._made: dict[tuple[str, bool], tuple[URL, dict[str, str]]] = {}
        self._answered = False
        """Whether there may be kept connections."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_SECONDS, ssl=route.context or True),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def aopen(self, wish: Send) -> FastAnswer:
        made = self._made.get((wish.path, wish.streamed))
        if made is None:
            made = URL(self._route.address.target(wish.path), encoded=True), dict(self._route.headers(wish))
            self._made[wish.path, wish.streamed] = made
        try:
            response = await self._requested(wish, *made)
        except GONE as error:
            if not self._answered or isinstance(error, aiohttp.ClientConnectorError):
                raise
            response = await self._requested(wish, *made)  # the server had closed a kept connection: no failure yet
        self._answered = True
        return FastAnswer(response, streamed=wish.streamed)

    async def _requested(self, wish: Send, url: URL, headers: dict[str, str]) -> aiohttp.ClientResponse:
        return await self._session.request(
            wish.method, url, data=wish.body, headers=headers, allow_redirects=False, proxy=self._route.proxy
        )

    def broken(self, error: Exception) -> Broken:
        message = f"{type(error).__name__}{f': {error}' if str(error) else ''}"
        if isinstance(
            error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.ClientProxyConnectionError
        ):
            return Broken("connect", message)
        return Broken("timeout" if isinstance(error, aiohttp.ServerTimeoutError) else "read", message)

    async def aclose(self) -> None:
        await self._session.close()


async def _pieces(response: Any, *, streamed: bool) -> AsyncIterator[bytes]:
    if not streamed:
        yield await response.read()
        return
    while piece := await response.content.readany():
        yield piece
