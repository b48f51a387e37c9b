"""Plain word lists that the invented world is built from, read from ``words.txt``.

For: first names, stems, adjectives and the closed sets that facts draw their values from (colours, fields, ...).
Not for: anything true; the lists are common words of the language, paired at random.
"""

from __future__ import annotations

from importlib import resources


def parse(text: str) -> dict[str, list[str]]:
    """Read blocks of ``= name`` and items between bars; ``~`` is an empty item, a leading ``_`` a leading space."""
    found: dict[str, list[str]] = {}
    for block in text.split("\n= ")[1:]:
        name, _, body = block.partition("\n")
        items = [item.strip() for item in " ".join(body.split()).split(" | ")]
        found[name] = ["" if item == "~" else f" {item[1:]}" if item.startswith("_") else item for item in items]
    return found


LISTS = parse((resources.files("reasonkit.train.recipes.tiny") / "words.txt").read_text(encoding="utf-8"))
ONSETS = LISTS["onsets"]
VOWELS = LISTS["vowels"]
CODAS = LISTS["codas"]
HARD_CODAS = LISTS["hard_codas"]
STEMS = LISTS["stems"]
ENDINGS = LISTS["endings"]
FIRST = LISTS["first"]
SURNAMES = LISTS["surnames"]
ADJECTIVES = LISTS["adjectives"]
NOUNS = LISTS["nouns"]
BEASTS = LISTS["beasts"]
POWERS = LISTS["powers"]
MACHINES = LISTS["machines"]
SYMBOLS = LISTS["symbols"]
MONTHS = LISTS["months"]
ORDINALS = LISTS["ordinals"]
SMALL = LISTS["small"]
REAL_COUNTRIES = LISTS["real_countries"]
REAL_CITIES = LISTS["real_cities"]
REAL_SEAS = LISTS["real_seas"]
OPENERS = LISTS["openers"]
TAILS = LISTS["tails"]
OBJECTS = LISTS["objects"]
