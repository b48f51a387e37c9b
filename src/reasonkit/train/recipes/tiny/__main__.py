"""Command line of the recipe: ``python -m reasonkit.train.recipes.tiny export|evaluate|speed``.

Training itself is `reasonkit train` with the `config.toml` or `further.toml` beside this file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from reasonkit.errors import InputError


def parser() -> argparse.ArgumentParser:
    """Return the argument parser."""
    top = argparse.ArgumentParser(prog="python -m reasonkit.train.recipes.tiny", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="write safetensors, GGUF and tokenizer from a finished run")
    export.add_argument("--source", type=Path, required=True, help="folder of the run, for example .model/run")
    export.add_argument("--target", type=Path, required=True, help="folder of the model, for example .model/export")
    measure = commands.add_parser("evaluate", help="run whole episodes through the library and print a table")
    measure.add_argument("--model", type=Path, required=True, help="folder of the model, or its GGUF file")
    measure.add_argument("--count", type=int, default=300, help="items of each task (default: 300)")
    measure.add_argument("--seed", type=int, default=1)
    measure.add_argument("--only", action="append", default=[], help="only tasks that begin so; may be repeated")
    measure.add_argument("--bundled", action="store_true", help="ask the bundled questions too")
    measure.add_argument(
        "--local", type=int, default=0, help="items of some tasks through LocalClient too (default: none)"
    )
    measure.add_argument("--wrong", type=Path, help="file for some of the failures, as JSON")
    fast = commands.add_parser("speed", help="tokens a second and seconds an episode, on one thread")
    fast.add_argument("--model", type=Path, required=True, help="folder of the model, or its GGUF file")
    return top


def evaluate(options: argparse.Namespace) -> int:
    """Print each score as it comes, then the table."""
    from reasonkit.train.recipes.tiny import evaluate as measuring

    scores = []
    runs: Iterator[tuple[measuring.Score, float]] = measuring.evaluate(
        options.model, count=options.count, seed=options.seed, only=options.only, with_bundled=options.bundled
    )
    if options.local:
        runs = chain(runs, measuring.sampled(options.model, options.local, options.seed))
    for found, seconds in runs:
        scores.append(found)
        print(f"{found.task}: {found.right} of {found.count}, {seconds:.0f} s", file=sys.stderr, flush=True)
    print(measuring.report(scores))
    if options.wrong:
        failures = {found.task: found.wrong for found in scores}
        options.wrong.write_text(json.dumps(failures, indent=1, ensure_ascii=False), encoding="utf-8")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = parser().parse_args(arguments)
    if options.command == "export":
        from reasonkit.train.recipes.tiny.export import export

        try:
            export(options.source, options.target)
        except InputError as error:
            print(f"reasonkit: {error}", file=sys.stderr)
            return 2
        return 0
    if options.command == "evaluate":
        return evaluate(options)
    from reasonkit.train.recipes.tiny.speed import speed

    for name, value in asdict(speed(options.model)).items():
        print(f"{name.replace('_', ' ')}: {value:.4g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
