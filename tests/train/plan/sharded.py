"""One rank of real training steps on gloo; rank 0 prints the bytes that each holds after them. Started by test_real_states.

    python -m tests.train.plan.sharded RANK RANKS PORT

`zero2` is the paper's, made of torch's parts: gradients are reduced to the rank whose `ZeroRedundancyOptimizer` steps with
them, and freed on the others. torch itself offers none: what FSDP calls so (`fsdp-kept`) divides weights at rest too.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.nn.parallel import DistributedDataParallel
from transformers import AutoConfig, AutoModelForCausalLM

from reasonkit.train.plan.states import SHARDINGS
from tests.train.plan.tiny import MODELS


def held(tensors: Iterable[torch.Tensor]) -> int:
    """Return the bytes of their storages, each counted once; of a sharded tensor the local part."""
    local = [getattr(tensor, "_local_tensor", tensor) for tensor in tensors]
    return sum({one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in local}.values())


def step(sharding: str, rank: int, name: str) -> dict[str, int]:
    """Take two steps with a model that is sharded so, and return the bytes that this rank then holds."""
    torch.manual_seed(0)
    settings = dict(MODELS[name])
    config = AutoConfig.for_model(settings.pop("model_type"), **settings, use_cache=False)
    model = AutoModelForCausalLM.from_config(config)
    wrapped: Any = model
    if sharding in ("ddp", "zero1"):
        wrapped = DistributedDataParallel(model, gradient_as_bucket_view=True)
    elif sharding.startswith("fsdp"):
        layers = model.transformer.h if name == "gpt2" else model.model.layers
        for layer in layers:
            fully_shard(layer, reshard_after_forward=sharding == "fsdp")
        fully_shard(model, reshard_after_forward=sharding == "fsdp")
    weights = list(wrapped.parameters())
    if sharding in ("zero1", "zero2"):
        optimizer: Any = ZeroRedundancyOptimizer(weights, optimizer_class=torch.optim.AdamW, lr=1e-3)
        if sharding == "zero2":
            reduce_to_owners(optimizer, weights, rank)
    else:
        optimizer = torch.optim.AdamW(weights, lr=1e-3)
    tokens = torch.randint(0, config.vocab_size, (2, 16), generator=torch.Generator().manual_seed(rank))
    for last in (False, True):
        wrapped(input_ids=tokens, labels=tokens).loss.backward()
        optimizer.step()
        if not last:
            optimizer.zero_grad()
    own = optimizer.optim if isinstance(optimizer, ZeroRedundancyOptimizer) else optimizer
    states = [value for slots in own.state.values() for value in slots.values() if isinstance(value, torch.Tensor)]
    return {
        "weights": held(weights),
        "gradients": held(weight.grad for weight in weights if weight.grad is not None),
        "optimizer": held(state for state in states if state.numel()),
    }


def reduce_to_owners(optimizer: ZeroRedundancyOptimizer, weights: list[torch.nn.Parameter], rank: int) -> None:
    owners = optimizer._param_to_rank

    def reduce(weight: torch.Tensor) -> None:
        assert weight.grad is not None
        dist.reduce(weight.grad, owners[weight])
        if owners[weight] != rank:
            weight.grad = None

    for weight in weights:
        weight.register_post_accumulate_grad_hook(reduce)


def main(rank: int, ranks: int, port: str) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "RANK": str(rank), "WORLD_SIZE": str(ranks)}
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    for sharding in (one for one in SHARDINGS if one != "zero3"):  # whose implementation here is fsdp
        for name in MODELS:
            gathered: list[Any] = [None] * ranks
            dist.all_gather_object(gathered, step(sharding, rank, name))
            if rank == 0:
                print(json.dumps({"sharding": sharding, "model": name, "ranks": gathered}), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    # Threads of torch that still want the interpreter while it is taken down abort the process, all work being done.
    sys.stdout.flush()
    os._exit(0)
