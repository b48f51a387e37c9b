"""Texts as vectors, by an encoder-only model: the mean of its last hidden states, of length one.

For choosing the demonstrations that are nearest to a question. Not here: the choice.

Source of the pooling: Reimers and Gurevych, "Sentence-BERT", https://arxiv.org/abs/1908.10084, section 3
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reasonkit.clients.local.extra import require_extra
from reasonkit.errors import ClientClosed, ContextOverflow, InputError

if TYPE_CHECKING:
    from reasonkit.clients.local.load import DType


class Embedder:
    """An encoder that turns texts into vectors; safe to ask from several threads.

    Args:
        model: the folder of a model, or a transformers model object (then with `tokenizer`).
        tokenizer: a folder or an object; by default that of the model's folder.
        device: "auto" is the first GPU, else the CPU.
        dtype: "auto" is as stored on a GPU, and fp32 on a CPU.
        batch_size: texts that are computed together.

    Raises:
        ModelNotFound: there is no model in the folder.
        MissingExtra: the extra `local` is not installed.
    """

    def __init__(
        self, model: Any, *, tokenizer: Any = None, device: str = "auto", dtype: DType = "auto", batch_size: int = 32
    ) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size must be at least 1, it is {batch_size}")
        require_extra()
        from reasonkit.clients.local.load import load_encoder

        self._model, self._tokenizer, self._device, self._limit = load_encoder(
            model, tokenizer=tokenizer, device=device, dtype=dtype
        )
        self._batch_size = batch_size
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        """Return a vector of length one for each text, in their order.

        Raises:
            ContextOverflow: a text is longer than the model can read; nothing is cut.
        """
        with self._lock:
            if self._model is None:
                raise ClientClosed("the embedder is closed; make a new one")
            rows = [list(self._tokenizer(text).input_ids) for text in texts]
            for row in rows:
                if self._limit is not None and len(row) > self._limit:
                    raise ContextOverflow(prompt_tokens=len(row), max_tokens=0, limit=self._limit)
            out: list[tuple[float, ...]] = [()] * len(rows)
            order = sorted(range(len(rows)), key=lambda at: len(rows[at]))  # like lengths together: less padding
            for start in range(0, len(order), self._batch_size):
                picked = order[start : start + self._batch_size]
                for at, vector in zip(picked, self._vectors([rows[at] for at in picked]), strict=True):
                    out[at] = vector
            return out

    def close(self) -> None:
        """Free the model; asking afterwards raises ClientClosed."""
        with self._lock:
            self._model = None

    def _vectors(self, rows: list[list[int]]) -> list[tuple[float, ...]]:
        import torch

        longest = max(1, *map(len, rows))
        padding = getattr(self._tokenizer, "pad_token_id", None) or 0
        ids = torch.tensor([row + [padding] * (longest - len(row)) for row in rows], device=self._device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=self._device)
        with torch.inference_mode():
            states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state.float()  # (rows, tokens, width)
        weights = mask.unsqueeze(-1).float()
        means = (states * weights).sum(1) / weights.sum(1).clamp(min=1.0)
        return [tuple(vector) for vector in torch.nn.functional.normalize(means, dim=1).tolist()]
