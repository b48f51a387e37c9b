"""A run on a terminal: the progress bar, what is said beside it, and the first Ctrl-C, which saves.

Talk goes to stderr, the outcome to stdout. Not here: options and exit codes.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from reasonkit.errors import MissingExtra
from reasonkit.train.config import TrainConfig

if TYPE_CHECKING:
    from rich.progress import Progress

    from reasonkit.train.journal import Line
    from reasonkit.train.run import Outcome, Start

_SAY_SECONDS = 10.0
"""Between two lines of figures where there is no terminal."""


def execute(config: TrainConfig, *, start: Start, as_json: bool) -> int:
    """Run in this process, one of those that a launcher has started or alone; return the exit code.

    Raises:
        MissingExtra: a package is not installed; the message holds the pip line.
        ReasonkitError: see `run`.
    """
    require_extra(config)
    from reasonkit.train.material import material
    from reasonkit.train.run import run
    from reasonkit.train.sharding import joined

    with joined() as world, ExitStack() as stack:
        stopped = stack.enter_context(interrupts(quiet=not world.chief))
        watch = stack.enter_context(Bar()) if world.chief else None
        outcome = run(config, world, material, start=start, watch=watch, stop=stopped)
    if world.chief:
        _print(outcome, as_json=as_json)
    return 130 if outcome.stopped else 0


def require_extra(config: TrainConfig) -> None:
    """Import what training needs.

    Raises:
        MissingExtra: something is not installed; the message holds the pip line.
    """
    wanted = ["torch", "transformers", *(["peft"] if config.method.kind != "full" else [])]
    wanted += ["bitsandbytes", "accelerate"] if config.method.kind == "qlora" else []
    from importlib.util import find_spec

    missing = [package for package in wanted if find_spec(package) is None]
    if missing:
        raise MissingExtra(f"reasonkit train ({', '.join(missing)})", "train")


class Bar:
    """Shows a run's steps: a bar on a terminal, else a line of figures every few seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shown: Progress | None = None
        self._task: Any = None
        self._steps = self._began_at = 0
        self._began = self._said = clock()
        self._held_out: float | None = None
        self._first: Line | None = None
        self._rate = ""

    def say(self, text: str) -> None:
        """Print a line of talk."""
        if self._shown is not None:
            self._shown.console.print(text, highlight=False, markup=False)
        else:
            print(text, file=sys.stderr, flush=True)

    def begin(self, done: int, steps: int) -> None:
        """Start the bar at the steps that are done."""
        self._steps, self._began_at, self._began = steps, done, self._clock()
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._shown = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"), TimeRemainingColumn(), console=Console(stderr=True),
        )  # fmt: skip
        self._task = self._shown.add_task("train", total=steps, completed=done, said="")
        self._shown.start()

    def step(self, line: Line) -> None:
        """Show a step."""
        now = self._clock()
        if line.held_out is not None:
            self._held_out = line.held_out
        if self._first is None:
            self._first = line
        elif line.seconds > self._first.seconds:
            rate = (line.tokens - self._first.tokens) / (line.seconds - self._first.seconds)
            self._rate = f"{rate:,.0f} tokens/s"
        held = "" if self._held_out is None else f"held out {self._held_out:.4f}"
        said = "  ".join(part for part in (f"loss {line.loss:.4f}", held, self._rate) if part)
        if self._shown is not None:
            self._shown.update(self._task, completed=line.step, said=said)
        elif line.held_out is not None or line.step == self._steps or now - self._said >= _SAY_SECONDS:
            self._said = now
            took = line.step - self._began_at
            left = (now - self._began) / max(1, took) * (self._steps - line.step)
            self.say(f"step {line.step} of {self._steps}  {said}  {left:.0f} s left")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown is not None:
            self._shown.stop()


@contextmanager
def interrupts(*, quiet: bool) -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C, or a polite end from outside, save after the step under way; a second one ends at once."""
    asked: list[int] = []

    def ask(number: int, frame: object) -> None:
        del frame
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        if not quiet:
            print("\nreasonkit: saving after this step; Ctrl-C again ends at once", file=sys.stderr)

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(one, ask) for one in signals]
    try:
        yield lambda: bool(asked)
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)


def _print(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(outcome) | {"output": str(outcome.output)}), flush=True)
        return
    if outcome.stopped:
        print(f"stopped after step {outcome.steps} of {outcome.of}; the same command goes on", file=sys.stderr)
        return
    figures = [f"loss {outcome.loss:.4f}"] if outcome.loss is not None else []
    figures += [f"held out {outcome.held_out:.4f}"] if outcome.held_out is not None else []
    figures += [f"{outcome.tokens:,} tokens", f"{outcome.seconds:.0f} s"]
    print(f"{outcome.output}: {outcome.steps} steps, {', '.join(figures)}", flush=True)
    if outcome.verified is not None:
        print(f"read back by a fresh process: {outcome.verified}", file=sys.stderr)
