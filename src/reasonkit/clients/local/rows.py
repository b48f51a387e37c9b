"""One completion on its way: what was drawn, what of it is text, when it ends. And the request that it belongs to.

Not here: the model. A row is told logits and tells which token comes next.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from reasonkit.clients.handover import Post
from reasonkit.clients.local.draw import draw
from reasonkit.clients.local.text import Texts, Unfolding
from reasonkit.clients.stops import StopMatcher
from reasonkit.types import Completion, Delta, Reply, Request, TokenLogprob, Usage

if TYPE_CHECKING:
    import torch


@dataclass(slots=True, eq=False)
class Ask:
    """A request in the worker's hands."""

    request: Request
    prompt: list[int]
    post: Post
    cancelled: threading.Event
    texts: Texts
    ends: frozenset[int]
    logprobs: bool
    deadline: float | None = None
    """On the clock of `time.monotonic`."""
    grammar: Any = None
    """Makes a matcher for a row, or None."""
    encoder_decoder: bool = False
    """Whether the prompt is an encoder's input and not the beginning of the text."""
    encoded: Any = None
    """Encoder-decoder models: what the encoder made of the input, once for all samples."""
    cached: int = 0
    """Tokens of the prompt that the first row found computed."""
    completions: dict[int, Completion] = field(default_factory=dict)
    closed: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing more needs to be computed."""
        return self.closed or self.cancelled.is_set()

    @property
    def late(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline

    def rows(self) -> list[Row]:
        """Return a row for each sample to compute: all greedy samples are one."""
        seeds = self.request.seeds[:1] if self._greedy else self.request.seeds
        return [Row(self, index, seed) for index, seed in enumerate(seeds)]

    def complete(self, index: int, completion: Completion) -> None:
        """Take a finished sample; answer once all are there."""
        if self.closed:
            return
        self.completions[index] = completion
        if self._greedy:
            for copy in range(1, len(self.request.seeds)):
                if self.request.stream and completion.text:
                    self.post(Delta(index=copy, text=completion.text))
                self.completions[copy] = replace(
                    completion, usage=Usage(), notices=("the same greedy sample, computed once",)
                )
        if len(self.completions) == len(self.request.seeds):
            self.closed = True
            self.post(Reply(completions=tuple(self.completions[n] for n in range(len(self.request.seeds)))))

    def fail(self, error: BaseException) -> None:
        if not self.closed:
            self.closed = True
            self.post(error)

    @property
    def _greedy(self) -> bool:
        return self.request.sampling.temperature == 0.0


class Row:
    """One sample."""

    __slots__ = (
        "_chance", "_grammar", "_logprobs", "_matcher", "_pieces", "_unfolding",
        "ask", "computed", "drawn", "finished", "ids", "index", "native",
    )  # fmt: skip

    def __init__(self, ask: Ask, index: int, seed: int) -> None:
        self.ask = ask
        self.index = index
        self.ids = list(ask.prompt)
        """The prompt and what was drawn."""
        self.computed = 0
        """How many of `ids` have keys and values."""
        self.native: Any = None
        """The state of a row that is computed alone."""
        self.drawn = 0
        self.finished = False
        self._chance = Random(seed)
        self._matcher = StopMatcher(ask.request.stop)
        self._unfolding = Unfolding(ask.texts, () if ask.encoder_decoder else ask.prompt)
        self._pieces: list[str] = []
        self._logprobs: list[TokenLogprob] = []
        self._grammar = ask.grammar() if ask.grammar is not None else None

    @property
    def adapter(self) -> str | None:
        return self.ask.request.adapter

    @property
    def most(self) -> int:
        """The most tokens that the row can come to have."""
        return len(self.ask.prompt) + self.ask.request.sampling.max_tokens

    def advance(self, logits: torch.Tensor) -> None:
        """Draw the next token from logits, (vocabulary,)."""
        sampling = self.ask.request.sampling
        allowed = logits if self._grammar is None else self._grammar.mask(logits)
        token = draw(allowed, temperature=sampling.temperature, top_p=sampling.top_p, chance=self._chance.random())
        self.ids.append(token)
        self.drawn += 1
        if token in self.ask.ends:
            self._finish("stop", self._unfolding.flush())
            return
        piece = self._unfolding.push(token)
        if self.ask.logprobs:
            logprob = float(logits.float().log_softmax(0)[token])
            self._logprobs.append(TokenLogprob(token=self.ask.texts.decode([token]), logprob=logprob))
        if self._grammar is not None and self._grammar.take(token):
            self._finish("stop", piece + self._unfolding.flush())
            return
        self._show(self._matcher.feed(piece))
        if self._matcher.matched is not None:
            self._finish("stop", "")
        elif self.drawn >= sampling.max_tokens:
            self._finish("length", self._unfolding.flush())

    def _show(self, piece: str) -> None:
        if piece:
            self._pieces.append(piece)
            if self.ask.request.stream:
                self.ask.post(Delta(index=self.index, text=piece))

    def _finish(self, finish: Literal["stop", "length"], rest: str) -> None:
        if self._matcher.matched is None:
            self._show(self._matcher.feed(rest))
        if self._matcher.matched is not None:
            finish = "stop"
        self._show(self._matcher.flush(truncated=finish == "length"))
        self.finished = True
        usage = Usage(completion_tokens=self.drawn)
        if self.index == 0:
            usage += Usage(requests=1, prompt_tokens=len(self.ask.prompt), cached_tokens=self.ask.cached)
        text = "".join(self._pieces)
        self.ask.complete(
            self.index,
            Completion(text=text, finish=finish, usage=usage, logprobs=tuple(_within(self._logprobs, len(text)))),
        )


def _within(logprobs: list[TokenLogprob], length: int) -> list[TokenLogprob]:
    """Return the tokens that begin within the first `length` characters."""
    start, kept = 0, []
    for one in logprobs:
        if start >= length:
            break
        kept.append(one)
        start += len(one.token)
    return kept
