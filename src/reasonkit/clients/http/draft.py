"""A completion in the making: pieces in, stop texts cut, a value out; the same for a whole answer and a streamed one."""

from __future__ import annotations

import re
from typing import Literal

from reasonkit.clients.http.reply import Piece
from reasonkit.clients.stops import StopMatcher
from reasonkit.types import Completion, TokenLogprob, Usage

_LENGTH = frozenset({"length", "max_tokens", "max_output_tokens"})
_PLAIN = frozenset({"stop", "eos", "eos_token", "stop_sequence", "end_turn", *_LENGTH})
BROKEN_FINISHES = frozenset({"abort", "error", "insufficient_system_resource"})
"""Finish reasons that say that the server gave up; the request is asked again."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_HIGH = re.compile("[\ud800-\udbff]\\Z")


class Draft:
    """One choice, as far as it has come.

    Args:
        stop: the stop texts of the request.
    """

    __slots__ = ("_half", "_logprobs", "_matcher", "_parts", "_reasoning", "finish", "pieces", "shown", "trimmed")

    def __init__(self, stop: tuple[str, ...]) -> None:
        self._matcher = StopMatcher(stop)
        self._parts: list[str] = []
        self._logprobs: list[TokenLogprob] = []
        self._half = ""
        self._reasoning = 0
        self.finish: str | None = None
        """What the server says of the end; None while it has not said it."""
        self.pieces = 0
        """Pieces that held text: a lower bound of the tokens, where the answer is streamed."""
        self.shown = 0
        """Characters that were handed out as they came."""
        self.trimmed = ""
        """The beginning of a stop text that the limit cut short."""

    @property
    def matched(self) -> bool:
        """Whether a stop text was found; nothing after it counts."""
        return self._matcher.matched is not None

    @property
    def dropped(self) -> int:
        """Characters after the stop text."""
        return len(self._matcher.dropped) if self.matched else 0

    @property
    def text(self) -> str:
        """What is kept so far."""
        return "".join(self._parts)

    def feed(self, piece: Piece) -> str:
        """Take the next piece; return what may be shown of it."""
        self._logprobs += piece.logprobs
        self._reasoning += piece.reasoning
        if piece.finish is not None and self.finish is None:
            self.finish = piece.finish
        if not piece.text:
            return ""
        self.pieces += 1
        safe = self._matcher.feed(self._whole(piece.text))
        if safe:
            self._parts.append(safe)
        return safe

    def end(self) -> str:
        """Nothing follows; return what was held back and may be shown."""
        if self._half:
            half, self._half = self._half, ""
            self._parts.append(self._matcher.feed("\ufffd" * len(half)))
        truncated = self.finish in _LENGTH and not self.matched
        safe = self._matcher.flush(truncated=truncated)
        if truncated:
            self.trimmed = self._matcher.dropped
        self._parts.append(safe)
        return safe

    def completion(self, usage: Usage, notices: tuple[str, ...]) -> Completion:
        """Return the finished value; call `end` before."""
        text = self.text
        said = list(notices)
        if self.trimmed:
            said.append(f"the limit cut a stop text short; its beginning {self.trimmed!r} was dropped")
        if self._reasoning:
            said.append(f"the server kept {self._reasoning} characters of reasoning apart")
        finish: Literal["stop", "length"] = "length" if self.finish in _LENGTH and not self.matched else "stop"
        if self.finish is not None and self.finish not in _PLAIN:
            said.append(f"the server ended with {self.finish!r}")
        shortened = self.matched or bool(self.trimmed)
        logprobs = _kept(self._logprobs, len(text)) if shortened else tuple(self._logprobs)
        return Completion(text=text, finish=finish, usage=usage, notices=tuple(said), logprobs=logprobs)

    def _whole(self, text: str) -> str:
        r"""Join the halves of characters that two pieces of JSON hold (`"\ud83d"`, then `"\ude00"`)."""
        if text.isascii() and not self._half:
            return text
        text, self._half = self._half + text, ""
        if _SURROGATE.search(text) is None:
            return text
        if _HIGH.search(text):
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _kept(logprobs: list[TokenLogprob], length: int) -> tuple[TokenLogprob, ...]:
    """Return the tokens that stand in the kept text, the one that straddles its end included."""
    position = 0
    for count, token in enumerate(logprobs):
        if position >= length:
            return tuple(logprobs[:count])
        position += len(token.token)
    return tuple(logprobs)
