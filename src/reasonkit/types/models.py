"""What passes between the runner and a client: requests, completions, usage, capabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a completion is drawn."""

    temperature: float = 0.0
    """0 is greedy."""
    top_p: float = 1.0
    max_tokens: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was spent."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens that the server or the local cache did not compute again; a part of `prompt_tokens`."""
    partial: bool = False
    """Whether the server is known to have counted less than was used."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            requests=self.requests + other.requests,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            partial=self.partial or other.partial,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogprob:
    """One token of a completion and its natural log probability."""

    token: str
    logprob: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Outcome: what the model wrote, without the stop text."""

    text: str
    finish: Literal["stop", "length"] = "stop"
    """`length`: cut at max_tokens."""
    usage: Usage = Usage()
    notices: tuple[str, ...] = ()
    """What the client had to do to get it, for example `stop cut in the client`."""
    logprobs: tuple[TokenLogprob, ...] = ()

    @property
    def truncated(self) -> bool:
        return self.finish == "length"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a client can be asked for; rendering and merging follow it."""

    endpoint: Literal["chat", "completions"] = "completions"
    prefill: bool = False
    """Chat: whether a last assistant turn is continued."""
    samples: bool = False
    """Whether one request may ask for several completions."""
    grammar: bool = False
    max_context: int | None = None
    """Tokens of prompt and completion together, where known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client is asked for: one completion for each seed."""

    prompt: str | tuple[Message, ...]
    """A text to continue, or a chat. A last assistant turn is to be continued."""
    stop: tuple[str, ...] = ()
    sampling: Sampling = Sampling()
    seeds: tuple[int, ...] = (0,)
    """One for each completion wanted; a client with one seed a request uses the first."""
    grammar: str | None = None
    adapter: str | None = None
    prompt_sha256: str | None = None
    """Of the prompt's files; an adapter that was trained with another prompt is refused."""
    stream: bool = False
    """Whether somebody reads the tokens as they come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A piece of completion number `index`, as it comes; never holds any of the stop text."""

    index: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One completion for each seed of the request, in their order; the first carries the prompt's usage."""

    completions: tuple[Completion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterManifest:
    """What an adapter was trained on and for; a client refuses it elsewhere."""

    name: str
    base: str
    base_sha256: str
    tokenizer_sha256: str
    prompt_sha256: str | None = None
    rank: int
    alpha: float
    targets: tuple[str, ...]
    metrics: tuple[tuple[str, float], ...] = ()
