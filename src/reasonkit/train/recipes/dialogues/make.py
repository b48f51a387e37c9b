"""Make dialogues with their summaries from scenes and words: the same seed and index give the same one.

For: the rows that ship, and any number more as a generator of `reasonkit train`. Not for: natural language.
"""

from __future__ import annotations

import random
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

ROWS, SEED = 1200, 11
"""How many rows ship, and their seed."""


def row(seed: int, index: int) -> dict[str, str]:
    """Return a dialogue and its summary."""
    dice = random.Random(f"{seed} {index}")
    scenes, words, small = _material()
    scene = dice.choice(scenes)
    slots = _slots(words, dice)
    turns = [dice.choice(wordings) for wordings in scene["turns"]]
    if dice.random() < 0.5:
        opened = [f"a: {dice.choice(small['open'])}", f"b: {dice.choice(small['reply'])}"]
        turns = opened[: dice.randint(1, 2)] + turns
    if dice.random() < 0.4:
        turns.append(f"{dice.choice('ab')}: {dice.choice(small['close'])}")
    lines = []
    for turn in turns:
        who, _, said = turn.partition(": ")
        filled = said.format(**slots, other=slots["b" if who == "a" else "a"])
        lines.append(f"{slots[who]}: {filled[:1].upper()}{filled[1:]}")
    summary = dice.choice(scene["summary"]).format(**slots)
    return {"dialogue": "\n".join(lines), "summary": summary}


def pair(seed: int, index: int) -> dict[str, str]:
    """Return a dialogue as input and its summary as target, without a prompt."""
    made = row(seed, index)
    return {"input": made["dialogue"], "target": made["summary"]}


def _slots(words: dict[str, list[str]], dice: random.Random) -> dict[str, str]:
    """Draw three people and two of each kind of word, all different."""
    slots = dict(zip("abc", dice.sample(words["name"], 3), strict=True))
    for kind, known in words.items():
        slots[kind], slots[f"{kind}2"] = dice.sample(known, 2)
    return slots


@cache
def _material() -> tuple[list[dict[str, Any]], dict[str, list[str]], dict[str, list[str]]]:
    found = tomllib.loads(files(__package__).joinpath("scenes.toml").read_text(encoding="utf-8"))
    return found["scene"], found["words"], found["small"]
