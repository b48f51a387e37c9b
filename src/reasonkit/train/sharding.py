"""The processes of a run, and how a model is spread over them: each torch mechanism by the name of its ZeRO stage.

    ddp     DistributedDataParallel: every process holds everything, gradients are averaged.
    zero1   DistributedDataParallel and ZeroRedundancyOptimizer: the optimizer's states are divided.
    zero2   FSDP2 `fully_shard(reshard_after_forward=False)`: all states are divided at rest, and whole weights stay
            from a block's forward to its backward pass. The paper's stage 2 keeps whole weights at all times.
    zero3   FSDP2 `fully_shard(reshard_after_forward=True)`: whole weights live for one block's pass.

What was really obtained is looked up in the wrapped model and said; another wrapper than the one asked for is an error.
Gradients are averaged by all of them, so a loss is scaled by the number of processes. Not here: starting processes.

Sources: Rajbhandari et al. 2020 (arXiv:1910.02054), section 5; https://docs.pytorch.org/docs/stable/fsdp.html
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from reasonkit.errors import InputError, ReasonkitError, TrainingFailed
from reasonkit.train.config import TrainConfig

Sharding = str
PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others; a check of what was saved may take some minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The processes of a run, seen from one of them."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def chief(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over all processes."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier()

    def first(self, act: Callable[[], None]) -> None:
        """Have the first process do something; a fault there is one on all, so that none waits for it in vain."""
        fault: ReasonkitError | None = None
        if self.chief:
            try:
                act()
            except ReasonkitError as error:
                fault = error
            except OSError as error:
                fault = TrainingFailed(f"{error.filename or 'a file'}: {error.strerror or error}")
        if self.size > 1:
            told = [None if fault is None else (isinstance(fault, InputError), str(fault))]
            dist.broadcast_object_list(told, src=0)
            if told[0] is not None and fault is None:
                mistaken, text = told[0]
                fault = InputError(text) if mistaken else TrainingFailed(text)
        if fault is not None:
            raise fault


@contextmanager
def joined() -> Iterator[World]:
    """Join the processes that a launcher has started; alone without one. Leaves them at the end."""
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if size > 1:
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield World(rank=rank, size=size, device=device)
    finally:
        if size > 1:
            dist.destroy_process_group()


def check_world(config: TrainConfig, world: World) -> None:
    """Refuse combinations that do not work, before anything is loaded.

    Raises:
        InputError: what is the case and what works.
    """
    if world.size > 1 and config.sharding == "none":
        raise InputError(f"{world.size} processes need a sharding: --set sharding=ddp, zero1, zero2 or zero3")
    if config.method.kind == "qlora" and config.sharding in ("zero2", "zero3") and world.size > 1:
        raise InputError(
            f"sharding={config.sharding!r} cannot divide weights in NF4: they are bytes without gradients; "
            "use ddp or zero1 with qlora"
        )


def spread(model: nn.Module, sharding: Sharding, world: World, *, precision: str = "fp32") -> nn.Module:
    """Return the model spread over the processes as the configuration says; itself where there is one process.

    Args:
        model: the same on all processes.
        sharding: none, ddp, zero1, zero2 or zero3.
        world: the processes.
        precision: with bf16, FSDP2 gathers weights in it, and sums gradients in fp32.
    """
    if world.size == 1:
        return model.to(world.device)
    if sharding in ("ddp", "zero1"):
        model = model.to(world.device)
        ids = [world.device.index] if world.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=ids, gradient_as_bucket_view=True)
    mesh = dist.init_device_mesh(world.device.type, (world.size,))
    again = sharding == "zero3"
    kind = torch.bfloat16 if precision == "bf16" else None
    policy = MixedPrecisionPolicy(param_dtype=kind, reduce_dtype=torch.float32 if kind else None)
    for block in [*blocks(model), model]:
        fully_shard(block, mesh=mesh, reshard_after_forward=again, mp_policy=policy)
    return model


def blocks(model: nn.Module) -> list[nn.Module]:
    """Return the layers of a transformer: what stands in its outermost lists of modules."""
    found: list[nn.Module] = []
    for child in model.children():
        if isinstance(child, nn.ModuleList):
            found += [one for one in child if any(True for _ in one.parameters())]
        else:
            found += blocks(child)
    return found


def bare(model: nn.Module) -> nn.Module:
    """Return the model without the wrapper that changes its parameters' names."""
    return model.module if isinstance(model, DistributedDataParallel) else model


def rest(model: nn.Module) -> None:
    """Divide again the weights that a forward pass without a backward one has left whole."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor in one piece, detached; all processes call it together."""
    found = tensor.detach()
    return found.full_tensor() if isinstance(found, DTensor) else found


def count(model: nn.Module, *, moving: bool = False) -> int:
    """Return how many weights a model has, or how many of them move."""
    return sum(weight.numel() for weight in bare(model).parameters() if weight.requires_grad or not moving)


def obtained(model: nn.Module, optimizers: list[Any], sharding: Sharding, world: World) -> str:
    """Return in words the wrapper that the model really has.

    Raises:
        TrainingFailed: it is not the one that was asked for.
    """
    if world.size == 1:
        return f"one process on {world.device.type}" + ("" if sharding == "none" else f"; {sharding} divides nothing")
    total = count(model)
    held = sum(_local(one) for one in bare(model).parameters())
    over = f"over {world.size} processes on {world.device.type}"
    if sharding in ("ddp", "zero1"):
        fault = None if isinstance(model, DistributedDataParallel) else f"a bare {type(model).__name__}"
        told = f"DistributedDataParallel {over}"
        if sharding == "zero1" and fault is None:
            fault, more = _divided(optimizers, world)
            told += more
    else:
        groups = sum(isinstance(module, FSDPModule) for module in model.modules())
        plain = [name for name, one in model.named_parameters() if not isinstance(one, DTensor)]
        fault = "no FSDPModule" if not groups else f"{len(plain)} whole weights, {plain[0]!r} first" if plain else None
        told = f"FSDP2 fully_shard(reshard_after_forward={sharding == 'zero3'}) {over} in {groups} groups"
        told += f"; rank {world.rank} holds {held:,} of {total:,} weights"
    if fault is not None:
        raise TrainingFailed(f"sharding={sharding!r} was asked for, but torch gave {fault}: nothing was trained")
    return told


def _divided(optimizers: list[Any], world: World) -> tuple[str | None, str]:
    """Return what is wrong with the division of the optimizers' states, and the division in words."""
    from torch.distributed.optim import ZeroRedundancyOptimizer

    if not all(isinstance(one, ZeroRedundancyOptimizer) for one in optimizers):
        return "an optimizer that is not divided", ""
    own = sum(one.numel() for zero in optimizers for group in zero.optim.param_groups for one in group["params"])
    total = sum(one.numel() for zero in optimizers for group in zero.param_groups for one in group["params"])
    covered = int(world.sum(torch.tensor([own], device=world.device)).item())
    fault = None if covered == total else f"optimizers that cover {covered:,} of {total:,} weights"
    return fault, f" and ZeroRedundancyOptimizer; rank {world.rank} has the states of {own:,} of {total:,} weights"


def _local(tensor: Tensor) -> int:
    return tensor.to_local().numel() if isinstance(tensor, DTensor) else tensor.numel()
