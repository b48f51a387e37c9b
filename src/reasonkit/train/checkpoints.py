"""What a killed run goes on from: weights that move, the optimizers' states, and how far the run was.

A checkpoint is a folder that appears whole or not at all: it is written under another name, checked, and renamed.
`sharded` is torch's DCP, in which each process writes what it holds; `gathered` is one safetensors file. Both hold
each tensor in one piece under its own name, so any number of processes and any sharding goes on from either. Nothing
random is kept: batches are a pure function of the step, and the dice are seeded anew at each.

Source: https://docs.pytorch.org/docs/stable/distributed.checkpoint.html
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from reasonkit.errors import InputError, TrainingFailed
from reasonkit.train.sharding import World, bare, whole

FACTS = "checkpoint.json"
GATHERED = "state.safetensors"
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is."""

    step: int = 0
    """Steps taken."""
    tokens: int = 0
    """Tokens seen."""
    seconds: float = 0.0
    """Of training, over all resumes."""


def weights_of(model: nn.Module, *, moving: bool) -> dict[str, Tensor]:
    """Return a model's tensors by name: those that move, or all with the buffers; a tied one once."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in bare(model).state_dict(keep_vars=True).items():
        if isinstance(tensor, Tensor) and id(tensor) not in seen and (tensor.requires_grad or not moving):
            seen.add(id(tensor))
            found[name] = tensor
    return found


def states_of(model: nn.Module, optimizers: list[Any]) -> Iterator[tuple[str, Tensor, dict[str, Any]]]:
    """Yield each weight that an optimizer of this process moves: its name, itself and its state."""
    names = {id(tensor): name for name, tensor in weights_of(model, moving=True).items()}
    for optimizer in optimizers:
        local = getattr(optimizer, "optim", optimizer)  # ZeroRedundancyOptimizer keeps its own share in there
        for group in local.param_groups:
            for weight in group["params"]:
                yield names[id(weight)], weight, local.state[weight]


def tensors_of(model: nn.Module, optimizers: list[Any], *, moving: bool) -> dict[str, Tensor]:
    """Return all that a checkpoint holds of this process."""
    found = {f"model/{name}": tensor.detach() for name, tensor in weights_of(model, moving=moving).items()}
    for name, _, state in states_of(model, optimizers):
        found |= {f"optimizer/{name}/{slot}": value for slot, value in state.items() if isinstance(value, Tensor)}
    return found


@contextmanager
def written(folder: Path, world: World) -> Iterator[Path]:
    """Hand out a folder to write in, which takes its name when all processes have left; all call it together."""
    partial = folder.with_name(folder.name + _PARTIAL)
    if world.chief:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    world.wait()
    yield partial
    world.wait()
    if world.chief:
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    world.wait()


def save(folder: Path, tensors: dict[str, Tensor], world: World, *, form: str) -> None:
    """Write tensors into a folder; all processes call it together.

    Args:
        folder: is there.
        tensors: of this process, as `tensors_of` returns them.
        world: the processes.
        form: sharded or gathered.
    """
    if form == "sharded":
        import torch.distributed.checkpoint as dcp

        with _quiet():
            dcp.save(dict(tensors), storage_writer=dcp.FileSystemWriter(folder), no_dist=world.size == 1)
        return
    from safetensors.torch import save_file

    pieces = {name: whole(tensor).cpu() for name, tensor in tensors.items()}
    if world.size > 1:
        gathered: list[Any] = [None] * world.size
        rest = {name: tensor for name, tensor in pieces.items() if not name.startswith("model/")}
        dist.gather_object(rest, gathered if world.chief else None)
        for other in gathered if world.chief else []:
            pieces |= other
    if world.chief:
        save_file({name: tensor.contiguous() for name, tensor in pieces.items()}, folder / GATHERED)


def restore(folder: Path, model: nn.Module, optimizers: list[Any], world: World, *, moving: bool) -> None:
    """Put a checkpoint's tensors into a model and its optimizers; all processes call it together.

    Raises:
        InputError: the checkpoint is broken, or is one of another model.
    """
    keys = _keys(folder)
    wanted = {f"model/{name}" for name in weights_of(model, moving=moving)}
    there = {key for key in keys if key.startswith("model/")}
    if wanted != there:
        lost, more = sorted(wanted - there), sorted(there - wanted)
        told = f"it lacks {len(lost)} tensors, {lost[0]!r} first" if lost else f"{more[0]!r} is not in the model"
        raise InputError(f"the checkpoint {str(folder)!r} is not of this model: {told}")
    slots: dict[str, list[str]] = {}
    for key in keys:
        if key.startswith("optimizer/"):
            name, _, slot = key.removeprefix("optimizer/").rpartition("/")
            slots.setdefault(name, []).append(slot)
    for name, weight, state in states_of(model, optimizers):
        for slot in slots.get(name, ()):
            scalar = keys[f"optimizer/{name}/{slot}"] == ()
            state[slot] = torch.zeros(()) if scalar else torch.zeros_like(weight.detach())
    _read(folder, tensors_of(model, optimizers, moving=moving), world)


def _keys(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a checkpoint's tensors by their names."""
    if (folder / GATHERED).is_file():
        from reasonkit.clients.local.manifest import tensor_shapes

        return tensor_shapes(folder / GATHERED)
    import torch.distributed.checkpoint as dcp

    try:
        found = dcp.FileSystemReader(folder).read_metadata().state_dict_metadata
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"the checkpoint {str(folder)!r} cannot be read: {error}") from error
    return {key: tuple(getattr(entry, "size", ())) for key, entry in found.items()}


