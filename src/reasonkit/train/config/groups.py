"""The groups of a training run's configuration, each a small frozen value.

Paths are taken from the folder in which the command runs. Not here: what must hold between groups (`model.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]

Architecture = Literal["llama", "gpt2", "bert", "t5", "bart"]
FAMILY: dict[Architecture, Literal["decoder", "encoder", "encoder-decoder"]] = {
    "llama": "decoder",
    "gpt2": "decoder",
    "bert": "encoder",
    "t5": "encoder-decoder",
    "bart": "encoder-decoder",
}
"""Which side of the transformer each architecture has."""


BUNDLED = "bundled:"
"""Begins the name of a file that ships."""


class Group(BaseModel):
    """A frozen value that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelConfig(Group):
    """What is trained: a model on disk, or one made on the spot."""

    path: Path | None = None
    """Folder of a model in transformers' form; without it a new model is made of the sizes below."""
    architecture: Architecture = "llama"
    """Of a new model: llama and gpt2 are decoder-only, bert is encoder-only, t5 and bart are encoder-decoders."""
    width: Count = 256
    """Of a new model: numbers per token."""
    layers: Count = 4
    """Of a new model; an encoder-decoder has as many on each side."""
    heads: Count = 4
    kv_heads: Count | None = None
    """Of a new llama: heads of keys and values; None has as many as `heads`."""
    inner: Count | None = None
    """Of a new model: numbers in the feed-forward part; None is 4 times the width (llama: 8/3, rounded up to 32)."""
    context: Count = 1024
    """Of a new model: positions."""
    tie_embeddings: bool = True
    """Of a new model: whether the output's matrix is the embedding's."""
    tokenizer: Path | None = None
    """Folder or file of a tokenizer, or `module:function` that makes one of a size; None is the model's own or, for a
    new model, one learned from the data."""
    vocabulary: Annotated[int, Field(ge=300)] = 2048
    """Tokens of a tokenizer that is learned; special ones are counted in."""

    @model_validator(mode="after")
    def _whole_heads(self) -> ModelConfig:
        if self.path is None and self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads {self.heads}")
        if self.path is None and self.kv_heads and self.heads % self.kv_heads:
            raise ValueError(f"heads {self.heads} is no multiple of kv_heads {self.kv_heads}")
        return self


class TaskConfig(Group):
    """One source of rows."""

    file: Path | None = None
    """JSON Lines (JSON, CSV, Parquet too), or `bundled:dialogues`. A row holds the prompt's columns; or `text`; or `input` and `target`; or
    `segments` or `messages` as `reasonkit trace export` writes them."""
    generator: str | None = None
    """`module:function`, called with (seed, index): see `reasonkit.train.data.generators`."""
    name: str = ""
    """How figures call the task; empty is the file's or the function's name."""
    prompt: str | None = None
    """Name or folder of the prompt that is put round a row: the same as at inference."""
    columns: dict[str, str] = {}
    """What the file calls the names that the prompt uses: `{question = "dialogue", answer = "summary"}`."""
    endpoint: Literal["completions", "chat"] = "completions"
    """With a prompt: whether a row is one continued text, or a chat in the model's own template."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Rows of this task drawn, relative to the other tasks'."""
    rows: Count | None = None
    """At most so many rows are read; of a generator: so many are made, None is no end."""
    split: Literal["both", "train", "held_out"] = "both"
    """Where its rows go: `both` holds out the last `evaluation.rows` of them."""

    @model_validator(mode="after")
    def _one_source(self) -> TaskConfig:
        if (self.file is None) == (self.generator is None):
            raise ValueError("a task has either a file or a generator")
        if self.generator is not None and (self.prompt or self.columns):
            raise ValueError("a generator makes whole examples: prompt and columns are for files")
        if self.columns and not self.prompt:
            raise ValueError("columns name what a prompt uses: give a prompt")
        return self

    @property
    def title(self) -> str:
        """The task's name in figures."""
        if self.name:
            return self.name
        return self.file.stem.removeprefix(BUNDLED) if self.file is not None else str(self.generator).rpartition(":")[2]


class MethodConfig(Group):
    """Which weights move."""

    kind: Literal["full", "lora", "qlora"] = "full"
    rank: Annotated[int, Field(ge=1, le=256)] = 8
    """Of LoRA; 4 to 32 is the usual range."""
    alpha: Annotated[float, Field(gt=0)] = 16.0
    """The adapter's output is scaled by alpha / rank."""
    targets: Literal["attention", "all"] = "all"
    """The attention's matrices, or the feed-forward part's too."""
    dropout: Share = 0.0


class OptimizerConfig(Group):
    """How the weights move."""

    kind: Literal["adamw", "muon"] = "adamw"
    """`muon` moves the blocks' matrices with torch.optim.Muon and the rest with AdamW."""
    lr: Annotated[float, Field(gt=0)] = 1e-3
    """The highest learning rate."""
    betas: tuple[Share, Share] = (0.9, 0.95)
    epsilon: Annotated[float, Field(gt=0)] = 1e-8
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Of matrices; norms, biases and embeddings have none."""
    schedule: Literal["constant", "linear", "cosine"] = "cosine"
    warmup: Annotated[int, Field(ge=0)] = 0
    """Steps in which the rate rises from nothing."""
    floor: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of `lr` at the last step of linear and cosine."""
    clip: Annotated[float, Field(gt=0)] | None = 1.0
    """Greatest norm of the gradient; None does not clip."""


class BatchConfig(Group):
    """What one step sees, over all processes."""

    rows: Count | None = None
    """Sequences of a step, over all processes and accumulated parts; None where `tokens` is given, else 8."""
    tokens: Count | None = None
    """Tokens of a step at most, padding counted in: sequences of like lengths come together."""
    accumulation: Count = 1
    """Parts that each process takes one after another; the step's sequences do not change with it."""
    max_length: Annotated[int, Field(ge=8)] = 512
    """Tokens of a sequence; what is cut is counted and said."""
    packing: bool = False
    """Whether several rows share a sequence; none sees another."""
    pad_to: Count = 8
    """Lengths are rounded up to a multiple of it."""

    @model_validator(mode="after")
    def _one_size(self) -> BatchConfig:
        if self.rows and self.tokens:
            raise ValueError("give rows or tokens, not both")
        if self.tokens and self.packing:
            raise ValueError("tokens sorts by length, packing fills sequences: give rows with packing")
        if self.tokens and self.tokens < self.max_length:
            raise ValueError(f"tokens {self.tokens} does not hold one sequence of max_length {self.max_length}")
        return self


class EvaluationConfig(Group):
    """What is measured during training."""

    rows: Annotated[int, Field(ge=0)] = 0
    """Held out of each task; 0 measures nothing."""
    every: Count = 100
    """Steps between two measurements."""


class CheckpointConfig(Group):
    """What a killed run goes on from."""

    every: Count = 100
    """Steps between two checkpoints."""
    keep: Count = 2
    """So many of the newest stay."""
    form: Literal["sharded", "gathered"] = "sharded"
    """sharded: each process writes what it holds; gathered: one file. Any number of processes goes on from either."""
    verify: bool = True
    """Whether a fresh process reads each back and computes the same logits."""
