"""The tasks that are measured, and the rows that are trained on.

The new task is a family of word problems that the bundled model never saw: of it it solves none at first. The others
are what it can do already. Items for measuring and rows for training are made from seeds that never meet, and a row
whose question is measured is left out.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from reasonkit.agents.methods import PAL
from reasonkit.clients.protocol import Client
from reasonkit.train.recipes.tiny import contexts
from reasonkit.train.recipes.tiny.documents import cot, joined, pal, react
from reasonkit.train.recipes.tiny.episodes import episode
from reasonkit.train.recipes.tiny.evaluate import Trial, trials
from reasonkit.train.recipes.tiny.problems import problem
from reasonkit.types import Capabilities, Delta, Reply, Request

NEW = "pal unseen_family"
"""The task that is trained."""
OLD = ("pal known_family", "react one", "context format", "context sentiment", "context recall")
"""Tasks that the model can do before."""
_TOGETHER = 8
"""Items that are under way at the same time."""


class Adapted:
    """A local client that is always asked with one adapter.

    Args:
        client: has the adapter.
        adapter: its name; None asks the base.
    """

    def __init__(self, client: Client, adapter: str | None) -> None:
        self._client, self._adapter = client, adapter

    @property
    def capabilities(self) -> Capabilities:
        return self._client.capabilities

    def describe(self) -> Mapping[str, str]:
        return self._client.describe()

    def count_tokens(self, text: str) -> int | None:
        return self._client.count_tokens(text)

    def stream(self, request: Request) -> Generator[Delta | Reply, None, None]:
        return self._client.stream(replace(request, adapter=self._adapter))

    def astream(self, request: Request) -> AsyncGenerator[Delta | Reply, None]:
        return self._client.astream(replace(request, adapter=self._adapter))

    def close(self) -> None:
        """Leave the client open: it is shared."""

    async def aclose(self) -> None:
        """Leave the client open: it is shared."""


@contextmanager
def examined(client: Client) -> Iterator[Callable[[str, int, int], tuple[Trial, ...]]]:
    """Give a function that tries so many items of a task: (task, n, seed) to trials, the same items at each call."""
    with PAL(client, prompt="pal/tiny") as programmer:
        known = trials(client, programmer)

        def tried(task: str, n: int, seed: int) -> tuple[Trial, ...]:
            with ThreadPoolExecutor(_TOGETHER) as pool:
                return tuple(pool.map(lambda item: known[task](_dice(seed, task, item)), range(n)))

        yield tried


def tasks() -> tuple[str, ...]:
    """Return the names of all tasks of the recipe."""
    nobody: Any = None  # their names are wanted, none is tried
    return tuple(trials(nobody, nobody))


def write_new(file: Path, rows: int, *, n: int, seed: int) -> None:
    """Write rows of the new task that are not among the items measured."""
    measured = {problem(_dice(seed, NEW, item), measured=True, task="family").question for item in range(n)}
    _write(file, _fresh(measured, rows, seed))


def write_old(file: Path, rows: int, *, seed: int) -> None:
    """Write rows of what the model knows, as it was trained on them: names and pairs that are not measured."""
    _write(file, (_old(random.Random(f"{seed} old row {number}"), number) for number in range(rows)))


def _fresh(measured: set[str], rows: int, seed: int) -> Iterator[Sequence[tuple[str, bool]]]:
    dice, made = random.Random(f"{seed} new rows"), 0
    while made < rows:
        one = problem(dice, measured=True, task="family")
        if one.question not in measured:
            made += 1
            yield pal(one)


def _old(dice: random.Random, number: int) -> Sequence[tuple[str, bool]]:
    match number % 4:
        case 0:
            return react(episode(dice))
        case 1:
            return pal(problem(dice))
        case 2:
            return cot(problem(dice, small=True, steps=3))
        case _:
            return joined([[(one.prompt, False), (one.answer, one.learned)] for one in contexts.task(dice)], "\n")


def _write(file: Path, rows: Iterator[Sequence[tuple[str, bool]]]) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as out:
        for parts in rows:
            segments = [{"text": text, "learn": learn} for text, learn in parts]
            out.write(json.dumps({"segments": segments}, ensure_ascii=False) + "\n")


def _dice(seed: int, task: str, item: int) -> random.Random:
    return random.Random(f"{seed} {task} {item}")
