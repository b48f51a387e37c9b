"""A run from its configuration to what it leaves: prepares, goes on from a checkpoint, trains, saves, checks.

Every process of a run calls `run`; the first one writes the files. Not here: the steps (`loop.py`), the terminal.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from reasonkit.errors import InputError
from reasonkit.train.checker import Checker
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
from reasonkit.train.config import TrainConfig
from reasonkit.train.config import written as plain
from reasonkit.train.curve import CURVE, curve
from reasonkit.train.journal import LOSSES, Journal, Line, locked, read_losses
from reasonkit.train.loop import Trained, measure, train
from reasonkit.train.models import build_model, check_model
from reasonkit.train.optimizers import build_optimizers
from reasonkit.train.saving import MANIFEST, computed_in, hashes, metrics_of, save_finished, write_run
from reasonkit.train.sharding import World, check_world, count, obtained, spread
from reasonkit.train.verify import fixed_inputs, logits_of, record

Start = Literal["either", "resume", "fresh"]
Material = Callable[[TrainConfig, World, Sequence[int]], tuple[Any, Any]]
"""Makes the tokenizer and the batches of a run; the last argument is what an earlier part of the run has planned."""
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
    config: TrainConfig, world: World, material: Material, *, start: Start = "either", watch: Watch | None = None,
    stop: Callable[[], bool] = lambda: False,
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
    if config.model.path is not None:
        check_model(config)
    torch.set_num_threads(config.threads)
    watch = watch if watch is not None and world.chief else _Silent()
    with _alone(config, world):
        world.first(lambda: _prepare(config, start))
        newest = next(reversed(checkpoints(config.output / "checkpoints")), None)
        facts = read_facts(newest) if newest is not None else {}
        tokenizer, batches = material(config, world, facts.get("pools", ()))
        model = build_model(config, tokenizer, world.device)
        shape, modules = model.config, _modules(model)
        model = spread(model, config.sharding, world, precision=config.precision)
        optimizers = build_optimizers(model, config.optimizer, config.sharding, world)
        wrapper = obtained(model, optimizers, config.sharding, world)
        watch.say(f"{count(model, moving=True):,} of {count(model):,} weights move; {wrapper}")
        begun = Progress(**{key: facts[key] for key in ("step", "tokens", "seconds")}) if facts else Progress()
        if newest is not None:
            restore(newest, model, optimizers, world, moving=config.method.kind != "full")
            watch.say(f"going on after step {begun.step}, from {newest}")
        first = {name: tensor.to(world.device) for name, tensor in batches.parts(0, 0, 1)[0].items()}
        with (
            Journal(config.output, begun.step) if world.chief else nullcontext() as journal,
            Checker(modules) if world.chief and config.checkpoint.verify else nullcontext() as checker,
        ):

            def note(line: Line) -> None:
                if journal is not None:
                    journal.add(line)
                watch.step(line)

            under_way = _Run(
                config=config, world=world, model=model, optimizers=optimizers, tokenizer=tokenizer, batches=batches,
                shape=shape, inputs=fixed_inputs(model, first), wrapper=wrapper, checker=checker,
            )  # fmt: skip
            watch.begin(begun.step, batches.steps)
            done = train(
                config, model, optimizers, batches, world, begun, note=note, save=under_way.checkpoint, stop=stop
            )
            verified = None if done.stopped else under_way.finish(done)
        metrics = metrics_of(read_losses(config.output))
        return Outcome(
            output=config.output, steps=done.progress.step, of=batches.steps, loss=metrics.get("loss"),
            held_out=metrics.get("held_out"), tokens=done.progress.tokens, seconds=round(done.progress.seconds, 3),
            wrapper=wrapper, resumed_at=begun.step, stopped=done.stopped, verified=verified,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What is saved, and what it is saved with; all processes call its methods together."""

    config: TrainConfig
    world: World
    model: nn.Module
    optimizers: list[Any]
    tokenizer: Any
    batches: Any
    shape: Any
    """The configuration of the model itself, in transformers' form."""
    inputs: dict[str, Tensor]
    """Of the comparison with what was saved."""
    wrapper: str
    checker: Checker | None
    """On the first process, if what is saved is to be checked."""

    def checkpoint(self, progress: Progress) -> None:
        """Save what the run goes on from, and have it read back before it counts."""
        config, world = self.config, self.world
        folder = step_folder(config.output / "checkpoints", progress.step)
        logits = logits_of(self.model, self.inputs) if config.checkpoint.verify else None
        self.model.train()
        tensors = tensors_of(self.model, self.optimizers, moving=config.method.kind != "full")
        with written(folder, world) as partial:
            save(partial, tensors, world, form=config.checkpoint.form)

            def describe() -> None:
                facts = {"config": plain(config), "wrapper": self.wrapper, "processes": world.size}
                write_facts(partial, progress, **facts, pools=self.batches.pools)
                self.shape.save_pretrained(partial)
                if self.checker is not None and logits is not None:
                    record(partial, self.inputs, logits, kind="checkpoint", computed=computed_in(config, world))
                    self.checker.check(partial)

            world.first(describe)
        if world.chief:
            keep_newest(folder.parent, config.checkpoint.keep)

    def finish(self, done: Trained) -> str | None:
        """Save the model or adapter and all that is told of the run; return what the check found."""
        config, world, prompt = self.config, self.world, self.batches.prompt_sha256()
        logits = logits_of(self.model, self.inputs)
        metrics = metrics_of(read_losses(config.output)) | self._by_task()
        verified = save_finished(
            config, self.model, self.tokenizer, self.inputs, logits, world, checker=self.checker, prompt_sha256=prompt,
            metrics=metrics,
        )  # fmt: skip

        def describe() -> None:
            drawn = curve(read_losses(config.output), f"{config.output.name}: loss")
            (config.output / CURVE).write_text(drawn, encoding="utf-8")
            write_run(
                config, hashes=hashes(config, prompt), wrapper=self.wrapper, processes=world.size,
                steps=done.progress.step, tokens=done.progress.tokens, seconds=round(done.progress.seconds, 3),
                metrics=metrics, verified=verified,
                weights={"all": count(self.model), "moved": count(self.model, moving=True)},
            )  # fmt: skip

        world.first(describe)
        return verified

    def _by_task(self) -> dict[str, float]:
        """Return the held-out loss of each task, where there are several."""
        tasks = self.batches.tasks if len(self.batches.tasks) > 1 else ()
        return {
            f"held_out/{task}": measure(self.config, self.model, self.batches.held_out(task), self.world)
            for task in tasks
        }


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


def _modules(model: Any) -> list[str]:
    """Return the modules that loading a model needs, so that they are loaded once for all checks."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return [type(base).__module__, "torch.distributed.checkpoint", *(["peft"] if base is not model else [])]


@contextmanager
def _alone(config: TrainConfig, world: World) -> Iterator[None]:
    """Keep other runs out of the folder; the first process holds the lock for all."""
    with locked(config.output) if world.chief else nullcontext():
        yield


class _Silent:
    """Watches nothing."""

    def say(self, text: str) -> None: ...
    def begin(self, done: int, steps: int) -> None: ...
    def step(self, line: Line) -> None: ...
