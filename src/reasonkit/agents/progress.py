"""A progress bar for many questions, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager

from reasonkit.types import Result


@contextmanager
def progress_bar(questions: object, wanted: bool | None) -> Iterator[Callable[[Result], None]]:
    """Show a bar on stderr while the block runs; give the function that moves it.

    Args:
        questions: what is asked; a sequence tells how many there are.
        wanted: None shows one on a terminal alone.
    """
    if not (sys.stderr is not None and sys.stderr.isatty() if wanted is None else wanted):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[answered]} answered"),
               TimeElapsedColumn(), TimeRemainingColumn())  # fmt: skip
    answered = 0
    with Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task("", total=len(questions) if isinstance(questions, Sized) else None, answered=0)

        def move(result: Result) -> None:
            nonlocal answered
            answered += result.answer is not None
            shown.update(task, advance=1, answered=answered)

        yield move
