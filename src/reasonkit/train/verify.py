"""The check of what was saved: a fresh process loads it, and must compute the logits of the model in memory.

Beside the weights lie fixed inputs and the logits that the model gave for them. Before a checkpoint is read, every
weight that it must hold is set to NaN, and a model or adapter is loaded as its users load it, with no tensor missing
and none left over: a lost shard or a tensor that was silently drawn anew cannot pass.

Not here: the fresh process (`checker.py`; `reasonkit train --verify FOLDER` is one), and whether a model is good.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from reasonkit.clients.local.extra import peft_quietly
from reasonkit.clients.local.load import without_bars
from reasonkit.errors import InputError, VerificationFailed
from reasonkit.train.checkpoints import FACTS, checkpoints, restore, weights_of
from reasonkit.train.config.reading import parsed
from reasonkit.train.forward import forwarded, still
from reasonkit.train.models import automatic, quantised, rebuilt
from reasonkit.train.sharding import World, rest

TENSORS, NOTE = "verify.safetensors", "verify.json"
TOLERANCE = {"fp32": 1e-4, "bf16": 2e-2}
"""Greatest difference of a logit, as a share of the greatest logit (at least 1): the order of sums, and no more."""
ROWS, LENGTH, PLACES = 2, 64, 8
"""What is compared: so many rows, cut to so many tokens, the logits at so many places of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What a fresh process found."""

    difference: float
    """Greatest difference of a logit."""
    tolerance: float
    tensors: int
    """That were read."""
    logits: int
    """That were compared."""

    def __str__(self) -> str:
        return f"{self.tensors} tensors, {self.logits:,} logits differ by {self.difference:.2g} (at most {self.tolerance:.2g})"


def fixed_inputs(model: nn.Module, part: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the first rows of a batch, cut, as the forward pass takes them."""
    cut = {name: tensor[:ROWS] for name, tensor in part.items()}
    for at in range(1, max(tensor.dim() for tensor in cut.values())):
        cut = {name: tensor.narrow(at, 0, min(LENGTH, tensor.shape[at])) if tensor.dim() > at else tensor
               for name, tensor in cut.items()}  # fmt: skip
    return {name: tensor.clone().contiguous() for name, tensor in forwarded(model, cut)[0].items()}


