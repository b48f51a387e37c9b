"""The HTTP client: two edges, sync and async, that carry what `converse` decides."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from reasonkit.clients.http.address import parse_address
from reasonkit.clients.http.converse import Rules, converse
from reasonkit.clients.http.discovery import list_models
from reasonkit.clients.http.endpoint import Endpoint
from reasonkit.clients.http.exchange import AsyncExchange, SyncExchange, carried
from reasonkit.clients.http.facts import EndpointFacts, load_facts
from reasonkit.clients.http.lanes import Lanes
from reasonkit.clients.http.payload import Options
from reasonkit.clients.http.retry import Retries
from reasonkit.clients.http.wire import Finish, Hangup, Read, Send, Sleep, Told
from reasonkit.errors import AuthenticationFailed, ClientClosed, ConnectionFailed, InputError, StatusError
from reasonkit.types import Capabilities, Delta, Reply, Request

_LISTING_SECONDS = 30.0
"""How long a list of models may take."""


class HTTPClient:
    """A client for every server that speaks the OpenAI protocol.

    Args:
        base_url: for example `http://localhost:8000/v1`.
        model: the model's name; None takes the only one that the server lists.
        api_key: sent as a bearer token; never shown anywhere.
        endpoint: `chat`, `completions`, or `auto`: what `capabilities` says, else the chat for hosted services that
            have nothing else, else completions, and the chat where a server has none.
        timeout_seconds: for one request as a whole, waits and further tries included; over 0.
        max_concurrency: requests under way at most; fewer for a while after a 429.
        retries: further tries after a passing failure, or `Retries` to set the waits as well.
        transport: None takes aiohttp for async use where `reasonkit[fast]` is installed, else httpx; `"httpx"` and
            `"aiohttp"` force one; an object with httpx's `handle_request` or `handle_async_request` is used as it is.
        capabilities: what the doctor found, as a value or as the path of its file.
        logprobs: whether to ask for the log probability of each token.
        extra_body: further fields of every request, for example `{"top_k": 20}`.
        on_wait: called with the seconds and the reason before each wait for another try.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        endpoint: Literal["auto", "chat", "completions"] = "auto",
        timeout_seconds: float = 600.0,
        max_concurrency: int = 256,
        retries: int | Retries = 4,
        transport: object | None = None,
        capabilities: EndpointFacts | Path | str | None = None,
        logprobs: bool = False,
        extra_body: Mapping[str, object] | None = None,
        on_wait: Callable[[float, str], None] | None = None,
    ) -> None:
        if endpoint not in {"auto", "chat", "completions"}:
            raise InputError(f"endpoint is {endpoint!r}: give 'auto', 'chat' or 'completions'")
        if not timeout_seconds > 0:
            raise InputError(f"timeout_seconds is {timeout_seconds!r}: give a number over 0")
        if max_concurrency < 1:
            raise InputError(f"max_concurrency is {max_concurrency!r}: give 1 or more")
        if model == "":
            raise InputError("model is empty: give the model's name, or None to take the only one there is")
        facts = capabilities if isinstance(capabilities, EndpointFacts) else None
        if facts is None:
            facts = EndpointFacts() if capabilities is None else load_facts(capabilities)  # type: ignore[arg-type]
        options = Options(model=model, logprobs=logprobs, extra_body=dict(extra_body or {}))
        self._address = parse_address(base_url, api_key)
        self._endpoint = Endpoint(self._address, options, facts, endpoint, max_concurrency)
        self._rules = Rules(
            timeout_seconds=timeout_seconds,
            retries=retries if isinstance(retries, Retries) else Retries(limit=retries),
            clock=time.monotonic,
            now=time.time,
            dice=random.random,
        )
        self._on_wait = on_wait
        self._lanes = Lanes(self._address, transport)
        self._closed = False

    def __repr__(self) -> str:
        return f"HTTPClient({self._address.shown!r}, model={self._endpoint.model!r})"

    @property
    def capabilities(self) -> Capabilities:
        return self._endpoint.capabilities

    @property
    def facts(self) -> EndpointFacts:
        """What is known of the server by now."""
        return self._endpoint.facts

    def describe(self) -> Mapping[str, str]:
        said = {"client": "http", "base_url": self._address.shown, "endpoint": self._endpoint.kind}
        return said | ({"model": self._endpoint.model} if self._endpoint.model is not None else {})

    def count_tokens(self, text: str) -> int | None:  # noqa: ARG002  # the protocol has no way to ask a server
        return None

    def models(self) -> tuple[str, ...]:
        """Ask the server which models it has; a quick way to see whether it is there.

        Raises:
            ConnectionFailed: it is not.
            StatusError: it refuses to say; AuthenticationFailed where it wants a key.
        """
        self._check_open()
        exchange = SyncExchange(self._lanes)
        try:
            listing = carried(list_models(min(self._rules.timeout_seconds, _LISTING_SECONDS)), exchange)
        finally:
            exchange.hang_up()
        shown = self._address.shown
        if listing.status in {401, 403}:
            raise AuthenticationFailed(f"{shown} {listing.problem}: give the right key", status=listing.status)
        if listing.status == 0:
            raise ConnectionFailed(self._address.redact(f"{shown} {listing.problem}; is the server running?"))
        if listing.problem is not None:
            raise StatusError(self._address.redact(f"{shown} {listing.problem}"), status=listing.status)
        return listing.models

    def stream(self, request: Request) -> Generator[Delta | Reply, None, None]:
        self._check_open()
        exchange = SyncExchange(self._lanes)
        self._enter()
        try:
            conversation = converse(request, self._endpoint, self._rules)
            told: Told = None
            while True:
                try:
                    wish = conversation.send(told)
                except StopIteration as end:
                    reply: Reply = end.value
                    break
                told = None
                if isinstance(wish, Delta):
                    yield wish
                elif isinstance(wish, Read):
                    told = exchange.read()
                elif isinstance(wish, Send):
                    self._check_open()  # closed while it waited: nothing more is sent
                    told = exchange.send(wish)
                elif isinstance(wish, Hangup):
                    exchange.hang_up()
                elif isinstance(wish, Finish):
                    exchange.finish()
                else:
                    self._announce(wish)
                    time.sleep(wish.seconds)
        finally:
            exchange.hang_up()
            self._endpoint.gate.leave()
        yield reply

    async def astream(self, request: Request) -> AsyncGenerator[Delta | Reply, None]:
        self._check_open()
        exchange = AsyncExchange(self._lanes)
        await self._enter_async()
        try:
            conversation = converse(request, self._endpoint, self._rules)
            told: Told = None
            while True:
                try:
                    wish = conversation.send(told)
                except StopIteration as end:
                    reply: Reply = end.value
                    break
                told = None
                if isinstance(wish, Delta):
                    yield wish
                elif isinstance(wish, Read):
                    told = await exchange.read()
                elif isinstance(wish, Send):
                    self._check_open()  # closed while it waited: nothing more is sent
                    told = await exchange.send(wish)
                elif isinstance(wish, Hangup):
                    await exchange.hang_up()
                elif isinstance(wish, Finish):
                    await exchange.finish()
                else:
                    self._announce(wish)
                    await asyncio.sleep(wish.seconds)
        finally:
            try:
                await exchange.hang_up()
            finally:
                self._endpoint.gate.leave()
        yield reply

    def close(self) -> None:
        self._closed = True
        self._lanes.close()

    async def aclose(self) -> None:
        self._closed = True
        await self._lanes.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.aclose()

    def _check_open(self) -> None:
        if self._closed:
            raise ClientClosed(f"the client of {self._address.shown} is closed; make a new one")

    def _enter(self) -> None:
        """Wait until the request may be under way."""
        inside = threading.Event()
        if self._endpoint.gate.enter(inside.set):
            return
        try:
            inside.wait()
        except BaseException:
            self._endpoint.gate.forget(inside.set)
            raise

    async def _enter_async(self) -> None:
        loop = asyncio.get_running_loop()
        inside = loop.create_future()

        def wake() -> None:
            loop.call_soon_threadsafe(lambda: None if inside.done() else inside.set_result(None))

        if self._endpoint.gate.enter(wake):
            return
        try:
            await inside
        except BaseException:
            self._endpoint.gate.forget(wake)
            raise

    def _announce(self, sleep: Sleep) -> None:
        """Make a wait visible: one log line, and the caller's own function."""
        import logging

        logging.getLogger("reasonkit.clients.http").warning("waiting %.1f s: %s", sleep.seconds, sleep.reason)
        if self._on_wait is not None:
            self._on_wait(sleep.seconds, sleep.reason)
