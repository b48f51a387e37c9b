"""The one thread that owns a model: takes requests, computes their rows together, answers.

Iteration by iteration: take what has arrived, drop what nobody waits for, compute prompts (a bounded number of tokens
while others are drawing), then one token for every row. Rows join and leave between two iterations. A failure belongs
to the row that it happened in; only running out of memory is answered by trying again with less. Not here: text,
drawing, and the forward passes themselves.

Source of the idea: Yu et al., "Orca", OSDI 2022, section 3.1 (iteration-level scheduling)
"""

from __future__ import annotations

import copy
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from reasonkit.clients.handover import Piece
from reasonkit.clients.local.compute import Alone, Batch
from reasonkit.clients.local.memory import with_memory
from reasonkit.clients.local.orders import Errand, Stats
from reasonkit.clients.local.prefixes import PrefixCache
from reasonkit.clients.local.rows import Ask, Row
from reasonkit.clients.local.text import NO_TEXTS
from reasonkit.errors import ClientClosed, InputError, OutOfMemory, RequestTimeout, WorkerDied
from reasonkit.types import Request, Sampling

_PROMPT_TOKENS = 512
"""Tokens of prompts that are computed in an iteration while other rows wait for their next token."""
_PROMPT_TOKENS_ALONE = 2048
"""The same where no other row waits; between two such pieces a request can be cancelled."""
_IDLE_BYTES = 2**29
"""Larger buffers are given back while nobody asks."""


