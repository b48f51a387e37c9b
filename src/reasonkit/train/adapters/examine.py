"""Whether an adapter is whole and goes with a model and a prompt, before anything is loaded. Needs no torch.

Each finding says what was compared; what could not be is said too. Not here: what the adapter does to answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reasonkit.clients.local.manifest import tensor_shapes, tokenizer_sha256, weights_sha256
from reasonkit.errors import InputError
from reasonkit.prompts import Prompt
from reasonkit.train.adapters.registry import WEIGHTS_FILE, Entry
from reasonkit.types import AdapterManifest

Grade = Literal["good", "fault", "unknown"]
MARKS = {"good": "+", "fault": "-", "unknown": "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    what: str
    grade: Grade
    """good: as it should be; fault: a client refuses it, or should; unknown: there was nothing to compare with."""
    found: str

    def __str__(self) -> str:
        return f"{MARKS[self.grade]} {self.what:9}  {self.found}"


def examine(entry: Entry, *, model: Path | None = None, prompt: Prompt | None = None) -> tuple[Finding, ...]:
    """Compare an adapter with itself, with a model and with a prompt.

    Args:
        entry: the adapter.
        model: the folder of the model that it is to be used on; None takes the manifest's, if that is a folder here.
        prompt: the one that it is to be asked with; None compares none.
    """
    found = [*_weights(entry)]
    if entry.manifest is None:
        found.append(_finding("manifest", "unknown", "there is none: its base, tokenizer and prompt are not known"))
        return tuple(found)
    found += _manifest(entry, entry.manifest)
    found += _base(entry.manifest, model)
    found.append(_prompt(entry.manifest, prompt))
    return tuple(found)


def _weights(entry: Entry) -> Iterator[Finding]:
    file = entry.folder / WEIGHTS_FILE
    if not file.is_file():
        yield _finding("weights", "fault", f"{WEIGHTS_FILE} is missing")
        return
    try:
        shapes = tensor_shapes(file)
    except InputError as error:
        yield _finding("weights", "fault", str(error))
        return
    down = {name: shape for name, shape in shapes.items() if ".lora_A." in name}
    up = {name: shape for name, shape in shapes.items() if ".lora_B." in name}
    lone = sorted({name.replace(".lora_A.", ".lora_B.") for name in down} ^ set(up))
    if not down:
        yield _finding("weights", "fault", f"{WEIGHTS_FILE} holds no LoRA matrices")
    elif lone:
        yield _finding("weights", "fault", f"{len(lone)} matrices have no partner, the first at {lone[0]!r}")
    else:
        ranks = {shape[0] for shape in down.values()} | {shape[1] for shape in up.values()}
        size = sum(rows * columns for rows, columns in (*down.values(), *up.values()))
        told = f"{len(down)} pairs of matrices, {size:,} parameters, rank {', '.join(map(str, sorted(ranks)))}"
        good = ranks == {entry.config.r}
        yield _finding(
            "weights",
            "good" if good else "fault",
            told + ("" if good else f"; the configuration says {entry.config.r}"),
        )


def _manifest(entry: Entry, manifest: AdapterManifest) -> Iterator[Finding]:
    config = entry.config
    differs = [
        f"{key} is {ours!r}, PEFT's configuration says {theirs!r}"
        for key, ours, theirs in (
            ("rank", manifest.rank, config.r),
            ("alpha", manifest.alpha, config.lora_alpha),
            ("targets", tuple(sorted(manifest.targets)), config.targets),
        )
        if ours != theirs
    ]
    if manifest.name != entry.name:
        differs.append(f"it was trained as {manifest.name!r}, its folder is {entry.name!r}")
    yield _finding("manifest", "fault" if differs else "good", "; ".join(differs) or "agrees with PEFT's configuration")


def _base(manifest: AdapterManifest, model: Path | None) -> Iterator[Finding]:
    folder = model or Path(manifest.base).expanduser()
    if not (folder / "config.json").is_file():
        told = f"{manifest.base!r} is no folder here" if model is None else f"there is no model in {str(model)!r}"
        yield _finding("base", "unknown" if model is None else "fault", f"{told}; give --model FOLDER")
        return
    for what, wanted, read in (
        ("base", manifest.base_sha256, weights_sha256),
        ("tokenizer", manifest.tokenizer_sha256, tokenizer_sha256),
    ):
        try:
            there = read(folder)
        except InputError as error:
            yield _finding(what, "fault", str(error))
            continue
        same = there == wanted
        yield _finding(
            what,
            "good" if same else "fault",
            f"sha256 {wanted} as in {str(folder)!r}"
            if same
            else f"sha256 {wanted} when it was trained, {there} in {str(folder)!r}; train it again on this one",
        )


def _prompt(manifest: AdapterManifest, prompt: Prompt | None) -> Finding:
    trained = manifest.prompt_sha256
    if trained is None:
        return _finding("prompt", "good", "trained without a prompt: any may be used")
    if prompt is None:
        return _finding("prompt", "unknown", f"sha256 {trained}; give --prompt NAME to compare")
    if prompt.sha256 == trained:
        return _finding("prompt", "good", f"sha256 {trained} as {prompt.name!r}")
    return _finding("prompt", "fault", f"sha256 {trained} when it was trained, {prompt.sha256} of {prompt.name!r}")


def _finding(what: str, grade: Grade, found: str) -> Finding:
    return Finding(what=what, grade=grade, found=found)
