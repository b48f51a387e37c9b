"""When a run does not fit: the first change that makes it fit.

Changes are tried in the order of what they cost: first those that leave the result of training as it is, then those that
change what is trained, then more machines. A change is tried alone, then with those before it, before the next one is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from reasonkit.train.plan.activations import Calibration
from reasonkit.train.plan.planning import Option, Run, option
from reasonkit.train.plan.states import Sharding

_MOST_GPUS = 4096
_Planned = tuple[str, Run, Sharding]
_Kind = Callable[[Run, Sharding], Iterator[_Planned]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """Changes that make a run fit."""

    changes: tuple[str, ...]
    """What to change, each a phrase."""
    options: tuple[str, ...]
    """The same as options of the command line."""
    option: Option
    """The run after them."""


def first_fix(run: Run, sharding: Sharding, calibrations: Sequence[Calibration] = ()) -> Fix | None:
    """Return the first change, or the first changes together, with which a run fits; None if it does, or nothing helps.

    Args:
        run: with its memory named.
        sharding: how it is sharded now.
        calibrations: what was measured.
    """
    start = _Step(run=run, sharding=sharding)
    if option(run, sharding, calibrations).fits:
        return None
    for last in range(len(_KINDS)):
        if _fitting(start, _KINDS[: last + 1], calibrations, furthest=True) is None:
            continue
        for many in range(last + 1):
            for earlier in combinations(_KINDS[:last], many):
                kinds = (*earlier, _KINDS[last])
                if _fitting(start, kinds, calibrations, furthest=True) is not None:
                    return _fitting(start, kinds, calibrations, furthest=False)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """A run after some changes."""

    run: Run
    sharding: Sharding
    changes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def after(self, planned: _Planned) -> _Step:
        phrase, run, sharding = planned
        spelled = _spelled(self.run, self.sharding, run, sharding)
        return _Step(
            run=run, sharding=sharding, changes=(*self.changes, phrase), options=(*self.options, spelled)
        )  # fmt: skip


def _fitting(at: _Step, kinds: Sequence[_Kind], calibrations: Sequence[Calibration], *, furthest: bool) -> Fix | None:
    """Return a fix that makes these kinds of changes, each as little as it can, or each as far as it goes."""
    if not kinds:
        found = option(at.run, at.sharding, calibrations)
        return Fix(changes=at.changes, options=at.options, option=found) if found.fits else None
    variants = list(kinds[0](at.run, at.sharding))
    if not variants:
        return _fitting(at, kinds[1:], calibrations, furthest=furthest)
    for variant in variants[-1:] if furthest else variants:
        if (fix := _fitting(at.after(variant), kinds[1:], calibrations, furthest=furthest)) is not None:
            return fix
    return None


def _smaller_batches(run: Run, sharding: Sharding) -> Iterator[_Planned]:
    batch = run.batch
    while batch > 1:
        batch //= 2
        times = -(-run.batch * run.accumulation // batch)
        phrase = f"{_rows(batch)} at a time, gradients accumulated over {times}"
        yield phrase, replace(run, batch=batch, accumulation=times), sharding


def _more_sharding(run: Run, sharding: Sharding) -> Iterator[_Planned]:
    stages: tuple[Sharding, ...] = ("ddp", "zero1", "zero2", "fsdp")
    now = {"zero3": 3, "fsdp": 3, "fsdp-kept": 2}.get(sharding) or stages.index(sharding)
    if run.gpus > 1:
        for stage in stages[now + 1 :]:
            yield f"shard with {stage}", run, stage


def _recomputation(run: Run, sharding: Sharding) -> Iterator[_Planned]:
    if not run.recompute:
        yield "recompute activations, for a third more compute", replace(run, recompute=True), sharding


def _smaller_states(run: Run, sharding: Sharding) -> Iterator[_Planned]:
    if run.optimizer == "adam" and run.method == "full":
        yield "Adam's states in 8 bits", replace(run, optimizer="adam8bit"), sharding


def _adapters(run: Run, sharding: Sharding) -> Iterator[_Planned]:
    if run.method == "full":
        yield f"train LoRA adapters of rank {run.lora.rank}", replace(run, method="lora"), sharding


def _quantised(run: Run, sharding: Sharding) -> Iterator[_Planned]:
    if run.method != "qlora":
        yield f"QLoRA: the base in NF4, adapters of rank {run.lora.rank}", replace(run, method="qlora"), sharding


def _more_gpus(run: Run, _: Sharding) -> Iterator[_Planned]:
    gpus = run.gpus
    while gpus < _MOST_GPUS:
        gpus *= 2
        yield f"{gpus} GPUs, sharded with fsdp", replace(run, gpus=gpus), "fsdp"


_KINDS: tuple[_Kind, ...] = (
    _smaller_batches, _more_sharding, _recomputation, _smaller_states, _adapters, _quantised, _more_gpus,
)  # fmt: skip


def _spelled(before: Run, sharding: Sharding, after: Run, how: Sharding) -> str:
    words = []
    for part, word in (
        ("batch", "--batch"), ("accumulation", "--accumulation"), ("optimizer", "--optimizer"),
        ("method", "--method"), ("gpus", "--gpus"),
    ):  # fmt: skip
        if getattr(before, part) != getattr(after, part):
            words.append(f"{word} {getattr(after, part)}")
    if after.recompute and not before.recompute:
        words.append("--recompute")
    if how != sharding:
        words.append(f"--sharding {how}")
    return " ".join(words)


def _rows(batch: int) -> str:
    return "1 row" if batch == 1 else f"{batch} rows"
