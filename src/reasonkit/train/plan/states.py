"""Bytes of weights, gradients and optimizer states: at rest, a rank.

Two ways of counting. The ZeRO paper's (Rajbhandari et al. 2020, arXiv 1910.02054, section 3): every state is cut evenly,
4P + 12P/N and so on. And torch's own, to the byte, where the matrices are known: `ZeroRedundancyOptimizer` hands out
whole tensors, largest first, to the rank with the least; FSDP2 cuts each tensor by rows, and pads the last ones.
Not for: what comes and goes within a step (planning.py).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from reasonkit.errors import InputError

Sharding = Literal["ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp-kept"]
SHARDINGS: tuple[Sharding, ...] = ("ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp-kept")
"""`fsdp` is torch's FSDP2, which gathers each layer when it is needed; `fsdp-kept` is the same with
`reshard_after_forward=False`: whole weights from forward to backward, and at rest no more than `fsdp`."""
PrecisionName = Literal["bf16", "fp16", "fp32", "autocast", "pure-bf16"]
OptimizerName = Literal["adam", "adam8bit", "adafactor", "lion", "momentum", "sgd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Bytes of one element of each kind."""

    weight: int
    gradient: int
    master: int
    """A copy of the weights in full precision, held by the optimizer."""
    state: int
    compute: int
    """What matrices are multiplied in."""


