"""How fast the bundled model is through the library's own client, on one thread.

For: tokens a second of generation (the prompt's time taken off) and seconds of a whole one-hop ReAct episode, on the
wall clock and in CPU time, which a busy machine disturbs less. Not for: an assertion; the figures are a machine's.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reasonkit.clients.protocol import Client
from reasonkit.train.recipes.tiny.documents import pal
from reasonkit.train.recipes.tiny.episodes import episode
from reasonkit.train.recipes.tiny.evaluate import tried_react
from reasonkit.train.recipes.tiny.problems import problem
from reasonkit.types import Reply, Request, Sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Figures of one model file on one thread."""

    tokens_per_second: float
    tokens_per_cpu_second: float
    episode_seconds: float
    """Median of one-hop episodes."""
    episode_cpu_seconds: float


def timed(work: Callable[[], int]) -> tuple[int, float, float]:
    """Run something that returns a count, with its seconds on the wall clock and in CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    count = work()
    return count, time.perf_counter() - wall, time.process_time() - cpu


def written(client: Client, prompts: list[str], most: int) -> int:
    """Write up to ``most`` tokens after each prompt and return how many were written."""
    total = 0
    for prompt in prompts:
        sampling = Sampling(temperature=0.0, max_tokens=most)
        for piece in client.stream(Request(prompt=prompt, stop=(), sampling=sampling)):
            if isinstance(piece, Reply):
                total += piece.completions[0].usage.completion_tokens
    return total


def speed(model: Path, *, rounds: int = 5, episodes: int = 20) -> Speed:
    """Measure a model folder or GGUF file; the fastest of ``rounds`` passes over 12 prompts counts."""
    from reasonkit.clients.gguf import GGUFClient

    client = GGUFClient(model, threads=1)
    dice = random.Random("speed")
    prompts = [pal(problem(dice, measured=True, task="known_family"))[0][0] for _ in range(12)]
    short: list[tuple[int, float, float]] = []
    full: list[tuple[int, float, float]] = []
    try:
        for _ in range(rounds):
            short.append(timed(lambda: written(client, prompts, 1)))
            full.append(timed(lambda: written(client, prompts, 200)))
        made = [episode(dice, measured=True, task="one") for _ in range(episodes)]
        times = [timed(lambda one=one: len(tried_react(client, one).written)) for one in made]  # type: ignore[misc]
    finally:
        client.close()
    more = full[0][0] - short[0][0]
    return Speed(
        tokens_per_second=more / (min(wall for _, wall, _ in full) - min(wall for _, wall, _ in short)),
        tokens_per_cpu_second=more / (min(cpu for _, _, cpu in full) - min(cpu for _, _, cpu in short)),
        episode_seconds=sorted(wall for _, wall, _ in times)[episodes // 2],
        episode_cpu_seconds=sorted(cpu for _, _, cpu in times)[episodes // 2],
    )
