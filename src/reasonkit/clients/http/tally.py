"""What a conversation has used: of good tries, failed tries and streams that were cut.

A server's count is believed where there is one. Where there is none, or it is known to be too low, the sum says so
(`partial`), and pieces seen and the measured length of a token stand in, which is nearer than nothing.
"""

from __future__ import annotations

from reasonkit.clients.http.reply import Counted
from reasonkit.types import Usage

CHARACTERS_PER_TOKEN = 16
"""More than this in each counted token, and several choices: the server counted one choice only (llama.cpp)."""


class Tally:
    """The sums of one conversation."""

    def __init__(self) -> None:
        self.requests = 0
        self._prompt = 0
        self._completion = 0
        self._cached = 0
        self._wasted = 0
        self._partial = False

    def counted(self, usage: Counted, *, choices: int, characters: int) -> None:
        """Add a server's count of a whole answer."""
        self._prompt += usage.prompt_tokens
        self._cached += usage.cached_tokens
        self._completion += usage.completion_tokens
        if choices > 1 and characters > CHARACTERS_PER_TOKEN * usage.completion_tokens:
            self._partial = True
        if characters and not usage.completion_tokens:
            self._partial = True

    def guessed(self, prompt_tokens: int | None, pieces: int) -> None:
        """Add an answer without a count.

        Args:
            prompt_tokens: as measured on other prompts; None where there were none.
            pieces: that came; each holds one token or more.
        """
        self._prompt += prompt_tokens or 0
        self._completion += pieces
        self._partial = True

    def lost(self, usage: Counted | None, prompt_tokens: int | None, pieces: int) -> None:
        """Add a try that was used up for nothing."""
        self._prompt += usage.prompt_tokens if usage is not None else prompt_tokens or 0
        self._cached += usage.cached_tokens if usage is not None else 0
        self._wasted += usage.completion_tokens if usage is not None else pieces
        self._partial = self._partial or usage is None

    def share(self, lengths: list[int]) -> list[Usage]:
        """Return a usage for each completion, which add up to the whole; the first carries the prompt and the waste.

        Args:
            lengths: characters of each completion; completion tokens are shared in their proportion.
        """
        total, usages, given, seen = sum(lengths) or len(lengths), [], 0, 0
        for place, length in enumerate(lengths):
            seen += length if sum(lengths) else 1
            upto = self._completion * seen // total
            tokens, given = upto - given, upto
            usages.append(Usage(completion_tokens=tokens))
            if place == 0:
                usages[0] = Usage(
                    requests=self.requests,
                    prompt_tokens=self._prompt,
                    completion_tokens=tokens + self._wasted,
                    cached_tokens=self._cached,
                    partial=self._partial,
                )
        return usages
