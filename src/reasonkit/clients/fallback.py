"""Several clients as one: the first is asked, and the next on a named class of failures.

Not here: asking the same client again, which each client does by itself before it fails.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import replace

from reasonkit.clients.protocol import Client
from reasonkit.clients.screen import Screen
from reasonkit.errors import (
    ClientError,
    ConnectionFailed,
    InputError,
    RateLimited,
    ReplyError,
    RequestTimeout,
    ServerFailed,
    WorkerDied,
)
from reasonkit.types import Capabilities, Delta, Reply, Request

UNAVAILABLE: tuple[type[ClientError], ...] = (
    ConnectionFailed,
    RequestTimeout,
    RateLimited,
    ServerFailed,
    ReplyError,
    WorkerDied,
)
"""Failures of a client, not of the request: another client may well answer it."""


class FallbackClient:
    """Asks the first of its clients that does not fail.

    Which one answered, and why the ones before it did not, stands in the completion's notices, and so in the trace.

    Args:
        clients: in the order in which they are asked; all for the same endpoint, since a prompt is rendered for it.
        on: the failures on which the next one is asked; all others are raised at once.
        rest_seconds: how long a client that has failed is asked only after the others; 0 or more.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        clients: Sequence[Client],
        *,
        on: tuple[type[ClientError], ...] = UNAVAILABLE,
        rest_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not clients:
            raise InputError("a FallbackClient needs at least one client")
        self._clients = tuple(clients)
        self._on = on
        self._rest_seconds = rest_seconds
        self._clock = clock
        self._rested = [float("-inf")] * len(self._clients)
        """Until when each is asked only after the others."""
        self._common()

    @property
    def capabilities(self) -> Capabilities:
        return self._common()

    def describe(self) -> Mapping[str, str]:
        told = {"client": "fallback", "endpoint": self._common().endpoint}
        return told | {str(number): _named(client) for number, client in enumerate(self._clients, 1)}

    def count_tokens(self, text: str) -> int | None:
        counts = [count for client in self._clients if (count := client.count_tokens(text)) is not None]
        return max(counts) if len(counts) == len(self._clients) else None

    def stream(self, request: Request) -> Generator[Delta | Reply, None, None]:
        turn = _Turn(request)
        for number, last in self._order():
            try:
                with closing(self._clients[number].stream(request)) as pieces:
                    for piece in pieces:
                        if (passed := turn.passed(piece)) is not None:
                            yield passed
                return
            except self._on as error:
                self._failed(turn, number, error, last=last)

    async def astream(self, request: Request) -> AsyncGenerator[Delta | Reply, None]:
        turn = _Turn(request)
        for number, last in self._order():
            try:
                async with aclosing(self._clients[number].astream(request)) as pieces:
                    async for piece in pieces:
                        if (passed := turn.passed(piece)) is not None:
                            yield passed
                return
            except self._on as error:
                self._failed(turn, number, error, last=last)

    def close(self) -> None:
        for client in self._clients:
            client.close()

    async def aclose(self) -> None:
        for client in self._clients:
            await client.aclose()

    def _order(self) -> list[tuple[int, bool]]:
        """Return the clients' numbers, those that rest at the end, each with whether it is the last."""
        now = self._clock()
        numbers = sorted(range(len(self._clients)), key=lambda number: self._rested[number] > now)
        return [(number, number == numbers[-1]) for number in numbers]

    def _failed(self, turn: _Turn, number: int, error: ClientError, *, last: bool) -> None:
        """Go on to the next client, or raise."""
        self._rested[number] = self._clock() + self._rest_seconds
        if last:
            if turn.notices:
                error.add_note("before it: " + "; ".join(turn.notices))
            raise error
        turn.notices.append(f"{_named(self._clients[number])} failed ({type(error).__name__}: {error})")
        turn.screen.restart()

    def _common(self) -> Capabilities:
        """Return what all of them can be asked for."""
        each = [client.capabilities for client in self._clients]
        if len({claims.endpoint for claims in each}) > 1:
            named = "; ".join(f"{_named(client)}: {client.capabilities.endpoint}" for client in self._clients)
            raise InputError(
                f"the clients have different endpoints ({named}); a prompt is rendered for one: build them all with "
                "endpoint='chat' or all with endpoint='completions'"
            )
        limits = [claims.max_context for claims in each if claims.max_context is not None]
        return Capabilities(
            endpoint=each[0].endpoint,
            prefill=all(claims.prefill for claims in each),
            samples=all(claims.samples for claims in each),
            grammar=all(claims.grammar for claims in each),
            max_context=min(limits, default=None),
        )


class _Turn:
    """One request on its way through the clients."""

    def __init__(self, request: Request) -> None:
        self.screen = Screen(on=request.stream)
        self.notices: list[str] = []
        """Why clients were passed over."""

    def passed(self, piece: Delta | Reply) -> Delta | Reply | None:
        """Return what is handed on of a piece."""
        if isinstance(piece, Delta):
            fresh = self.screen.show(piece.index, piece.text)
            return replace(piece, text=fresh) if fresh else None
        if not self.notices:
            return piece
        said = [f"fallback: {notice}" for notice in self.notices]
        if self.screen.astray:
            said.append("what was shown of a failed client's answer is not what is returned")
        first, *others = piece.completions
        usage = replace(first.usage, partial=True)  # what a failed client has used is not known
        return Reply(completions=(replace(first, notices=(*said, *first.notices), usage=usage), *others))


def _named(client: Client) -> str:
    told = client.describe()
    return " ".join(told[key] for key in ("client", "model", "base_url") if key in told)
