"""Bytes of activations that the forward pass keeps for the backward pass, and of the logits.

A layer keeps, for every token, so many bytes for each unit of its widths: of the residual stream, the queries, the keys,
the feed-forward, the heads (a softmax's sums), the scores (heads times sequence, where attention is written out) and
the rank of adapters. The factors depend on the code that runs, not on the paper: Korthikanti et al. 2022 (arXiv
2205.05198) give sbh(34 + 5as/h), which fits none of today's classes. So they are measured (calibrate.py) and read from a
file; where nothing was measured, a structural guess stands in and says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from reasonkit.errors import InputError
from reasonkit.train.plan.shapes import Shape

Attention = Literal["sdpa", "eager"]
WITHIN = 0.02
"""How far off a calibration may be on shapes that it has not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """Bytes a token for each unit of a width; the first nine a layer, the others once."""

    hidden: float = 0.0
    query: float = 0.0
    lone_query: float = 0.0
    """More of the same where a step has one row: what is a view of several rows may be a copy of one."""
    key: float = 0.0
    feed_forward: float = 0.0
    heads: float = 0.0
    scores: float = 0.0
    rank: float = 0.0
    one: float = 0.0
    outside_hidden: float = 0.0
    outside_vocabulary: float = 0.0
    outside_rotation: float = 0.0
    """For each unit of a head's width, once for all rows: the sines and cosines of the positions."""
    outside_one: float = 0.0

    def layer(self, shape: Shape, batch: int, sequence: int, rank: int = 0) -> float:
        """Return the bytes a token of one layer."""
        return (
            self.hidden * shape.hidden
            + (self.query + self.lone_query * (batch == 1)) * shape.query
            + self.key * shape.key
            + self.feed_forward * shape.feed_forward
            + self.heads * shape.heads
            + self.scores * shape.heads * sequence
            + self.rank * rank
            + self.one
        )

    def outside(self, shape: Shape, batch: int) -> float:
        """Return the bytes a token outside of the layers, the softmax of the logits included."""
        return (
            self.outside_hidden * shape.hidden
            + self.outside_vocabulary * shape.vocabulary
            + self.outside_rotation * shape.head_size / batch
            + self.outside_one
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Measured factors, for one family of models trained in one way, and how good they are."""

    family: str
    attention: str
    compute: int
    """Bytes of the numbers that are computed with: 2 or 4."""
    method: str
    """`full`, or what LoRA adapts: `lora-attention`, `lora-all`."""
    device: str
    versions: str
    error: float
    """The largest relative error on shapes held out before fitting."""
    factors: Factors


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Bytes of activations and logits on one rank."""

    saved: int
    """What the forward pass keeps, without the logits' softmax."""
    layer: int
    """What one layer keeps, or would without recomputation."""
    passing: int
    """Gradients on their way through one layer's backward pass: two of the width of its feed-forward."""
    logits: int
    """At the loss: the softmax of the logits, and the gradients of both in fp32."""
    calibrated: str | None
    """Where the factors come from; None where they are a guess."""


def kept(
    shape: Shape, *, batch: int, sequence: int, compute: int, method: str = "full", rank: int = 0,
    attention: Attention = "sdpa", recompute: bool = False, calibrations: Iterable[Calibration] = (),
) -> Kept:  # fmt: skip
    """Return what a step of `batch` rows keeps.

    Args:
        shape: the model.
        batch: rows a rank.
        sequence: tokens a row; an encoder-decoder has as many on both sides.
        compute: bytes of the numbers computed with.
        method: `full`, `lora-attention`, `lora-all`, or another that was never measured.
        rank: of the adapters.
        attention: which code runs it.
        recompute: whether only each layer's input is kept.
        calibrations: what was measured; the first that fits is taken.
    """
    tokens = batch * sequence
    measured = tuple(calibrations)
    found = next((one for one in measured if _fits(one, shape, compute, method, attention)), None)
    near = found or next((one for one in measured if _fits(one, shape, compute, _nearest(method), attention)), None)
    factors = guess(shape, compute, attention) if near is None else near.factors
    layers = shape.layers + shape.decoder_layers
    layer = factors.layer(shape, batch, sequence, rank)
    softmax = factors.outside_vocabulary * shape.vocabulary
    outside = factors.outside(shape, batch) - softmax
    inside = layers * (compute * shape.hidden if recompute else layer)
    return Kept(
        saved=max(0, round(tokens * (inside + outside))),
        layer=round(tokens * layer),
        passing=round(tokens * 2 * compute * shape.feed_forward),
        # the softmax, and two gradients of that size in fp32: of the negative log-likelihood and of the softmax
        logits=round(tokens * (softmax + 8 * shape.vocabulary)),
        calibrated=None
        if found is None
        else f"{found.family}, {found.device}, {found.versions}, within {found.error:.1%}",
    )


def guess(shape: Shape, compute: int, attention: Attention = "sdpa") -> Factors:
    """Return factors that follow from the architecture: what norms, matrices, sums and the attention take in."""
    crossed = 1.5 if shape.decoder_layers else 1.0  # half of the layers attend twice
    widths = 4.0 if shape.gated else 5.0 if shape.family == "gpt2" else 2.0  # GPT-2's GELU is written out
    return Factors(
        hidden=8.0 * compute * crossed,
        query=2.0 * compute * crossed,
        key=2.0 * compute * crossed,
        feed_forward=widths * compute,
        heads=4.0 * crossed,
        scores=0.0 if attention == "sdpa" else 2.0 * compute * crossed,
        outside_hidden=2.0 * compute,
        outside_vocabulary=4.0,
    )


def read_calibrations(path: Path | None = None) -> tuple[Calibration, ...]:
    """Return the calibrations of a file; those that ship, if none is named.

    Raises:
        InputError: the file is not one that `reasonkit calibrate` wrote.
    """
    if path is None:
        return _shipped()
    try:
        return _parsed(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give a file that reasonkit calibrate wrote") from None


def written(calibrations: Iterable[Calibration]) -> str:
    """Return a file of calibrations as JSON, one a line."""
    rows = ",\n".join(f"  {json.dumps(asdict(one))}" for one in calibrations)
    return f'{{"format": 1, "calibrations": [\n{rows}\n]}}\n'


@cache
def _shipped() -> tuple[Calibration, ...]:
    name = "calibration.json"
    return _parsed(files("reasonkit.train.plan").joinpath(name).read_text(encoding="utf-8"), name)


def _parsed(text: str, name: str) -> tuple[Calibration, ...]:
    wrong = f"{name}: not a file of calibrations; reasonkit calibrate writes one"
    try:
        read = json.loads(text)
    except ValueError as error:
        raise InputError(f"{wrong}: {error}") from None
    rows = read.get("calibrations") if isinstance(read, dict) and read.get("format") == 1 else None
    if not isinstance(rows, list):
        raise InputError(wrong)
    found = []
    for number, row in enumerate(rows, 1):
        factors = row.get("factors") if isinstance(row, dict) else None
        if (
            not isinstance(factors, dict)
            or set(row) != {field.name for field in fields(Calibration)}
            or not set(factors) <= {field.name for field in fields(Factors)}
            or not all(isinstance(value, int | float) and math.isfinite(value) for value in factors.values())
            or not isinstance(row["error"], int | float)
        ):
            raise InputError(f"{wrong}: entry {number} has other fields than one has")
        found.append(Calibration(**{**row, "factors": Factors(**factors)}))
    return tuple(found)


def _nearest(method: str) -> str:
    """Return the method that was measured and keeps about as much; what it gives is a guess."""
    if "lora" not in method:
        return "full"
    return "lora-attention" if "attention" in method else "lora-all"


def _fits(one: Calibration, shape: Shape, compute: int, method: str, attention: str) -> bool:
    return (one.family, one.compute, one.method, one.attention) == (
        shape.family, compute, method, attention
    ) and one.error <= WITHIN  # fmt: skip
