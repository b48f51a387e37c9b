"""Command line of the recipe: ``python -m reasonkit.train.recipes.tiny train|export|evaluate|speed``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """Return the argument parser."""
    top = argparse.ArgumentParser(prog="python -m reasonkit.train.recipes.tiny", description=__doc__)
    top.add_argument("--folder", type=Path, default=Path(".model"), help="checkpoints and logs (default: .model)")
    commands = top.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train from nothing, or go on from the checkpoints")
    train.add_argument("--minutes", type=float, default=88.0, help="wall-clock budget over all resumes (default: 88)")
    train.add_argument("--workers", type=int, default=2, help="one-thread processes (default: 2)")
    train.add_argument("--worker", type=int, default=None, help="be this worker only, without starting others")
    train.add_argument("--seed", type=int, default=2026)
    train.add_argument("--rate", type=float, default=0.004)
    train.add_argument("--start", type=Path, help="weights to go on from, a model.safetensors (default: none)")
    train.add_argument("--adamw", action="store_true", help="AdamW for the matrices too, instead of Muon")
    export = commands.add_parser("export", help="write safetensors, GGUF and tokenizer from the checkpoints")
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


def train(options: argparse.Namespace) -> int:
    """Run one worker, or start all of them and wait."""
    if options.worker is None:
        base = [sys.executable, "-m", "reasonkit.train.recipes.tiny", "--folder", str(options.folder), "train"]
        base += ["--minutes", str(options.minutes), "--workers", str(options.workers), "--seed", str(options.seed)]
        base += ["--rate", str(options.rate), *(["--adamw"] if options.adamw else [])]
        base += ["--start", str(options.start)] if options.start else []
        running = [subprocess.Popen([*base, "--worker", str(n)]) for n in range(options.workers)]
        return max(process.wait() for process in running)
    from reasonkit.train.recipes.tiny.network import Shape
    from reasonkit.train.recipes.tiny.train import Plan, Worker

    plan = Plan(
        folder=options.folder, minutes=options.minutes, workers=options.workers, seed=options.seed, rate=options.rate,
        muon=not options.adamw, start=options.start,
    )  # fmt: skip
    Worker(plan, options.worker, Shape()).run()
    return 0


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
        from reasonkit.train.recipes.tiny.network import Shape

        export(options.folder, options.target, Shape())
        return 0
    if options.command == "evaluate":
        return evaluate(options)
    if options.command == "speed":
        from reasonkit.train.recipes.tiny.speed import speed

        for name, value in asdict(speed(options.model)).items():
            print(f"{name.replace('_', ' ')}: {value:.4g}")
        return 0
    return train(options)


if __name__ == "__main__":
    sys.exit(main())