PRECISIONS: dict[PrecisionName, Precision] = {
    "bf16": Precision(weight=2, gradient=2, master=4, state=4, compute=2),
    "fp16": Precision(weight=2, gradient=2, master=4, state=4, compute=2),
    "fp32": Precision(weight=4, gradient=4, master=0, state=4, compute=4),
    "autocast": Precision(weight=4, gradient=4, master=0, state=4, compute=2),
    "pure-bf16": Precision(weight=2, gradient=2, master=0, state=2, compute=2),
}
"""`bf16` and `fp16` are mixed precision as in the ZeRO paper (K = 12 with Adam); `autocast` is torch's: weights in fp32,
cast when they are used; `pure-bf16` keeps everything in two bytes."""
OPTIMIZERS: dict[OptimizerName, int] = {"adam": 2, "adam8bit": 2, "adafactor": 0, "lion": 1, "momentum": 1, "sgd": 0}
"""States that are as large as the weights; `adafactor` has rows and columns instead."""
_QUANTILES_BLOCK, _SMALL = 256, 4096
"""bitsandbytes: elements that share a scale, and the size under which a tensor's states stay in 32 bits."""
_STEP = 4
"""Bytes of the count of steps that torch's Adam and Adafactor keep for each tensor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """A weight as it is held: one tensor of some model or adapter, or several alike."""

    size: tuple[int, ...]
    trained: bool = True
    held: float | None = None
    """Bytes of an element where it is not the run's precision: adapters in fp32, frozen weights in 4 bits."""
    copies: int = 1

    @property
    def numel(self) -> int:
        """Elements of one copy."""
        return math.prod(self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Bytes at rest, between two steps; gradients count, as in the ZeRO paper."""

    weights: int
    gradients: int
    optimizer: int

    @property
    def total(self) -> int:
        """All three."""
        return self.weights + self.gradients + self.optimizer


def even_states(
    parameters: float, ranks: int, sharding: Sharding, *, precision: PrecisionName = "bf16", optimizer: OptimizerName = "adam"
) -> States:  # fmt: skip
    """Return what a rank holds if every state can be cut evenly: the formulas of the ZeRO paper.

    Args:
        parameters: all of them trained.
        ranks: data-parallel processes.
        sharding: which states are cut.
        precision: how many bytes an element takes.
        optimizer: which states it keeps; `adafactor` counts none here, as they depend on the matrices.
    """
    sizes = PRECISIONS[precision]
    weights, gradients, master = _bytes(sizes, sharding, adapter=False)
    of_weights, of_gradients, of_optimizer = _cuts(sharding, ranks)
    kept = master + OPTIMIZERS[optimizer] * (1 if optimizer == "adam8bit" else sizes.state)
    return States(
        weights=round(parameters * weights / of_weights),
        gradients=round(parameters * gradients / of_gradients),
        optimizer=round(parameters * kept / of_optimizer),
    )


def exact_states(
    tensors: Sequence[Tensor], ranks: int, sharding: Sharding, *, precision: PrecisionName = "bf16",
    optimizer: OptimizerName = "adam", extremes: bool = False,
) -> tuple[States, ...]:  # fmt: skip
    """Return what ranks hold as torch lays it out, to the byte.

    ZeRO-1 is `ZeroRedundancyOptimizer` over DDP with gradients as views of its buckets; ZeRO-2 frees, besides, each
    gradient on all ranks but the one that steps with it; ZeRO-3 and FSDP are `fully_shard`.

    Args:
        tensors: of the model and its adapters, in the order of its parameters.
        ranks: data-parallel processes.
        sharding: which states are cut.
        precision: how many bytes an element takes.
        optimizer: which states it keeps.
        extremes: return only the fullest rank and the emptiest, which is quicker.

    Raises:
        InputError: there are no tensors, or no ranks.
    """
    if not tensors or ranks < 1:
        raise InputError(f"{len(tensors)} tensors on {ranks} ranks; give one or more of each")
    whole = [_held(one, one.size, one.numel, sharding, precision, optimizer) for one in tensors]
    match sharding:
        case "ddp":
            return (_sum(zip(whole, tensors, strict=True)),) * (2 if extremes else ranks)
        case "zero3" | "fsdp" | "fsdp-kept":
            found = tuple(
                _sum(
                    (_held(one, *_rows(one.size, ranks, rank), sharding, precision, optimizer), one) for one in tensors
                )
                for rank in ((0, ranks - 1) if extremes else range(ranks))  # the first rank has no fewer rows than any
            )
        case "zero1" | "zero2":
            everywhere = _sum(zip(whole, tensors, strict=True))
            own = [[0, 0] for _ in range(ranks)]
            for index, owner in _owners(tensors, ranks):
                own[owner][0] += whole[index].gradients
                own[owner][1] += whole[index].optimizer
            found = tuple(
                States(
                    weights=everywhere.weights,
                    gradients=gradients if sharding == "zero2" else everywhere.gradients,
                    optimizer=optimizer_bytes,
                )
                for gradients, optimizer_bytes in own
            )
    if not extremes:
        return found
    return max(found, key=lambda one: one.total), min(found, key=lambda one: one.total)


def _held(
    tensor: Tensor, here: tuple[int, ...], padded: int, sharding: Sharding, precision: PrecisionName, optimizer: OptimizerName
) -> States:  # fmt: skip
    """Return the states of one tensor: weights and gradients of its padded storage, optimizer states of its own part."""
    weight, gradient, master = _bytes(PRECISIONS[precision], sharding, adapter=tensor.held is not None)
    state = 4 if tensor.held is not None else PRECISIONS[precision].state
    return States(
        weights=math.ceil(padded * (weight if tensor.held is None else tensor.held)),
        gradients=padded * gradient if tensor.trained else 0,
        optimizer=_optimizer_bytes(here, optimizer, state, master) if tensor.trained else 0,
    )


def _sum(states: Iterable[tuple[States, Tensor]]) -> States:
    weights = gradients = optimizer = 0
    for one, tensor in states:
        weights += one.weights * tensor.copies
        gradients += one.gradients * tensor.copies
        optimizer += one.optimizer * tensor.copies
    return States(weights=weights, gradients=gradients, optimizer=optimizer)


def _bytes(sizes: Precision, sharding: Sharding, *, adapter: bool) -> tuple[int, int, int]:
    """Return bytes of a weight, a gradient and a master copy.

    FSDP2's shard is the master copy itself, and its gradient is as wide. Adapters are trained in fp32, as PEFT does.
    """
    if adapter:
        return 4, 4, 0
    if sharding in ("fsdp", "fsdp-kept") and sizes.master:
        return sizes.master, sizes.master, 0
    return sizes.weight, sizes.gradient, sizes.master


def _cuts(sharding: Sharding, ranks: int) -> tuple[int, int, int]:
    """Return into how many parts weights, gradients and optimizer states are cut."""
    match sharding:
        case "ddp":
            return 1, 1, 1
        case "zero1":
            return 1, 1, ranks
        case "zero2":
            return 1, ranks, ranks
        case "zero3" | "fsdp" | "fsdp-kept":
            return ranks, ranks, ranks


def _owners(tensors: Sequence[Tensor], ranks: int) -> Iterator[tuple[int, int]]:
    """Yield which rank steps with each tensor that is trained: the largest first, each to the rank with the fewest elements."""
    loads = [(0, rank) for rank in range(ranks)]
    for index in sorted((i for i, one in enumerate(tensors) if one.trained), key=lambda i: -tensors[i].numel):
        for _ in range(tensors[index].copies):
            load, owner = loads[0]
            heapq.heapreplace(loads, (load + tensors[index].numel, owner))
            yield index, owner


def _rows(size: tuple[int, ...], ranks: int, rank: int) -> tuple[tuple[int, ...], int]:
    """Return a rank's part of a tensor that is cut by rows, and the elements of its storage, which is padded."""
    rows, *rest = size or (1,)
    each = -(-rows // ranks)
    return (max(0, min(each, rows - rank * each)), *rest), each * math.prod(rest)


def _optimizer_bytes(size: tuple[int, ...], optimizer: OptimizerName, state: int, master: int) -> int:
    numel = math.prod(size)
    match optimizer:
        case "adam":
            kept = 2 * state * numel + _STEP
        case "adam8bit" if numel < _SMALL:
            kept = 8 * numel
        case "adam8bit":
            kept = 2 * (numel + 4 * -(-numel // _QUANTILES_BLOCK))
        case "adafactor" if len(size) > 1:
            kept = 4 * (numel // max(1, size[-1]) + numel // max(1, size[-2])) + _STEP
        case "adafactor":
            kept = 4 * numel + _STEP
        case _:
            kept = OPTIMIZERS[optimizer] * state * numel
    return kept + master * numel
