"""Sequences of like lengths together, or several rows in one sequence: planned a pool of draws at a time.

A pool is planned from its draws alone, so it is the same in every process and after a resume. To find a step, the pools
before it are planned too; how many parts each gave is remembered, and can be handed on so that a resumed run need not
plan them again. Not here: padding and tensors (`batches.py`).
"""

from __future__ import annotations

import random
from bisect import bisect_right, insort
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Protocol

from reasonkit.errors import InputError
from reasonkit.train.examples import Example

POOL = 1024
"""Draws that are planned together: enough to find rows of like lengths, few enough to plan in well under a second."""

Rows = tuple[Example, ...]
"""The rows of one sequence: one, or several where rows are packed."""


class Plan(Protocol):
    """Divides the draws of a pool into parts."""

    def __call__(self, examples: Sequence[Example], dice: random.Random) -> list[list[Rows]]: ...


def packed(max_length: int) -> Plan:
    """Return a plan that fills sequences with rows, the longest first, each into the fullest sequence that holds it."""

    def plan(examples: Sequence[Example], dice: random.Random) -> list[list[Rows]]:
        bins: list[list[Example]] = []
        room: list[tuple[int, int]] = []  # (tokens that are left, bin), sorted
        for example in sorted(examples, key=lambda one: -len(one.input_ids)):
            place = bisect_right(room, (len(example.input_ids), -1))
            if place < len(room):
                left, number = room.pop(place)
            else:
                left, number = max_length, len(bins)
                bins.append([])
            bins[number].append(example)
            insort(room, (left - len(example.input_ids), number))
        dice.shuffle(bins)
        return [[tuple(one)] for one in bins]

    return plan


def alike(tokens: int, pad_to: int, *, pairs: bool) -> Plan:
    """Return a plan that puts rows of like lengths together.

    Args:
        tokens: of a part at most, padding counted in.
        pad_to: lengths are rounded up to a multiple of it.
        pairs: whether the labels are a text of their own, which counts too.
    """

    def widths(example: Example) -> tuple[int, int]:
        return rounded(len(example.input_ids), pad_to), rounded(len(example.labels), pad_to) if pairs else 0

    def plan(examples: Sequence[Example], dice: random.Random) -> list[list[Rows]]:
        groups: list[list[Rows]] = []
        wide = (0, 0)
        for example in sorted(examples, key=widths):
            own = widths(example)
            wide = (max(wide[0], own[0]), max(wide[1], own[1]))
            if not groups or (len(groups[-1]) + 1) * sum(wide) > tokens:
                groups.append([])
                wide = own
            groups[-1].append((example,))
        dice.shuffle(groups)
        return groups

    return plan


def rounded(length: int, multiple: int) -> int:
    """Round a length up to a multiple."""
    return -(-length // multiple) * multiple


class Pools:
    """The parts of all pools, one after another.

    Args:
        draw: gives the sequence of a draw.
        plan: divides a pool.
        seed: of the order of a pool's parts.
        total: draws of the whole run; None has no end.
        sizes: how many parts the first pools gave, where that is known.
    """

    def __init__(
        self, draw: Callable[[int], Example], plan: Plan, seed: int, total: int | None, sizes: Sequence[int] = ()
    ) -> None:
        self._draw, self._plan, self._seed, self._total = draw, plan, seed, total
        self.sizes = list(sizes)
        self._pool = lru_cache(2)(self._planned)

    def part(self, number: int) -> list[Rows]:
        """Return a part, the first being 0.

        Raises:
            InputError: there are not that many.
        """
        while sum(self.sizes) <= number:
            if self._ended:
                raise InputError(f"there is no part {number}: the run's rows give {sum(self.sizes)}")
            self.sizes.append(len(self._pool(len(self.sizes))))
        ends = list(accumulate(self.sizes))
        pool = bisect_right(ends, number)
        return self._pool(pool)[number - (ends[pool] - self.sizes[pool])]

    def count(self) -> int:
        """Return how many parts all rows of the run give."""
        while not self._ended:
            self.sizes.append(len(self._pool(len(self.sizes))))
        return sum(self.sizes)

    @property
    def _ended(self) -> bool:
        return self._total is not None and len(self.sizes) * POOL >= self._total

    def _planned(self, pool: int) -> list[list[Rows]]:
        end = (pool + 1) * POOL if self._total is None else min((pool + 1) * POOL, self._total)
        examples = [self._draw(number) for number in range(pool * POOL, end)]
        return self._plan(examples, random.Random(f"{self._seed} pool {pool}"))
