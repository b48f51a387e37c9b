"""A whole plan: the ways to shard, the verdict, the change that makes it fit, tokens, FLOPs, time, and the rule of 20.

The rule: a model of 1B parameters takes 4 GB in fp32, and about 20 times that, 80 GB, to train. Its states are 16 GB; how
many rows fill the rest is what a plan can say. Not for: how a plan looks (the command line, chart.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from reasonkit.errors import InputError
from reasonkit.train.plan.activations import Calibration
from reasonkit.train.plan.adapters import adapter_parameters
from reasonkit.train.plan.chinchilla import Law, optimal_tokens
from reasonkit.train.plan.compute import flops_a_token, seconds
from reasonkit.train.plan.planning import Option, Run, activations_of, option, states_of
from reasonkit.train.plan.states import Sharding
from reasonkit.train.plan.verdict import Fix, first_fix

RULE = 20
"""How many times the weights in fp32 training is said to take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What stands behind "about 20 times the weights": full training in fp32 with Adam, on one GPU."""

    weights_bytes: int
    states_bytes: int
    total_bytes: int
    """20 times the weights."""
    rest_bytes: int
    """What the states leave of it."""
    row_bytes: int
    """Activations and logits of one row."""
    rows: float
    """How many rows fill the rest."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that can be said of a run before it starts."""

    run: Run
    options: tuple[Option, ...]
    fix: Fix | None
    """None if something fits already, if no memory was named, or if nothing helps."""
    law: Law
    optimal_tokens: float
    tokens: float
    """What the run is to be trained on."""
    flops: float
    seconds: float | None
    """None if no throughput was named."""
    trained_parameters: int
    rule: Rule

    @property
    def fits(self) -> bool | None:
        """Whether one of the options fits; None if no memory was named."""
        if self.run.memory_bytes is None:
            return None
        return any(one.fits for one in self.options)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know before believing the figures."""
        shape, found = self.run.shape, []
        if not shape.is_known:
            found.append(
                f"activations are of an assumed shape: {shape.layers} layers, width {shape.hidden}, "
                f"{shape.heads} heads, {shape.vocabulary} words"
            )
        if any(one.calibrated is None for one in self.options):
            found.append("activations are not calibrated for this family and method: an estimate from the architecture")
        uneven = [one.sharding for one in self.options if one.emptiest < 0.9 * one.rest.total]
        if uneven:
            found.append(f"{', '.join(uneven)}: whole tensors do not divide evenly; the fullest rank is shown")
        return tuple(found)

    def as_json(self) -> dict[str, object]:
        """Return the plan as plain values."""
        shape = self.run.shape
        return {
            "model": {
                "name": shape.name,
                "family": shape.family,
                "parameters": shape.parameters,
                "trained_parameters": self.trained_parameters,
                "hidden": shape.hidden,
                "layers": shape.layers + shape.decoder_layers,
                "vocabulary": shape.vocabulary,
            },
            "run": {
                "method": self.run.method,
                "rank": None if self.run.adapters is None else self.run.adapters.rank,
                "targets": None if self.run.adapters is None else list(self.run.adapters.targets),
                "precision": self.run.precision,
                "optimizer": self.run.optimizer,
                "batch": self.run.batch,
                "accumulation": self.run.accumulation,
                "sequence": self.run.sequence,
                "recompute": self.run.recompute,
                "attention": self.run.attention,
                "gpus": self.run.gpus,
                "memory_bytes": self.run.memory_bytes,
                "usable_bytes": self.run.usable_bytes,
            },
            "options": [_option(one) for one in self.options],
            "fits": self.fits,
            "fix": None
            if self.fix is None
            else {
                "changes": list(self.fix.changes),
                "options": list(self.fix.options),
                "option": _option(self.fix.option),
            },
            "tokens": {"law": self.law, "optimal": self.optimal_tokens, "planned": self.tokens},
            "compute": {"flops": self.flops, "seconds": self.seconds},
            "rule_of_20": asdict(self.rule),
            "notes": list(self.notes),
        }


def plan(
    run: Run, shardings: Sequence[Sharding], *, calibrations: Sequence[Calibration] = (), law: Law = "20",
    tokens: float | None = None, throughput: float | None = None,
) -> Plan:  # fmt: skip
    """Return the plan of a run.

    Args:
        run: what is to be trained, and on what.
        shardings: the ways to shard that are compared, from the least to the most.
        calibrations: what was measured of activations.
        law: how many tokens are the optimum.
        tokens: what the run is to be trained on; the optimum if not given.
        throughput: FLOPs a second that one GPU really reaches.

    Raises:
        InputError: an amount is not positive, or there is nothing to compare.
    """
    for name, value in (("tokens", tokens), ("throughput", throughput)):
        if value is not None and value <= 0:
            raise InputError(f"{name} is {value:g}; give more than 0")
    if not shardings:
        raise InputError("no way to shard was named; give one or more")
    options = tuple(option(run, sharding, calibrations) for sharding in shardings)
    fix = None
    if run.memory_bytes is not None and not any(one.fits for one in options):
        fix = first_fix(run, shardings[-1], calibrations)
    best = optimal_tokens(run.shape.parameters, law)
    flops = (best if tokens is None else tokens) * flops_a_token(
        run.shape, sequence=run.sequence, method=run.method, recompute=run.recompute
    )
    return Plan(
        run=run,
        options=options,
        fix=fix,
        law=law,
        optimal_tokens=best,
        tokens=best if tokens is None else tokens,
        flops=flops,
        seconds=None if throughput is None else seconds(flops, throughput=throughput, gpus=run.gpus),
        trained_parameters=run.shape.parameters
        if run.adapters is None
        else adapter_parameters(run.shape, run.adapters),
        rule=_rule(run, calibrations),
    )


def _rule(run: Run, calibrations: Sequence[Calibration]) -> Rule:
    plain = replace(
        run, method="full", precision="fp32", optimizer="adam", batch=1, accumulation=1, recompute=False, gpus=1
    )  # fmt: skip
    states, held = states_of(plain, "ddp")[0], activations_of(plain, calibrations)
    weights = 4 * run.shape.parameters
    rest, row = RULE * weights - states.total, held.saved + held.logits
    return Rule(
        weights_bytes=weights,
        states_bytes=states.total,
        total_bytes=RULE * weights,
        rest_bytes=rest,
        row_bytes=row,
        rows=rest / row,
    )


def _option(one: Option) -> dict[str, object]:
    return {
        "sharding": one.sharding,
        "states_bytes": one.rest.total,
        "emptiest_rank_states_bytes": one.emptiest,
        "states": asdict(one.rest),
        "peak_bytes": one.peak.total,
        "peak": asdict(one.peak),
        "fits": one.fits,
        "activations_calibrated": one.calibrated,
    }
