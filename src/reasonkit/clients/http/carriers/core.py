"""Lanes over httpcore, httpx's own engine: each is one connection, with no pool around it.

The pool is what makes httpx slow at concurrency: it looks at every connection when a request starts and when it ends
(httpcore 1.0.9), several milliseconds of each request at 200. A lane is used by one request at a time, so it needs
none. Only a proxy brings a pool, of one.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import httpcore

from reasonkit.clients.http.carriers.answer import KEEPALIVE_SECONDS
from reasonkit.clients.http.carriers.network import LoopBackend, TimedBackend, Timer
from reasonkit.clients.http.carriers.route import Route
from reasonkit.clients.http.wire import Broken, Head, Send

ERRORS: tuple[type[Exception], ...] = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
    zlib.error,
)
GONE = (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)
"""What a request meets on a connection that the server has closed since the last one."""
FRESH_SECONDS = 1.0
"""So long after its last answer a connection is not looked at before it is used again; that costs a system call."""


class CoreAnswer:
    """An answer on a lane of its own."""

    __slots__ = ("_response", "_timer", "head", "pieces")

    def __init__(self, response: httpcore.Response, timer: Timer) -> None:
        self._response = response
        self._timer = timer
        self.head = _head(response)
        stream: Any = response.stream
        self.pieces: Iterator[bytes] = _unpacked(stream, self.head)

    def hurry(self, deadline: float) -> None:
        self._timer.deadline = min(self._timer.deadline, deadline)

    def close(self) -> None:
        self._response.stream.close()  # type: ignore[union-attr]  # a sync stream


class CoreLane:
    """One connection for threads.

    Args:
        route: the way to the server.
    """

    errors = ERRORS

    def __init__(self, route: Route) -> None:
        self._route = route
        self._urls = _Targets(route)
        self._timer = Timer()
        self._backend = TimedBackend(self._timer)
        self._connection: Any = None
        self._used = 0.0

    def open(self, wish: Send, deadline: float) -> CoreAnswer:
        self._timer.deadline = deadline
        request = self._urls.request(wish)
        kept, self._connection = self._connection, self._connected()
        try:
            response = self._connection.handle_request(request)
        except GONE:
            if self._connection is not kept:
                raise
            self._connection = self._connected()  # the server had closed a kept connection: not a failure yet
            response = self._connection.handle_request(request)
        self._used = time.monotonic()
        return CoreAnswer(response, self._timer)

    def broken(self, error: Exception) -> Broken:
        return _broken(error)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _connected(self) -> Any:
        if self._route.proxy is not None:
            return self._connection or _proxy(self._route, httpcore.HTTPProxy, httpcore.SOCKSProxy, self._backend)
        if self._connection is not None and _usable(self._connection, self._used):
            return self._connection
        self.close()
        return httpcore.HTTPConnection(
            self._urls.origin,
            ssl_context=self._route.context,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=self._backend,
        )


class AsyncCoreAnswer:
    """An answer on a lane of its own, on an event loop."""

    __slots__ = ("_response", "head", "pieces")

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response
        self.head = _head(response)
        stream: Any = response.stream
        self.pieces: AsyncIterator[bytes] = _aunpacked(stream, self.head)

    async def aclose(self) -> None:
        await self._response.stream.aclose()  # type: ignore[union-attr]  # an async stream


class AsyncCoreLane:
    """One connection on an event loop.

    Args:
        route: the way to the server.
    """

    errors = ERRORS
    shared = False

    def __init__(self, route: Route) -> None:
        self._route = route
        self._urls = _Targets(route)
        self._backend = LoopBackend()
        self._connection: Any = None
        self._used = 0.0

    async def aopen(self, wish: Send) -> AsyncCoreAnswer:
        request = self._urls.request(wish)
        kept, self._connection = self._connection, await self._connected()
        try:
            response = await self._connection.handle_async_request(request)
        except GONE:
            if self._connection is not kept:
                raise
            self._connection = await self._connected()
            response = await self._connection.handle_async_request(request)
        self._used = time.monotonic()
        return AsyncCoreAnswer(response)

    def broken(self, error: Exception) -> Broken:
        return _broken(error)

    async def aclose(self) -> None:
        if self._connection is not None:
            await self._connection.aclose()

    async def _connected(self) -> Any:
        if self._route.proxy is not None:
            kinds = httpcore.AsyncHTTPProxy, httpcore.AsyncSOCKSProxy
            return self._connection or _proxy(self._route, *kinds, self._backend)
        if self._connection is not None and _usable(self._connection, self._used):
            return self._connection
        await self.aclose()
        return httpcore.AsyncHTTPConnection(
            self._urls.origin,
            ssl_context=self._route.context,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=self._backend,
        )


class _Targets:
    """URLs and headers in httpcore's form, each made once."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._made: dict[tuple[str, bool], tuple[httpcore.URL, list[tuple[bytes, bytes]]]] = {}
        self.origin = httpcore.URL(route.address.target("")).origin

    def request(self, wish: Send) -> httpcore.Request:
        made = self._made.get((wish.path, wish.streamed))
        if made is None:
            headers = [(name.encode(), value.encode("latin-1")) for name, value in self._route.headers(wish)]
            made = httpcore.URL(self._route.address.target(wish.path)), headers
            self._made[wish.path, wish.streamed] = made
        url, headers = made
        if wish.body is not None:
            headers = [*headers, (b"content-length", b"%d" % len(wish.body))]
        return httpcore.Request(wish.method, url, headers=headers, content=wish.body)


def _usable(connection: Any, used: float) -> bool:
    """Whether a connection can take another request, as far as one can tell."""
    if not connection.is_available():
        return False
    return time.monotonic() - used < FRESH_SECONDS or not connection.has_expired()


def _proxy(route: Route, over_http: Any, over_socks: Any, backend: Any) -> Any:
    """Return a pool of one connection through the proxy."""
    url = httpcore.URL(_without_user(route.proxy or ""))
    kind = over_socks if url.scheme.startswith(b"socks") else over_http
    return kind(
        url,
        proxy_auth=_user(route.proxy or ""),
        ssl_context=route.context,
        max_connections=1,
        keepalive_expiry=KEEPALIVE_SECONDS,
        network_backend=backend,
    )


def _without_user(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _user(url: str) -> tuple[str, str] | None:
    from urllib.parse import unquote

    user, at, _ = url.partition("://")[2].rpartition("@")
    if not at:
        return None
    name, _, password = user.partition(":")
    return unquote(name), unquote(password)


def _head(response: httpcore.Response) -> Head:
    return Head(
        response.status,
        {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers},
    )


def _unpacker(head: Head) -> Any:
    """Return what unpacks the body; None where it is not packed."""
    packing = head.headers.get("content-encoding", "identity")
    if packing == "identity":
        return None
    return zlib.decompressobj(zlib.MAX_WBITS | 32 if packing in {"gzip", "x-gzip"} else zlib.MAX_WBITS)


def _unpacked(stream: Iterable[bytes], head: Head) -> Iterator[bytes]:
    unpacker = _unpacker(head)
    return iter(stream) if unpacker is None else (unpacker.decompress(piece) for piece in stream)


async def _aunpacked(stream: Any, head: Head) -> AsyncIterator[bytes]:
    unpacker = _unpacker(head)
    async for piece in stream:
        yield piece if unpacker is None else unpacker.decompress(piece)


def _broken(error: Exception) -> Broken:
    message = f"{type(error).__name__}{f': {error}' if str(error) else ''}"
    if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout | httpcore.ProxyError):
        return Broken("connect", message)
    return Broken("timeout" if isinstance(error, httpcore.TimeoutException) else "read", message)
