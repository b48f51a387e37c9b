"""Start the worker that suits a model; find out by trying whether rows can be computed side by side.

The library has many architectures, and a mask or position that one of them ignores would give wrong text without an
error. So before shared buffers are used, a few tokens are computed in both ways and compared.
"""

from __future__ import annotations

import threading

import torch

from reasonkit.clients.handover import Piece
from reasonkit.clients.local.compute import Alone, Batch, Loaded, Network
from reasonkit.clients.local.prefixes import PrefixCache
from reasonkit.clients.local.rows import Ask, Row
from reasonkit.clients.local.text import NO_TEXTS
from reasonkit.clients.local.worker import Worker
from reasonkit.types import Request

_LENGTHS = (11, 5)
"""Tokens of two trial rows; the second is shorter, so that masks and positions matter."""
_AGREEMENT = 0.02
"""Of the logits' spread; far above what the order of sums does in bf16, far below what a wrong mask does."""


def start(loaded: Loaded, network: Network, *, max_batch: int, cache_bytes: int, deterministic: bool) -> Worker:
    """Start a worker."""
    together = loaded.shared_buffers and not deterministic and agrees(loaded)
    return Worker(
        batch=Batch(loaded, network) if together else None,
        alone=Alone(loaded, network),
        prefixes=PrefixCache(cache_bytes) if together and cache_bytes else None,
        max_rows=1 if deterministic else max_batch,
    )


def agrees(loaded: Loaded) -> bool:
    """Return whether two rows side by side over shared buffers give what each gives alone."""
    ends = loaded.ends or {0}
    pick = [token for token in range(3, loaded.model.config.get_text_config().vocab_size) if token not in ends]
    with torch.inference_mode():
        try:
            network = Network(loaded.model)
            batch, alone = Batch(loaded, network), Alone(loaded, network)
            rows = [
                _row([pick[(7 * at + 3 * row) % len(pick)] for at in range(length + 1)])
                for row, length in enumerate(_LENGTHS)
            ]
            for at, (row, length) in enumerate(zip(rows, _LENGTHS, strict=True)):
                batch.extend(at, row, length // 2)
                batch.extend(at, row, length - length // 2)
            together = batch.step(rows).float()
            apart = torch.stack([alone.step(_row(row.ids)) for row in rows]).float()
        except (TypeError, ValueError, RuntimeError, AttributeError, IndexError):
            return False
    return bool((together - apart).abs().max() <= _AGREEMENT * (apart.max() - apart.min()))


def _nobody(piece: Piece) -> None:
    """Take a piece that nobody reads."""


def _row(ids: list[int]) -> Row:
    nobody = Ask(
        request=Request(prompt=""),
        prompt=ids,
        post=_nobody,
        cancelled=threading.Event(),
        texts=NO_TEXTS,
        ends=frozenset(),
        logprobs=False,
    )
    return Row(nobody, 0, 0)
