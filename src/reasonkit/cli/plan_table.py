"""How a plan looks on a terminal: a table of the ways to shard, and what follows from it in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reasonkit.cli.show import printable
from reasonkit.train.plan.chart import gigabytes
from reasonkit.train.plan.report import Plan

if TYPE_CHECKING:
    from reasonkit.train.plan.chinchilla import Optimum

_ITEMS = ("weights", "gradients", "optimizer", "activations", "logits", "buffers")


def show_plan(plan: Plan, best: Optimum | None, *, only_one: bool) -> None:
    """Print a plan.

    Args:
        plan: what was found.
        best: the best size for a budget of FLOPs, where one was named.
        only_one: whether the ways to shard are all the same, so that one is enough.
    """
    console = Console(highlight=False)
    run, shape = plan.run, plan.run.shape
    trained = "" if run.method == "full" else f" ({plan.trained_parameters:,} trained, rank {run.lora.rank})"
    many = f"{run.gpus} GPUs" if run.gpus > 1 else "1 GPU"
    accumulated = f", accumulated over {run.accumulation}" if run.accumulation > 1 else ""
    again = ", activations recomputed" if run.recompute else ""
    said = (
        f"{shape.name}: {shape.parameters:,} parameters{trained}; {run.method}, {run.precision}, {run.optimizer}; "
        f"{run.batch} x {run.sequence} tokens a GPU{accumulated}{again}; {many}"
    )
    console.print(_text(said), style="bold")
    console.print(_table(plan, only_one=only_one))
    for line in _lines(plan, best):
        console.print(_text(line))
    for note in plan.notes:
        console.print(_text(f"note: {note}"), style="dim")


def _table(plan: Plan, *, only_one: bool) -> Table:
    """Lay out the items as rows and the ways to shard as columns, each at rest and at the peak."""
    shown = plan.options[:1] if only_one else plan.options
    unit, size = ("GB", 1e9) if max(one.peak.total for one in shown) >= 1e9 else ("MB", 1e6)
    table = Table(box=None, pad_edge=False)
    table.add_column(f"{unit} a rank, at rest / peak" if only_one else f"{unit}, at rest / peak")
    for one in shown:
        table.add_column("one GPU" if only_one else one.sharding, justify="right", no_wrap=True)
    for item in _ITEMS:
        cells = [(getattr(one.rest, item, 0), getattr(one.peak, item)) for one in shown]
        table.add_row(item, *(f"{_figure(rest / size)} / {_figure(peak / size)}" for rest, peak in cells))
    totals = (f"{_figure(one.rest.total / size)} / {_figure(one.peak.total / size)}" for one in shown)
    table.add_row("in all", *totals, style="bold")
    table.add_row("fullest", *(one.peak.moment for one in shown))
    if plan.fits is not None:
        table.add_row("fits", *("yes" if one.fits else "no" for one in shown))
    return table


def _figure(value: float) -> str:
    if not value:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _lines(plan: Plan, best: Optimum | None) -> list[str]:
    run = plan.run
    lines = []
    if run.memory_bytes is not None and run.usable_bytes is not None:
        room = f"{gigabytes(run.memory_bytes)} a GPU, {gigabytes(run.usable_bytes)} of it usable"
        if plan.fits:
            first = next(one for one in plan.options if one.fits)
            how = f" with {first.sharding}" if run.gpus > 1 else ""
            lines.append(f"fits{how}: {gigabytes(first.peak.total)} at the peak; {room}")
        elif plan.fix is None:
            lines.append(f"does not fit, and no change tried here makes it fit; {room}")
        else:
            lines.append(f"does not fit; {room}")
            lines.append(
                f"it fits with: {'; '.join(plan.fix.changes)} ({' '.join(plan.fix.options)}): "
                f"{gigabytes(plan.fix.option.peak.total)} at the peak"
            )
    lines.append(
        f"best tokens: {amount(plan.optimal_tokens)} "
        f"({plan.optimal_tokens / run.shape.parameters:.1f} a parameter, law {plan.law})"
    )
    took = "" if plan.seconds is None else f", {_duration(plan.seconds)} on {run.gpus} GPU(s)"
    lines.append(f"compute: {plan.flops:.3g} FLOPs for {amount(plan.tokens)} tokens{took}")
    if best is not None:
        lines.append(
            f"best use of {best.flops:.3g} FLOPs: {amount(best.parameters)} parameters, {amount(best.tokens)} tokens"
        )
    rule = plan.rule
    lines.append(
        f"the rule of 20: {gigabytes(rule.weights_bytes)} of weights in fp32 take {gigabytes(rule.total_bytes)} to train: "
        f"{gigabytes(rule.states_bytes)} are weights, gradients and Adam's states, and activations fill the other "
        f"{gigabytes(rule.rest_bytes)} with {rule.rows:.1f} rows of {run.sequence} tokens"
    )
    return lines


def amount(count: float) -> str:
    """Write a large number with its unit: 1.4T, 20.0B."""
    for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3)):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return f"{count:.0f}"


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.1f} seconds"


def _text(text: str) -> Text:
    return Text(printable(text))
