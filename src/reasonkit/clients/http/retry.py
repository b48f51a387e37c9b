"""How long to wait before asking again, and how many requests may be under way.

Full jitter over an exponential bound (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), and
additive increase, multiplicative decrease for the number of requests. Pure: no clock, no sleeping, no thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """When to ask again."""

    limit: int = 4
    """Further tries after the first."""
    base_seconds: float = 0.5
    """The bound of the first wait; it doubles with each try."""
    cap_seconds: float = 30.0
    """The largest bound."""

    def delay(self, number: int, retry_after_seconds: float | None, dice: float) -> float:
        """Return the seconds before try `number` (the first retry is 1).

        Args:
            number: 1 or more.
            retry_after_seconds: what the server asks for; never undercut.
            dice: a random number in [0, 1).
        """
        bound: float = min(self.cap_seconds, self.base_seconds * 2.0 ** (number - 1))
        if retry_after_seconds is None:
            return dice * bound
        return retry_after_seconds + dice * min(self.base_seconds, 0.1 * retry_after_seconds)


class Gate:
    """Lets a bounded number of requests in; the bound falls when the server says that there are too many.

    It may be used from threads and from an event loop at once: whoever must wait leaves a callable that wakes it.

    Args:
        most: requests under way at most.
    """

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self._bound = float(most)
        self._inside = 0
        self._lowered = 0
        self._waiting: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()

    @property
    def bound(self) -> int:
        """How many may be under way now."""
        return int(self._bound)

    @property
    def era(self) -> int:
        """How often the bound was lowered; a request remembers it when it is sent."""
        return self._lowered

    def enter(self, wake: Callable[[], None]) -> bool:
        """Enter and return True, or queue: then `wake` is called once the caller is inside."""
        with self._lock:
            if self._inside < int(self._bound) and not self._waiting:
                self._inside += 1
                return True
            self._waiting.append(wake)
            return False

    def leave(self) -> None:
        """Leave; the longest waiting enter."""
        with self._lock:
            self._inside -= 1
            woken = self._admit()
        for wake in woken:
            wake()

    def forget(self, wake: Callable[[], None]) -> None:
        """Give up waiting; where `wake` was called already, leave."""
        with self._lock:
            try:
                self._waiting.remove(wake)
            except ValueError:
                pass
            else:
                return
        self.leave()

    def lower(self, era: int) -> bool:
        """Halve the bound; return whether it was. Many refusals of one era lower it once."""
        with self._lock:
            if era != self._lowered or self._bound <= 1:
                return False
            self._lowered += 1
            self._bound = max(1.0, min(self._bound, max(self._inside, 1)) / 2)
            return True

    def succeed(self) -> None:
        """Raise the bound a little: by one after about as many successes as it allows at once."""
        if self._bound >= self._most:
            return
        with self._lock:
            self._bound = min(self._most, self._bound + 1.0 / self._bound)
            woken = self._admit()
        for wake in woken:
            wake()

    def _admit(self) -> list[Callable[[], None]]:
        woken = []
        while self._waiting and self._inside < int(self._bound):
            self._inside += 1
            woken.append(self._waiting.popleft())
        return woken
