"""Number formats: their bits, range and steps, and what a number becomes in them. No torch, no model.

Sources: IEEE 754-2019, section 3.4 (binary16, binary32); bfloat16 as in https://arxiv.org/abs/1905.12322, section 2;
E4M3 as in https://arxiv.org/abs/2209.05433, table 1; the sixteen levels of NF4 as in https://arxiv.org/abs/2305.14314,
appendix E.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

NF4_LEVELS = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip
"""Of a block whose greatest magnitude is 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Floating:
    """A binary floating-point format: sign, exponent, fraction; the step grows with the number."""

    name: str
    exponent: int
    """Bits."""
    fraction: int
    """Bits."""
    infinities: bool = True
    """Whether the highest exponent is kept for infinity; else it holds numbers too, all but one."""

    @property
    def bits(self) -> int:
        return 1 + self.exponent + self.fraction

    @property
    def bias(self) -> int:
        """What is added to the exponent before it is stored."""
        return int(2 ** (self.exponent - 1) - 1)

    @property
    def largest(self) -> float:
        """The greatest finite number."""
        if self.infinities:
            return float((2 - 2.0**-self.fraction) * 2.0**self.bias)
        return float((2 - 2.0 ** (1 - self.fraction)) * 2.0 ** (self.bias + 1))

    @property
    def smallest_normal(self) -> float:
        """The least number with all its digits."""
        return float(2.0 ** (1 - self.bias))

    @property
    def smallest(self) -> float:
        """The least number above 0, with one digit left."""
        return float(2.0 ** (1 - self.bias - self.fraction))

    def step(self, magnitude: float) -> float:
        """Return the distance between neighbours at a magnitude within the range."""
        exponent = math.frexp(max(abs(magnitude), self.smallest_normal))[1] - 1
        return float(2.0 ** (exponent - self.fraction))

    def stored(self, number: float) -> float:
        """Return what a number becomes: the nearest there is, the even one of two; infinity beyond the range."""
        step = self.step(number)
        rounded = round(number / step) * step
        return rounded if abs(rounded) <= self.largest else math.copysign(math.inf, number)

    def pattern(self, number: float) -> str:
        """Return the bits of a finite number as it is stored: sign, exponent, fraction."""
        kept = self.stored(number)
        sign = "1" if math.copysign(1, kept) < 0 else "0"
        if abs(kept) < self.smallest_normal:
            digits = round(abs(kept) / self.smallest)
            return sign + "0" * self.exponent + format(digits, f"0{self.fraction}b")
        mantissa, exponent = math.frexp(abs(kept))
        digits = round((mantissa * 2 - 1) * 2**self.fraction)
        return sign + format(exponent - 1 + self.bias, f"0{self.exponent}b") + format(digits, f"0{self.fraction}b")

    def steps(self) -> Iterator[tuple[float, float, float]]:
        """Yield stretches of magnitude in which the step is the same: from, to, step."""
        yield self.smallest, self.smallest_normal, self.smallest
        low = self.smallest_normal
        while low < self.largest:
            yield low, min(low * 2, self.largest), self.step(low)
            low *= 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """A format of few levels over a range that a scale stretches: as many numbers as it says, times the scale."""

    name: str
    bits: int
    levels: tuple[float, ...]
    """Of a scale of 1, in order."""

    @property
    def largest(self) -> float:
        return self.levels[-1]

    def stored(self, number: float, scale: float) -> float:
        """Return the nearest level, the even one of two."""
        return min(
            ((abs(level * scale - number), index % 2, level * scale) for index, level in enumerate(self.levels))
        )[2]

    def pattern(self, number: float, scale: float) -> str:
        """Return the bits: two's complement for whole numbers, else the level's place."""
        kept = self.stored(number, scale) / scale
        if self.levels[-1] > 1:
            return format(round(kept) % 2**self.bits, f"0{self.bits}b")
        return format(min(range(len(self.levels)), key=lambda at: abs(self.levels[at] - kept)), f"0{self.bits}b")

    def steps(self, scale: float) -> Iterator[tuple[float, float, float]]:
        """Yield stretches of magnitude between two neighbouring levels above 0: from, to, step."""
        above = [level * scale for level in self.levels if level >= 0]
        for low, high in itertools.pairwise(above):
            yield low, high, high - low


FP32 = Floating(name="FP32", exponent=8, fraction=23)
FP16 = Floating(name="FP16", exponent=5, fraction=10)
BF16 = Floating(name="BF16", exponent=8, fraction=7)
FP8 = Floating(name="FP8 (E4M3)", exponent=4, fraction=3, infinities=False)
INT8 = Levels(name="INT8", bits=8, levels=tuple(float(whole) for whole in range(-128, 128)))
INT4 = Levels(name="INT4", bits=4, levels=tuple(float(whole) for whole in range(-8, 8)))
NF4 = Levels(name="NF4", bits=4, levels=NF4_LEVELS)
