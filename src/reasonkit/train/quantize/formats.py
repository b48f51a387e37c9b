"""The formats that a model can be put into, by name: what each needs, and what it is. No torch.

Sources: LLM.int8() https://arxiv.org/abs/2208.07339; NF4 and double quantisation https://arxiv.org/abs/2305.14314;
the blocks of llama.cpp https://github.com/ggml-org/llama.cpp (ggml-common.h).
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from reasonkit.errors import InputError, MissingExtra


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format of weights."""

    name: str
    what: str
    """In a few words."""
    package: str | None = None
    """That computes it; None for torch alone."""
    extra: str = "train"
    """That brings the package."""
    computed: bool = True
    """Whether the arithmetic is that of the format; else weights are rounded to it and computed in fp32: then its
    losses are true, and its speed is not."""

    def require(self) -> None:
        """Find its package.

        Raises:
            MissingExtra: it is not installed; the message holds the pip line.
        """
        if self.package is not None and importlib.util.find_spec(self.package) is None:
            raise MissingExtra(f"{self.name} ({self.package})", self.extra)


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format(name="fp32", what="all of it in 32 bits: what the others are measured against"),
        Format(name="fp16", what="all of it in 16 bits: 5 of exponent, 10 of fraction"),
        Format(name="bf16", what="all of it in 16 bits: 8 of exponent, 7 of fraction"),
        Format(
            name="int8-tensor", what="-127 to 127 times one scale a matrix, as textbooks draw it", computed=False
        ),
        Format(
            name="int8", what="LLM.int8(): a scale a row, inputs in 8 bits too but for outliers", package="bitsandbytes"
        ),
        Format(name="torchao-int8", what="a scale a row; weights only", package="torchao", extra="torchao"),
        Format(
            name="torchao-int8-dynamic", what="a scale a row; inputs in 8 bits too, a scale a token", package="torchao",
            extra="torchao",
        ),
        Format(name="torchao-fp8", what="E4M3, a scale a row; weights only", package="torchao", extra="torchao"),
        Format(name="torchao-int4", what="groups of 128; weights only", package="torchao", extra="torchao"),
        Format(name="nf4", what="16 levels of a normal distribution, a scale for 64 weights", package="bitsandbytes"),
        Format(name="nf4-dq", what="nf4 whose scales are in 8 bits (double quantisation)", package="bitsandbytes"),
        Format(name="fp4", what="E2M1, a scale for 64 weights", package="bitsandbytes"),
        Format(name="q8_0", what="llama.cpp: 8 bits, a scale for 32 weights", package="gguf", computed=False),
        Format(name="q5_0", what="llama.cpp: 5 bits, a scale for 32 weights", package="gguf", computed=False),
        Format(name="q4_0", what="llama.cpp: 4 bits, a scale for 32 weights", package="gguf", computed=False),
    )
}  # fmt: skip
ALIASES = {"bnb-int8": "int8", "bnb-nf4": "nf4"}
"""What `LocalClient(quantization=...)` calls them."""


def formats_of(names: str) -> tuple[Format, ...]:
    """Return the formats that a list with commas names; fp32 is always the first.

    Raises:
        InputError: there is no such format.
    """
    chosen = [ALIASES.get(name.strip(), name.strip()) for name in names.split(",")]
    for name in chosen:
        if name not in FORMATS:
            raise InputError(f"there is no format {name!r}; there are: {', '.join(FORMATS)}")
    return tuple(FORMATS[name] for name in dict.fromkeys(["fp32", *chosen]))
