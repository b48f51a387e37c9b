"""The words of relations that are made up on the spot: verbs with their forms, and groups that can stand for each other.

For: reading ``loose.txt``, and saying which words a kind's own pages use already. Not for: the grammatical moulds
(loose.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from reasonkit.train.recipes.tiny import words
from reasonkit.train.recipes.tiny.kinds import kinds

LISTS = words.parse((resources.files("reasonkit.train.recipes.tiny") / "loose.txt").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb's base, past and participle."""

    base: str
    past: str
    participle: str


def verb(text: str) -> Verb:
    """Read ``base/past/participle``, ``base/past``, or a regular base."""
    if "/" in text:
        base, past, *participle = text.split("/")
        return Verb(base=base, past=past, participle=participle[0] if participle else past)
    first, space, rest = text.partition(" ")
    past = first + "d" if first.endswith("e") else first + "ed"
    if re.search(r"[^aeiou]y$", first):
        past = first[:-1] + "ied"
    return Verb(base=text, past=past + space + rest, participle=past + space + rest)


@cache
def groups(block: str) -> tuple[tuple[str, ...], ...]:
    """Return a block's groups of words that can stand for each other."""
    return tuple(tuple(word.strip() for word in item.split(" = ")) for item in LISTS[block])


@cache
def told_by(kind: str) -> str:
    """Return everything that a kind's own pages say, to keep made-up relations apart from it."""
    own = kinds()[kind]
    told = [
        text for each in own.relations for text in (*each.predicates, *each.sentences, *each.questions, each.phrase)
    ]
    return " ".join((*told, *own.fillers, *words.LISTS["tails"]))
