"""`reasonkit train`: a run from its configuration, looks at one before it, and checks of what it has left."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasonkit.errors import InputError, MissingExtra, TrainingFailed

if TYPE_CHECKING:
    from reasonkit.train.config import TrainConfig


def train(
    config: Annotated[Path | None, typer.Argument(help="A TOML or JSON file.", show_default=False)] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="Override a setting: optimizer.lr=1e-4.", metavar="KEY=VALUE")
    ] = None,
    processes: Annotated[
        int | None, typer.Option("--processes", help="On this machine; more than one need a sharding.", min=1)
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on; an error if there is nothing to go on from.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again; remove what an earlier run has left.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Print rows with what is learned; train nothing.")] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print what differs from the defaults; train nothing.")
    ] = False,
    verify: Annotated[
        Path | None, typer.Option("--verify", help="Read back what a run has left, and compare it.", metavar="FOLDER")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Train a model or an adapter; the same command goes on where it stopped."""
    if verify is not None:
        return _verified(verify, as_json=as_json)
    if config is None:
        raise InputError("name a configuration (reasonkit train run.toml), or give --verify FOLDER")
    if resume and fresh:
        raise InputError("--resume goes on and --fresh begins again: give one of them")
    from reasonkit.train.config import load_config

    overrides = [*(changes or []), *([] if processes is None else [f"processes={processes}"])]
    run = load_config(config, overrides)
    if print_config:
        return _printed(run, as_json=as_json)
    if preview:
        return _previewed(run)
    from reasonkit.train.terminal import execute, require_extra

    require_extra(run)
    try:
        if run.processes == 1:
            return execute(run, start="resume" if resume else "fresh" if fresh else "either", as_json=as_json)
        from reasonkit.train.launch import launch

        words = [str(config), *(word for one in overrides for word in ("--set", one))]
        words += ["--resume"] * resume + ["--fresh"] * fresh + ["--json"] * as_json
        return launch(words, run.processes, run.threads)
    except TrainingFailed as error:
        print(f"reasonkit: {error}", file=sys.stderr)
        return 1


def _verified(folder: Path, *, as_json: bool) -> int:
    try:
        import torch  # noqa: F401  (imported to see whether it is there)
        import transformers  # noqa: F401  (as above)
    except ImportError as error:
        raise MissingExtra("reasonkit train --verify", "train") from error
    from reasonkit.train.verify import verify

    try:
        found = verify(folder)
    except TrainingFailed as error:
        print(f"reasonkit: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(found)) if as_json else f"{folder}: {found}")
    return 0


def _printed(run: TrainConfig, *, as_json: bool) -> int:
    from reasonkit.train.config import differences, written

    if as_json:
        print(json.dumps(written(run)))
        return 0
    for one in differences(run):
        print(one.said)
    return 0


def _previewed(run: TrainConfig) -> int:
    from rich.console import Console

    from reasonkit.train.preview import preview

    Console(highlight=False, soft_wrap=True).print(preview(run))
    return 0
