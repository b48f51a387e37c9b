"""LoRA's matrices, and what a base model weighs beside them.

LoRA: Hu et al. 2021 (arXiv 2106.09685): r (inputs + outputs) parameters for each adapted map. QLoRA: Dettmers et al.
2023 (arXiv 2305.14314): linear maps in NF4, a scale for every 64 weights; with double quantisation the scales take 8
bits, and 256 of them share one of 32. Embeddings, norms and the head stay in two bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from reasonkit.errors import InputError
from reasonkit.train.plan.families import ATTENTION
from reasonkit.train.plan.shapes import Matrix, Shape
from reasonkit.train.plan.states import Tensor

NF4_BITS = 4 + 32 / 64
NF4_DOUBLE_BITS = 4 + 8 / 64 + 32 / (64 * 256)
GROUPS = ("attention", "feed-forward", "all")
"""Names for many targets at once: the linear maps of the attention, the others, and both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """Which adapters are trained."""

    rank: int
    targets: tuple[str, ...] = ("attention",)
    """`attention`, `feed-forward`, `all`, or ends of names as PEFT takes them: q_proj, v_proj."""

    @property
    def group(self) -> str | None:
        """The one group that it adapts; None for targets by name."""
        return self.targets[0] if len(self.targets) == 1 and self.targets[0] in GROUPS else None


def adapted(shape: Shape, lora: Lora) -> tuple[Matrix, ...]:
    """Return the linear maps that get an adapter.

    Raises:
        InputError: the rank is under 1, or a target names nothing.
    """
    if lora.rank < 1:
        raise InputError(f"the rank is {lora.rank}; give 1 or more, 4 to 32 are usual")
    attention = ATTENTION[shape.family]
    linear = [matrix for matrix in shape.matrices if matrix.linear]
    found: list[Matrix] = []
    for target in lora.targets:
        match target:
            case "attention":
                hit = [one for one in linear if one.name.endswith(attention)]
            case "feed-forward":
                hit = [one for one in linear if not one.name.endswith(attention)]
            case "all":
                hit = linear
            case _:
                hit = [one for one in linear if one.name == target or one.name.endswith(f".{target}")]
        if not hit:
            ends = sorted({one.name.rpartition(".")[2] for one in linear})
            raise InputError(
                f"no linear map of {shape.name} is called {target!r}; there are: {', '.join((*GROUPS, *ends))}"
            )
        found += [one for one in hit if one not in found]
    return tuple(found)


def adapter_parameters(shape: Shape, lora: Lora) -> int:
    """Return the parameters that LoRA trains: rank times inputs and outputs, summed."""
    return sum(lora.rank * sum(matrix.sides) * matrix.copies for matrix in adapted(shape, lora))


def tensors_of(shape: Shape, *, lora: Lora | None = None, frozen_bytes: float = 2, linear_bits: float | None = None) -> tuple[Tensor, ...]:  # fmt: skip
    """Return every tensor of a run as it is held.

    Args:
        shape: the model.
        lora: the adapters; with none every weight is trained.
        frozen_bytes: of a frozen weight.
        linear_bits: of a weight of a linear map that is quantised.
    """
    if lora is None:
        return tuple(Tensor(size=matrix.size, copies=matrix.copies) for matrix in shape.matrices)
    found = [
        Tensor(
            size=matrix.size,
            trained=False,
            held=linear_bits / 8 if matrix.linear and linear_bits is not None else frozen_bytes,
            copies=matrix.copies,
        )
        for matrix in shape.matrices
    ]
    for matrix in adapted(shape, lora):
        inputs, outputs = matrix.sides
        found.append(Tensor(size=(lora.rank, inputs), held=4, copies=matrix.copies))
        found.append(Tensor(size=(outputs, lora.rank), held=4, copies=matrix.copies))
    return tuple(found)
