"""The kinds of page and their relations, read from the text files in ``kinds/``.

One block a kind (``# novel``), one a relation (``= author person``: its key, its kind of value, bounds where it is a
number or a date). Lines: ``n`` nouns, ``l`` leads, ``p`` the noun phrase that thoughts use, ``a`` other noun phrases,
``k`` keywords for Lookup, ``v`` predicates, ``s`` sentences, ``t`` openings, ``q`` questions (``qy``: for a year),
``f`` sentences that answer nothing. Not for: drawing values (pages.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One thing that pages of a kind tell."""

    key: str
    kind: str
    """Kind of page that it stands on."""
    value: str
    """Kind of its value: a kind of page, a list of words.py, ``date``, ``num`` or ``symbol``."""
    low: int
    high: int
    unit: str
    phrase: str
    """Noun phrase of thoughts, with {e} for the entity and {year} for "year" or "date"."""
    others: tuple[str, ...]
    """Other noun phrases, for questions."""
    keywords: tuple[str, ...]
    predicates: tuple[str, ...]
    sentences: tuple[str, ...]
    openings: tuple[str, ...]
    questions: tuple[str, ...]
    year_questions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of page."""

    name: str
    lower: bool
    """Names are common nouns, written small within a sentence."""
    nouns: tuple[str, ...]
    leads: tuple[str, ...]
    relations: tuple[Relation, ...]
    fillers: tuple[str, ...]


def _relation(kind: str, head: str, lines: dict[str, list[str]]) -> Relation:
    parts = head.split()
    return Relation(
        key=parts[0],
        kind=kind,
        value=parts[1],
        low=int(parts[2]) if len(parts) > 2 else 0,
        high=int(parts[3]) if len(parts) > 3 else 0,
        unit=parts[4] if len(parts) > 4 else "",
        phrase=lines["p"][0],
        others=tuple(lines.get("a", ())),
        keywords=tuple(word.strip() for word in lines["k"][0].split(",")),
        predicates=tuple(lines.get("v", ())),
        sentences=tuple(lines.get("s", ())),
        openings=tuple(lines.get("t", ())),
        questions=tuple(lines.get("q", ())),
        year_questions=tuple(lines.get("qy", ())),
    )


def parse(text: str) -> list[Kind]:
    """Read the kinds of one file's text."""
    found: list[Kind] = []
    for block in text.split("\n# ")[0:] if text.startswith("\n") else ("\n" + text).split("\n# "):
        if not block.strip():
            continue
        name, _, body = block.partition("\n")
        sections = ("\n" + body).split("\n= ")
        fillers: list[str] = []
        relations: list[Relation] = []
        own: dict[str, list[str]] = {}
        for number, section in enumerate(sections):
            head, _, rest = section.partition("\n")
            lines: dict[str, list[str]] = {}
            for line in (rest if number else section).strip().splitlines():
                tag, _, value = line.partition(": ")
                (fillers if tag == "f" else lines.setdefault(tag, [])).append(value)
            if number:
                relations.append(_relation(name.strip(), head, lines))
            else:
                own = lines
        found.append(
            Kind(
                name=name.strip(),
                lower="lower" in own,
                nouns=tuple(noun.strip() for noun in own["n"][0].split(",")),
                leads=tuple(own["l"]),
                relations=tuple(relations),
                fillers=tuple(fillers),
            )
        )
    return found


@cache
def kinds() -> dict[str, Kind]:
    """Return every kind by its name."""
    folder = resources.files("reasonkit.train.recipes.tiny") / "kinds"
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.iterdir(), key=lambda path: path.name)]
    return {kind.name: kind for text in texts for kind in parse(text)}


@cache
def linked() -> tuple[tuple[Relation, Relation], ...]:
    """Return every pair of relations where the first one's value has a page that tells the second."""
    table = kinds()
    return tuple(
        (first, second)
        for kind in table.values()
        for first in kind.relations
        for target in targets(first.value)
        for second in table[target].relations
        if (second.value, second.key) != (kind.name, first.key)
    )


def targets(value: str) -> tuple[str, ...]:
    """Return the kinds of page that a kind of value can have."""
    other = {"work": ("novel", "painting", "symphony", "play"), "substance": ("element",), "device": ("invention",)}
    return other.get(value, (value,) if value in kinds() else ())
