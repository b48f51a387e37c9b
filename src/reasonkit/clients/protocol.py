"""What every model client offers; the runner knows nothing else of it.

One method asks, in a sync and an async form. Streaming is not another method: a client that streams yields pieces
before its reply, one that does not yields the reply alone.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping
from typing import Protocol

from reasonkit.types import Capabilities, Delta, Reply, Request


class Client(Protocol):
    """A language model that can be asked for completions, from several threads or one event loop."""

    @property
    def capabilities(self) -> Capabilities:
        """What the client can be asked for."""
        ...

    def describe(self) -> Mapping[str, str]:
        """Return what a trace says of the client: its kind, model and address, never a secret."""
        ...

    def count_tokens(self, text: str) -> int | None:
        """Return the number of tokens of `text`, or None where no tokenizer is at hand."""
        ...

    def stream(self, request: Request) -> Generator[Delta | Reply, None, None]:
        """Ask; yield pieces as they come if `request.stream`, then exactly one reply.

        Closing the generator early cancels the request.

        Raises:
            ClientError: the model could not be asked or did not answer.
        """
        ...

    def astream(self, request: Request) -> AsyncGenerator[Delta | Reply, None]:
        """Ask as `stream` does, without blocking the event loop; closing or cancelling it cancels the request."""
        ...

    def close(self) -> None:
        """Free what the client holds; asking it afterwards raises ClientClosed. May be called twice."""
        ...

    async def aclose(self) -> None:
        """Free what the client holds, from an event loop."""
        ...
