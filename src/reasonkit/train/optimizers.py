"""The optimizers of a run, and the learning rate of each step.

For: AdamW; or Muon for the blocks' matrices and AdamW for the rest. Not here: gradients.

Sources: AdamW, Loshchilov and Hutter 2019 (arXiv:1711.05101). Muon, Jordan et al. 2024
(https://kellerjordan.github.io/posts/muon/), with the update scaled to AdamW's size, so that one learning rate serves
both (Liu et al. 2025, arXiv:2502.16982, section 2.2). No decay of norms, biases and embeddings, as nanoGPT has it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from reasonkit.errors import InputError
from reasonkit.train.config import OptimizerConfig
from reasonkit.train.sharding import World, bare, blocks


def build_optimizers(model: nn.Module, config: OptimizerConfig, sharding: str, world: World) -> list[Any]:
    """Return the optimizers of the weights that move.

    Args:
        model: as it is spread over the processes.
        config: how weights move.
        sharding: zero1 divides the optimizers' states over the processes.
        world: the processes.

    Raises:
        InputError: no weight moves, or none is one that Muon moves.
    """
    matrices, others, plain = _sorted(bare(model))
    if not (matrices or others or plain):
        raise InputError("no weight of the model moves: nothing can be trained")
    decayed = {"lr": config.lr, "weight_decay": config.weight_decay}
    kept = {"lr": config.lr, "weight_decay": 0.0}
    adam = {"betas": config.betas, "eps": config.epsilon, "lr": config.lr}
    if config.kind == "adamw":
        return [_optimizer(torch.optim.AdamW, [(matrices + others, decayed), (plain, kept)], adam, sharding, world)]
    if not matrices:
        raise InputError("optimizer.kind is 'muon', but no matrix in a block moves; use adamw")
    muon = {"adjust_lr_fn": "match_rms_adamw", "lr": config.lr}
    found = [_optimizer(torch.optim.Muon, [(matrices, decayed)], muon, sharding, world)]
    if others or plain:
        found.append(_optimizer(torch.optim.AdamW, [(others, decayed), (plain, kept)], adam, sharding, world))
    return found


def _sorted(model: nn.Module) -> tuple[list[Any], list[Any], list[Any]]:
    """Return the weights that move: the blocks' matrices, other matrices, and what does not decay."""
    tables = {id(one) for module in model.modules() if isinstance(module, nn.Embedding) for one in module.parameters()}
    inside = {id(one) for block in blocks(model) for one in block.parameters()}
    matrices, others, plain = [], [], []
    for one in model.parameters():
        if not one.requires_grad:
            continue
        if one.dim() < 2 or id(one) in tables:
            plain.append(one)
        elif one.dim() == 2 and id(one) in inside:
            matrices.append(one)
        else:
            others.append(one)
    return matrices, others, plain


def _optimizer(
    kind: Any, groups: list[tuple[list[Any], dict[str, Any]]], options: dict[str, Any], sharding: str, world: World
) -> Any:
    filled = [{"params": weights, **settings} for weights, settings in groups if weights]
    if sharding == "zero1" and world.size > 1:
        from torch.distributed.optim import ZeroRedundancyOptimizer

        return ZeroRedundancyOptimizer(filled, optimizer_class=kind, **options)
    return kind(filled, **options)


def rate_at(step: int, steps: int, config: OptimizerConfig) -> float:
    """Return the learning rate of a step.

    Args:
        step: from 0.
        steps: of the whole run.
        config: its schedule, warm-up steps and floor.
    """
    warmth = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    if config.schedule == "constant":
        return config.lr * warmth
    share = min(1.0, step / max(1, steps - 1))
    falling = 1 - share if config.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * share))
    return config.lr * warmth * (config.floor + (1 - config.floor) * falling)


def set_rate(optimizers: list[Any], rate: float) -> None:
    """Give all optimizers a learning rate."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
