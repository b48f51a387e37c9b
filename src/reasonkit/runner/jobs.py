"""What passes between a session and a driver."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TypeAlias

from reasonkit.flow import Ask, Place
from reasonkit.trace import Rendering, Token
from reasonkit.types import Action, Asked, Observation, Recorded


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """One request to the world; more than one ask only where identical completions were merged."""

    episode: int
    asks: tuple[Ask, ...]
    effect: Asked
    rendering: Rendering | None = None
    """Of a Complete: what is sent."""
    seeds: tuple[int, ...] = ()
    """Of a Complete: one for each ask."""
    recalled: tuple[tuple[Action, Observation], ...] = ()
    """Of an Act after a resume: what the tools did on this path before, for their state."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What came of a job: an outcome for each ask."""

    outcomes: tuple[Recorded, ...]
    seconds: float = 0.0


Item: TypeAlias = Token | Brought | BaseException
"""What a driver carries back for a job: tokens, then either outcomes or an error."""


def seed_of(run_seed: int, episode: int, place: Place) -> int:
    """Derive a seed (31 bits) from where an effect stands, so that neither timing nor driver changes it.

    The children of one gather count upwards from one number: a local model can draw such samples side by side.
    """
    sibling = place[-2] if len(place) > 2 else 0
    shared = (*place[:-2], place[-1]) if len(place) > 2 else place
    return (zlib.crc32(f"{run_seed}:{episode}:{shared}".encode()) + sibling) & 0x7FFFFFFF
