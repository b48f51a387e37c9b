"""Lanes over a transport that the caller gives: an object with httpx's `handle_request` or `handle_async_request`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from reasonkit.clients.http.carriers.answer import CONNECT_SECONDS
from reasonkit.clients.http.carriers.route import Route
from reasonkit.clients.http.wire import Broken, Head, Send


class GivenAnswer:
    """An answer in httpx's form."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.head = Head(response.status_code, response.headers)

    @property
    def pieces(self) -> Iterator[bytes]:
        return self._response.iter_bytes()

    def hurry(self, deadline: float) -> None:
        """Do nothing: a transport of the caller's own keeps its own time."""

    def close(self) -> None:
        self._response.close()


class AsyncGivenAnswer(GivenAnswer):
    """An answer in httpx's form, on an event loop."""

    @property
    def pieces(self) -> AsyncIterator[bytes]:  # type: ignore[override]
        return self._response.aiter_bytes()

    async def aclose(self) -> None:
        await self._response.aclose()


class GivenLane:
    """The caller's transport; it is not closed here.

    Args:
        route: the way to the server.
        transport: what carries the requests.
    """

    errors: tuple[type[Exception], ...] = (httpx.HTTPError,)
    shared = True

    def __init__(self, route: Route, transport: Any) -> None:
        self._route = route
        self._transport = transport

    def open(self, wish: Send, deadline: float) -> GivenAnswer:  # noqa: ARG002
        return GivenAnswer(self._transport.handle_request(self._request(wish)))

    async def aopen(self, wish: Send) -> AsyncGivenAnswer:
        return AsyncGivenAnswer(await self._transport.handle_async_request(self._request(wish)))

    def broken(self, error: Exception) -> Broken:
        message = f"{type(error).__name__}{f': {error}' if str(error) else ''}"
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            return Broken("connect", message)
        return Broken("timeout" if isinstance(error, httpx.TimeoutException) else "read", message)

    def close(self) -> None:
        """Leave it open: it is the caller's."""

    async def aclose(self) -> None:
        """Leave it open: it is the caller's."""

    def _request(self, wish: Send) -> httpx.Request:
        wait = wish.timeout_seconds
        return httpx.Request(
            wish.method,
            self._route.address.target(wish.path),
            headers=self._route.headers(wish),
            content=wish.body,
            extensions={"timeout": {"connect": min(CONNECT_SECONDS, wait), "read": wait, "write": wait, "pool": wait}},
        )
