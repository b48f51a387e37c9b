"""The way to a server: its address, the proxy that the environment names, and one TLS context for all connections."""

from __future__ import annotations

import ssl
from functools import cached_property
from urllib.request import getproxies, proxy_bypass

from reasonkit.clients.http.address import Address
from reasonkit.clients.http.wire import Send


class Route:
    """Shared by all lanes of a client.

    Args:
        address: the server.
    """

    def __init__(self, address: Address) -> None:
        self.address = address

    @cached_property
    def proxy(self) -> str | None:
        """The proxy's URL, read from the environment when the first connection is made."""
        proxies = getproxies()
        proxy = proxies.get(self.address.scheme) or proxies.get("all")
        if not proxy or proxy_bypass(self.address.host):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"

    @cached_property
    def context(self) -> ssl.SSLContext | None:
        """The TLS context; None where nothing is encrypted. Made once: it costs 37 ms."""
        if self.address.scheme != "https":
            return None
        import httpx

        return httpx.create_ssl_context()

    def headers(self, wish: Send) -> list[tuple[str, str]]:
        """Return the headers of a request, without its length."""
        headers = [
            ("host", self.address.target("").split("/")[2]),
            ("accept", "application/json, text/event-stream"),
            ("accept-encoding", "identity" if wish.streamed else "gzip, deflate"),
            ("user-agent", "reasonkit"),
            *self.address.headers,
        ]
        return headers if wish.body is None else [("content-type", "application/json"), *headers]
