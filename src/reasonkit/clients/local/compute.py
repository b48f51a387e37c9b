"""The forward passes: of many rows side by side over shared buffers, or of one row with the model's own cache.

Not here: which rows are computed when, and what is drawn from their logits. The caller is in inference mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from reasonkit.clients.local.buffers import Buffers
from reasonkit.clients.local.rows import Ask, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model that is ready to compute."""

    model: Any
    tokenizer: Any
    name: str
    device: torch.device
    ends: frozenset[int]
    """Tokens that end a completion."""
    limit: int | None
    """Tokens that the model was made for, where it says so."""
    layers: int
    encoder_decoder: bool
    shared_buffers: bool
    """Whether rows can be computed side by side over our own buffers, and prefixes be kept."""
    start: int = 0
    """Encoder-decoder models: the token that begins a completion."""
    memory: str = "past_key_values"
    """What the model calls its own cache."""


class Network:
    """A model without adapters; `adapters.py` has the one with."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def forward(self, adapters: Sequence[str | None], **inputs: Any) -> Any:
        """Compute a pass in which each row uses its adapter."""
        assert not any(adapters)
        return self.model(**inputs)

    def encode(self, adapters: Sequence[str | None], **inputs: Any) -> Any:
        """Compute the encoder alone."""
        assert not any(adapters)
        return self.model.get_encoder()(**inputs)


class Batch:
    """Forward passes over shared buffers; row number r of the batch is row r of the buffers."""

    def __init__(self, loaded: Loaded, network: Network) -> None:
        self._loaded = loaded
        self._network = network
        self.buffers = Buffers(loaded.layers, loaded.device)

    def extend(self, at: int, row: Row, tokens: int) -> torch.Tensor:
        """Compute the next `tokens` ids of one row; return the logits after the last, (vocabulary,)."""
        start = row.computed
        self.buffers.reserve(at + 1, start + tokens)
        mask = self.buffers.extend(at, start, tokens)
        ids = torch.tensor([row.ids[start : start + tokens]], device=self._loaded.device)
        positions = torch.arange(start, start + tokens, device=self._loaded.device)[None]
        logits = self._forward(ids, positions, mask, [row.adapter])
        row.computed += tokens
        return logits[0, -1]

    def step(self, rows: Sequence[Row]) -> torch.Tensor:
        """Compute the last id of each row; return the logits after it, (rows, vocabulary)."""
        lengths = [row.computed for row in rows]
        self.buffers.reserve(len(rows), max(lengths) + 1)
        mask = self.buffers.step(lengths)
        ids = torch.tensor([[row.ids[row.computed]] for row in rows], device=self._loaded.device)
        positions = torch.tensor(lengths, device=self._loaded.device)[:, None]
        logits = self._forward(ids, positions, mask, [row.adapter for row in rows])
        for row in rows:
            row.computed += 1
        return logits[:, -1]

    def _forward(
        self, ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor, adapters: list[str | None]
    ) -> torch.Tensor:
        out = self._network.forward(
            adapters,
            input_ids=ids,
            position_ids=positions,
            attention_mask=mask,
            past_key_values=self.buffers.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = out.logits
        return logits


class Alone:
    """Forward passes of one row at a time with the cache that the model brings along; nothing is kept afterwards.

    For encoder-decoder models, for models whose cache cannot be cut, and for deterministic runs.
    """

    def __init__(self, loaded: Loaded, network: Network) -> None:
        self._loaded = loaded
        self._network = network

    def begin(self, row: Row) -> torch.Tensor:
        """Compute the prompt of a row; return the logits after it, (vocabulary,)."""
        if self._loaded.encoder_decoder:
            row.ids = [self._loaded.start]
            if row.ask.encoded is None:
                row.ask.encoded = self._encode(row.ask)
        return self.step(row)

    def step(self, row: Row) -> torch.Tensor:
        """Compute what is new of a row; return the logits after it, (vocabulary,)."""
        new = torch.tensor([row.ids[row.computed :]], device=self._loaded.device)
        extra: dict[str, Any] = {}
        if self._loaded.encoder_decoder:
            extra["encoder_outputs"], extra["attention_mask"] = row.ask.encoded
            extra["decoder_input_ids"] = new
        else:
            extra["input_ids"] = new
            extra["logits_to_keep"] = 1
        extra[self._loaded.memory] = row.native
        out = self._network.forward([row.adapter], use_cache=True, **extra)
        row.native = getattr(out, self._loaded.memory)
        row.computed = len(row.ids)
        logits: torch.Tensor = out.logits
        return logits[0, -1]

    def _encode(self, ask: Ask) -> tuple[Any, torch.Tensor]:
        ids = torch.tensor([ask.prompt], device=self._loaded.device)
        mask = torch.ones_like(ids)
        return self._network.encode([ask.request.adapter], input_ids=ids, attention_mask=mask), mask
