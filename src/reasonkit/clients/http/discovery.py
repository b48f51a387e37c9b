"""What `/models` says: which models there are, and by its shape which server it is.

Asked only where something is missing that it knows: the model's name, or where a grammar goes.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from reasonkit.clients.http.facts import Server
from reasonkit.clients.http.reading import read_rest
from reasonkit.clients.http.wire import Broken, Head, Send, Told, Wish

GRAMMAR_FIELDS = {"llama.cpp": "grammar", "vllm": "structured_outputs", "sglang": "ebnf"}
_OWNERS: dict[str, Server] = {"vllm": "vllm", "llamacpp": "llama.cpp", "sglang": "sglang", "openai": "openai"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a server says of its models."""

    models: tuple[str, ...] = ()
    server: Server | None = None
    context: tuple[tuple[str, int], ...] = ()
    """Tokens of context by model, where it says so."""
    problem: str | None = None
    """Why there is no listing."""
    status: int = 200
    """0: there was no answer."""


def list_models(timeout_seconds: float) -> Generator[Wish, Told, Listing]:
    """Ask for the models."""
    head = yield Send("GET", "/models", None, False, timeout_seconds)
    if isinstance(head, Broken):
        return Listing(problem=f"was not reached: {head.message}", status=0)
    assert isinstance(head, Head)
    content = yield from read_rest()
    if isinstance(content, Broken):
        return Listing(problem=f"went away in the middle: {content.message}", status=0)
    if head.status != 200:
        return Listing(problem=f"answered {head.status} to /models", server=_by_header(head), status=head.status)
    try:
        held = json.loads(content)
    except ValueError:
        return Listing(problem="answered /models with something that is not JSON")
    return read_listing(held, _by_header(head))


def read_listing(held: Any, server: Server | None = None) -> Listing:
    """Read the JSON of `/models`."""
    entries = held.get("data") if isinstance(held, dict) else held
    if not isinstance(entries, list):
        return Listing(problem="answered /models with something that is no list of models", server=server)
    models, context = [], []
    for entry in entries:
        name = entry.get("id") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            continue
        models.append(name)
        server = server or _OWNERS.get(str(entry.get("owned_by", "")).lower())
        meta = entry.get("meta")
        tokens = entry.get("max_model_len") or (meta.get("n_ctx") if isinstance(meta, dict) else None)
        if isinstance(tokens, int) and tokens > 0:
            context.append((name, tokens))
    return Listing(models=tuple(models), server=server, context=tuple(context))


def _by_header(head: Head) -> Server | None:
    return "llama.cpp" if "llama.cpp" in head.headers.get("server", "").lower() else None
