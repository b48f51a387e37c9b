"""What a training run holds in memory, at rest and at its peak, on the fullest rank.

A step has three moments at which it may be fullest: at the loss (all activations and the logits, no gradients yet), as the
backward pass enters the last layer (all activations, with recomputation those of that layer and the inputs of all, and
its gradients), and as it leaves the first (all gradients, one layer's activations). The peak is the largest. A model's
outputs are taken to be dropped once the loss is known. The optimizer's step is taken to need no
temporaries of its own (fused, or tensor by tensor), and DDP's gradients to be views of its buckets. Not counted: the
context of CUDA, libraries' workspaces and fragmentation; `headroom` is for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reasonkit.errors import InputError
from reasonkit.train.plan.activations import Attention, Calibration, Kept, kept
from reasonkit.train.plan.adapters import NF4_BITS, NF4_DOUBLE_BITS, Lora, adapted, tensors_of
from reasonkit.train.plan.compute import Method
from reasonkit.train.plan.shapes import Shape
from reasonkit.train.plan.states import (
    PRECISIONS,
    OptimizerName,
    PrecisionName,
    Sharding,
    States,
    even_states,
    exact_states,
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is to be trained, and on what.

    Raises:
        InputError: a number is out of its range, or a method lacks what it needs.
    """

    shape: Shape
    method: Method = "full"
    lora: Lora = Lora(rank=16)
    """Of the methods lora and qlora."""
    double_quantization: bool = True
    """Whether QLoRA quantises its scales as well."""
    precision: PrecisionName = "bf16"
    optimizer: OptimizerName = "adam"
    batch: int = 1
    """Rows a GPU and micro-step."""
    accumulation: int = 1
    """Micro-steps whose gradients are summed before a step."""
    sequence: int = 2048
    """Tokens a row."""
    recompute: bool = False
    attention: Attention = "sdpa"
    gpus: int = 1
    memory_bytes: float | None = None
    """Of one GPU; None if nobody asks whether it fits."""
    headroom: float = 0.1
    """The share of the memory that is left for what is not counted; 0 to 0.9."""

    def __post_init__(self) -> None:
        for part in ("batch", "accumulation", "sequence", "gpus"):
            if getattr(self, part) < 1:
                raise InputError(f"{part} is {getattr(self, part)}; give 1 or more")
        if self.memory_bytes is not None and self.memory_bytes <= 0:
            raise InputError(f"a GPU's memory is {self.memory_bytes:g} bytes; give more than 0")
        if not 0 <= self.headroom <= 0.9:
            raise InputError(f"the headroom is {self.headroom:g}; give a share from 0 to 0.9")

    @property
    def adapters(self) -> Lora | None:
        """What is trained beside frozen weights; None in full training."""
        return None if self.method == "full" else self.lora

    @property
    def usable_bytes(self) -> float | None:
        """The memory of a GPU without its headroom."""
        return None if self.memory_bytes is None else self.memory_bytes * (1 - self.headroom)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """Bytes at the fullest moment of a step."""

    moment: str
    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    buffers: int
    """Weights that are gathered from other ranks, cast or dequantised, and gradients on their way."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.logits + self.buffers


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A run with one way of sharding."""

    sharding: Sharding
    rest: States
    """Between two steps, on the fullest rank."""
    emptiest: int
    """Bytes at rest on the emptiest rank; less than the fullest holds where tensors do not divide evenly."""
    peak: Peak
    fits: bool | None
    """None if no memory was named."""
    calibrated: str | None
    """Where the activations' factors come from; None: not calibrated."""


def option(run: Run, sharding: Sharding, calibrations: Iterable[Calibration] = ()) -> Option:
    """Return what a run needs with one way of sharding."""
    rest, emptiest = states_of(run, sharding)
    held = activations_of(run, calibrations)
    peak = _peak(run, sharding, rest, held)
    usable = run.usable_bytes
    return Option(
        sharding=sharding,
        rest=rest,
        emptiest=emptiest.total,
        peak=peak,
        fits=None if usable is None else peak.total <= usable,
        calibrated=held.calibrated,
    )


