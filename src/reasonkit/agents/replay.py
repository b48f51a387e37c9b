"""Replay: what an agent is made of when everything comes from a trace."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping
from typing import Self

from reasonkit.errors import TraceError, Unsupported
from reasonkit.trace import Run, Trace
from reasonkit.types import Capabilities, Delta, Reply, Request


class Recorded:
    """The client of a replay: it has the capabilities of the recorded one, and cannot be asked."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @classmethod
    def of(cls, trace: Trace, strategy: str) -> Self:
        """Return the client of a trace that is replayed by an agent.

        Raises:
            TraceError: it was made by another strategy than the agent's.
        """
        assert trace.run is not None
        if trace.run.strategy != strategy:
            raise TraceError(f"{trace.path}: a trace of {trace.run.strategy!r}, which {strategy!r} cannot replay")
        return cls(trace.run)

    @property
    def capabilities(self) -> Capabilities:
        """What the recorded client could be asked for."""
        return Capabilities(endpoint=self._run.endpoint, prefill=self._run.prefill)

    def describe(self) -> Mapping[str, str]:
        """Return what the trace says of the recorded client."""
        return self._run.client

    def count_tokens(self, text: str) -> int | None:
        """Return None: there is no tokenizer in a trace."""
        del text
        return None

    def stream(self, request: Request) -> Generator[Delta | Reply, None, None]:
        """Refuse: a replay asks nothing."""
        raise Unsupported(f"a replay asks nothing, but was asked: {str(request.prompt)[-80:]!r}")
        yield

    async def astream(self, request: Request) -> AsyncGenerator[Delta | Reply, None]:
        """Refuse: a replay asks nothing."""
        raise Unsupported(f"a replay asks nothing, but was asked: {str(request.prompt)[-80:]!r}")
        yield

    def close(self) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""
