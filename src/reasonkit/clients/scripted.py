"""A client that says what it was told to: the public test double for everything that asks a model.

It keeps the contract of the real clients to the letter (stops, streaming, several samples, usage, overflow, closing),
so that a strategy or a runner that works with it does not meet surprises with a model. Not here: any randomness; what
it says depends on its script and on the request alone.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from reasonkit.clients.stops import StopMatcher
from reasonkit.errors import ClientClosed, ClientError, ContextOverflow, InputError, Unsupported
from reasonkit.types import Capabilities, Completion, Delta, Message, Reply, Request, Usage

Line: TypeAlias = str | Completion | Exception
"""One scripted completion; an exception is raised in its place."""
Script: TypeAlias = Sequence[Line] | Mapping[str | re.Pattern[str], Line | Sequence[Line]] | Callable[[Request], Line]

_EVERYTHING = Capabilities(samples=True, grammar=True, prefill=True)
_WORD = re.compile(r"\s*\S+|\s+\Z")


class ScriptedClient:
    """A client whose completions are written down beforehand.

    Args:
        replies: what it says. A sequence is said in order, one line a completion. A mapping goes from a piece of the
            prompt, a text or a compiled pattern, to what is said after it: of the pieces that occur in the prompt the
            one nearest its end decides (the empty text stands for any other prompt), and of several lines the one at
            the place `seed % len(lines)`. A callable is called once for each seed with a request for that seed alone.
        capabilities: what the client claims; what it does not claim it refuses.
        name: what traces call it.
    """

    def __init__(
        self,
        replies: Script,
        *,
        capabilities: Capabilities = _EVERYTHING,
        name: str = "scripted",
    ) -> None:
        if isinstance(replies, str):
            raise InputError("replies is one text; give a list of texts, a mapping or a callable")
        self._script: Script = replies if callable(replies) or isinstance(replies, Mapping) else tuple(replies)
        self._capabilities = capabilities
        self._name = name
        self._lock = threading.Lock()
        self._said = 0
        self._closed = False
        self.requests: list[Request] = []
        """Every request, in the order of arrival."""
        self.cancelled: list[Request] = []
        """The requests whose iterator was closed before the reply was read."""

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def describe(self) -> Mapping[str, str]:
        return {"client": "scripted", "model": self._name}

    def count_tokens(self, text: str) -> int:
        """Count words: a word is a run of visible characters with the white space before it."""
        return len(_words(text))

    def stream(self, request: Request) -> Generator[Delta | Reply, None, None]:
        finished = False
        try:
            for piece in self._perform(request):
                finished = finished or isinstance(piece, Reply)
                yield piece
        except GeneratorExit:
            if not finished:
                self.cancelled.append(request)
            raise

    async def astream(self, request: Request) -> AsyncGenerator[Delta | Reply, None]:
        finished = False
        try:
            for piece in self._perform(request):
                await asyncio.sleep(0)  # a real model lets others run between two tokens
                finished = isinstance(piece, Reply)
                yield piece
        except (GeneratorExit, asyncio.CancelledError):
            if not finished:
                self.cancelled.append(request)
            raise

    def close(self) -> None:
        self._closed = True

    async def aclose(self) -> None:
        self.close()

    def _perform(self, request: Request) -> Iterator[Delta | Reply]:
        if self._closed:
            raise ClientClosed("the scripted client is closed; make a new one")
        with self._lock:
            self.requests.append(request)
            prompt_tokens = self._admit(request)
            lines = [self._line(request, seed) for seed in request.seeds]
        completions = []
        for index, line in enumerate(lines):
            if isinstance(line, Exception):
                raise line
            scripted = line if isinstance(line, Completion) else Completion(text=line)
            text, finish, pieces = self._cut(scripted, request)
            if request.stream:
                for piece in pieces:
                    yield Delta(index=index, text=piece)
            usage = scripted.usage
            if usage == Usage():
                usage = Usage(completion_tokens=self.count_tokens(text))
                if index == 0:
                    usage = replace(usage, requests=1, prompt_tokens=prompt_tokens)
            completions.append(replace(scripted, text=text, finish=finish, usage=usage))
        yield Reply(completions=tuple(completions))

    def _admit(self, request: Request) -> int:
        """Refuse what the capabilities do not cover; return the tokens of the prompt."""
        claims = self._capabilities
        if not request.seeds:
            raise InputError("a request needs at least one seed: it is asked for one completion a seed")
        if (endpoint := "completions" if isinstance(request.prompt, str) else "chat") != claims.endpoint:
            raise Unsupported(f"the scripted client claims {claims.endpoint!r}, it was asked for {endpoint!r}")
        if not isinstance(request.prompt, str) and request.prompt[-1].role == "assistant" and not claims.prefill:
            raise Unsupported("the last turn is the assistant's, but the scripted client does not claim prefill")
        if len(request.seeds) > 1 and not claims.samples:
            raise Unsupported(f"{len(request.seeds)} samples were asked for, but the scripted client claims one")
        if request.grammar is not None and not claims.grammar:
            raise Unsupported("a grammar was given, but the scripted client does not claim grammars")
        tokens = self.count_tokens(_prompt_text(request.prompt))
        if claims.max_context is not None and tokens + request.sampling.max_tokens > claims.max_context:
            raise ContextOverflow(
                prompt_tokens=tokens, max_tokens=request.sampling.max_tokens, limit=claims.max_context
            )
        return tokens

    def _line(self, request: Request, seed: int) -> Line:
        if callable(self._script):
            return self._script(replace(request, seeds=(seed,)))
        if isinstance(self._script, Mapping):
            return self._matching(self._script, request, seed)
        if self._said >= len(self._script):
            raise ClientError(
                f"the script has run out: it has {len(self._script)} replies, and request number "
                f"{len(self.requests)} asks for another; {_ending(request)}"
            )
        self._said += 1
        return self._script[self._said - 1]

    def _matching(
        self, script: Mapping[str | re.Pattern[str], Line | Sequence[Line]], request: Request, seed: int
    ) -> Line:
        prompt = _prompt_text(request.prompt)
        nearest, found = (-2, 0), None
        for key, lines in script.items():
            if (where := _nearest(key, prompt)) is not None and where > nearest:
                nearest, found = where, lines
        if found is None:
            raise ClientError(f"none of the script's {len(script)} keys occurs in the prompt; {_ending(request)}")
        if isinstance(found, (str, Completion, Exception)):
            return found
        return found[seed % len(found)]

    def _cut(self, scripted: Completion, request: Request) -> tuple[str, Literal["stop", "length"], list[str]]:
        """Return what is said before the stop text and within max_tokens, why it ends there, and its pieces."""
        matcher = StopMatcher(request.stop)
        words = _words(scripted.text)
        allowed = words[: request.sampling.max_tokens]
        pieces = [matcher.feed(word) for word in allowed]
        pieces.append(matcher.flush())
        shown = [piece for piece in pieces if piece]
        if matcher.matched is not None:
            return "".join(shown), "stop", shown
        return "".join(shown), scripted.finish if len(words) == len(allowed) else "length", shown


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _prompt_text(prompt: str | tuple[Message, ...]) -> str:
    return prompt if isinstance(prompt, str) else "\n".join(message.content for message in prompt)


def _nearest(key: str | re.Pattern[str], prompt: str) -> tuple[int, int] | None:
    """Return where the last occurrence ends, and its length; an empty one counts as the farthest."""
    if isinstance(key, str):
        start = prompt.rfind(key)
        end = start + len(key)
    else:
        start = -1
        for match in key.finditer(prompt):
            start, end = match.span()
    if start < 0:
        return None
    return (end, end - start) if end > start else (-1, 0)


def _ending(request: Request) -> str:
    return f"its prompt ends with {_prompt_text(request.prompt)[-200:]!r}"
