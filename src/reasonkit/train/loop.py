"""The training loop: one of our own over torch, PEFT and torch.distributed, to be read from top to bottom.

For: every objective, full and LoRA, one process or many. Why not the libraries' own: accelerate, and TRL upon it,
cannot shard with FSDP2 on a CPU (by environment variables they quietly run DDP instead), they do not go on bit by bit
after a kill, least of all with another number of processes, and a second path for what they cannot do would have to
be believed too.

What makes a run go on exactly: the batches of a step are a pure function of the configuration and the step, the dice
are seeded anew at each step, and a checkpoint holds all that moves. What makes it the same on any number of
processes: a step's sequences do not depend on them, and the summed loss is divided by the labels of the whole step.

Not here: data (`batches.py`), the model (`models.py`, `forward.py`), how it is spread (`sharding.py`), files (`run.py`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from reasonkit.errors import TrainingFailed
from reasonkit.train.checkpoints import Progress
from reasonkit.train.config import TrainConfig
from reasonkit.train.examples import IGNORE
from reasonkit.train.forward import losses, still
from reasonkit.train.journal import Line
from reasonkit.train.memory import trim
from reasonkit.train.optimizers import rate_at, set_rate
from reasonkit.train.sharding import World, rest, whole

Part = dict[str, Tensor]


class Source(Protocol):
    """Where batches come from (see `Batches`)."""

    @property
    def steps(self) -> int:
        """Steps of the whole run."""

    def learned(self, step: int) -> int:
        """Labels learned in a step, over all processes."""

    def tokens(self, step: int) -> int:
        """Tokens of a step, padding left out, over all processes."""

    def parts(self, step: int, rank: int, world: int) -> list[Part]:
        """A process's part of a step's batch, in pieces to be taken one after another."""

    def held_out(self) -> list[Part]:
        """What is measured on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """Where a call of the loop has ended."""

    progress: Progress
    stopped: bool = False
    """Whether it was asked to stop before the last step."""
    loss: float | None = None
    """Of the last step taken."""
    held_out: float | None = None
    """The last measurement."""


def train(
    config: TrainConfig, model: nn.Module, optimizers: Sequence[Any], source: Source, world: World, progress: Progress,
    *, note: Callable[[Line], None], save: Callable[[Progress], None], stop: Callable[[], bool],
) -> Trained:  # fmt: skip
    """Take the steps that are left.

    Args:
        config: the run.
        model: as it is spread over the processes.
        optimizers: of its weights that move.
        source: of the batches.
        world: the processes.
        progress: how far the run is.
        note: told of each step.
        save: called after the steps at which a checkpoint is due, and when the run is stopped.
        stop: asked after each step whether to end before the last.

    Raises:
        TrainingFailed: a loss or a gradient is no number; the weights are those of the step before.
    """
    done = Trained(progress=progress)
    model.train()
    for step in range(progress.step, source.steps):
        began = time.monotonic()
        torch.manual_seed(_dice(config.seed, step, world.rank))
        rate = rate_at(step, source.steps, config.optimizer)
        set_rate(list(optimizers), rate)
        loss = _gradients(config, model, source, step, world)
        _check(step, loss, _clip(model, config.optimizer.clip))
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        trim(step)
        last = step + 1 == source.steps
        held_out = None
        if config.evaluation.rows and (last or (step + 1) % config.evaluation.every == 0):
            held_out = measure(config, model, source.held_out(), world)
        progress = Progress(
            step=step + 1,
            tokens=progress.tokens + source.tokens(step),
            seconds=progress.seconds + time.monotonic() - began,
        )
        note(Line(step=step + 1, loss=loss, lr=rate, tokens=progress.tokens, seconds=round(progress.seconds, 3),
                  held_out=held_out))  # fmt: skip
        done = Trained(progress=progress, loss=loss, held_out=done.held_out if held_out is None else held_out)
        stopped = _asked(stop, world) and not last
        if stopped or last or (step + 1) % config.checkpoint.every == 0:
            save(progress)
        if stopped:
            return replace(done, stopped=True)
    return done


def _gradients(config: TrainConfig, model: nn.Module, source: Source, step: int, world: World) -> float:
    """Add up the gradients of a step; return its mean loss, over all processes."""
    summed = torch.zeros((), dtype=torch.float64, device=world.device)
    learned = source.learned(step)
    if not learned:
        raise TrainingFailed(f"step {step + 1}: every label is masked, nothing would be learned")
    parts = source.parts(step, world.rank, world.size)
    for number, part in enumerate(parts):
        alone = isinstance(model, DistributedDataParallel) and number + 1 < len(parts)
        with model.no_sync() if alone else nullcontext():
            with _precision(config, world):
                total = losses(model, _placed(part, world))
            (total * (world.size / learned)).backward()
        summed += total.detach()
    return world.sum(summed).item() / learned


def measure(config: TrainConfig, model: nn.Module, held_out: Sequence[Part], world: World) -> float:
    """Return the mean loss of held-out labels; all processes call it, and each takes every so-manieth batch.

    Args:
        config: the run.
        model: as it is spread over the processes.
        held_out: batches, the same on all processes; at least one.
        world: the processes.
    """
    sums = torch.zeros(2, dtype=torch.float64, device=world.device)
    still(model)
    with torch.no_grad(), _precision(config, world):
        for begin in range(0, len(held_out), world.size):
            mine = begin + world.rank
            part = _placed(held_out[min(mine, len(held_out) - 1)], world)
            total = losses(model, part).double()  # a process without a batch of its own computes along, for FSDP
            if mine < len(held_out):
                sums += torch.stack((total, (part["labels"] != IGNORE).sum().double()))
    rest(model)
    model.train()
    world.sum(sums)
    return sums[0].item() / max(1.0, sums[1].item())


def _clip(model: nn.Module, most: float | None) -> float:
    """Scale the gradient down to a greatest norm; return what its norm was."""
    weights = [weight for weight in model.parameters() if weight.grad is not None]
    return whole(nn.utils.clip_grad_norm_(weights, math.inf if most is None else most)).item()


def _check(step: int, loss: float, norm: float) -> None:
    for what, value in (("loss", loss), ("gradient's norm", norm)):
        if not math.isfinite(value):
            raise TrainingFailed(
                f"step {step + 1}: the {what} is {value}: training stopped, the last checkpoint stays; lower "
                "optimizer.lr, give optimizer.warmup steps, or compute in fp32"
            )


def _placed(part: Part, world: World) -> Part:
    return {name: tensor.to(world.device) for name, tensor in part.items()}


def _precision(config: TrainConfig, world: World) -> AbstractContextManager[Any]:
    return torch.autocast(world.device.type, torch.bfloat16, enabled=config.precision == "bf16")


def _asked(stop: Callable[[], bool], world: World) -> bool:
    """Return whether any process was asked to stop; all agree."""
    return bool(world.sum(torch.tensor([float(stop())], device=world.device)).item())


def _dice(seed: int, step: int, rank: int) -> int:
    """Return a seed of their own for the dice of each step and process."""
    return ((seed * 1_000_003 + step) * 1_000_003 + rank) % 2**63
