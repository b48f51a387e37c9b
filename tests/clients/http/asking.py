"""Asking a client in both its forms, so that each test says once what must hold for both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Literal

from reasonkit.clients.http import HTTPClient, Retries
from reasonkit.types import Delta, Reply, Request

Form = Literal["sync", "httpx", "aiohttp"]
FORMS: tuple[Form, ...] = ("sync", "httpx", "aiohttp")
"""The three ways in which a request is carried; the last needs the extra `fast`."""
AT_ONCE = Retries(limit=3, base_seconds=0.001)
"""Further tries that do not make a test wait."""


def ask_all(form: Form, url: str, *requests: Request, **options: Any) -> tuple[list[list[Delta | Reply]], HTTPClient]:
    """Ask one after another with one client; return what came of each, and the client, closed."""
    merged: dict[str, Any] = {"model": "tiny", "retries": AT_ONCE, "timeout_seconds": 20.0} | options
    client = HTTPClient(url, **merged) if form == "sync" else HTTPClient(url, transport=form, **merged)
    if form == "sync":
        try:
            return [list(client.stream(request)) for request in requests], client
        finally:
            client.close()

    async def main() -> list[list[Delta | Reply]]:
        try:
            return [[piece async for piece in client.astream(request)] for request in requests]
        finally:
            await client.aclose()

    return asyncio.run(main()), client


def ask(form: Form, url: str, request: Request, **options: Any) -> Reply:
    """Ask once; return the reply."""
    came, _ = ask_all(form, url, request, **options)
    reply = came[0][-1]
    assert isinstance(reply, Reply)
    return reply


def take(form: Form, url: str, request: Request, enough: Callable[[Delta | Reply], bool], **options: Any) -> None:
    """Ask, and close the iterator at the first piece that is enough."""
    client = (
        HTTPClient(url, model="tiny", **options)
        if form == "sync"
        else HTTPClient(url, model="tiny", transport=form, **options)
    )
    if form == "sync":
        pieces = client.stream(request)
        for piece in pieces:
            if enough(piece):
                break
        pieces.close()
        client.close()
        return

    async def main() -> None:
        stream = client.astream(request)
        async with aclosing(stream):
            async for piece in stream:
                if enough(piece):
                    break
        await client.aclose()

    asyncio.run(main())
