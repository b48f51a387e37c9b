"""How many tokens a model deserves: the compute-optimal laws, by name.

`20`: 20 tokens a parameter, the usual reading of Hoffmann et al. 2022 (arXiv 2203.15556). `table3`: that paper's
Table 3 (its first approach), interpolated between its rows. `epoch`: the fitted loss of Besiroglu et al. 2024
(arXiv 2404.10102), which corrects the paper's third approach; `hoffmann`: that approach with the constants as
printed, which are rounded and far off the paper's other two (so never a default).
A fit says L(N, D) = E + A / N^a + B / D^b. With C = 6 N D the best N is G (C / 6)^(b / (a + b)), where
G = (a A / (b B))^(1 / (a + b)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from reasonkit.errors import InputError

Law = Literal["20", "table3", "epoch", "hoffmann"]
LAWS: tuple[Law, ...] = ("20", "table3", "epoch", "hoffmann")
TOKENS_A_PARAMETER = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The constants of a fitted loss: `irreducible` + `a_scale` / N^`a` + `b_scale` / D^`b`."""

    irreducible: float
    a_scale: float
    b_scale: float
    a: float
    b: float

    def loss(self, parameters: float, tokens: float) -> float:
        """Return the loss that the fit predicts, in nats a token."""
        return self.irreducible + self.a_scale / parameters**self.a + self.b_scale / tokens**self.b

    def parameters(self, flops: float) -> float:
        """Return the parameters that use so many FLOPs best."""
        return self._g * (flops / 6) ** (self.b / (self.a + self.b))

    def tokens(self, parameters: float) -> float:
        """Return the tokens for which a model of this size is the best use of the compute."""
        return (parameters / self._g) ** ((self.a + self.b) / self.b) / parameters

    @property
    def _g(self) -> float:
        return (self.a * self.a_scale / (self.b * self.b_scale)) ** (1 / (self.a + self.b))


EPOCH = Fit(irreducible=1.8172, a_scale=482.01, b_scale=2085.43, a=0.3478, b=0.3658)
HOFFMANN = Fit(irreducible=1.69, a_scale=406.4, b_scale=410.7, a=0.34, b=0.28)
TABLE_3: tuple[tuple[float, float], ...] = (
    (400e6, 8.0e9), (1e9, 20.2e9), (10e9, 205.1e9), (67e9, 1.5e12), (175e9, 3.7e12), (280e9, 5.9e12), (520e9, 11.0e12),
    (1e12, 21.2e12),
)  # fmt: skip
"""Parameters and tokens, as printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """The best split of a budget between parameters and tokens."""

    flops: float
    parameters: float
    tokens: float


def optimal_tokens(parameters: float, law: Law = "20") -> float:
    """Return the tokens that a model of this size deserves.

    Raises:
        InputError: the law is `table3`, and the size is outside of the table.
    """
    match law:
        case "20":
            return TOKENS_A_PARAMETER * parameters
        case "table3":
            return _in_table(parameters)
        case "epoch":
            return EPOCH.tokens(parameters)
        case "hoffmann":
            return HOFFMANN.tokens(parameters)


def optimum(flops: float, law: Law = "20") -> Optimum:
    """Return the best use of a number of FLOPs, at 6 a parameter and token.

    Raises:
        InputError: the number is not positive, or outside of what `table3` covers.
    """
    if not 0 < flops < math.inf:
        raise InputError(f"{flops:g} FLOPs; give a number over 0, for example 5.76e23")
    match law:
        case "20":
            parameters = math.sqrt(flops / (6 * TOKENS_A_PARAMETER))
        case "epoch":
            parameters = EPOCH.parameters(flops)
        case "hoffmann":
            parameters = HOFFMANN.parameters(flops)
        case "table3":
            parameters = _invert(flops)
    return Optimum(flops=flops, parameters=parameters, tokens=flops / (6 * parameters))


def _in_table(parameters: float) -> float:
    """Interpolate Table 3 in the logarithms of both columns."""
    first, last = TABLE_3[0][0], TABLE_3[-1][0]
    if not first <= parameters <= last:
        raise InputError(
            f"the law table3 covers {first:g} to {last:g} parameters, not {parameters:g}; take --law 20 or epoch"
        )
    for (low, tokens_low), (high, tokens_high) in pairwise(TABLE_3):
        if parameters <= high:
            share = math.log(parameters / low) / math.log(high / low)
            return tokens_low * (tokens_high / tokens_low) ** share
    return TABLE_3[-1][1]


def _invert(flops: float) -> float:
    """Find the size at which the table's tokens use up the budget; tokens grow with size, so halving finds it."""
    low, high = TABLE_3[0][0], TABLE_3[-1][0]
    if not 6 * low * _in_table(low) <= flops <= 6 * high * _in_table(high):
        raise InputError(f"the law table3 does not reach {flops:g} FLOPs; take --law 20 or epoch")
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if 6 * middle * _in_table(middle) < flops else (low, middle)
    return math.sqrt(low * high)
