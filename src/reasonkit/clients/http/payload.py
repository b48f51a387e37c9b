"""A request as the JSON that is sent.

Only fields that the protocol knows, none of them null, and none that the endpoint is known to refuse. Temperature and
top_p are always sent, because servers take their own defaults from the model's generation config. Not here: what comes
back (`reply`), and the decision what to leave out (`refusals`).

Source: https://platform.openai.com/docs/api-reference; the grammar and prefill fields of
https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html, https://docs.sglang.ai and
https://github.com/ggml-org/llama.cpp/tree/master/tools/server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from reasonkit.clients.http.facts import EndpointFacts
from reasonkit.errors import InputError, Unsupported
from reasonkit.types import Request

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
SEED_BITS = 0x7FFFFFFF
"""Servers keep seeds in 32 bits, some of them signed; llama.cpp takes -1 for random."""
PREFILL_FLAGS: dict[str, JSON] = {"continue_final_message": True, "add_generation_prompt": False}
"""vLLM and SGLang continue a last assistant turn when these ask for it."""
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What every request of one client shares."""

    model: str | None
    logprobs: bool = False
    extra_body: Mapping[str, object] = field(default_factory=dict)
    """Fields beyond the protocol; they win over ours."""


def build(
    request: Request,
    facts: EndpointFacts,
    options: Options,
    *,
    endpoint: Literal["chat", "completions"],
    model: str,
    seed: int,
    n: int,
    streamed: bool,
) -> dict[str, JSON]:
    """Return the payload for `n` completions, the first with `seed`.

    Raises:
        Unsupported: a grammar or a prefill was asked for that the endpoint does not have.
    """
    sampling = request.sampling
    payload: dict[str, JSON] = {"model": model}
    if endpoint == "chat":
        payload["messages"] = _messages(request, facts, payload)
    else:
        payload["prompt"] = _text(request)
    payload["max_completion_tokens" if "max_tokens" in facts.refused else "max_tokens"] = sampling.max_tokens
    payload["temperature"] = sampling.temperature
    payload["top_p"] = sampling.top_p
    payload["seed"] = seed & SEED_BITS
    if request.stop:
        payload["stop"] = list(request.stop)
    if n > 1:
        payload["n"] = n
    if options.logprobs:
        payload["logprobs"] = True if endpoint == "chat" else 1
    if streamed:
        payload["stream"] = True
        if facts.stream_usage is not False:
            payload["stream_options"] = {"include_usage": True}
    for parameter in facts.refused:
        payload.pop(parameter, None)
    if request.grammar is not None:
        _constrain(payload, request.grammar, facts)
    if request.adapter is not None:
        raise Unsupported(
            f"adapter {request.adapter!r}: servers offer an adapter as a model of its own; give its name as model="
        )
    payload.update(options.extra_body)  # type: ignore[arg-type]  # the caller's own JSON
    return payload


def encode(payload: Mapping[str, JSON]) -> bytes:
    """Return the payload as UTF-8 JSON."""
    try:
        return _encode(payload).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the request holds {error.object[error.start : error.start + 1]!r}, half of a character: not valid text"
        ) from error


def _messages(request: Request, facts: EndpointFacts, payload: dict[str, JSON]) -> list[JSON]:
    if isinstance(request.prompt, str):
        return [{"role": "user", "content": request.prompt}]
    if request.prompt and request.prompt[-1].role == "assistant":
        if facts.prefill == "none":
            raise Unsupported(
                "the last turn is the assistant's, but this endpoint does not continue it: end with a user turn, or "
                "use the completions endpoint"
            )
        if facts.prefill == "flags" or (facts.prefill is None and facts.server in {"vllm", "sglang"}):
            payload |= PREFILL_FLAGS
    return [{"role": message.role, "content": message.content} for message in request.prompt]


def _text(request: Request) -> str:
    if isinstance(request.prompt, str):
        return request.prompt
    raise Unsupported(
        "a chat was given, but the completions endpoint continues text: render the prompt as one text, or build the "
        "client with endpoint='chat'"
    )


def _constrain(payload: dict[str, JSON], grammar: str, facts: EndpointFacts) -> None:
    """Put the grammar where this server reads it; it is never dropped."""
    if facts.grammar is None:
        raise Unsupported(
            "a grammar was given, but it is not known that this endpoint has grammars: build the client with the "
            "capabilities file that `reasonkit doctor` writes, or leave the grammar out"
        )
    if facts.grammar == "structured_outputs":
        payload["structured_outputs"] = {"grammar": grammar}
    else:
        payload[facts.grammar] = grammar