def _read(folder: Path, into: dict[str, Tensor], world: World) -> None:
    """Fill tensors from a checkpoint."""
    try:
        if (folder / GATHERED).is_file():
            from safetensors import safe_open

            with safe_open(folder / GATHERED, framework="pt") as file, torch.no_grad():
                for key, tensor in into.items():
                    found = file.get_tensor(key)
                    if isinstance(tensor, DTensor):
                        found = distribute_tensor(found, tensor.device_mesh, tensor.placements, src_data_rank=None)
                    tensor.copy_(found)
            return
        import torch.distributed.checkpoint as dcp
        from torch.distributed.checkpoint.api import CheckpointException

        with _quiet():
            try:
                dcp.load(into, storage_reader=dcp.FileSystemReader(folder), no_dist=world.size == 1)
            except CheckpointException as error:
                first = next(iter(error.failures.values()))[0]
                raise InputError(f"the checkpoint {str(folder)!r} cannot be read: {first}") from error
    except (OSError, EOFError, ValueError, KeyError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the checkpoint {str(folder)!r} cannot be read: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out DCP's remark that it writes for one process; that is meant."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled, unavailable or uninitialized", UserWarning)
        yield


def write_facts(folder: Path, progress: Progress, **facts: object) -> None:
    """Write what a checkpoint says of itself."""
    (folder / FACTS).write_text(json.dumps(asdict(progress) | facts, indent=1) + "\n", encoding="utf-8")


def read_facts(folder: Path) -> dict[str, Any]:
    """Return what a checkpoint says of itself.

    Raises:
        InputError: there is none.
    """
    try:
        found: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{str(folder)!r} is no checkpoint: {FACTS}: {error}") from None
    return found


def checkpoints(folder: Path) -> list[Path]:
    """Return the whole checkpoints of a run, the oldest first."""
    return sorted(one for one in folder.glob("step-*") if one.is_dir() and one.suffix != _PARTIAL)


def keep_newest(folder: Path, count: int) -> None:
    """Remove all checkpoints but the newest, and what was left half written."""
    for old in [*checkpoints(folder)[:-count], *folder.glob(f"*{_PARTIAL}")]:
        shutil.rmtree(old, ignore_errors=True)


def step_folder(folder: Path, step: int) -> Path:
    """Return where the checkpoint after so many steps lies."""
    if step >= 10**9:
        raise TrainingFailed(f"step {step} is too far for a checkpoint's name")
    return folder / f"step-{step:09d}"
