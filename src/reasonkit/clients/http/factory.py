"""Building a client from a string.

`http://HOST/v1` is that server; `openai:MODEL` is the server and the key that the environment names. The environment is
read here, when a client is built. Its key goes to the server that the environment names, and to no other address.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from reasonkit.clients.http.client import HTTPClient
from reasonkit.clients.http.facts import EndpointFacts
from reasonkit.clients.http.retry import Retries
from reasonkit.errors import InputError

OPENAI = "https://api.openai.com/v1"


def from_address(
    address: str,
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
) -> HTTPClient:
    """Build the client that a string names; the options are those of `HTTPClient`.

    Args:
        address: `http://...`, `https://...`, or `openai:MODEL`, which reads OPENAI_BASE_URL.
        model: the model's name; not beside `openai:MODEL`.
        api_key: None takes OPENAI_API_KEY, if the address is the one of OPENAI_BASE_URL (or OpenAI's own).
        endpoint: see `HTTPClient`, as all that follow.
        timeout_seconds: for one request as a whole.
        max_concurrency: requests under way at most.
        retries: further tries after a passing failure.
        transport: what carries the requests.
        capabilities: what the doctor found.
        logprobs: whether to ask for the log probability of each token.
        extra_body: further fields of every request.
        on_wait: called before each wait for another try.

    Raises:
        InputError: the string is neither, or OpenAI's own server is named and there is no key.
    """
    if address.startswith("openai:"):
        named = address.removeprefix("openai:")
        if not named or (model is not None and model != named):
            raise InputError(f"{address!r} with model={model!r}: give the model once, as 'openai:MODEL'")
        base_url, model = os.environ.get("OPENAI_BASE_URL") or OPENAI, named
    elif address.startswith(("http://", "https://")):
        base_url = address
    else:
        raise InputError(f"{address!r} is no server: give 'http://HOST:PORT/v1' or 'openai:MODEL'")
    if api_key is None:
        api_key = key_for(base_url)
    if api_key is None and address.startswith("openai:") and _origin(base_url) == _origin(OPENAI):
        raise InputError(f"{address!r} needs a key: set OPENAI_API_KEY, or OPENAI_BASE_URL for another server")
    return HTTPClient(
        base_url,
        model=model,
        api_key=api_key,
        endpoint=endpoint,
        timeout_seconds=timeout_seconds,
        max_concurrency=max_concurrency,
        retries=retries,
        transport=transport,
        capabilities=capabilities,
        logprobs=logprobs,
        extra_body=extra_body,
        on_wait=on_wait,
    )


def key_for(base_url: str) -> str | None:
    """Return the environment's key, if it is for this server: the one of OPENAI_BASE_URL, else OpenAI's own."""
    trusted = os.environ.get("OPENAI_BASE_URL") or OPENAI
    return os.environ.get("OPENAI_API_KEY") or None if _origin(base_url) == _origin(trusted) else None


def _origin(url: str) -> tuple[str, str]:
    """Return scheme and host with port: what a key belongs to."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InputError(f"{url!r} is no address ({error}); write http://HOST:PORT/v1") from None
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()
