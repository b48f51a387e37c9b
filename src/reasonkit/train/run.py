"""A run from its configuration to what it leaves: prepares, goes on from a checkpoint, trains, saves, checks.

Every process of a run calls `run`; the first one writes the files. Not here: the steps (`loop.py`), the terminal.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from reasonkit.errors import InputError, ReasonkitError, TrainingFailed, VerificationFailed
from reasonkit.train.checkpoints import (
    Progress,
    checkpoints,
    keep_newest,
    read_facts,
    restore,
    save,
    step_folder,
    tensors_of,
    write_facts,
    written,
)
from reasonkit.train.checker import Checker
from reasonkit.train.config import TrainConfig
from reasonkit.train.config import written as plain
from reasonkit.train.curve import CURVE, curve
from reasonkit.train.journal import LOSSES, Journal, Line, locked, read_losses
from reasonkit.train.loop import Source, Trained, train
from reasonkit.train.models import build_model
from reasonkit.train.optimizers import build_optimizers
from reasonkit.train.saving import MANIFEST, computed_in, hashes, save_finished, write_run
from reasonkit.train.sharding import World, bare, check_world, obtained, spread
from reasonkit.train.verify import fixed_inputs, logits_of, record

Start = Literal["either", "resume", "fresh"]
FREE = ("output", "processes", "threads", "sharding", "recompute", "checkpoint")
"""Keys that may change when a run goes on: they do not change what it computes."""


class Watch(Protocol):
    """Whoever wants to know how a run goes; only the first process has one."""

    def say(self, text: str) -> None:
        """Told of what happens once."""

    def begin(self, done: int, steps: int) -> None:
        """Told how many steps there are, and how many are done."""

    def step(self, line: Line) -> None:
        """Told of each step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came out of a run."""

    output: Path
    steps: int
    of: int
    """Steps of the whole run."""
    loss: float | None
    held_out: float | None
    tokens: int
    seconds: float
    wrapper: str
    """How the model was really spread over the processes."""
    resumed_at: int
    """Steps that were there already."""
    stopped: bool
    """Whether the run was asked to stop; the same command goes on."""
    verified: str | None
    """What the check of the saved model found."""


def run(
    config: TrainConfig, world: World, material: Callable[[TrainConfig, World], tuple[Any, Any]], *,
    start: Start = "either", watch: Watch | None = None, stop: Callable[[], bool] = lambda: False,
) -> Outcome:  # fmt: skip
    """Train, or go on with training, and save the model or adapter.

    Args:
        config: the run.
        world: the processes, of which this is one.
        material: makes the tokenizer and the batches.
        start: resume refuses to begin, fresh removes what an earlier run has left.
        watch: told how it goes.
        stop: asked after each step whether to end, with a checkpoint.

    Raises:
        InputError: the configuration cannot be run, or is not the one that the folder's run began with.
        TrainingFailed: a loss is no number, or what was saved does not read back.
    """
    check_world(config, world)
    torch.set_num_threads(config.threads)
    watch = watch if watch is not None and world.chief else _Silent()
    with _alone(config, world):
        _first(world, lambda: _prepare(config, start))
        newest = next(reversed(checkpoints(config.output / "checkpoints")), None)
        facts = read_facts(newest) if newest is not None else {}
        tokenizer, batches = material(config, world)
        model = build_model(config, tokenizer, world.device)
        if config.recompute:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        shape, modules = model.config, _modules(model)
        model = spread(model, config.sharding, world, precision=config.precision)
        optimizers = build_optimizers(model, config.optimizer, config.sharding, world)
        wrapper = obtained(model, optimizers, config.sharding, world)
        watch.say(_weights(model) + "; " + wrapper)
        begun = Progress(**{key: facts[key] for key in ("step", "tokens", "seconds")}) if facts else Progress()
        if newest is not None:
            restore(newest, model, optimizers, world, moving=config.method.kind != "full")
            watch.say(f"going on after step {begun.step}, from {newest}")
        inputs = _inputs(model, batches, world)
        with (
            Journal(config.output, begun.step) if world.chief else nullcontext() as journal,
            Checker(modules) if world.chief and config.checkpoint.verify else nullcontext() as checker,
        ):

            def note(line: Line) -> None:
                if journal is not None:
                    journal.add(line)
                watch.step(line)

            def checkpoint(progress: Progress) -> None:
                _checkpoint(config, model, optimizers, inputs, shape, world, progress, wrapper, checker)

            watch.begin(begun.step, batches.steps)
            done = train(
                config, model, optimizers, batches, world, begun, note=note, save=checkpoint, stop=stop
            )  # fmt: skip
            found = None
            if not done.stopped:
                found = _finish(config, model, tokenizer, batches, inputs, world, done, wrapper, checker)
        return Outcome(
            output=config.output, steps=done.progress.step, of=batches.steps, loss=done.loss, held_out=done.held_out,
            tokens=done.progress.tokens, seconds=round(done.progress.seconds, 3), wrapper=wrapper,
            resumed_at=begun.step, stopped=done.stopped, verified=found,
        )  # fmt: skip


def _checkpoint(
    config: TrainConfig, model: nn.Module, optimizers: list[Any], inputs: dict[str, Tensor], shape: Any, world: World,
    progress: Progress, wrapper: str, checker: Checker | None,
) -> None:  # fmt: skip
    folder = step_folder(config.output / "checkpoints", progress.step)
    logits = logits_of(model, inputs) if config.checkpoint.verify else None
    model.train()
    with written(folder, world) as partial:
        save(partial, tensors_of(model, optimizers, moving=config.method.kind != "full"), world, form=config.checkpoint.form)
        world.wait()

        def check() -> None:
            write_facts(partial, progress, config=plain(config), wrapper=wrapper, processes=world.size)
            shape.save_pretrained(partial)
            if logits is not None and checker is not None:
                record(partial, inputs, logits, kind="checkpoint", computed=computed_in(config, world))
                checker.check(partial)

        _first(world, check)
    if world.chief:
        keep_newest(folder.parent, config.checkpoint.keep)


def _finish(
    config: TrainConfig, model: nn.Module, tokenizer: Any, batches: Any, inputs: dict[str, Tensor], world: World,
    done: Trained, wrapper: str, checker: Checker | None,
) -> str | None:  # fmt: skip
    prompt = batches.prompt_sha256()
    lines = read_losses(config.output) if world.chief else []
    metrics = _metrics(lines)
    logits = logits_of(model, inputs)
    said: list[str | None] = [None]
    fault: ReasonkitError | None = None
    try:
        check = save_finished(
            config, model, tokenizer, inputs, logits, world, checker=checker, prompt_sha256=prompt, metrics=metrics
        )  # fmt: skip
        said[0] = None if check is None else str(check)
    except VerificationFailed as error:
        fault = error
    other = world.agree(None if fault is None else str(fault))
    if other is not None:
        raise fault or VerificationFailed(other)
    if world.chief:
        (config.output / CURVE).write_text(curve(lines, f"{config.output.name}: loss"), encoding="utf-8")
        write_run(
            config, hashes=hashes(config, prompt), wrapper=wrapper, processes=world.size, steps=done.progress.step,
            tokens=done.progress.tokens, seconds=round(done.progress.seconds, 3), metrics=metrics, verified=said[0],
            weights={"all": _count(model), "moved": _count(model, moving=True)},
        )  # fmt: skip
    world.wait()
    return said[0]


def _prepare(config: TrainConfig, start: Start) -> None:
    """Make the folder ready; refuse to mix two runs in it."""
    folder, there = config.output / "checkpoints", checkpoints(config.output / "checkpoints")
    if start == "fresh":
        shutil.rmtree(folder, ignore_errors=True)
        for name in (LOSSES, MANIFEST, CURVE):
            (config.output / name).unlink(missing_ok=True)
        return
    if not there:
        if start == "resume":
            raise InputError(f"output {str(config.output)!r} holds no checkpoint to go on from; leave --resume out")
        return
    before, now = _flat(read_facts(there[-1])["config"]), _flat(plain(config))
    differs = [
        f"{key} is {now.get(key)!r} and was {before.get(key)!r}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key) and key.partition(".")[0] not in FREE
    ]
    if differs:
        raise InputError(
            f"output {str(config.output)!r} holds a run with another configuration: {'; '.join(differs)}; set it back, "
            "give another output, or begin again with --fresh"
        )


def _flat(fields: Any, before: str = "") -> dict[str, object]:
    """Return nested settings as one table with dotted keys."""
    if isinstance(fields, dict):
        inside: Any = fields.items()
    elif isinstance(fields, list):
        inside = enumerate(fields)
    else:
        return {before: fields}
    found: dict[str, object] = {}
    for key, value in inside:
        found |= _flat(value, f"{before}.{key}" if before else str(key))
    return found


def _inputs(model: nn.Module, batches: Source, world: World) -> dict[str, Tensor]:
    """Return what is computed to compare a saved model; the same on all processes."""
    part = batches.parts(0, 0, 1)[0]
    return {name: tensor.to(world.device) for name, tensor in fixed_inputs(model, part).items()}


def _modules(model: nn.Module) -> list[str]:
    """Return the modules that loading a model needs, so that they are loaded once for all checks."""
    inner: Any = model
    base = inner.get_base_model() if hasattr(inner, "get_base_model") else inner
    return [type(base).__module__, "torch.distributed.checkpoint", *(["peft"] if base is not inner else [])]


def _first(world: World, act: Callable[[], None]) -> None:
    """Do something on the first process; a fault there is one on all."""
    fault: ReasonkitError | None = None
    if world.chief:
        try:
            act()
        except ReasonkitError as error:
            fault = error
        except OSError as error:
            fault = TrainingFailed(f"{error.filename or 'a file'}: {error.strerror or error}")
    told = world.agree(None if fault is None else str(fault))
    if told is not None:
        raise fault or TrainingFailed(told)


@contextmanager
def _alone(config: TrainConfig, world: World) -> Iterator[None]:
    """Keep other runs out of the folder; the first process holds the lock for all."""
    if not world.chief:
        yield
        return
    with locked(config.output):
        yield


def _metrics(lines: list[Line]) -> dict[str, float]:
    """Return the figures of a run: the mean loss of its last tenth, and the held-out losses."""
    if not lines:
        return {}
    tail = lines[-max(1, len(lines) // 10) :]
    found = {"loss": sum(line.loss for line in tail) / len(tail)}
    held = [line.held_out for line in lines if line.held_out is not None]
    return found | ({"held_out": held[-1], "held_out_least": min(held)} if held else {})


def _weights(model: nn.Module) -> str:
    return f"{_count(model, moving=True):,} of {_count(model):,} weights move"


def _count(model: nn.Module, *, moving: bool = False) -> int:
    return sum(weight.numel() for weight in bare(model).parameters() if weight.requires_grad or not moving)


class _Silent:
    """Watches nothing."""

    def say(self, text: str) -> None: ...
    def begin(self, done: int, steps: int) -> None: ...
    def step(self, line: Line) -> None: ...