def logits_of(model: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    """Return what a model gives at the compared places, (rows, places, vocabulary), fp32; all processes call it."""
    device = next(iter(inputs.values())).device
    still(model)
    with torch.no_grad():
        logits = model(**inputs).logits
    rest(model)
    places = torch.linspace(0, logits.shape[1] - 1, min(PLACES, logits.shape[1]), device=device).round().long()
    return logits[:, places].float()


def record(
    folder: Path, inputs: dict[str, Tensor], logits: Tensor, *, kind: str, computed: str, **facts: object
) -> None:
    """Write beside the weights what a fresh process must compute.

    Args:
        folder: of the weights.
        inputs: of the forward pass.
        logits: what it gave.
        kind: checkpoint, model or adapter.
        computed: fp32, or bf16 where the weights were rounded to it.
        facts: what loading needs to know.
    """
    tensors = {f"inputs/{name}": tensor.cpu() for name, tensor in inputs.items()}
    save_file(tensors | {"logits": logits.cpu().contiguous()}, folder / TENSORS)
    note = {"kind": kind, "computed": computed, "device": logits.device.type} | facts
    (folder / NOTE).write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")


def verify(folder: Path) -> Check:
    """Check a checkpoint, a finished model or an adapter; of a run under way its newest checkpoint.

    Raises:
        InputError: the folder holds nothing to check.
        VerificationFailed: it is not what was in memory.
    """
    if not (folder / NOTE).is_file():
        inside = [one for one in checkpoints(folder / "checkpoints") if (one / NOTE).is_file()]
        if not inside:
            raise InputError(f"{str(folder)!r} holds nothing to check: no {NOTE} there, and no checkpoint with one")
        folder = inside[-1]
    try:
        note: dict[str, Any] = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        tensors = load_file(folder / TENSORS)
    except (OSError, ValueError, SafetensorError) as error:
        raise VerificationFailed(f"{str(folder)!r}: what to compare with cannot be read: {error}") from error
    device = torch.device(note["device"])
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError(
            f"{str(folder)!r} was computed on a GPU, and torch sees none here: check it where there is one"
        )
    try:
        model, count = _LOADERS[note["kind"]](folder, note, device)
    except InputError as error:
        raise VerificationFailed(str(error)) from error
    if note["computed"] == "bf16":
        for weight in model.parameters():
            if weight.dtype == torch.float32:
                weight.data = weight.data.to(torch.bfloat16)
    wanted = tensors.pop("logits")
    inputs = {name.removeprefix("inputs/"): tensor.to(device) for name, tensor in tensors.items()}
    found = logits_of(model, inputs).cpu()
    difference = float((found - wanted).abs().max()) if found.shape == wanted.shape else float("inf")
    check = Check(
        difference=difference, tolerance=TOLERANCE[note["computed"]] * max(1.0, float(wanted.abs().max())),
        tensors=count, logits=wanted.numel(),
    )  # fmt: skip
    if not difference <= check.tolerance:  # NaN is not either
        raise VerificationFailed(
            f"{str(folder)!r} gives logits that differ by {difference:.3g} from those of the model in memory, "
            f"{check.tolerance:.3g} is allowed: weights are missing or changed"
        )
    return check


def _checkpoint(folder: Path, note: dict[str, Any], device: torch.device) -> tuple[nn.Module, int]:
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    config = parsed(facts["config"], str(folder / FACTS))
    model = rebuilt(config, folder, device)
    moving = config.method.kind != "full"
    held = weights_of(model, moving=moving)
    for tensor in held.values():
        if tensor.is_floating_point():
            tensor.data.fill_(float("nan"))
    restore(folder, model, [], World(), moving=moving)
    del note
    return model.to(device), len(held)


def _model(folder: Path, note: dict[str, Any], device: torch.device) -> tuple[nn.Module, int]:
    with without_bars():
        try:
            model, report = automatic(note["objective"]).from_pretrained(
                folder, local_files_only=True, dtype=torch.float32, output_loading_info=True
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise InputError(f"the model in {str(folder)!r} cannot be loaded: {error}") from error
    wrong = [key for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for key in sorted(report[kind])]
    if wrong:
        raise InputError(
            f"the model in {str(folder)!r} is not whole: {len(wrong)} weights do not fit, {wrong[0]!r} first"
        )
    return model.to(device), len(list(model.parameters()))


def _adapter(folder: Path, note: dict[str, Any], device: torch.device) -> tuple[nn.Module, int]:
    options = quantised(device) if note["method"] == "qlora" else {}
    with without_bars(), peft_quietly("an adapter") as peft:  # what is filtered within is so no longer after it
        base = automatic(note["objective"]).from_pretrained(
            note["base"], local_files_only=True, dtype=torch.float32, **options
        )
        warnings.filterwarnings("ignore", "Found missing adapter keys", UserWarning)  # said below, as an error
        try:
            saved = load_file(folder / "adapter_model.safetensors")
            model = peft.PeftModel.from_pretrained(base, folder)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise InputError(f"the adapter in {str(folder)!r} cannot be loaded: {error}") from error
        there = set(peft.get_peft_model_state_dict(model))
    differs = sorted(there ^ set(saved))
    if differs:
        raise InputError(
            f"the adapter in {str(folder)!r} is not whole: {len(saved)} tensors for {len(there)} places, "
            f"{differs[0]!r} first"
        )
    return model.to(device) if note["method"] != "qlora" else model, len(saved)


_LOADERS = {"checkpoint": _checkpoint, "model": _model, "adapter": _adapter}
