"""`reasonkit forget`: what the bundled model forgets when it is fine-tuned, in one table."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from reasonkit.errors import InputError


def forget(
    model: Annotated[
        Path | None, typer.Argument(help="A model of the bundled one's recipe; else that.", show_default=False)
    ] = None,
    n: Annotated[int, typer.Option("--n", help="Items of each task.", min=2)] = 20,
    rows: Annotated[int, typer.Option("--rows", help="Rows of the new task that are trained.", min=16)] = 200,
    epochs: Annotated[float, typer.Option("--epochs", help="Passes over the rows.")] = 3.0,
    variants: Annotated[
        str, typer.Option("--variants", help="With commas, of full, lora, mix (full, with what it knows), lora-mix.")
    ] = "full,lora,mix",
    ranks: Annotated[str, typer.Option("--ranks", help="Of lora, with commas.")] = "4,8,16,32",
    tasks: Annotated[str | None, typer.Option("--tasks", help="The others that are measured, with commas.")] = None,
    lr_full: Annotated[float, typer.Option("--lr-full", help="Learning rate where all weights move.")] = 3e-4,
    lr_lora: Annotated[float, typer.Option("--lr-lora", help="Learning rate of LoRA.")] = 3e-3,
    seed: Annotated[int, typer.Option("--seed", help="Of items, rows and training.", min=0)] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", help="A folder that keeps models, adapters and the report.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Fine-tune on a new task, full, with LoRA and with a mix, and measure the old tasks before and after."""
    from reasonkit.bundled import model_path
    from reasonkit.train.forget.kept import Plan
    from reasonkit.train.forget.report import differences, report
    from reasonkit.train.forget.run import forget as measured
    from reasonkit.train.forget.run import variants_of
    from reasonkit.train.forget.tasks import NEW, OLD
    from reasonkit.train.forget.tasks import tasks as known

    others = OLD if tasks is None else tuple(task.strip() for task in tasks.split(","))
    for task in others:
        if task not in known() or task == NEW:
            there = ", ".join(one for one in known() if one != NEW)
            raise InputError(f"--tasks names {task!r}; there are: {there}")
    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reasonkit-forget-")))
        plan = Plan(
            base=model or model_path(), out=folder, variants=variants_of(variants, ranks), tasks=(NEW, *others), n=n,
            rows=rows, epochs=epochs, lr_full=lr_full, lr_lora=lr_lora, seed=seed,
        )  # fmt: skip
        found = measured(plan, say=lambda text: print(text, file=sys.stderr, flush=True))
        plain = json.dumps(
            {"answers": [asdict(one) for one in found], "differences": [asdict(one) for one in differences(found)]}
        )
        if out is not None:
            (out / "report.json").write_text(plain + "\n", encoding="utf-8")
            (out / "report.md").write_text(report(found) + "\n", encoding="utf-8")
    print(plain if as_json else report(found))
    return 0
