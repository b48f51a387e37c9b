"""The client for transformers models on this machine.

For what llama.cpp cannot do: adapters by name, encoder-decoder models, quantisation, models that are being trained.
Requests from any number of threads and from an event loop are computed together by one thread (`worker.py`). A cache
never changes an answer: logits agree to 1e-4 in fp32, and `deterministic=True` goes without.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from reasonkit.clients.card import ModelCard, read_card
from reasonkit.clients.handover import Post, aread, read
from reasonkit.clients.local.extra import require_extra
from reasonkit.errors import ContextOverflow, InputError, NoChatTemplate
from reasonkit.types import Capabilities, Delta, Reply, Request

if TYPE_CHECKING:
    from reasonkit.clients.local.load import DType, Quantization
    from reasonkit.clients.local.orders import Stats


class LocalClient:
    """A transformers model, computed in this process.

    Args:
        model: the folder of a model, or a transformers model object (then with `tokenizer`).
        tokenizer: a folder or an object; by default that of the model's folder.
        device: "auto" is the first GPU, else the CPU.
        dtype: "auto" is as stored on a GPU, and fp32 on a CPU.
        adapters: LoRA adapters: folders by name, or the folder of one, or a folder that holds several. A request
            names the one that it wants. One with a manifest is refused for another base, tokenizer or prompt than it
            was trained with; a model or tokenizer object is not told from another.
        quantization: None, "bnb-int8", "bnb-nf4" or "torchao-int8".
        max_batch: rows (samples) that are computed side by side.
        cache_bytes: memory for what was computed of earlier prompts; 0 keeps nothing.
        max_context: tokens of prompt and completion together; by default as the model's card or configuration says.
        endpoint: how `capabilities` says that the model wants to be asked; by default as the card says, else "chat"
            if there is a chat template, else "completions".
        logprobs: whether completions carry the log probability of each of their tokens.
        thinking: whether a chat template that knows `enable_thinking` is asked for it.
        deterministic: compute each row alone and without a cache, bit-equal from run to run.
        timeout_seconds: the longest that a request may take; None is no limit.

    Raises:
        ModelNotFound: there is no model in the folder.
        MissingExtra: the extra `local` is not installed.
    """

    def __init__(
        self,
        model: Any,
        *,
        tokenizer: Any = None,
        device: str = "auto",
        dtype: DType = "auto",
        quantization: Quantization | None = None,
        adapters: Mapping[str, Path | str] | Path | str | None = None,
        max_batch: int = 8,
        cache_bytes: int = 2**30,
        max_context: int | None = None,
        endpoint: Literal["auto", "chat", "completions"] = "auto",
        logprobs: bool = False,
        thinking: bool = False,
        deterministic: bool = False,
        timeout_seconds: float | None = None,
    ) -> None:
        _check(max_batch=max_batch, cache_bytes=cache_bytes)
        require_extra()
        from reasonkit.clients.local.adapters import AdaptedNetwork, find_adapters
        from reasonkit.clients.local.grammar import Grammars, available
        from reasonkit.clients.local.load import load
        from reasonkit.clients.local.manifest import Base
        from reasonkit.clients.local.start import start
        from reasonkit.clients.local.text import Texts

        folders = find_adapters(adapters)
        card = read_card(model) if isinstance(model, (str, Path)) else ModelCard()
        max_context = max_context or card.max_context
        loaded = load(
            model, tokenizer=tokenizer, device=device, dtype=dtype, quantization=quantization, max_context=max_context
        )
        if max_context is not None and loaded.limit is not None and max_context > loaded.limit:
            raise InputError(f"max_context is {max_context}, but the model was made for {loaded.limit} tokens")
        self._name = card.name or loaded.name
        self._texts = Texts(loaded.tokenizer, ends=loaded.ends, name=self._name, thinking=thinking)
        chat = self._texts.has_chat_template
        if endpoint == "auto":
            endpoint = card.endpoint or ("chat" if chat else "completions")
        if endpoint == "chat" and not chat:
            raise NoChatTemplate(f'{self._name} has no chat template: use endpoint="completions"')
        self._context = max_context or loaded.limit
        self._ends = loaded.ends
        self._encoder_decoder = loaded.encoder_decoder
        self._grammars = Grammars(loaded.tokenizer, loaded.model.config.get_text_config().vocab_size)
        self._logprobs = logprobs
        self._timeout_seconds = timeout_seconds
        self._capabilities = Capabilities(
            endpoint=endpoint,
            prefill=chat and not loaded.encoder_decoder,
            samples=True,
            grammar=available(),
            max_context=self._context,
        )
        self._facts = {"client": "local", "model": self._name, "dtype": str(loaded.model.dtype).removeprefix("torch.")}
        if quantization is not None:
            self._facts["quantization"] = quantization
        self._base = Base(weights=_folder(model), tokenizer=_folder(model if tokenizer is None else tokenizer))
        self._network = AdaptedNetwork(loaded.model)
        self._worker = start(
            loaded, self._network, max_batch=max_batch, cache_bytes=cache_bytes, deterministic=deterministic
        )
        self._end = weakref.finalize(self, self._worker.close)
        for name, folder in folders.items():
            self.add_adapter(name, folder)

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def describe(self) -> Mapping[str, str]:
        return dict(self._facts)

    def count_tokens(self, text: str) -> int:
        return self._texts.count(text)

    def stats(self) -> Stats:
        """Return what was computed and cached so far."""
        return self._worker.stats

    def stream(self, request: Request) -> Generator[Delta | Reply, None, None]:
        yield from read(partial(self._begin, request))

    async def astream(self, request: Request) -> AsyncGenerator[Delta | Reply, None]:
        async with aclosing(aread(partial(self._begin, request))) as pieces:
            async for piece in pieces:
                yield piece

    def warm(self, prefix: str, *, adapter: str | None = None) -> None:
        """Compute the beginning that many prompts share, and keep it until the client is closed.

        Args:
            prefix: a text that prompts begin with; end it where a token surely ends, after a line for example.
            adapter: the adapter that the prompts will be asked with.
        """
        self._worker.warm(self._texts.prompt_ids(prefix), adapter)

    @property
    def adapters(self) -> tuple[str, ...]:
        """The names of the adapters that can be asked for."""
        return self._network.names

    def add_adapter(self, name: str, folder: Path | str) -> None:
        """Load a LoRA adapter while the client works.

        Raises:
            InputError: there is one of that name, the adapter was trained on another base or with another tokenizer, or
                it does not fit the model.
            MissingExtra: peft is not installed.
        """
        from reasonkit.clients.local.adapters import find_adapters
        from reasonkit.clients.local.manifest import read_manifest

        path = find_adapters({name: folder})[name]
        manifest = read_manifest(path)
        if manifest is not None:
            self._base.check(name, manifest)
        self._worker.between(lambda: self._network.add(name, path, manifest))

    def remove_adapter(self, name: str) -> None:
        """Unload an adapter, and forget what was computed under it; requests under way with it fail."""
        self._worker.drop_adapter(name, lambda: self._network.remove(name))

    def close(self) -> None:
        self._end()

    async def aclose(self) -> None:
        import asyncio

        await asyncio.to_thread(self.close)

    def _begin(self, request: Request, post: Post, cancelled: threading.Event) -> None:
        from reasonkit.clients.local.rows import Ask

        if not request.seeds:
            raise InputError("a request needs at least one seed: it is asked for one completion a seed")
        if request.sampling.max_tokens < 1:
            raise InputError(f"max_tokens must be at least 1, it is {request.sampling.max_tokens}")
        if request.adapter is not None:
            self._network.check(request.adapter, request.prompt_sha256)
        ids = self._texts.input_ids(request.prompt) if self._encoder_decoder else self._texts.prompt_ids(request.prompt)
        if not ids:
            raise InputError(
                "the prompt is empty, and the model has no token to begin with: give at least one character"
            )
        tokens = (
            max(len(ids), request.sampling.max_tokens)
            if self._encoder_decoder
            else len(ids) + request.sampling.max_tokens
        )
        if self._context is not None and tokens > self._context:
            raise ContextOverflow(prompt_tokens=len(ids), max_tokens=request.sampling.max_tokens, limit=self._context)
        self._worker.submit(
            Ask(
                request=request,
                prompt=ids,
                post=post,
                cancelled=cancelled,
                texts=self._texts,
                ends=self._ends,
                logprobs=self._logprobs,
                deadline=None if self._timeout_seconds is None else time.monotonic() + self._timeout_seconds,
                encoder_decoder=self._encoder_decoder,
                grammar=None if request.grammar is None else self._grammars.compile(request.grammar),
            )
        )


def _check(*, max_batch: int, cache_bytes: int) -> None:
    if max_batch < 1:
        raise InputError(f"max_batch must be at least 1, it is {max_batch}")
    if cache_bytes < 0:
        raise InputError(f"cache_bytes must be at least 0, it is {cache_bytes}")


def _folder(given: Any) -> Path | None:
    return Path(given).expanduser() if isinstance(given, (str, Path)) else None
