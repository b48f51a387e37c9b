"""The client for a GGUF file: llama.cpp in this process, without torch, without a server to start.

It is the embedded default. Requests from any number of threads and from an event loop share one loaded model and its
slots. Not here: loading and freeing (`engine.py`), what a file says of itself (`header.py`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reasonkit.clients.card import read_card
from reasonkit.clients.gguf.engine import Engine, EngineOptions
from reasonkit.clients.gguf.header import Header, find_gguf, read_header
from reasonkit.clients.gguf.work import Terms, answer
from reasonkit.clients.handover import Post, aread, read
from reasonkit.errors import ClientClosed, InputError, NoChatTemplate
from reasonkit.types import Capabilities, Delta, Reply, Request

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_SMALL_MODEL_BYTES = 64 * 2**20
"""Below it one thread is faster than several, and fp32 keys and values cost nothing worth saving."""
_LONGEST_DEFAULT_CONTEXT = 8192
_MOST_DEFAULT_SLOTS = 4


class GGUFClient:
    """A model in a GGUF file, computed by llama.cpp in this process.

    Args:
        path: the file, or a folder that holds one. A `reasonkit.json` beside it is read (see `clients/card.py`).
        endpoint: how `capabilities` says that the model wants to be asked. "auto": as the card says, else "chat" if the
            file has a chat template, else "completions". Either form of request is taken where the model allows it.
        max_context: tokens of prompt and completion together. By default as the card says, else what the model was
            trained for, at most 8192, as far as one such context fits into `cache_bytes`.
        slots: requests computed side by side; by default 1 to 4, as many contexts as fit into `cache_bytes`.
        threads: threads that compute; by default one for a model below 64 MiB, else one for each usable core.
        cache_bytes: memory for keys and values from which the two defaults follow.
        logprobs: whether completions carry the log probability of each of their tokens.
        thinking: whether a template that knows `enable_thinking` is asked for it.

    Raises:
        ModelNotFound: there is no such file.
        InputError: the file is no GGUF file, or llama.cpp cannot load it; the message says why.
        MissingExtra: the extra `gguf` is not installed.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        endpoint: Literal["auto", "chat", "completions"] = "auto",
        max_context: int | None = None,
        slots: int | None = None,
        threads: int | None = None,
        cache_bytes: int = 2**30,
        logprobs: bool = False,
        thinking: bool = False,
    ) -> None:
        file = find_gguf(path)
        header = read_header(file)
        card = read_card(file)
        if endpoint == "auto":
            endpoint = card.endpoint or ("chat" if header.has_chat_template else "completions")
        if endpoint == "chat" and not header.has_chat_template:
            raise NoChatTemplate(f'{file.name} has no chat template: use endpoint="completions"')
        small = header.file_bytes < _SMALL_MODEL_BYTES
        context, slots = _sizes(
            header, max_context or card.max_context, slots, cache_bytes, value_bytes=4 if small else 2
        )
        self._engine = Engine(
            EngineOptions(
                path=file,
                context=context,
                slots=slots,
                threads=threads or (1 if small else _usable_cores()),
                exact=small,
            )
        )
        self._name = card.name or header.name or file.stem
        self._file = file.name
        self._terms = Terms(
            name=file.name,
            context=context,
            slots=slots,
            chat=header.has_chat_template,
            logprobs=logprobs,
            thinking=thinking,
        )
        self._capabilities = Capabilities(
            endpoint=endpoint, prefill=header.has_chat_template, samples=True, grammar=True, max_context=context
        )
        self._pool: ThreadPoolExecutor | None = None
        self._pool_lock = threading.Lock()

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def describe(self) -> Mapping[str, str]:
        return {"client": "gguf", "model": self._name, "file": self._file}

    def count_tokens(self, text: str) -> int:
        return len(self._engine.tokenize(text, special=False))

    def stream(self, request: Request) -> Generator[Delta | Reply, None, None]:
        if not request.stream:
            yield answer(self._engine, self._terms, request, emit=_nobody, cancelled=_never)
            return
        yield from read(partial(self._begin, request))

    async def astream(self, request: Request) -> AsyncGenerator[Delta | Reply, None]:
        async with aclosing(aread(partial(self._begin, request))) as pieces:
            async for piece in pieces:
                yield piece

    def close(self) -> None:
        self._engine.close()
        with self._pool_lock:
            pool = self._pool
        if pool is not None:
            pool.shutdown()

    async def aclose(self) -> None:
        import asyncio

        await asyncio.to_thread(self.close)

    def _begin(self, request: Request, post: Post, cancelled: threading.Event) -> None:
        """Answer in a thread of the pool."""

        def work() -> None:
            try:
                post(answer(self._engine, self._terms, request, emit=post, cancelled=cancelled.is_set))
            except BaseException as error:  # noqa: BLE001  (it is raised where the answer is awaited)
                post(error)

        with self._pool_lock:
            if self._engine.closed:
                raise ClientClosed("the model is closed; make a new client")
            if self._pool is None:
                from concurrent.futures import ThreadPoolExecutor

                self._pool = ThreadPoolExecutor(self._terms.slots, thread_name_prefix="reasonkit-gguf")
            self._pool.submit(work)


def _nobody(piece: Delta) -> None:
    """Take a piece that nobody reads."""


def _never() -> bool:
    return False


def _sizes(
    header: Header, context: int | None, slots: int | None, cache_bytes: int, *, value_bytes: int
) -> tuple[int, int]:
    """Settle the context of a slot and the number of slots.

    Raises:
        InputError: a number that was given is out of range.
    """
    if context is not None and context < 8:
        raise InputError(f"max_context must be at least 8 tokens, it is {context}")
    if header.context_length and context is not None and context > header.context_length:
        raise InputError(f"max_context is {context}, but the model was trained for {header.context_length} tokens")
    if slots is not None and slots < 1:
        raise InputError(f"slots must be at least 1, it is {slots}")
    token_bytes = max(1, header.kv_values_per_token * value_bytes)
    if context is None:
        fitting = max(256, cache_bytes // token_bytes // 256 * 256)
        context = min(header.context_length or 2048, _LONGEST_DEFAULT_CONTEXT, fitting)
    if slots is None:
        slots = min(_MOST_DEFAULT_SLOTS, max(1, cache_bytes // (token_bytes * context)))
    return context, slots


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
