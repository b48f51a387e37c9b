"""Sockets for httpcore: every wait ends at the request's deadline, and a request leaves in one piece.

httpcore reads its timeouts once for each request, so that a server that drips could stretch them; and it sends head
and body apart, which costs a system call. On an event loop the deadline is kept by the caller (`asyncio.timeout`), and
asyncio's own streams stand in for the layer that httpcore would put between.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from reasonkit.clients.http.carriers.answer import CONNECT_SECONDS


class Timer:
    """The deadline of the request under way, in seconds of the steady clock."""

    def __init__(self) -> None:
        self.deadline = 0.0

    def left(self) -> float:
        """Return the seconds that are left; a little, where none is."""
        return max(0.001, self.deadline - time.monotonic())


class TimedBackend(httpcore.NetworkBackend):
    """Connects for a thread.

    Args:
        timer: holds the deadline.
    """

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  # the timer knows
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._backend.connect_tcp(
            host, port, min(CONNECT_SECONDS, self._timer.left()), local_address, socket_options
        )
        return TimedStream(stream, self._timer)


class TimedStream(httpcore.NetworkStream):
    """A connection whose waits end at the deadline, and that sends what was written when an answer is read."""

    def __init__(self, stream: httpcore.NetworkStream, timer: Timer) -> None:
        self._stream = stream
        self._timer = timer
        self._written: list[bytes] = []

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        if self._written:
            self._flush()
        return self._stream.read(max_bytes, self._timer.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        if buffer:
            self._written.append(buffer)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        self._flush()
        return TimedStream(self._stream.start_tls(ssl_context, server_hostname, self._timer.left()), self._timer)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _flush(self) -> None:
        written, self._written = b"".join(self._written), []
        with contextlib.suppress(httpcore.WriteError):  # a server that hangs up early may have said why: read it
            self._stream.write(written, self._timer.left())


class LoopBackend(httpcore.AsyncNetworkBackend):
    """Connects on an event loop, with asyncio's own streams."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109, ARG002  # httpcore's signature
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(host, port, happy_eyeballs_delay=0.25)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"no connection within {CONNECT_SECONDS:g} s") from None
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return LoopStream(reader, writer)


class LoopStream(httpcore.AsyncNetworkStream):
    """A connection on an event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._written: list[bytes] = []

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109, ARG002
        try:
            if self._written:
                written, self._written = b"".join(self._written), []
                self._writer.write(written)
                await self._writer.drain()
            return await self._reader.read(max_bytes)
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109, ARG002
        if buffer:
            self._written.append(buffer)

    async def aclose(self) -> None:
        if self._writer.get_extra_info("ssl_object") is None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        else:  # a TLS farewell may never be answered; an abort is done after a round of the loop
            self._writer.transport.abort()
            await asyncio.sleep(0)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109, ARG002
    ) -> httpcore.AsyncNetworkStream:
        try:
            await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except OSError as error:  # ssl.SSLError is one
            self._writer.transport.abort()
            raise httpcore.ConnectError(str(error)) from error
        except asyncio.CancelledError:
            self._writer.transport.abort()
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self._reader.at_eof() or self._writer.is_closing()
        return self._writer.get_extra_info(info)
