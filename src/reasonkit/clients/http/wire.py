"""What a conversation with a server asks of the edge that carries it, and what it is told.

A conversation is a generator: it yields wishes, is sent what came of them, and returns a reply. It decides everything
and does no input or output; the sync and the async edge only carry. Not here: any type of an HTTP library.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reasonkit.types import Delta, Reply


@dataclass(frozen=True, slots=True)
class Send:
    """Wish: send this; the edge answers with a Head or with Broken."""

    method: Literal["GET", "POST"]
    path: str
    """Appended to the base URL, for example `/chat/completions`."""
    body: bytes | None
    streamed: bool
    """Whether the answer comes in pieces, each asked for with Read; else one Read brings it whole."""
    timeout_seconds: float
    """The longest wait for the next byte."""


@dataclass(frozen=True, slots=True)
class Read:
    """Wish: the next piece of the body; the edge answers with bytes, empty at the end, or with Broken."""


@dataclass(frozen=True, slots=True)
class Hangup:
    """Wish: close the connection; nothing more is read from it."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Wish: the answer is whole; keep the connection if the body ends at once, else close it."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wish: wait."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Head:
    """What the server said first."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection failed."""

    kind: Literal["connect", "timeout", "read"]
    """Not reached; nothing came in time; went away in the middle."""
    message: str


Wish: TypeAlias = Send | Read | Hangup | Finish | Sleep | Delta
Told: TypeAlias = Head | bytes | Broken | None
Conversation: TypeAlias = Generator[Wish, Told, Reply]

READ = Read()
HANGUP = Hangup()
FINISH = Finish()