class Worker:
    """A thread with a model.

    Args:
        batch: computes rows side by side; None for models that cannot be.
        alone: computes rows one at a time where there is no batch.
        prefixes: what was computed before; None keeps nothing.
        max_rows: rows at once.
    """

    def __init__(self, *, batch: Batch | None, alone: Alone, prefixes: PrefixCache | None, max_rows: int) -> None:
        self._batch = batch
        self._alone = alone
        self._prefixes = prefixes
        self._limit = max_rows
        self._inbox: queue.SimpleQueue[Ask | Errand | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._ended: BaseException | None = None
        self._closing = False
        self._asks: list[Ask] = []
        self._waiting: deque[Row] = deque()
        self._rows: list[Row] = []
        self._requests = self._prompt_tokens = self._cached_tokens = self._drawn_tokens = self._steps = 0
        self._thread = threading.Thread(target=self._run, name="reasonkit-local", daemon=True)
        self._thread.start()

    @property
    def stats(self) -> Stats:
        return Stats(
            requests=self._requests,
            prompt_tokens=self._prompt_tokens,
            cached_tokens=self._cached_tokens,
            drawn_tokens=self._drawn_tokens,
            steps=self._steps,
            cache_bytes=0 if self._prefixes is None else self._prefixes.bytes,
            rows_limit=self._limit,
        )

    def submit(self, item: Ask | Errand) -> None:
        """Hand over a request, or something to do between two iterations.

        Raises:
            ClientClosed: after `close`.
            WorkerDied: the thread has ended on an error; it is the cause.
        """
        with self._lock:
            if self._closing:
                raise ClientClosed("the local model is closed; make a new client")
            if self._ended is not None:
                raise WorkerDied(f"the model's thread has ended: {self._ended!r}") from self._ended
            self._inbox.put(item)

    def warm(self, ids: list[int], adapter: str | None) -> None:
        """Compute a beginning, keep it for good, and return when that is done."""
        if self._prefixes is None or self._batch is None:
            return
        request = Request(prompt="", sampling=Sampling(max_tokens=1), adapter=adapter)
        ask = Ask(
            request=request, prompt=ids, post=_nobody, cancelled=threading.Event(), texts=NO_TEXTS, ends=frozenset(),
            logprobs=False,
        )  # fmt: skip
        self.between(lambda: self._pin(Row(ask, 0, 0)))

    def drop_adapter(self, adapter: str, remove: Callable[[], None]) -> None:
        """Fail the requests of an adapter, forget what was computed under it, and remove it."""

        def drop() -> None:
            for ask in self._asks:
                if ask.request.adapter == adapter:
                    ask.fail(InputError(f"the adapter {adapter!r} was removed while it was asked"))
            self._sweep()
            if self._prefixes is not None:
                self._prefixes.forget(adapter)
            remove()

        self.between(drop)

    def between(self, work: Callable[[], None]) -> None:
        """Do something in the worker's thread between two iterations; return when it is done, raise what it raises."""
        done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self.submit(Errand(work, done))
        error = done.get()
        if error is not None:
            raise error

    def _pin(self, row: Row) -> None:
        """Compute a row behind all others, and keep it pinned."""
        assert self._batch is not None
        assert self._prefixes is not None
        for waiting in self._waiting:
            waiting.computed = 0  # the place behind the rows is needed
        at, batch = len(self._rows), self._batch
        self._recall(at, row)
        with_memory(self._prefixes, lambda: batch.extend(at, row, len(row.ids) - row.computed))
        self._prefixes.insert(row.adapter, row.ids, lambda start, end: batch.buffers.save(at, start, end), pin=True)

    def close(self) -> None:
        """End the thread and fail what it was doing."""
        with self._lock:
            self._closing = True
            self._inbox.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        error: BaseException = ClientClosed("the local model was closed while it answered")
        try:
            with torch.inference_mode():
                while self._take():
                    self._sweep()
                    self._compute_prompts()
                    self._draw_next()
        except BaseException as caught:  # noqa: BLE001  (everyone who waits is told)
            error = WorkerDied(f"the model's thread has ended: {caught!r}")
            error.__cause__ = caught
        with self._lock:
            self._ended = error
            while not self._inbox.empty():
                item = self._inbox.get()
                if isinstance(item, Ask):
                    self._asks.append(item)
                elif item is not None:
                    item.done.put(error)
        for ask in self._asks:
            ask.fail(error)
        self._asks, self._rows = [], []
        self._waiting.clear()
        self._batch = self._prefixes = None
        del self._alone

    def _take(self) -> bool:
        """Take what has arrived, waiting if there is nothing to do; return whether to go on."""
        idle = not self._rows and not self._waiting
        if idle and self._batch is not None and self._batch.buffers.bytes > _IDLE_BYTES:
            self._batch.buffers.release()
        while idle or not self._inbox.empty():
            item = self._inbox.get()
            if item is None:
                return False
            idle = False
            if isinstance(item, Errand):
                item.run()
                continue
            self._requests += 1
            self._asks.append(item)
            with self._blamed(item):
                self._waiting.extend(item.rows())
        return True

    def _sweep(self) -> None:
        """Drop the rows of requests that are answered, cancelled or late."""
        for ask in self._asks:
            if ask.late:
                ask.fail(RequestTimeout("the local model did not answer within the deadline"))
        for at in reversed(range(len(self._rows))):
            if self._rows[at].ask.over:
                self._leave(at)
        self._waiting = deque(row for row in self._waiting if not row.ask.over)
        self._asks = [ask for ask in self._asks if not ask.over]

    def _compute_prompts(self) -> None:
        """Let waiting rows join, as far as rows and this iteration's tokens allow."""
        left = _PROMPT_TOKENS
        while self._waiting and len(self._rows) < self._limit and left > 0:
            row = self._waiting[0]
            if row.ask.over:
                self._waiting.popleft()
                continue
            before, joined = row.computed, False
            with self._blamed(row.ask):
                try:
                    joined = self._join(row, left if self._rows else _PROMPT_TOKENS_ALONE)
                except OutOfMemory:
                    if not self._rows:
                        raise
                    self._limit = len(self._rows)
                    row.computed = 0
                    return
            left -= max(0, row.computed - before)
            if joined or row.ask.over:
                self._waiting.popleft()

    def _join(self, row: Row, most: int) -> bool:
        """Compute at most so many tokens of a row's prompt; return whether it is done and the row has joined."""
        at = len(self._rows)
        if self._batch is None:
            logits = self._alone.begin(row)
            self._prompt_tokens += len(row.ask.prompt)
        else:
            if row.computed == 0:
                self._recall(at, row)
            tokens = min(most, len(row.ids) - row.computed)
            before, batch = row.computed, self._batch
            logits = with_memory(self._prefixes, lambda: batch.extend(at, row, tokens))
            self._prompt_tokens += row.computed - before
            if row.computed < len(row.ids):
                return False
            self._keep(at, row)
        self._rows.append(row)
        computed, fresh = row.ids[: row.computed], row.drawn == 0
        self._advance(row, logits)
        if fresh:
            self._fork(at, row, computed, logits)
        return True

    def _recall(self, at: int, row: Row) -> None:
        """Fill a row with what is known of its prompt; the last token is always computed, for its logits."""
        assert self._batch is not None
        self._reserve(at + 1, row.most)
        if self._prefixes is None:
            return
        known, segments = self._prefixes.match(row.adapter, row.ids[:-1])
        self._batch.buffers.load(at, segments)
        row.computed = known
        if row.index == 0 and row.drawn == 0:
            row.ask.cached = known
            self._cached_tokens += known

    def _reserve(self, rows: int, columns: int) -> None:
        assert self._batch is not None
        buffers = self._batch.buffers
        with_memory(self._prefixes, lambda: buffers.reserve(rows, columns))

    def _fork(self, at: int, row: Row, computed: list[int], logits: torch.Tensor) -> None:
        """Let the other samples of a request join without computing the prompt again."""
        siblings = [other for other in self._waiting if other.ask is row.ask and other is not row]
        for sibling in siblings:
            if sibling.drawn:  # sent back to the queue, with a text of its own
                continue
            to = len(self._rows)
            if to >= self._limit or row.ask.over:
                return
            if self._batch is None:
                sibling.native = copy.deepcopy(row.native)
            else:
                try:
                    self._reserve(to + 1, row.most)
                except OutOfMemory:
                    return
                self._batch.buffers.copy(at, to, len(computed))
            sibling.ids, sibling.computed = list(computed), len(computed)
            self._waiting.remove(sibling)
            self._rows.append(sibling)
            self._advance(sibling, logits)

    def _draw_next(self) -> None:
        for at in reversed(range(len(self._rows))):
            if self._rows[at].finished or self._rows[at].ask.over:
                self._leave(at)
        if not self._rows:
            return
        if self._batch is None:
            for row in self._rows:
                with self._blamed(row.ask):
                    self._advance(row, self._alone.step(row))
        else:
            self._step(list(self._rows))
        self._steps += 1

    def _step(self, rows: Sequence[Row]) -> None:
        """Compute the next token of all rows; on failure of those that can be computed with less."""
        assert self._batch is not None
        batch = self._batch
        try:
            logits = with_memory(self._prefixes, lambda: batch.step(rows))
        except OutOfMemory as error:
            if len(rows) == 1:
                rows[0].ask.fail(error)
                return
            self._limit = max(1, len(rows) // 2)
            self._requeue(self._limit)
            return
        for row, its_logits in zip(rows, logits, strict=True):
            with self._blamed(row.ask):
                self._advance(row, its_logits)

    def _requeue(self, kept: int) -> None:
        """Send the later rows back to the queue; what they have drawn is computed again as if it were prompt."""
        while len(self._rows) > kept:
            self._waiting.appendleft(self._rows.pop())
        for row in self._waiting:
            row.computed = 0

    def _advance(self, row: Row, logits: torch.Tensor) -> None:
        row.advance(logits)
        self._drawn_tokens += 1

    def _leave(self, at: int) -> None:
        """Take a row out; the last one moves to its place, and a row half computed moves up behind the last."""
        row, last = self._rows[at], len(self._rows) - 1
        if self._batch is not None:
            buffers = self._batch.buffers
            if row.finished:
                self._keep(at, row)
            if at != last:
                buffers.copy(last, at, self._rows[last].computed)
            if self._waiting and self._waiting[0].computed:
                buffers.copy(last + 1, last, self._waiting[0].computed)
        self._rows[at] = self._rows[last]
        self._rows.pop()

    def _keep(self, at: int, row: Row) -> None:
        """Remember what was computed of a row."""
        if self._prefixes is None or self._batch is None:
            return
        buffers = self._batch.buffers
        self._prefixes.insert(row.adapter, row.ids[: row.computed], lambda start, end: buffers.save(at, start, end))

    @contextmanager
    def _blamed(self, ask: Ask) -> Iterator[None]:
        """Give what goes wrong to one request."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  (it is raised where the answer is awaited)
            ask.fail(error)


def _nobody(piece: Piece) -> None:
    """Take a piece that nobody reads."""
