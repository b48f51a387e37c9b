"""The shape of a model: its sizes, and every weight matrix that follows from them.

The matrices are those of the classes in transformers 5 (`LlamaForCausalLM`, `GPT2LMHeadModel`, `BertForMaskedLM`,
`T5ForConditionalGeneration` ...), under their names and in their form, so that adapters find their targets and shards
can be counted to the byte. Pure arithmetic. Not for: bytes (states.py, activations.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from reasonkit.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """One weight of a model, or several alike."""

    name: str
    """As in the model's state dict, without the number of its layer."""
    size: tuple[int, ...]
    """As it is stored; the first dimension is the one that FSDP2 shards."""
    copies: int = 1
    """How many layers have one."""
    linear: bool = False
    """Whether it is the weight of a linear map within a layer: what LoRA adapts and QLoRA quantises."""
    sides: tuple[int, int] = (0, 0)
    """Inputs and outputs of the linear map, whichever way round it is stored."""

    @property
    def numel(self) -> int:
        """Elements of one copy."""
        return math.prod(self.size)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The sizes of a model."""

    name: str
    family: str
    """The `model_type` of transformers: llama, gpt2, t5 ...; `assumed` where only a number of parameters is known."""
    vocabulary: int
    hidden: int
    layers: int
    """Of an encoder-decoder: those of the encoder."""
    heads: int
    key_heads: int
    head_size: int
    feed_forward: int
    positions: int = 0
    """Learned positions; 0 where they are rotary, relative or ALiBi."""
    token_types: int = 0
    decoder_layers: int = 0
    """0 but for an encoder-decoder."""
    gated: bool = False
    """Whether the feed-forward layer has a gate beside its way up."""
    tied: bool = False
    """Whether input and output embeddings are one matrix."""
    buckets: int = 0
    """Relative positions that T5 tells apart."""
    parameters_given: int = 0
    """The number of parameters that a caller gave instead of a shape; then `matrices` is only an assumption."""

    def __post_init__(self) -> None:
        for part in ("vocabulary", "hidden", "layers", "heads", "key_heads", "head_size", "feed_forward"):
            if getattr(self, part) < 1:
                raise InputError(f"the shape {self.name!r}: {part} is {getattr(self, part)}; give a size of 1 or more")
        if self.heads % self.key_heads:
            raise InputError(
                f"the shape {self.name!r}: {self.heads} heads cannot share {self.key_heads} key heads evenly; "
                "give a number of key heads that divides the heads"
            )

    @property
    def query(self) -> int:
        """Width of all queries together."""
        return self.heads * self.head_size

    @property
    def key(self) -> int:
        """Width of all keys together; the values are as wide."""
        return self.key_heads * self.head_size

    @property
    def is_known(self) -> bool:
        """Whether its matrices are a model's own, not assumed from a number of parameters."""
        return self.family != "assumed"

    @cached_property
    def matrices(self) -> tuple[Matrix, ...]:
        """Return every weight of the model."""
        from reasonkit.train.plan.families import FAMILIES

        build: Callable[[Shape], Iterator[Matrix]] = FAMILIES["llama" if self.family == "assumed" else self.family]
        return tuple(build(self))

    @cached_property
    def parameters(self) -> int:
        """Parameters, each counted once."""
        return self.parameters_given or sum(matrix.numel * matrix.copies for matrix in self.matrices)

    @property
    def units(self) -> tuple[int, int]:
        """Parameters of one layer, and of all that stands outside of the layers: what FSDP gathers at once."""
        inside = sum(matrix.numel for matrix in self.matrices if matrix.copies > 1)
        return inside, sum(matrix.numel for matrix in self.matrices if matrix.copies == 1)


def assumed_shape(parameters: float) -> Shape:
    """Return a decoder of the usual proportions with about so many parameters, for activations that are to be guessed.

    Width over depth is 128, as in GPT-3 175B and LLaMA 7B; heads of 64 up to a width of 2,048, else of 128; a gated
    feed-forward of 8/3 of the width; 32,000 words (64 for every million parameters, if that is fewer).

    Args:
        parameters: 1,000 or more.
    """
    if not 1000 <= parameters <= 1e15:
        raise InputError(f"{parameters:g} parameters; give a number from 1e3 to 1e15")
    vocabulary = max(64, min(32_000, round(parameters / 16_000)))
    hidden = 8
    while 12 * hidden * hidden * max(1, hidden // 128) + 2 * vocabulary * hidden < parameters:
        hidden += 8 if hidden < 128 else 128
    best = max(1, round((parameters - 2 * vocabulary * hidden) / (12 * hidden * hidden)))
    head_size = next(size for size in (128, 64, 8) if hidden % size == 0 and (size < 128 or hidden > 2048))
    return Shape(
        name="a model",
        family="assumed",
        vocabulary=vocabulary,
        hidden=hidden,
        layers=best,
        heads=hidden // head_size,
        key_heads=hidden // head_size,
        head_size=head_size,
        feed_forward=8 * hidden // 3,
        gated=True,
        parameters_given=round(parameters),
    )
