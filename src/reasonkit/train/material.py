"""The tokenizer and the batches of a run, the same on every process.

A tokenizer that is learned, or does not come in a folder, is kept in the run's folder, and the run goes on with that.
Not here: how either is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reasonkit.train.batches import Batches
from reasonkit.train.config import TrainConfig
from reasonkit.train.data.tokenizers import load_tokenizer
from reasonkit.train.sharding import World

KEPT = "tokenizer"


def tokenizer_folder(config: TrainConfig) -> Path:
    """Return where a run's tokenizer lies: the model's folder, the one that is named, or the run's own."""
    named = config.model.tokenizer
    if named is not None:
        return Path(named) if Path(named).is_dir() else config.output / KEPT
    return config.model.path or config.output / KEPT


def material(config: TrainConfig, world: World, pools: Sequence[int] = ()) -> tuple[Any, Batches]:
    """Return the tokenizer and the batches; all processes call it together.

    Args:
        config: the run.
        world: the processes.
        pools: what an earlier part of the run has planned.

    Raises:
        InputError: a row, a prompt or a tokenizer cannot be used.
    """
    folder = tokenizer_folder(config)
    if folder != config.output / KEPT:
        tokenizer = load_tokenizer(config)
    else:
        world.first(lambda: _keep(config, folder))
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return tokenizer, Batches(config, tokenizer, pools=pools)


def _keep(config: TrainConfig, folder: Path) -> None:
    if not (folder / "tokenizer.json").is_file():
        load_tokenizer(config).save_pretrained(folder)
