"""The world: effects to client, tools and sandbox.

A driver asks it to perform a job; it brings back tokens as they come, then outcomes. The sync and the async form share
every decision and differ in the edge.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, closing
from dataclasses import replace
from typing import Protocol, TypeVar, assert_never

from reasonkit.clients.protocol import Client
from reasonkit.errors import InputError, ReplyError
from reasonkit.flow import Path
from reasonkit.runner.jobs import Brought, Job
from reasonkit.tools.crashes import crashes
from reasonkit.tools.protocol import ToolSession, Toolset
from reasonkit.trace import Token
from reasonkit.types import (
    Act,
    Complete,
    Completion,
    Delta,
    Execute,
    Execution,
    Observation,
    ProgramError,
    Reply,
    Request,
)

Told = TypeVar("Told", Completion, Observation)


class Programs(Protocol):
    """Where programs run: the sandbox, as far as the world knows it."""

    def run(self, program: str, answer: str | None = None) -> Execution:
        """Run a program and read its answer."""
        ...

    async def arun(self, program: str, answer: str | None = None) -> Execution:
        """Run a program without blocking the event loop."""
        ...


class World:
    """Performs jobs; called from several threads, or from one event loop.

    Args:
        client: the model.
        tools: what the model can use; None if the strategy uses none.
        programs: where programs run; None if the strategy runs none.
        adapter: the adapter that the client is to use.
        approve: asked before a tool or a program runs; False becomes an observation that says so.
        tokens: whether somebody reads tokens as they come.
        clock: seconds of a steady clock.
    """

    def __init__(
        self,
        client: Client,
        *,
        tools: Toolset | None = None,
        programs: Programs | None = None,
        adapter: str | None = None,
        approve: Callable[[Act | Execute], bool] | None = None,
        tokens: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._client, self._tools, self._programs = client, tools, programs
        self._adapter, self._approve, self._tokens, self._clock = adapter, approve, tokens, clock
        self._sessions: dict[tuple[int, Path], ToolSession] = {}
        self._lock = threading.Lock()

    def perform(self, job: Job) -> Generator[Token | Brought, None, None]:
        """Perform a job: tokens as they come, then what was brought.

        Raises:
            ReasonkitError: the world failed.
        """
        began = self._clock()
        effect = job.effect
        match effect:
            case Complete():
                with closing(self._client.stream(self._request(job, effect))) as pieces:
                    for piece in pieces:
                        if isinstance(piece, Delta):
                            yield self._token(job, piece)
                        else:
                            yield Brought(self._checked(job, piece), self._clock() - began)
                            return
                raise ReplyError("the client ended its stream without a reply")
            case Act():
                denial = self._denied(effect)
                observation = denial or self._session(job).use(effect.action)
                yield Brought((_sound(observation),), self._clock() - began)
            case Execute():
                execution = self._forbidden(effect) or self._sandbox().run(effect.program, effect.answer)
                yield Brought((execution,), self._clock() - began)
            case _:
                assert_never(effect)

    async def aperform(self, job: Job) -> AsyncGenerator[Token | Brought, None]:
        """Perform a job without blocking the event loop."""
        import asyncio

        began = self._clock()
        effect = job.effect
        match effect:
            case Complete():
                async with aclosing(self._client.astream(self._request(job, effect))) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Delta):
                            yield self._token(job, piece)
                        else:
                            yield Brought(self._checked(job, piece), self._clock() - began)
                            return
                raise ReplyError("the client ended its stream without a reply")
            case Act():
                denial = await asyncio.to_thread(self._denied, effect) if self._approve else None
                observation = denial or await self._session(job).ause(effect.action)
                yield Brought((_sound(observation),), self._clock() - began)
            case Execute():
                denied = await asyncio.to_thread(self._forbidden, effect) if self._approve else None
                execution = denied or await self._sandbox().arun(effect.program, effect.answer)
                yield Brought((execution,), self._clock() - began)
            case _:
                assert_never(effect)

    def forget(self, episode: int) -> None:
        """Drop the tool state of an episode that is over."""
        with self._lock:
            for key in [key for key in self._sessions if key[0] == episode]:
                del self._sessions[key]

    def _request(self, job: Job, effect: Complete) -> Request:
        assert job.rendering is not None
        return Request(
            prompt=job.rendering,
            stop=effect.stop,
            sampling=effect.sampling,
            seeds=job.seeds,
            grammar=effect.grammar,
            adapter=self._adapter,
            prompt_sha256=effect.transcript.opening.sha256,
            stream=self._tokens,
        )

    def _token(self, job: Job, piece: Delta) -> Token:
        if piece.index not in range(len(job.asks)) or not isinstance(piece.text, str):
            raise ReplyError(
                f"the client gave {piece!r} of {len(job.asks)} completions; a piece is a text of one of them"
            )
        return Token(episode=job.episode, place=job.asks[piece.index].place, text=piece.text)

    def _checked(self, job: Job, reply: object) -> tuple[Completion, ...]:
        if not isinstance(reply, Reply):
            raise ReplyError(f"the client gave {reply!r}; a client gives pieces (Delta), then one Reply")
        if not isinstance(reply.completions, tuple | list):
            raise ReplyError(f"the client gave a Reply with {reply.completions!r}; its completions are a tuple")
        for completion in reply.completions:
            if not isinstance(completion, Completion) or not isinstance(completion.text, str):
                raise ReplyError(f"the client gave {completion!r} for a completion; it is a Completion with a text")
        if len(reply.completions) != len(job.asks):
            raise ReplyError(f"the client was asked for {len(job.asks)} completions and gave {len(reply.completions)}")
        return tuple(_sound(completion) for completion in reply.completions)

    def _session(self, job: Job) -> ToolSession:
        if self._tools is None:
            raise InputError("the strategy uses tools, but none were given: pass tools=... or pages=...")
        key = (job.episode, job.asks[0].path)
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                session = self._sessions[key] = self._tools.open()
        for action, observation in job.recalled:
            session.recall(action, observation)
        return session

    def _sandbox(self) -> Programs:
        if self._programs is None:
            raise InputError("the strategy runs programs, but there is no sandbox: pass sandbox=Sandbox()")
        return self._programs

    def _approved(self, effect: Act | Execute) -> bool:
        if self._approve is None:
            return True
        with crashes("the function given as approve="):
            return bool(self._approve(effect))

    def _denied(self, effect: Act) -> Observation | None:
        if self._approved(effect):
            return None
        return Observation(
            text=f"{effect.action.tool}[{effect.action.argument}] was not approved and was not carried out.",
            status="denied",
        )

    def _forbidden(self, effect: Execute) -> Execution | None:
        if self._approved(effect):
            return None
        return Execution(error=ProgramError(kind="denied", message="the program was not approved and did not run"))


def _sound(outcome: Told) -> Told:
    """Replace lone surrogates, which no file and no request can hold."""
    try:
        outcome.text.encode()
    except UnicodeEncodeError:
        return replace(outcome, text=outcome.text.encode("utf-8", "replace").decode())
    return outcome
