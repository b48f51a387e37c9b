"""Intervals and paired tests: what a difference between two runs is worth.

Wilson's interval for a share (Wilson 1927; the form of Agresti and Coull 1998), the percentile bootstrap for a mean
(Efron 1979), McNemar's exact test for paired right and wrong (McNemar 1947), and a paired bootstrap for a difference.
Pure functions of numbers; a seed makes every draw again.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""
RESAMPLED = 1000
"""Items up to which a mean's interval is of the bootstrap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its 95 % interval; never shown without its n."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] n={self.n}"


def wilson(right: int, n: int) -> Interval:
    """Return the share of right answers with Wilson's score interval; of nothing, anything is possible."""
    if not 0 <= right <= n:
        raise ValueError(f"{right} of {n} is no share")
    if n == 0:
        return Interval(value=math.nan, low=0.0, high=1.0, n=0)
    share, square = right / n, Z95 * Z95
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = Z95 / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return Interval(value=share, low=max(0.0, centre - half), high=min(1.0, centre + half), n=n)


def bootstrap(values: Sequence[float], *, draws: int = 2000, seed: int = 0) -> Interval:
    """Return the mean with the percentile interval of `draws` resamples."""
    n = len(values)
    if n == 0:
        return Interval(value=math.nan, low=math.nan, high=math.nan, n=0)
    dice = random.Random(seed)
    means = sorted(math.fsum(dice.choices(values, k=n)) / n for _ in range(draws))
    return Interval(
        value=math.fsum(values) / n, low=_quantile(means, 0.025), high=_quantile(means, 0.975), n=n
    )  # fmt: skip


def mean(counts: Mapping[float, int]) -> Interval:
    """Return a mean with its interval: of the bootstrap up to 1,000 items, beyond them of the normal distribution.

    At that size the two agree to the digits shown, and resampling would take longer than a run's own bookkeeping.

    Args:
        counts: how often each value occurs; so a run of any length costs no more than its distinct values.
    """
    n = sum(counts.values())
    if n <= RESAMPLED:
        return bootstrap([value for value in sorted(counts) for _ in range(counts[value])], draws=1000)
    middle = math.fsum(value * count for value, count in counts.items()) / n
    square = math.fsum((value - middle) ** 2 * count for value, count in counts.items()) / (n - 1)
    half = Z95 * math.sqrt(square / n)
    return Interval(value=middle, low=middle - half, high=middle + half, n=n)


def paired_bootstrap(a: Sequence[float], b: Sequence[float], *, draws: int = 2000, seed: int = 0) -> Interval:
    """Return the mean of b - a over the same items, with its percentile interval."""
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} values are not pairs")
    return bootstrap([y - x for x, y in zip(a, b, strict=True)], draws=draws, seed=seed)


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the exact two-sided p-value of McNemar's test.

    Args:
        only_a: items that only the first run has right.
        only_b: items that only the second has right.
    """
    n, smaller = only_a + only_b, min(only_a, only_b)
    if n == 0:
        return 1.0
    tail = term = 1
    for i in range(smaller):
        term = term * (n - i) // (i + 1)
        tail += term
    return min(1.0, 2 * tail / (1 << n))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile by linear interpolation between order statistics."""
    at = share * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])
