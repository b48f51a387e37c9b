"""What is shown of completions as they come, when a broken answer is asked for again.

Shown text cannot be taken back. So a second answer shows only what goes beyond the first, as long as it says the same;
where it says something else nothing more is shown, and the reply, which is what counts, says so.
"""

from __future__ import annotations


class Screen:
    """Remembers what was shown of each completion.

    Args:
        on: whether anybody reads.
    """

    def __init__(self, *, on: bool) -> None:
        self._on = on
        self._shown: dict[int, str] = {}
        self._position: dict[int, int] = {}
        self._astray: set[int] = set()

    @property
    def astray(self) -> bool:
        """Whether something was shown that is not in the last answer."""
        return bool(self._astray)

    def restart(self) -> None:
        """The completions under way begin anew."""
        self._position.clear()

    def show(self, index: int, text: str) -> str:
        """Return what is to be shown of the next text of completion `index`."""
        if not self._on or not text or index in self._astray:
            return ""
        shown, position = self._shown.get(index, ""), self._position.get(index, 0)
        again = shown[position : position + len(text)]
        if not text.startswith(again):
            self._astray.add(index)
            return ""
        self._position[index] = position + len(text)
        fresh = text[len(again) :]
        if fresh:
            self._shown[index] = shown + fresh
        return fresh
