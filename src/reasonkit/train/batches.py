"""Batches as a pure function of the configuration, the step, the rank and the number of processes.

So a resumed run sees what it would have seen, and another number of processes sees the same sequences in each step.

Packed rows do not see one another: the mask is written out, (batch, 1, time, time), because a model that is left to
infer the rows' borders from position ids does so only without a cache (transformers 5.23: `use_cache` is on by default,
and then the rows leak into one another without a word). It is of fp32 with the lowest number where nothing is seen, which
each of transformers' ways of attention adds to its scores; a boolean one is right for one of them and wrong for another.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from reasonkit.errors import InputError
from reasonkit.train.config import TrainConfig
from reasonkit.train.data.encoding import Encoder
from reasonkit.train.data.mixing import Mix
from reasonkit.train.data.padding import Rectangle, padded
from reasonkit.train.data.pools import Pools, Rows, alike, packed
from reasonkit.train.data.sources import Source, read_source
from reasonkit.train.data.vocabulary import Vocabulary
from reasonkit.train.examples import IGNORE, Example

if TYPE_CHECKING:
    import torch

ROWS = 8
"""Sequences of a step where the configuration says neither rows nor tokens."""


class Batches:
    """The batches of a run.

    All rows are read and tokenised here, so that a fault in them shows before the first step. The keys of a batch are
    what a model's forward pass takes: input_ids and labels (batch, time), attention_mask (batch, time) or, where rows
    are packed, (batch, 1, time, time) with position_ids (batch, time).

    Args:
        config: the run.
        tokenizer: of transformers' fast kind.
        pools: `Batches.pools` of an earlier run of the same configuration, which a resume need not plan again.

    Raises:
        InputError: a source cannot be read, or nothing in it would be learned.
    """

    def __init__(self, config: TrainConfig, tokenizer: Any, *, pools: Sequence[int] = ()) -> None:
        self.config = config
        _check_length(config)
        self.vocabulary = Vocabulary(tokenizer)
        encoder = Encoder(self.vocabulary, config.objective, config.batch.max_length)
        self.sources: tuple[Source, ...] = tuple(read_source(task, config, encoder) for task in config.data)
        self._drawn = tuple(
            source for source, task in zip(self.sources, config.data, strict=True) if task.split != "held_out"
        )
        self._mix = Mix([source.weight for source in self._drawn], config.seed)
        self._pairs = config.objective not in ("causal", "masked")
        self._sequences = lru_cache(4)(self._found)
        batch = config.batch
        self._rows = batch.rows or ROWS
        self._pools: Pools | None = None
        if batch.packing:
            plan = packed(batch.max_length)
            self._pools = Pools(self._draw, plan, config.seed, self._draws, pools)
        elif batch.tokens:
            plan = alike(batch.tokens, batch.pad_to, pairs=self._pairs)
            self._pools = Pools(self._draw, plan, config.seed, self._draws, pools)

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        if self.config.steps is not None:
            return self.config.steps
        if self._pools is None:
            assert self._draws is not None
            return math.ceil(self._draws / self._rows)
        return math.ceil(self._pools.count() / self._per_step)

    @property
    def pools(self) -> tuple[int, ...]:
        """What was planned so far, for a checkpoint: see the argument of that name."""
        return () if self._pools is None else tuple(self._pools.sizes)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks that have rows held out."""
        return tuple(source.title for source in self.sources if source.held_out)

    def sequences(self, step: int) -> Sequence[Rows]:
        """Return what a step sees, over all processes, as token ids.

        Raises:
            InputError: the run has no such step.
        """
        return self._sequences(step)

    def learned(self, step: int) -> int:
        """Labels learned in a step over all ranks: divide the summed loss by it, and no split changes the gradient."""
        return sum(example.learned for sequence in self.sequences(step) for example in sequence)

    def tokens(self, step: int) -> int:
        """Return the tokens of a step over all ranks, padding not counted."""
        return sum(
            len(example.input_ids) + (len(example.labels) if self._pairs else 0)
            for sequence in self.sequences(step)
            for example in sequence
        )

    def batch(self, step: int, rank: int, world: int) -> dict[str, torch.Tensor]:
        """Return a rank's part of a step's batch.

        Args:
            step: from 0.
            rank: from 0.
            world: number of processes.
        """
        return self._tensors(self._slice(step, rank, world))

    def parts(self, step: int, rank: int, world: int) -> list[dict[str, torch.Tensor]]:
        """Return a rank's batch in `batch.accumulation` parts, to be taken one after another."""
        count = self.config.batch.accumulation
        return [self._tensors(self._slice(step, rank * count + part, world * count)) for part in range(count)]

    def held_out(self, task: str | None = None) -> list[dict[str, torch.Tensor]]:
        """Return the batches that are measured on, the same at every call; of one task, or of all."""
        found = [(example,) for source in self.sources if task in (None, source.title) for example in source.measured()]
        rows = self.config.batch.rows or max((self.config.batch.tokens or 0) // self.config.batch.max_length, 1)
        return [self._tensors(found[start : start + rows]) for start in range(0, len(found), rows)]

    def prompt_sha256s(self) -> Mapping[str, str | None]:
        """Return the hash of each task's prompt; None where there is none."""
        return {source.title: source.prompt_sha256 for source in self.sources}

    def prompt_sha256(self) -> str | None:
        """Return the hash of the one prompt that all tasks use; None where there is none, or more than one."""
        found = set(self.prompt_sha256s().values())
        return found.pop() if len(found) == 1 else None

    def report(self) -> tuple[str, ...]:
        """Say what became of each task's rows: how many there are, and what was cut or left out, a line each."""
        trained = [source.counts.said(source.title) for source in self._drawn]
        measured = [source.held_counts.said(f"{source.title}, held out") for source in self.sources if source.held_out]
        return (*trained, *measured)

    @property
    def _draws(self) -> int | None:
        """Draws of the whole run; None where only the steps bound it."""
        if self.config.steps is not None:
            return None
        return math.ceil((self.config.epochs or 1) * sum(len(source.examples) for source in self._drawn))

    @property
    def _per_step(self) -> int:
        return self._rows if self.config.batch.packing else 1

    def _draw(self, number: int) -> Example:
        task, place = self._mix.draw(number)
        return self._drawn[task].example(place)

    def _found(self, step: int) -> list[Rows]:
        if not 0 <= step < self.steps:
            raise InputError(f"there is no step {step}: the run has {self.steps}")
        if self._pools is None:
            end = (step + 1) * self._rows
            return [(self._draw(number),) for number in range(step * self._rows, min(end, self._draws or end))]
        if not self.config.batch.packing:
            return self._pools.part(step)
        end = (step + 1) * self._rows
        last = end if self.config.steps is not None else min(end, self._pools.count())
        return [sequence for part in range(step * self._rows, last) for sequence in self._pools.part(part)]

    def _slice(self, step: int, part: int, parts: int) -> Sequence[Rows]:
        found = self.sequences(step)
        own = found[part * len(found) // parts : (part + 1) * len(found) // parts]
        if own:
            return own
        # a step with fewer sequences than parts, as the last of a run may be: one that is looked at and not learned
        return [tuple(Example(one.input_ids, (IGNORE,) * len(one.labels), one.task) for one in found[0])]

    def _tensors(self, sequences: Sequence[Rows]) -> dict[str, torch.Tensor]:
        batch = self.config.batch
        return tensors(
            padded(sequences, pad=self.vocabulary.pad, pad_to=batch.pad_to, pairs=self._pairs, packing=batch.packing),
            causal=self.config.objective == "causal",
        )


def _check_length(config: TrainConfig) -> None:
    """Refuse sequences longer than the positions that a loaded model was made for: some models say nothing."""
    if config.model.path is None:
        return
    try:
        facts = json.loads((config.model.path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # loading the model says what is wrong with its folder
    most = facts.get("max_position_embeddings", facts.get("n_positions") if facts.get("model_type") == "gpt2" else None)
    if isinstance(most, int) and config.batch.max_length > most:
        raise InputError(
            f"batch.max_length is {config.batch.max_length}, but the model in {str(config.model.path)!r} has {most} "
            f"positions: give {most} or less"
        )


def tensors(made: Mapping[str, Rectangle], *, causal: bool) -> dict[str, torch.Tensor]:
    """Return rectangles as tensors of int64, and the rows of packed sequences as an attention mask of fp32.

    Args:
        made: what `padded` returns.
        causal: whether a token sees only those before it.
    """
    import torch

    found = {name: torch.tensor(lines, dtype=torch.long) for name, lines in made.items()}
    if "rows" in found:
        rows = found.pop("rows")  # (batch, time)
        seen = rows[:, :, None] == rows[:, None, :]  # (batch, time, time)
        if causal:
            seen = seen.tril()
        hidden = torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)
        found["attention_mask"] = hidden[:, None]
    return found
