"""Batches of fresh documents: of like lengths, in few shapes.

For: turning the generator into tensors. Nothing is read twice, so there is no data set and no epoch. Not for: packing
several documents into one row; each has its own, as at run time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import torch
from tokenizers import Tokenizer
from torch import Tensor

from reasonkit.train.recipes.tiny.documents import Document, document

POOL = 1500
"""Documents that are made at once and put into batches by length."""


def batches(tokenizer: Tokenizer, seed: int, pool: int, tokens: int, context: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of one pool of fresh documents: ids and mask, each (batch, time), of like lengths."""
    numbers = range(pool * POOL, (pool + 1) * POOL)
    made = sorted((document(tokenizer, seed, number) for number in numbers), key=lambda item: len(item.ids))
    groups: list[list[Document]] = [[]]
    for item in made:
        if len(item.ids) > context:
            continue
        if (len(groups[-1]) + 1) * rounded(len(item.ids)) > tokens:
            groups.append([])
        groups[-1].append(item)
    random.Random(f"{seed} {pool}").shuffle(groups)
    for group in groups:
        yield padded(group)


def rounded(length: int) -> int:
    """Round a length up to a multiple of 32: few shapes keep the arithmetic library's plans few."""
    return -(-length // 32) * 32


def padded(group: list[Document]) -> tuple[Tensor, Tensor]:
    """Return a group's ids (batch, time), padded with zeros, and the mask of what is learned."""
    time_ = rounded(max(len(document.ids) for document in group))
    ids = torch.zeros(len(group), time_, dtype=torch.long)
    learned = torch.zeros(len(group), time_, dtype=torch.bool)
    for row, item in enumerate(group):
        ids[row, : len(item.ids)] = torch.tensor(item.ids)
        learned[row, : len(item.ids)] = torch.tensor(item.learned)
    return ids, learned
