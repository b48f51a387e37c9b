"""Make dialogues with their summaries from scenes and words: the same seed and index give the same one.

For: the rows that ship, and any number more as a generator of `reasonkit train`. Not for: natural language.

What is held out is decided by a hash (crc32) of a scene's name and the word that it is about, as in "borrowing
umbrella": of each scene's words the eighth with the least hashes is never in its training rows. So every scene is
trained on and measured, with different words.
"""

from __future__ import annotations

import random
import re
import tomllib
import zlib
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any

ROWS, HELD_OUT, SEED = 1200, 200, 11
"""How many rows ship to train on, how many to measure with, and their seed."""
SHORTEST, LONGEST = 4, 10
"""Turns of a dialogue."""
_ONE_IN = 8
_PRONOUNS = {"she": ("she", "her", "her"), "he": ("he", "him", "his")}
_SINGULAR = {"it": "it", "they": "it", "is": "is", "was": "was", "has": "has", "does": "does"}
_PLURAL = {"it": "them", "they": "they", "is": "are", "was": "were", "has": "have", "does": "do"}


def row(seed: int, index: int, *, held_out: bool = False) -> dict[str, str]:
    """Return a dialogue and its summary, either one to train on or one that is held out."""
    dice = random.Random(f"{seed} {index}")
    material = _material()
    scene = dice.choice(material["scene"])
    slots = _slots(material, scene, dice)
    while (slots[scene["key"]] in held_words(scene["name"])) != held_out:
        slots = _slots(material, scene, dice)
    turns = [dice.choice(wordings) for wordings in scene["turns"]]
    turns = [turn.removeprefix("?") for turn in turns if turn[0] != "?" or dice.random() < 0.6]
    said = _joined([*_opening(material["small"], turns, dice), *turns])
    said = (said + _closing(material["small"], said, dice))[:LONGEST]
    lines = []
    for who, words in said:
        other = dice.choice(sorted({one for one, _ in said} - {who})) if who != "b" else "a"
        lines.append(f"{slots[who]}: {_filled(words, slots | {'other': slots[other]})}")
    return {"dialogue": "\n".join(lines), "summary": _filled(dice.choice(scene["summary"]), slots)}


def pair(seed: int, index: int) -> dict[str, str]:
    """Return a dialogue to train on as input and its summary as target, without a prompt."""
    made = row(seed, index)
    return {"input": made["dialogue"], "target": made["summary"]}


def shipped() -> list[dict[str, str]]:
    """Return the rows of the file that ships, each dialogue and each summary once; those held out are the last."""
    rows: list[dict[str, str]] = []
    for split, wanted in (("train", ROWS), ("held_out", HELD_OUT)):
        made: dict[str, dict[str, str]] = {}
        index = 0
        while len(made) < wanted:
            one = row(SEED, index, held_out=split == "held_out")
            made.setdefault(one["summary"], one)
            index += 1
        rows += [{"id": f"d{len(rows) + number}", "split": split, **one} for number, one in enumerate(made.values())]
    return rows


def words_of(scene: str) -> list[str]:
    """Return the words that a scene may be about, nouns without their article."""
    material = _material()
    key = next(one["key"] for one in material["scene"] if one["name"] == scene)
    numbers = material["nouns"].get(key, {})
    return material["words"].get(key) or [forms(noun, number)[""] for number in numbers for noun in numbers[number]]


@cache
def held_words(scene: str) -> frozenset[str]:
    """Return those of a scene's words that are never in a row to train on."""
    known = sorted(words_of(scene), key=lambda word: zlib.crc32(f"{scene} {word}".encode()))
    return frozenset(known[: len(known) // _ONE_IN])


def forms(noun: str, number: str) -> dict[str, str]:
    """Return what stands round a noun and for it.

    Args:
        noun: with its article where it is `one`, else without.
        number: `one`, `many` or `mass`.
    """
    article, bare = noun.split(" ", 1) if number == "one" else ("some", noun)
    agreeing = _PLURAL if number == "many" else _SINGULAR
    found = {"": bare, "a": f"{article} {bare}", "the": f"the {bare}", "any": noun}
    return found | {f"_{name}": form for name, form in agreeing.items()}


def _slots(material: dict[str, Any], scene: dict[str, Any], dice: random.Random) -> dict[str, str]:
    """Draw five people and two of each kind of word, all different; days and hours in order if a scene has two."""
    people = [(name, pronoun) for pronoun, names in material["people"].items() for name in names]
    slots = {}
    for letter, (name, pronoun) in zip("abcde", dice.sample(people, 5), strict=True):
        slots[letter] = name
        slots |= dict(zip((f"{letter}_he", f"{letter}_him", f"{letter}_his"), _PRONOUNS[pronoun], strict=True))
    for kind, known in material["words"].items():
        slots[kind], slots[f"{kind}2"] = dice.sample(known, 2)
    for kind, known in material["ordered"].items():
        places = dice.sample(range(len(known)), 2)
        if f"{{{kind}2}}" in str(scene):
            places.sort()
        slots[kind], slots[f"{kind}2"] = (known[place] for place in places)
    for kind, numbers in material["nouns"].items():
        nouns = [(noun, number) for number, known in numbers.items() for noun in known]
        for slot, drawn in zip((kind, f"{kind}2"), dice.sample(nouns, 2), strict=True):
            for name, form in forms(*drawn).items():
                slots[f"{slot}{name}" if name[:1] in ("", "_") else f"{name}_{slot}"] = form
    return slots


def _opening(small: dict[str, list[str]], turns: list[str], dice: random.Random) -> list[str]:
    if dice.random() < 0.5:
        return []
    ending = "_all" if any(turn.startswith(("c", "d")) for turn in turns) else ""
    return [f"a: {dice.choice(small['open' + ending])}", f"b: {dice.choice(small['reply' + ending])}"]


def _closing(small: dict[str, list[str]], said: list[tuple[str, str]], dice: random.Random) -> list[tuple[str, str]]:
    """Let up to two say goodbye, none of them twice in a row."""
    last, found = said[-1][0], []
    for words in dice.sample(small["close"], dice.choice((0, 0, 1, 2))):
        last = dice.choice(sorted({who for who, _ in said} - {last}))
        found.append((last, words))
    return found


def _joined(turns: list[str]) -> list[tuple[str, str]]:
    """Put what one says in a row into one turn."""
    parts = [(turn[0], turn[3:]) for turn in turns]
    return [(who, " ".join(words for _, words in group)) for who, group in groupby(parts, key=lambda part: part[0])]


def _filled(words: str, slots: dict[str, str]) -> str:
    """Fill the slots in, with a capital where a sentence begins."""
    return re.sub(r"(?:^|[.!?] )[a-z]", lambda found: found[0].upper(), words.format(**slots))


@cache
def _material() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("scenes.toml").read_text(encoding="utf-8"))
