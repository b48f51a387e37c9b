"""Sequences of one batch as rectangles of numbers, as lists: tensors are made at the edge (`batches.py`).

Where rows share a sequence, each has positions from 0 and a number of its own in `rows`; the padding has one too, so
that every token attends to something, and to its own row alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from reasonkit.train.data.pools import Rows, rounded
from reasonkit.train.examples import IGNORE

Rectangle = list[list[int]]


def padded(sequences: Sequence[Rows], *, pad: int, pad_to: int, pairs: bool, packing: bool) -> dict[str, Rectangle]:
    """Return input_ids and labels, with attention_mask or, where rows are packed, position_ids and rows.

    Args:
        sequences: one or more.
        pad: the token that fills up.
        pad_to: widths are rounded up to a multiple of it.
        pairs: whether labels are a text of their own, with a width of its own.
        packing: whether a sequence holds several rows.
    """
    ids = [[token for row in sequence for token in row.input_ids] for sequence in sequences]
    labels = [[label for row in sequence for label in row.labels] for sequence in sequences]
    width = rounded(max(map(len, ids)), pad_to)
    target = rounded(max(map(len, labels)), pad_to) if pairs else width
    made = {"input_ids": _filled(ids, width, pad), "labels": _filled(labels, target, IGNORE)}
    if not packing:
        return made | {"attention_mask": _filled([[1] * len(one) for one in ids], width, 0)}
    places = [[place for row in sequence for place in range(len(row.input_ids))] for sequence in sequences]
    rows = [[number for number, row in enumerate(sequence, 1) for _ in row.input_ids] for sequence in sequences]
    return made | {"position_ids": _filled(places, width, 0), "rows": _filled(rows, width, 0)}


def _filled(lines: list[list[int]], width: int, filler: int) -> Rectangle:
    return [line + [filler] * (width - len(line)) for line in lines]
