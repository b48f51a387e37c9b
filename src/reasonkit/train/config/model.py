"""The whole configuration of a training run, and what must hold between its groups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from reasonkit.train.config.groups import (
    FAMILY,
    BatchConfig,
    CheckpointConfig,
    Count,
    EvaluationConfig,
    Group,
    MethodConfig,
    ModelConfig,
    OptimizerConfig,
    TaskConfig,
)

Objective = Literal["causal", "masked", "span_corruption", "denoising", "seq2seq"]
OBJECTIVES: dict[str, tuple[Objective, ...]] = {
    "decoder": ("causal",),
    "encoder": ("masked",),
    "encoder-decoder": ("seq2seq", "span_corruption", "denoising"),
}
"""What each family of models learns; the first is the default."""


class TrainConfig(Group):
    """One training run."""

    output: Path
    """Folder of checkpoints, figures and the finished model or adapter."""
    data: Annotated[tuple[TaskConfig, ...], Field(min_length=1)]
    """The tasks, mixed by weight."""
    model: ModelConfig = ModelConfig()
    objective: Objective = "causal"
    """causal: decoder-only; masked: encoder-only; seq2seq, span_corruption, denoising: encoder-decoder."""
    method: MethodConfig = MethodConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    batch: BatchConfig = BatchConfig()
    steps: Count | None = None
    """Steps of the whole run; or `epochs`."""
    epochs: Annotated[float, Field(gt=0)] | None = None
    """Passes over the rows; without steps and epochs it is 1."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """bf16 keeps the weights in fp32 and computes in bf16."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    evaluation: EvaluationConfig = EvaluationConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    sharding: Literal["none", "ddp", "zero1", "zero2", "zero3"] = "none"
    """ddp: all have everything; zero1 divides the optimizer's states, zero2 and zero3 the weights too (FSDP2)."""
    processes: Count = 1
    """That `reasonkit train` starts on this machine; torchrun has its own say."""
    threads: Count = 1
    """Of arithmetic on the CPU, for each process."""
    recompute: bool = False
    """Whether a block's activations are computed again in the backward pass, to save memory."""

    @model_validator(mode="after")
    def _fits_together(self) -> TrainConfig:
        if self.steps is not None and self.epochs is not None:
            raise ValueError("give steps or epochs, not both")
        if self.model.path is None:
            family = FAMILY[self.model.architecture]
            if self.objective not in OBJECTIVES[family]:
                learns = " or ".join(OBJECTIVES[family])
                raise ValueError(f"a new {self.model.architecture} ({family}) learns {learns}, not {self.objective}")
            if self.method.kind != "full":
                raise ValueError(f"{self.method.kind} adapts a model that is there: give model.path")
            if self.model.architecture != "t5" and self.batch.max_length > self.model.context:
                raise ValueError(f"batch.max_length {self.batch.max_length} is over model.context {self.model.context}")
        if self.batch.packing and self.objective not in ("causal", "masked"):
            raise ValueError(f"packing is for causal and masked, not {self.objective}: use batch.tokens to pad little")
        held_out = [task.title for task in self.data if task.split == "held_out"]
        if held_out and not self.evaluation.rows:
            raise ValueError(f"the task {held_out[0]!r} is held out, but evaluation.rows is 0")
        if len(held_out) == len(self.data):
            raise ValueError("every task is held out: there is none to train on")
        titles = [task.title for task in self.data]
        if twice := [title for title in titles if titles.count(title) > 1]:
            raise ValueError(f"two tasks are called {twice[0]!r}: give one a name")
        parts = self.processes * self.batch.accumulation
        if (self.batch.rows or 8) < parts and not self.batch.tokens:
            raise ValueError(
                f"{self.batch.rows or 8} rows a step do not go round {self.processes} processes of "
                f"{self.batch.accumulation} parts: raise batch.rows"
            )
        if self.processes > 1 and self.sharding == "none":
            raise ValueError(f"{self.processes} processes need a sharding: ddp, zero1, zero2 or zero3")
        endless = [
            task.title for task in self.data if task.generator and task.rows is None and task.split != "held_out"
        ]
        if endless and self.steps is None:
            raise ValueError(f"the generator {endless[0]!r} has no end: give steps, or rows of the task")
        return self
