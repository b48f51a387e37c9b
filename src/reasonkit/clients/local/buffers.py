"""Keys and values of the rows that are being computed, in buffers that grow in place.

Row r of a batch keeps its token number i in column i, so that rows of different lengths lie side by side; columns
beyond a row's length are masked. Not here: which rows there are, and what is kept of them afterwards.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import Cache
from transformers.cache_utils import DynamicLayer

from reasonkit.clients.local.prefixes import Segment

_COLUMNS = 128
"""Buffers grow by this many tokens, or by half of what they hold; rows double."""


class _Layer(DynamicLayer):
    """One layer's buffers: keys and values, both (rows, heads, columns, width)."""

    def __init__(self, place: _Place) -> None:
        super().__init__()
        self.place = place

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write what was computed where it belongs; return all that the rows may look at."""
        place = self.place
        if not self.is_initialized:
            self.prepare(key_states[0], value_states[0])
        self.keys[place.index] = key_states.transpose(1, 2)
        self.values[place.index] = value_states.transpose(1, 2)
        return self.keys[place.shown], self.values[place.shown]

    def prepare(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Make the buffers for keys and values like these, (heads, tokens, width)."""
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True
        rows, columns = self.place.rows, self.place.columns
        self.keys = keys.new_zeros((rows, keys.shape[0], columns, keys.shape[2]))
        self.values = values.new_zeros((rows, values.shape[0], columns, values.shape[2]))

    def resize(self, rows: int, columns: int) -> None:
        if self.is_initialized:
            self.keys = _resized(self.keys, rows, columns)
            self.values = _resized(self.values, rows, columns)


class _Place:
    """Where the next forward pass writes, and what it looks at; shared by all layers."""

    rows = 0
    columns = 0
    index: Any = None
    """Picks (rows, tokens, heads, width) out of a buffer."""
    shown: Any = None


class Buffers:
    """Keys and values of up to `max_rows` rows, in the form in which the model takes them."""

    def __init__(self, layers: int, device: torch.device) -> None:
        self._place = _Place()
        self._layers = [_Layer(self._place) for _ in range(layers)]
        self.cache = Cache(layers=self._layers)
        self._device = device

    @property
    def bytes(self) -> int:
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in self._layers if layer.is_initialized)

    def reserve(self, rows: int, columns: int) -> None:
        """Make room for so many rows of so many tokens."""
        place = self._place
        if rows <= place.rows and columns <= place.columns:
            return
        rows = place.rows if rows <= place.rows else max(rows, 2 * place.rows)
        if columns > place.columns:
            columns = max(columns, place.columns * 3 // 2)
            columns = -(-columns // _COLUMNS) * _COLUMNS
        else:
            columns = place.columns
        for layer in self._layers:
            layer.resize(rows, columns)
        place.rows, place.columns = rows, columns

    def release(self) -> None:
        """Give all memory back."""
        self._place.rows = self._place.columns = 0
        for layer in self._layers:
            layer.reset()

    def extend(self, row: int, start: int, tokens: int) -> torch.Tensor:
        """Aim at tokens `start` to `start + tokens` of one row; return the mask, (1, 1, tokens, start + tokens)."""
        end = start + tokens
        place = self._place
        place.index = (torch.tensor([[row]]), slice(None), torch.arange(start, end)[None])
        place.shown = (slice(row, row + 1), slice(None), slice(0, end))
        columns = torch.arange(end, device=self._device)
        return (columns[None] <= columns[start:, None])[None, None]

    def step(self, lengths: list[int]) -> torch.Tensor:
        """Aim at the next token of the first rows, whose lengths are given; return the mask, (rows, 1, 1, columns)."""
        rows, end = len(lengths), max(lengths) + 1
        at = torch.tensor(lengths, device=self._device)
        place = self._place
        place.index = (torch.arange(rows)[:, None], slice(None), at[:, None])
        place.shown = (slice(0, rows), slice(None), slice(0, end))
        return (torch.arange(end, device=self._device)[None] <= at[:, None])[:, None, None]

    def load(self, row: int, segments: list[Segment]) -> None:
        """Write pieces of other sequences to the beginning of a row."""
        at = 0
        for segment in segments:
            tokens = segment[0][0].shape[1]
            for layer, (keys, values) in zip(self._layers, segment, strict=True):
                if not layer.is_initialized:
                    layer.prepare(keys, values)
                layer.keys[row, :, at : at + tokens] = keys
                layer.values[row, :, at : at + tokens] = values
            at += tokens

    def save(self, row: int, start: int, end: int) -> Segment:
        """Return a copy of some tokens of a row."""
        return [
            (layer.keys[row, :, start:end].clone(), layer.values[row, :, start:end].clone()) for layer in self._layers
        ]

    def copy(self, source: int, target: int, tokens: int) -> None:
        """Copy the beginning of one row to another."""
        for layer in self._layers:
            layer.keys[target, :, :tokens] = layer.keys[source, :, :tokens]
            layer.values[target, :, :tokens] = layer.values[source, :, :tokens]


def _resized(old: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    new = old.new_zeros((rows, old.shape[1], columns, old.shape[3]))
    new[: old.shape[0], :, : old.shape[2]] = old
    return new
