"""What a carrier gives: an answer whose head is there and whose body comes in pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from reasonkit.clients.http.wire import Broken, Head, Send

CONNECT_SECONDS = 10.0
"""Longest wait for a connection."""
KEEPALIVE_SECONDS = 60.0
"""Longer than the tools between two steps of an episode take, shorter than most servers keep a connection."""


class Answer(Protocol):
    """One answer, read by a thread."""

    @property
    def head(self) -> Head:
        """Its status and headers."""
        ...

    @property
    def pieces(self) -> Iterator[bytes]:
        """Its body, unpacked; taken once."""
        ...

    def hurry(self, deadline: float) -> None:
        """Wait for the next piece no longer than until `deadline`, in seconds of the steady clock."""
        ...

    def close(self) -> None:
        """Be done with it: a connection whose answer was read to its end is kept, any other is closed."""
        ...


class AsyncAnswer(Protocol):
    """One answer, read on an event loop."""

    @property
    def head(self) -> Head:
        """Its status and headers."""
        ...

    @property
    def pieces(self) -> AsyncIterator[bytes]:
        """Its body, unpacked; taken once."""
        ...

    async def aclose(self) -> None:
        """Be done with it, as `Answer.close`."""
        ...


class Lane(Protocol):
    """Carries one request at a time for a thread."""

    errors: tuple[type[Exception], ...]
    """What it raises where the connection fails."""

    def open(self, wish: Send, deadline: float) -> Answer:
        """Send; wait for the head of the answer."""
        ...

    def broken(self, error: Exception) -> Broken:
        """Say what one of its errors means."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class AsyncLane(Protocol):
    """Carries one request at a time on an event loop, or many, if it is `shared`."""

    errors: tuple[type[Exception], ...]
    shared: bool

    async def aopen(self, wish: Send) -> AsyncAnswer:
        """Send; wait for the head of the answer."""
        ...

    def broken(self, error: Exception) -> Broken:
        """Say what one of its errors means."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
