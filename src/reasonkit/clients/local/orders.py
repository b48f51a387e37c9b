"""What a worker is told beside requests, and what it tells of itself."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What a local client has done so far."""

    requests: int = 0
    prompt_tokens: int = 0
    """Tokens of prompts that were computed; cached ones are not among them."""
    cached_tokens: int = 0
    drawn_tokens: int = 0
    steps: int = 0
    """Forward passes that computed one token for each row."""
    cache_bytes: int = 0
    rows_limit: int = 0
    """Rows that are computed side by side; halved when memory runs out."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Something to do that is no request."""

    work: Callable[[], None]
    done: queue.SimpleQueue[BaseException | None]

    def run(self) -> None:
        """Do it, and tell the one who waits."""
        try:
            self.work()
        except BaseException as error:
            self.done.put(error)
            if not isinstance(error, Exception):
                raise
        else:
            self.done.put(None)
