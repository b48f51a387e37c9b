"""Batches as a pure function of the configuration, the step, the rank and the number of processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonkit.train.config import TrainConfig

if TYPE_CHECKING:
    import torch


class Batches:
    """The batches of a run.

    The sequences of a step are fixed by the configuration alone; each rank takes its slice of them. A tensor's keys
    are what the model's forward takes: input_ids, labels, attention_mask, and position_ids where rows are packed.
    """

    def __init__(self, config: TrainConfig, tokenizer: Any) -> None:
        self.config = config
        self.tokenizer = tokenizer

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        raise NotImplementedError

    def learned(self, step: int) -> int:
        """Labels learned in a step over all ranks: divide the summed loss by it, and no split changes the gradient."""
        raise NotImplementedError(step)

    def batch(self, step: int, rank: int, world: int) -> dict[str, torch.Tensor]:
        """Return a rank's part of a step's batch.

        Args:
            step: from 0.
            rank: from 0.
            world: number of processes.
        """
        raise NotImplementedError(step, rank, world)

    def parts(self, step: int, rank: int, world: int) -> list[dict[str, torch.Tensor]]:
        """Return a rank's batch in `batch.accumulation` parts, to be taken one after another."""
        raise NotImplementedError(step, rank, world)

    def held_out(self) -> list[dict[str, torch.Tensor]]:
        """Return the batches that are measured on, the same at every call."""
        raise NotImplementedError

    def prompt_sha256(self) -> str | None:
        """Return the hash of the one prompt that all tasks use; None where there is none, or more than one."""
        raise NotImplementedError
