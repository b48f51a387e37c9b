"""What a server's JSON says: choices, pieces of choices, usage, errors, in all the shapes that servers use.

Reads, and judges nothing: what an error means is decided in `failures`, what to do about it in `converse`.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import Any

from reasonkit.errors import ReplyError
from reasonkit.types import TokenLogprob

_TAGS = re.compile(r"(?is)<(script|style|head)\b.*?</\1>|<[^>]*>")
_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title>")
QUOTED = 200
"""Characters that are quoted of what a server said."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A whole choice, or the next piece of one."""

    index: int
    text: str
    finish: str | None
    logprobs: tuple[TokenLogprob, ...] = ()
    reasoning: int = 0
    """Characters of a chain of thought that the server keeps apart."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What the server says was used."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int


@dataclass(frozen=True, slots=True)
class ServerError:
    """An error as the server words it."""

    message: str
    code: str = ""
    """Its code and type, in lower case."""
    parameter: str | None = None
    status: int | None = None
    """A status inside the body."""
    prompt_tokens: int | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """One JSON object of a server: a whole answer, or one event of a stream."""

    pieces: tuple[Piece, ...] = ()
    usage: Counted | None = None
    error: ServerError | None = None
    cut: bool = False
    """The server says that it shortened the prompt (llama.cpp, Ollama)."""


def read_body(text: str | bytes) -> Body:
    """Read one JSON object.

    Raises:
        ReplyError: it is not JSON, or a field is not what the protocol says; the message names it.
    """
    try:
        held = json.loads(text)
    except ValueError:
        raise ReplyError(f"the server's answer is not JSON: {quote(text)}") from None
    if not isinstance(held, dict):
        raise ReplyError(f"the server's answer is not a JSON object: {quote(text)}")
    error = _error(held)
    if error is not None:
        return Body(error=error)
    choices = held.get("choices")
    if choices is None:
        choices = []
    if not isinstance(choices, list):
        raise ReplyError(f"the field 'choices' is not a list: {quote(text)}")
    pieces = tuple([_piece(choice, place) for place, choice in enumerate(choices)])
    return Body(pieces=pieces, usage=_usage(held.get("usage")), cut=held.get("truncated") is True)


def read_error(content: bytes) -> ServerError:
    """Read the body of an answer with an error status: JSON in any shape, a page, or bare text."""
    text = content.decode("utf-8", errors="replace")
    try:
        held = json.loads(text)
    except ValueError:
        return ServerError(quote(text))
    error = _error(held) if isinstance(held, dict) else None
    return error if error is not None else ServerError(quote(text))


def quote(content: str | bytes) -> str:
    """Return what a body says in one short line; of a page its title, or its text without the tags."""
    text = content.decode("utf-8", errors="replace") if isinstance(content, bytes) else content
    if "<" in text and re.search(r"(?i)<(!doctype|html|head|body|title|h1)\b", text):
        title = _TITLE.search(text)
        text = "an HTML page: " + html.unescape(title.group(1) if title else _TAGS.sub(" ", text))
    line = " ".join(text.split())
    if not line:
        return "an empty body"
    return line if len(line) <= QUOTED else line[:QUOTED] + "..."


def _piece(choice: Any, place: int) -> Piece:
    if not isinstance(choice, dict):
        raise ReplyError(f"a choice is not an object: {quote(repr(choice))}")
    index = choice.get("index")
    said = choice.get("message")
    if said is None:
        said = choice.get("delta")
    reasoning = 0
    if isinstance(said, dict):
        text = said.get("content")
        thoughts = said.get("reasoning_content") or said.get("reasoning")
        reasoning = len(thoughts) if isinstance(thoughts, str) else 0
        if isinstance(text, list):  # content parts
            text = "".join([part.get("text") or "" for part in text if isinstance(part, dict)])
    else:
        text = choice.get("text")
    if text is None:
        text = ""
    if not isinstance(text, str):
        raise ReplyError(f"the text of a choice is {quote(repr(text))}, not a text")
    finish = choice.get("finish_reason")
    held = choice.get("logprobs")
    return Piece(
        index if isinstance(index, int) else place,
        text,
        finish if isinstance(finish, str) else None,
        _logprobs(held) if held else (),
        reasoning,
    )


def _logprobs(held: Any) -> tuple[TokenLogprob, ...]:
    """Read both shapes: the chat's list of objects, and the completions' two lists."""
    if not isinstance(held, dict):
        return ()
    listed = held.get("content")
    if isinstance(listed, list):
        pairs = [(item.get("token"), item.get("logprob")) for item in listed if isinstance(item, dict)]
    elif isinstance(held.get("tokens"), list) and isinstance(held.get("token_logprobs"), list):
        pairs = list(zip(held["tokens"], held["token_logprobs"], strict=False))
    else:
        return ()
    return tuple(
        [
            TokenLogprob(token=token, logprob=float(logprob))
            for token, logprob in pairs
            if isinstance(token, str) and isinstance(logprob, int | float)
        ]
    )


def _usage(held: Any) -> Counted | None:
    if not isinstance(held, dict):
        return None
    prompt, completion = held.get("prompt_tokens"), held.get("completion_tokens")
    if not isinstance(prompt, int) or prompt < 0:
        return None
    details = held.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else held.get("prompt_cache_hit_tokens")
    return Counted(
        prompt,
        completion if isinstance(completion, int) and completion >= 0 else 0,
        min(cached, prompt) if isinstance(cached, int) and cached >= 0 else 0,
    )


def _error(held: dict[str, Any]) -> ServerError | None:
    """Read `{"error": {...}}`, `{"error": "..."}`, `{"detail": ...}` and `{"object": "error", "message": ...}`."""
    error = held.get("error")
    if error is None and held.get("object") == "error":
        error = held
    if isinstance(error, dict):
        code = error.get("code")
        message = error.get("message")
        numbers = [error.get(name) for name in ("n_prompt_tokens", "n_ctx")]
        prompt_tokens, limit = [number if isinstance(number, int) else None for number in numbers]
        parameter = error.get("param")
        return ServerError(
            quote(message if isinstance(message, str) and message else json.dumps(error, ensure_ascii=False)),
            " ".join(str(part) for part in (code, error.get("type")) if part is not None).lower(),
            parameter if isinstance(parameter, str) else None,
            code if isinstance(code, int) and 400 <= code < 600 else None,
            prompt_tokens,
            limit,
        )
    if isinstance(error, str) and error:
        return ServerError(quote(error))
    if "choices" in held:
        return None
    detail = held.get("detail", held.get("message"))
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):  # FastAPI's validation errors
        place = [part for part in detail[0].get("loc", ()) if isinstance(part, str) and part != "body"]
        said = quote(f"{'.'.join(place)}: {detail[0].get('msg', '')}")
        return ServerError(said, str(detail[0].get("type", "")).lower(), place[0] if place else None)
    if detail is not None:
        return ServerError(quote(detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)))
    return None
