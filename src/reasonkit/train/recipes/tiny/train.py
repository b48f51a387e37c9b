"""Train the network: one-thread workers on their own documents that average their weights through files.

For: a wall-clock budget on a few CPU cores that other work may slow down; every worker writes a checkpoint every few
minutes and goes on from it. The learning rate follows the share of the budget that is spent. Not for: a GPU.

Sources: Muon, Jordan et al. 2024 (https://kellerjordan.github.io/posts/muon/) for the matrices, AdamW
(arXiv:1711.05101) for the rest; averaging as in local SGD (arXiv:1805.09767).
"""

from __future__ import annotations

import ctypes
import json
import math
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from reasonkit.train.recipes.tiny import probes, vocabulary
from reasonkit.train.recipes.tiny.batches import batches
from reasonkit.train.recipes.tiny.network import Network, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a training run does."""

    folder: Path
    """Where checkpoints, logs and the tokenizer lie."""
    minutes: float = 88.0
    """Wall-clock budget of the whole run, over all resumes."""
    workers: int = 2
    seed: int = 2026
    batch_tokens: int = 8192
    """Tokens of a batch, padding included."""
    rate: float = 0.004
    """Peak learning rate."""
    average_steps: int = 25
    """Steps between two averagings of the workers' weights."""
    save_seconds: float = 150.0
    probe_seconds: float = 420.0
    muon: bool = True
    start: Path | None = None
    """Weights to begin with, as ``model.safetensors``; drawn from the seed where there are none."""


def loss(network: Network, ids: Tensor, learned: Tensor) -> Tensor:
    """Return the mean cross-entropy of the learned tokens; ids and learned are (batch, time)."""
    keep = functional.pad(learned[:, 1:], (0, 1))
    return functional.cross_entropy(network(ids, keep), ids[:, 1:][learned[:, 1:]])


def optimizers(network: nn.Module, plan: Plan) -> list[torch.optim.Optimizer]:
    """Return Muon for the blocks' matrices and AdamW for the rest."""
    matrices = [p for name, p in network.named_parameters() if p.dim() == 2 and "embed" not in name]
    embedding = [p for name, p in network.named_parameters() if "embed" in name]
    scales = [p for p in network.parameters() if p.dim() == 1]
    rest = [{"params": embedding, "weight_decay": 0.05}, {"params": scales, "weight_decay": 0.0}]
    if not plan.muon:
        rest.append({"params": matrices, "weight_decay": 0.05})
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(rest, lr=plan.rate, betas=(0.9, 0.98), fused=True)]
    if plan.muon:
        found.append(torch.optim.Muon(matrices, lr=plan.rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"))
    return found


def rate_at(share: float, step: int) -> float:
    """Return the factor on the learning rate after a share (0 to 1) of the budget: warm-up, then half a cosine."""
    return min(1.0, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))


class Worker:
    """One process of a run."""

    def __init__(self, plan: Plan, number: int, shape: Shape) -> None:
        torch.set_num_threads(1)
        self.plan, self.number, self.shape = plan, number, shape
        self.tokenizer = vocabulary.load(plan.folder / "tokenizer.json", shape.vocabulary)
        self.network = Network(shape)
        self.network.initialise(plan.seed)
        if plan.start is not None:
            self.network.load_state_dict({name: each.float() for name, each in load_file(plan.start).items()})
        self.optimizers = optimizers(self.network, plan)
        self.step = self.pool = self.tokens = 0
        self.elapsed = self.cpu = 0.0
        self.averaged = {other: 0.0 for other in range(plan.workers) if other != number}
        self.stopped = False
        if self.checkpoint.exists():
            self._load()

    @property
    def checkpoint(self) -> Path:
        """This worker's checkpoint."""
        return self.plan.folder / f"worker{self.number}.pt"

    def _load(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        self.network.load_state_dict(state["network"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.pool, self.tokens = state["step"], state["pool"], state["tokens"]
        self.elapsed, self.cpu = state["elapsed"], state["cpu"]

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "network": self.network.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step, "pool": self.pool, "tokens": self.tokens,
            "elapsed": self.elapsed, "cpu": self.cpu,
        }  # fmt: skip
        self._write(state, self.checkpoint)

    @staticmethod
    def _write(state: object, path: Path) -> None:
        partial = path.with_suffix(".tmp")
        torch.save(state, partial)
        partial.replace(path)

    def average(self) -> None:
        """Publish these weights and move half-way to each other worker's newest ones."""
        self._write(self.network.state_dict(), self.plan.folder / f"weights{self.number}.pt")
        for other, before in self.averaged.items():
            path = self.plan.folder / f"weights{other}.pt"
            if not path.exists() or path.stat().st_mtime <= before:
                continue
            self.averaged[other] = path.stat().st_mtime
            theirs = torch.load(path, weights_only=True)
            with torch.no_grad():
                for name, parameter in self.network.named_parameters():
                    parameter.lerp_(theirs[name], 1 / self.plan.workers)

    def log(self, **facts: object) -> None:
        """Append one line to this worker's log."""
        line = {"step": self.step, "minutes": round(self.elapsed / 60, 2), "tokens": self.tokens} | facts
        with (self.plan.folder / f"worker{self.number}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def stop(self, *_: object) -> None:
        """Have the run write a checkpoint after this step and end."""
        self.stopped = True

    def run(self) -> None:
        """Train until the budget is spent; on SIGTERM write a checkpoint and end."""
        signal.signal(signal.SIGTERM, self.stop)
        plan, budget = self.plan, self.plan.minutes * 60
        started, started_cpu = time.monotonic() - self.elapsed, time.process_time() - self.cpu
        saved = probed = self.elapsed
        recent: list[float] = []
        while self.elapsed < budget and not self.stopped:
            source = batches(
                self.tokenizer, plan.seed * 100 + self.number, self.pool, plan.batch_tokens, self.shape.context
            )
            self.pool += 1
            for ids, learned in source:
                recent.append(self.advance(ids, learned, budget))
                self.elapsed = time.monotonic() - started
                self.cpu = time.process_time() - started_cpu
                if self.step % plan.average_steps == 0 and plan.workers > 1:
                    self.average()
                if self.step % 50 == 0:
                    self.log(loss=round(sum(recent) / len(recent), 4), cpu_minutes=round(self.cpu / 60, 2))
                    recent.clear()
                    _trim()
                if self.elapsed - saved > plan.save_seconds:
                    self.save()
                    saved = self.elapsed
                if self.number == 0 and self.elapsed - probed > plan.probe_seconds:
                    probed = self.elapsed
                    self.log(exact=probes.exact(self.network, self.tokenizer))
                if self.elapsed >= budget or self.stopped:
                    break
        self.average()
        self.save()
        if self.stopped:
            return
        self.log(exact=probes.exact(self.network, self.tokenizer), finished=True)

    def advance(self, ids: Tensor, learned: Tensor, budget: float) -> float:
        """Take one step on a batch and return its loss."""
        factor = rate_at(self.elapsed / budget, self.step)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.plan.rate * factor
        value = loss(self.network, ids, learned)
        value.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        self.tokens += ids.numel()
        return value.item()


def _trim() -> None:
    """Give freed memory back: batches differ in shape, and glibc keeps what it once had (300 MB a minute, measured)."""
    with suppress(OSError, AttributeError):  # other systems have no malloc_trim, and do not need it
        ctypes.CDLL(None).malloc_trim(0)
