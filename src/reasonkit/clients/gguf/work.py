"""One request, answered by the engine: what is asked of llama.cpp, and what is made of its pieces.

Samples with following seeds are computed side by side from one prompt; other samples follow each other, so that all
but the first find the prompt in the cache; greedy samples are one. Not here: threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from reasonkit.clients.gguf.engine import Engine
from reasonkit.clients.gguf.gbnf import check_gbnf
from reasonkit.clients.stops import StopMatcher
from reasonkit.errors import ClientError, ContextOverflow, InputError, NoChatTemplate, ReplyError, Unsupported
from reasonkit.types import Completion, Delta, Message, Reply, Request, TokenLogprob, Usage

_RANDOM_SEED = 2**32 - 1
"""llama.cpp draws a seed of its own where it is given this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a client has settled for all its requests."""

    name: str
    context: int
    slots: int
    chat: bool
    logprobs: bool
    thinking: bool


def answer(
    engine: Engine,
    terms: Terms,
    request: Request,
    *,
    emit: Callable[[Delta], None],
    cancelled: Callable[[], bool],
) -> Reply:
    """Compute a request in the calling thread.

    Args:
        engine: the loaded model.
        terms: what holds for all requests.
        request: what is asked.
        emit: takes the pieces as they come.
        cancelled: whether nobody waits any more; asked at every token.

    Raises:
        ContextOverflow: before anything is computed.
    """
    _check(terms, request)
    tokens = engine.tokenize(_prompt_text(engine, terms, request.prompt), special=True)
    if not tokens:
        raise InputError("the prompt is empty, and the model has no token to begin with: give at least one character")
    if len(tokens) + request.sampling.max_tokens > terms.context:
        raise ContextOverflow(prompt_tokens=len(tokens), max_tokens=request.sampling.max_tokens, limit=terms.context)
    greedy = request.sampling.temperature == 0.0
    asked = _Asked(engine, terms, request, tokens, emit, cancelled)
    completions: list[Completion] = []
    for seeds in [request.seeds[:1]] if greedy else _groups(request.seeds, terms.slots):
        if cancelled():
            break
        completions += asked.sampled(seeds, first=len(completions))
    if greedy:
        for index in range(1, len(request.seeds)):
            if request.stream and completions[0].text:
                emit(Delta(index=index, text=completions[0].text))
            completions.append(
                replace(completions[0], usage=Usage(), notices=("the same greedy sample, computed once",))
            )
    return Reply(completions=tuple(completions))


def _check(terms: Terms, request: Request) -> None:
    if not request.seeds:
        raise InputError("a request needs at least one seed: it is asked for one completion a seed")
    if request.sampling.max_tokens < 1:
        raise InputError(f"max_tokens must be at least 1, it is {request.sampling.max_tokens}")
    if request.grammar is not None:
        check_gbnf(request.grammar)
    if request.adapter is not None:
        raise Unsupported(f"the GGUF client cannot use the adapter {request.adapter!r}: use the local client")
    if not isinstance(request.prompt, str) and not terms.chat:
        raise NoChatTemplate(f'{terms.name} has no chat template: use endpoint="completions"')


def _prompt_text(engine: Engine, terms: Terms, prompt: str | tuple[Message, ...]) -> str:
    if isinstance(prompt, str):
        return prompt
    return engine.render_chat(
        [{"role": message.role, "content": message.content} for message in prompt], thinking=terms.thinking
    )


def _groups(seeds: Sequence[int], slots: int) -> Iterable[tuple[int, ...]]:
    """Part the seeds, in their order, into runs that count upwards by one and fit into the slots."""
    group: list[int] = []
    for seed in seeds:
        if group and (seed != group[-1] + 1 or len(group) == slots):
            yield tuple(group)
            group = []
        group.append(seed)
    yield tuple(group)


@dataclass(slots=True)
class _Sample:
    """What has come of one completion."""

    matcher: StopMatcher
    pieces: list[str] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    chunks: int = 0
    finish: Literal["stop", "length"] | None = None
    usage: Usage | None = None

    @property
    def done(self) -> bool:
        return self.finish is not None or self.matcher.matched is not None

    def take(self, choice: dict[str, Any], usage: dict[str, Any] | None) -> str:
        """Take a piece; return what can be shown."""
        shown = self.matcher.feed(choice["text"])
        self.chunks += bool(choice["text"])
        if choice["logprobs"] is not None:
            self.logprobs += [
                TokenLogprob(token=one["token"], logprob=one["logprob"]) for one in choice["logprobs"]["content"]
            ]
        if choice["finish_reason"] is not None:
            self.finish = "length" if choice["finish_reason"] == "length" else "stop"
            shown += self.matcher.flush(truncated=self.finish == "length")
        if usage is not None:
            self.usage = Usage(
                requests=1,
                prompt_tokens=usage["prompt_tokens"],
                completion_tokens=usage["completion_tokens"],
                cached_tokens=usage.get("prompt_tokens_details", {}).get("cached_tokens", 0),
            )
        if shown:
            self.pieces.append(shown)
        return shown

    def completion(self, *, prompt_tokens: int, first: bool) -> Completion:
        usage = self.usage or Usage(
            requests=1, prompt_tokens=prompt_tokens, completion_tokens=self.chunks, partial=True
        )
        text = "".join(self.pieces)
        return Completion(
            text=text,
            finish="stop" if self.matcher.matched is not None or self.finish is None else self.finish,
            usage=usage if first else Usage(completion_tokens=usage.completion_tokens, partial=usage.partial),
            notices=() if self.matcher.matched is None else ("stop cut in the client",),
            logprobs=tuple(_within(self.logprobs, len(text))),
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request on its way."""

    engine: Engine
    terms: Terms
    request: Request
    tokens: list[int]
    emit: Callable[[Delta], None]
    cancelled: Callable[[], bool]

    def sampled(self, seeds: tuple[int, ...], *, first: int) -> list[Completion]:
        """Compute samples number `first` and following side by side; the seeds count upwards by one."""
        samples = [_Sample(matcher=StopMatcher(self.request.stop)) for _ in seeds]
        refusals: list[dict[str, Any]] = []

        def take(chunk: dict[str, Any]) -> bool:
            if "error" in chunk:
                refusals.append(chunk["error"])
                return True
            for choice in chunk["choices"]:
                sample = samples[choice["index"]]
                shown = sample.take(choice, chunk.get("usage"))
                if shown and self.request.stream:
                    self.emit(Delta(index=first + choice["index"], text=shown))
            return self.cancelled() or all(sample.done for sample in samples)

        self.engine.complete(_payload(self.terms, self.request, self.tokens, seeds), take)
        if refusals:
            raise _refused(refusals[0], self.request)
        if not self.cancelled() and not all(sample.done for sample in samples):
            raise ReplyError("llama.cpp ended a completion without saying why")
        return [
            sample.completion(prompt_tokens=len(self.tokens), first=first + index == 0)
            for index, sample in enumerate(samples)
        ]


