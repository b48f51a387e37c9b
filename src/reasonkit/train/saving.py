"""What a finished run leaves: a model or a PEFT adapter that other programs load, and the manifest of the run.

Both lie in the run's folder itself, so that a folder of runs is a registry of adapters. They appear after a fresh
process has loaded them. Not here: checkpoints.
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from reasonkit.clients.card import CARD_FILE
from reasonkit.clients.local.extra import peft_quietly
from reasonkit.clients.local.load import without_bars
from reasonkit.clients.local.manifest import tokenizer_sha256, weights_sha256, write_manifest
from reasonkit.errors import ModelNotFound
from reasonkit.train.adapters.registry import read_entry
from reasonkit.train.checker import Checker
from reasonkit.train.config import TrainConfig, written
from reasonkit.train.journal import Line
from reasonkit.train.material import tokenizer_folder
from reasonkit.train.sharding import World, bare, whole
from reasonkit.train.verify import record
from reasonkit.types import AdapterManifest
from reasonkit.version import __version__

MANIFEST = "manifest.json"
"""Of a finished run; it is written last."""
_PARTIAL = "finished.partial"


def save_finished(
    config: TrainConfig, model: nn.Module, tokenizer: Any, inputs: dict[str, Tensor], logits: Tensor, world: World,
    *, checker: Checker | None, prompt_sha256: str | None, metrics: dict[str, float],
) -> str | None:  # fmt: skip
    """Save the model or adapter in the run's folder; all processes call it together.

    Args:
        config: the run.
        model: as it is spread over the processes.
        tokenizer: saved beside a model.
        inputs: that the check computes.
        logits: what the model in memory gave for them.
        world: the processes.
        checker: reads it back, if it is to be checked.
        prompt_sha256: of the prompt trained with, if it was one.
        metrics: for an adapter's manifest.

    Returns:
        What the check found; None if none was wanted, or on another process than the first.

    Raises:
        VerificationFailed: what was written does not read back as the model in memory.
    """
    pieces = _pieces(model, adapter=config.method.kind != "full")
    partial = config.output / _PARTIAL
    found: list[str] = []

    def write() -> None:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        if config.method.kind == "full":
            _write_model(config, model, tokenizer, pieces, partial)
        else:
            with peft_quietly("saving an adapter"):
                inner: Any = bare(model)
                inner.save_pretrained(partial, state_dict=pieces, save_embedding_layers=False)
            _describe(config, partial, prompt_sha256, metrics)
        if checker is not None:
            record(
                partial, inputs, logits, kind="model" if config.method.kind == "full" else "adapter",
                computed=computed_in(config, world), objective=config.objective, method=config.method.kind,
                base=str(config.model.path),
            )  # fmt: skip
            found.append(str(checker.check(partial)))
        for file in partial.iterdir():
            file.replace(config.output / file.name)
        partial.rmdir()

    world.first(write)
    return found[0] if found else None


def _write_model(
    config: TrainConfig, model: nn.Module, tokenizer: Any, pieces: dict[str, Tensor], folder: Path
) -> None:
    inner: Any = bare(model)
    inner.config.use_cache = True
    with without_bars():
        inner.save_pretrained(folder, state_dict=pieces)
    tokenizer.save_pretrained(folder)
    if config.model.path is not None and (config.model.path / CARD_FILE).is_file():
        shutil.copyfile(config.model.path / CARD_FILE, folder / CARD_FILE)


def metrics_of(lines: Sequence[Line]) -> dict[str, float]:
    """Return the figures of a run: the mean loss of its last tenth, the last held-out loss and the least."""
    if not lines:
        return {}
    tail = lines[-max(1, len(lines) // 10) :]
    found = {"loss": sum(line.loss for line in tail) / len(tail)}
    held = [line.held_out for line in lines if line.held_out is not None]
    return found | ({"held_out": held[-1], "held_out_least": min(held)} if held else {})


def computed_in(config: TrainConfig, world: World) -> str:
    """Return in what the wrapper computes outside of training: FSDP2 in bf16 rounds the weights as it gathers them."""
    return "bf16" if config.precision == "bf16" and config.sharding in ("zero2", "zero3") and world.size > 1 else "fp32"


def write_run(config: TrainConfig, **facts: object) -> None:
    """Write the manifest of a finished run: what it was made of, with what, and what came out."""
    found: dict[str, object] = {"reasonkit": __version__, "config": written(config)} | facts
    found |= {"hashes": facts.get("hashes"), "versions": _versions()}
    partial = config.output / f"{MANIFEST}.partial"
    partial.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    partial.replace(config.output / MANIFEST)


def hashes(config: TrainConfig, prompt_sha256: str | None) -> dict[str, str | None]:
    """Return the hashes of what a run begins with."""
    base = config.model.path
    return {
        "base_sha256": weights_sha256(base) if base is not None else None,
        "tokenizer_sha256": tokenizer_sha256(tokenizer_folder(config)),
        "prompt_sha256": prompt_sha256,
    }


def _pieces(model: nn.Module, *, adapter: bool) -> dict[str, Tensor]:
    """Return the tensors to save, in one piece each; those that are tied are one tensor."""
    found: dict[str, Tensor] = {}
    pieces: dict[int, Tensor] = {}
    for name, tensor in bare(model).state_dict(keep_vars=True).items():
        if not isinstance(tensor, Tensor) or (adapter and not tensor.requires_grad):
            continue
        if id(tensor) not in pieces:
            pieces[id(tensor)] = whole(tensor).cpu().contiguous()
        found[name] = pieces[id(tensor)]
    return found


def _describe(config: TrainConfig, folder: Path, prompt_sha256: str | None, metrics: dict[str, float]) -> None:
    """Write what a client compares before it uses an adapter."""
    base = config.model.path
    if base is None:
        raise ModelNotFound("an adapter without a base")
    entry = read_entry(folder)
    manifest = AdapterManifest(
        name=config.output.resolve().name,
        base=str(base),
        base_sha256=weights_sha256(base),
        tokenizer_sha256=tokenizer_sha256(tokenizer_folder(config)),
        prompt_sha256=prompt_sha256,
        rank=config.method.rank,
        alpha=config.method.alpha,
        targets=entry.config.targets,
        metrics=tuple(sorted(metrics.items())),
    )
    write_manifest(folder, manifest)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("torch", "transformers", "tokenizers", "peft", "bitsandbytes"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
