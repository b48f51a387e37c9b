"""Which task a draw takes: by weight, exact over each block of draws, and the same however it is asked for.

Not here: what a task gives (`sources.py`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

BLOCK = 256
"""Draws that are dealt out at a time: at the end of each block no task is more than one draw from its share."""


class Mix:
    """The order in which tasks take turns.

    Args:
        weights: of the tasks.
        seed: of the order inside a block.
    """

    def __init__(self, weights: Sequence[float], seed: int) -> None:
        self._shares = [weight / sum(weights) for weight in weights]
        self._seed = seed
        self._before: list[list[int]] = [[0] * len(weights)]
        self._block = lru_cache(4)(self._dealt)

    def draw(self, number: int) -> tuple[int, int]:
        """Return which task a draw takes, the first draw being 0, and how many it took of that task before."""
        if len(self._shares) == 1:
            return 0, number
        block, place = divmod(number, BLOCK)
        return self._block(block)[place]

    def _dealt(self, block: int) -> list[tuple[int, int]]:
        while len(self._before) <= block + 1:
            self._before.append(self._quota(self._before[-1], len(self._before) * BLOCK))
        taken = list(self._before[block])
        order = [
            task
            for task, (start, end) in enumerate(zip(taken, self._before[block + 1], strict=True))
            for _ in range(end - start)
        ]
        random.Random(f"{self._seed} mix {block}").shuffle(order)
        dealt = []
        for task in order:
            dealt.append((task, taken[task]))
            taken[task] += 1
        return dealt

    def _quota(self, before: Sequence[int], total: int) -> list[int]:
        """Return what each task has had after `total` draws: its share rounded down, and the rest by remainder."""
        counts = [max(had, int(share * total)) for had, share in zip(before, self._shares, strict=True)]
        by_remainder = sorted(range(len(counts)), key=lambda task: counts[task] - self._shares[task] * total)
        for task in by_remainder[: total - sum(counts)]:
            counts[task] += 1
        return counts
