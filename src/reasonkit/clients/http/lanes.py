"""Lanes to a server, each one connection with one request at a time; the one file that imports an HTTP library.

httpx scans its whole pool at the start and the end of each request, so that the cost of one grows with the number of
all (httpcore 1.0.9; quadratic). Here each lane has a pool of one, and lanes lie on a stack: the cost stays that of one,
no request waits for a connection, and there are never more connections than requests under way. All share one TLS
context. With `reasonkit[fast]` the async lane is aiohttp's pool instead, which does not grow.
Not here: sending and reading (`exchange`).
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Literal
from urllib.request import getproxies, proxy_bypass

from reasonkit.clients.http.address import Address
from reasonkit.clients.http.wire import Send
from reasonkit.errors import InputError, MissingExtra

CONNECT_SECONDS = 10.0
"""Longest wait for a connection."""
KEEPALIVE_SECONDS = 60.0
"""Longer than the tools between two steps of an episode take, shorter than most servers keep a connection."""


class Lanes:
    """Connections to one server, for threads and for event loops.

    Args:
        address: the server.
        transport: None, `"httpx"`, `"aiohttp"`, or an object with httpx's `handle_request` or `handle_async_request`.
        most: lanes at most.
    """

    def __init__(self, address: Address, transport: object, most: int) -> None:
        import httpx

        self.library: Any = httpx
        """The HTTP library; typed loosely, so that none of its types leaves this room."""
        self._address = address
        self._most = most
        self._given = None if isinstance(transport, str) or transport is None else transport
        self._kind = _async_kind(transport)
        self._context: ssl.SSLContext | None = None
        self._free: list[Any] = []
        self._all: list[Any] = []
        self._async_free: list[Any] = []
        self._async_all: list[Any] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._urls: dict[str, Any] = {}
        self._headers = [
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("user-agent", "reasonkit"),
            *address.headers,
        ]

    def request(self, wish: Send) -> Any:
        """Return the library's own form of a request."""
        url = self._urls.get(wish.path)
        if url is None:
            url = self._urls[wish.path] = self.library.URL(self._address.target(wish.path))
        wait = wish.timeout_seconds
        timeout = {"connect": min(CONNECT_SECONDS, wait), "read": wait, "write": wait, "pool": wait}
        return self.library.Request(
            wish.method,
            url,
            headers=[*self._headers, ("accept-encoding", "identity" if wish.streamed else "gzip, deflate")],
            content=wish.body,
            extensions={"timeout": timeout},
        )

    def take(self) -> Any:
        """Return a free lane, or a new one."""
        try:
            return self._free.pop()
        except IndexError:
            lane = self._given if self._given is not None else self.library.HTTPTransport(**self._settings())
            if not hasattr(lane, "handle_request"):
                raise InputError(f"the transport {type(lane).__name__} is for async use only") from None
            self._all.append(lane)
            return lane

    def give(self, lane: Any) -> None:
        """Put a lane back."""
        self._free.append(lane)

    def take_async(self) -> Any:
        """Return a free lane of the running event loop, or a new one."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # connections belong to their loop; those of one that has ended cannot be used
            self._loop = loop
            self._async_free, self._async_all = [], []
        if self._async_free:
            return self._async_free[-1] if self._kind == "aiohttp" else self._async_free.pop()
        if self._given is not None:
            lane = self._given
            if not hasattr(lane, "handle_async_request"):
                raise InputError(f"the transport {type(lane).__name__} is for sync use only")
        elif self._kind == "aiohttp":
            from httpx_aiohttp import AiohttpTransport

            lane = AiohttpTransport(**self._settings(self._most))
            self._async_free.append(lane)
        else:
            lane = self.library.AsyncHTTPTransport(**self._settings())
        self._async_all.append(lane)
        return lane

    def give_async(self, lane: Any) -> None:
        """Put a lane back."""
        if self._kind != "aiohttp":
            self._async_free.append(lane)

    def close(self) -> None:
        """Close every connection of threads."""
        for lane in self._all:
            if lane is not self._given:
                lane.close()
        self._all, self._free = [], []

    async def aclose(self) -> None:
        """Close every connection."""
        self.close()
        lanes, self._async_all, self._async_free = self._async_all, [], []
        if self._loop is asyncio.get_running_loop():
            for lane in lanes:
                if lane is not self._given:
                    await lane.aclose()

    def _settings(self, most: int = 1) -> dict[str, Any]:
        if self._context is None:
            proxied = self._proxy() is not None
            self._context = (
                self.library.create_ssl_context()
                if self._address.scheme == "https" or proxied
                else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used; loading certificates costs 37 ms
            )
        limits = self.library.Limits(
            max_connections=most, max_keepalive_connections=most, keepalive_expiry=KEEPALIVE_SECONDS
        )
        proxy = self._proxy()
        return {"verify": self._context, "limits": limits, "proxy": self.library.Proxy(proxy) if proxy else None}

    def _proxy(self) -> str | None:
        """Return the proxy that the environment names for this server."""
        proxies = getproxies()
        proxy = proxies.get(self._address.scheme) or proxies.get("all")
        if not proxy or proxy_bypass(self._address.host):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"


def _async_kind(transport: object) -> Literal["httpx", "aiohttp"]:
    from importlib.util import find_spec

    if transport == "aiohttp":
        if find_spec("httpx_aiohttp") is None:
            raise MissingExtra("transport='aiohttp'", "fast")
        return "aiohttp"
    if isinstance(transport, str) and transport != "httpx":
        raise InputError(f"there is no transport {transport!r}: give 'httpx', 'aiohttp', or an object of httpx's kind")
    return "aiohttp" if transport is None and find_spec("httpx_aiohttp") is not None else "httpx"
