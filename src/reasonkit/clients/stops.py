"""Find the first stop text in what a model writes, whole or in pieces, and cut there.

Every client uses it, because no server can be trusted with `stop`. Pure: it neither asks nor waits.

"First" means the stop that is complete first; of two that are complete at the same character, the longer. The choice
therefore needs nothing that comes later, so that a stream can be closed at once and the pieces never matter.
"""

from __future__ import annotations

from reasonkit.errors import InputError


class StopMatcher:
    """Let text through up to the first stop text, holding back what may turn out to begin one.

    Args:
        stop: the stop texts; none of them empty.
    """

    __slots__ = ("_first", "_held", "_longest", "_stop", "dropped", "matched")

    def __init__(self, stop: tuple[str, ...]) -> None:
        if "" in stop:
            raise InputError("a stop text is empty: it would stop before the first character; leave it out")
        self._stop = stop
        self._first = frozenset(text[0] for text in stop)
        self._longest = max(map(len, stop), default=0)
        self._held = ""
        self.matched: str | None = None
        """The stop text that was found."""
        self.dropped = ""
        """What came after the stop text."""

    def feed(self, text: str) -> str:
        """Take the next piece; return what can be shown of it and of what was held back."""
        if self.matched is not None:
            self.dropped += text
            return ""
        window = self._held + text
        found = _first_stop(window, self._stop)
        if found is not None:
            start, self.matched = found
            self._held = ""
            self.dropped = window[start + len(self.matched) :]
            return window[:start]
        border = self._border(window)
        self._held = window[border:]
        return window[:border]

    def flush(self, *, truncated: bool = False) -> str:
        """Return what was held back, now that nothing follows.

        Args:
            truncated: the text was cut at a limit, so that what was held back is taken for a stop text cut short: it
                goes to `dropped`, and nothing is returned.
        """
        held, self._held = self._held, ""
        if truncated:
            self.dropped += held
            return ""
        return held

    def _border(self, window: str) -> int:
        """Return where the longest end of `window` begins that is also the beginning of a stop text."""
        for start in range(max(0, len(window) - self._longest + 1), len(window)):
            if window[start] in self._first:
                tail = window[start:]
                if any(text.startswith(tail) for text in self._stop):
                    return start
        return len(window)


def cut(text: str, stop: tuple[str, ...]) -> tuple[str, str | None]:
    """Return `text` before its first stop text, and that stop text; the whole text and None where there is none."""
    if "" in stop:
        raise InputError("a stop text is empty: it would stop before the first character; leave it out")
    found = _first_stop(text, stop)
    return (text, None) if found is None else (text[: found[0]], found[1])


def _first_stop(text: str, stop: tuple[str, ...]) -> tuple[int, str] | None:
    """Return where the first stop text begins, and which it is."""
    best: tuple[int, int, str] | None = None  # end, start, stop text
    for candidate in stop:
        start = text.find(candidate)
        if start >= 0:
            found = (start + len(candidate), start, candidate)
            if best is None or found < best:
                best = found
    return None if best is None else best[1:]