def states_of(run: Run, sharding: Sharding) -> tuple[States, States]:
    """Return what the fullest and the emptiest rank hold at rest.

    To the byte as torch shards it, or cut evenly if only a number of parameters is known.
    """
    shape = run.shape
    if not shape.is_known and run.method == "full":
        even = even_states(shape.parameters, run.gpus, sharding, precision=run.precision, optimizer=run.optimizer)
        return even, even
    bits = None
    if run.method == "qlora":
        bits = NF4_DOUBLE_BITS if run.double_quantization else NF4_BITS
    frozen = 4 if run.precision in ("fp32", "autocast") and run.method == "lora" else 2
    tensors = tensors_of(shape, lora=run.adapters, frozen_bytes=frozen, linear_bits=bits)
    fullest, emptiest = exact_states(
        tensors, run.gpus, sharding, precision=run.precision, optimizer=run.optimizer, extremes=True
    )
    return fullest, emptiest


def activations_of(run: Run, calibrations: Iterable[Calibration] = ()) -> Kept:
    """Return what a micro-step keeps for its backward pass."""
    lora = run.adapters
    method = "full" if lora is None else f"{run.method}-{lora.group or _named(run.shape, lora)}"
    return kept(
        run.shape,
        batch=run.batch,
        sequence=run.sequence,
        compute=PRECISIONS[run.precision].compute,
        method="autocast" if run.precision == "autocast" else method,
        rank=0 if lora is None else lora.rank,
        attention=run.attention,
        recompute=run.recompute,
        calibrations=calibrations,
    )


def _named(shape: Shape, lora: Lora) -> str:
    """Say what targets by name are a part of; no calibration is of a part."""
    alike = set(adapted(shape, lora)) <= set(adapted(shape, replace(lora, targets=("attention",))))
    return "some of attention" if alike else "some"


def _peak(run: Run, sharding: Sharding, rest: States, held: Kept) -> Peak:
    layers = run.shape.layers + run.shape.decoder_layers
    forward, backward = _buffers(run, sharding)
    waiting = rest.gradients if run.accumulation > 1 else 0
    moments = [("at the loss", waiting, held.saved, held.logits, forward)]
    again = held.layer if run.recompute else 0
    top = max(waiting, rest.gradients // layers)
    moments.append(("backward begins", top, held.saved + again + held.passing, 0, backward))
    moments.append(("backward ends", rest.gradients, held.layer + held.passing, 0, backward))
    moment, gradients, activations, logits, buffers = max(moments, key=lambda one: sum(one[1:]))
    return Peak(
        moment=moment,
        weights=rest.weights,
        gradients=gradients,
        optimizer=rest.optimizer,
        activations=activations,
        logits=logits,
        buffers=buffers,
    )


def _buffers(run: Run, sharding: Sharding) -> tuple[int, int]:
    """Return the bytes of passing buffers in the forward and in the backward pass."""
    shape, sizes = run.shape, PRECISIONS[run.precision]
    passing = 0
    if run.method == "qlora":
        passing += 2 * max(matrix.numel for matrix in shape.matrices if matrix.linear)
    elif run.precision == "autocast":
        passing += 2 * sum(matrix.numel * matrix.copies for matrix in shape.matrices if matrix.linear)
    if run.gpus == 1:
        return passing, passing
    layer, outside = shape.units
    passing_gradients = max(layer, outside) * (sizes.compute + sizes.gradient) if run.method == "full" else 0
    match sharding:
        case "ddp" | "zero1":
            return passing, passing
        case "zero2":
            largest = max(matrix.numel for matrix in shape.matrices) if run.method == "full" else 0
            return passing, passing + sizes.gradient * largest
        case "zero3" | "fsdp":
            gathered = (outside + 2 * layer) * sizes.compute  # the layer at work, the next one, and the root's own
            return passing + gathered, passing + gathered + passing_gradients
        case "fsdp-kept":
            whole = shape.parameters * sizes.compute
            return passing + whole, passing + whole + passing_gradients