def _payload(terms: Terms, request: Request, tokens: list[int], seeds: tuple[int, ...]) -> dict[str, Any]:
    """Say everything that shapes the text, so that no default of llama.cpp or of the file does."""
    payload: dict[str, Any] = {
        "prompt": tokens,
        "max_tokens": request.sampling.max_tokens,
        "temperature": request.sampling.temperature,
        "top_p": request.sampling.top_p,
        "samplers": ["temperature", "top_p"],
        "seed": seeds[0] % _RANDOM_SEED,
        "n": len(seeds),
        "cache_prompt": True,
        "stream_options": {"include_usage": True},
    }
    if request.stop and not _one_in_another(request.stop):
        payload["stop"] = list(request.stop)
    if request.grammar is not None:
        payload["grammar"] = request.grammar
    if terms.logprobs:
        payload["logprobs"] = 1
    return payload


def _one_in_another(stop: tuple[str, ...]) -> bool:
    """Whether llama.cpp might choose another one of two stop texts than `StopMatcher` does; it is not told then."""
    return any(one in other for one in stop for other in stop if one != other)


def _within(logprobs: list[TokenLogprob], length: int) -> Iterable[TokenLogprob]:
    """Return the tokens that begin within the first `length` characters."""
    start = 0
    for one in logprobs:
        if start >= length:
            return
        yield one
        start += len(one.token)


def _refused(error: dict[str, Any], request: Request) -> ClientError | InputError:
    message = str(error.get("message", error))
    if error.get("type") == "exceed_context_size_error":
        return ContextOverflow(
            prompt_tokens=int(error["n_prompt_tokens"]),
            max_tokens=request.sampling.max_tokens,
            limit=int(error["n_ctx"]),
        )
    if request.grammar is not None and "grammar" in message:
        return InputError(
            f"llama.cpp does not understand the grammar ({message}); it must be GBNF: {request.grammar!r}"
        )
    return ClientError(f"llama.cpp refused the request: {message}")
