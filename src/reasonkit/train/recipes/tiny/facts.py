"""What a page tells: values drawn for relations, and how dates, numbers and names are written.

For: the values, each with the answer that its wording gives. Not for: sentences (pages.py).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from reasonkit.train.recipes.tiny import words
from reasonkit.train.recipes.tiny.kinds import Relation, targets
from reasonkit.train.recipes.tiny.names import Entity, Names

UNITS: dict[str, tuple[str, ...]] = {
    "km": ("kilometres", "kilometres", "km", "kilometers", "miles"),
    "m": ("metres", "metres", "m", "meters", "feet"),
    "km2": ("square kilometres", "square kilometers", "square miles"),
    "cm": ("centimetres", "centimeters", "cm"),
    "kg": ("kilograms", "kg", "tonnes"),
    "years": ("years",),
    "days": ("days", "years", "hours"),
    "kmh": ("kilometres per hour", "km/h", "miles per hour"),
    "hours": ("hours", "hours", "days"),
    "celsius": ("degrees Celsius", "degrees"),
    "mm": ("millimetres", "mm", "inches"),
    "": ("",),
}

LISTED = ("product", "food", "use", "field", "occupation", "material", "language", "colour", "genre")
"""Kinds of words of which a page may name several as one value."""

NAMED = re.compile(
    r"^\{v\}|(\}|author|composer|architect|publisher|playwright|botanist|painter|writer|character|city of|province of"
    r"|the \w+|region of|town of|chief town of|slopes of|source|works?|work,|its|the|of a?) \{v\}|\{v\}'"
)
"""Forms that say already what the value is, or that begin with it."""
APPROXIMATE = re.compile(r"(about|some|around|to|for|number|cost|with|has|employs|once every|least) \{v\}")


COUNTED = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
"""Numbers as words."""


@dataclass(slots=True, kw_only=True)
class Fact:
    """A relation with its value; ``answer`` is what the page's wording gives."""

    relation: Relation
    entity: Entity | None = None
    text: str = ""
    year: str = ""
    answer: str = ""
    sentence: int = -1
    """Index of the sentence that tells it; -1 while it is not told."""


class Wording(dict[str, str]):
    """Fills a form's placeholders; what is not given is drawn."""

    def __init__(self, given: dict[str, str], draw: Callable[[str], str]) -> None:
        super().__init__(given)
        self._draw = draw

    def __missing__(self, key: str) -> str:
        return self._draw(key)


def number(dice: random.Random, low: int, high: int) -> int:
    """Draw a number, small ones as often as large ones; large ones are mostly round."""
    drawn = round(low * (high / low) ** dice.random()) if low > 0 else dice.randint(low, high)
    if drawn > 999 and dice.random() < 0.7:
        drawn = drawn // 10 * 10 if drawn < 10000 else drawn // 1000 * 1000
    return drawn


def numeral(dice: random.Random, value: int) -> str:
    """Write a number: with or without separators, large ones sometimes in millions."""
    if value >= 1_000_000 and dice.random() < 0.5:
        return f"{value / 1e6:.1f} million".replace(".0 ", " ")
    return f"{value:,}" if dice.random() < 0.8 else str(value)


class Drawer:
    """Draws values for one document."""

    def __init__(self, dice: random.Random, names: Names) -> None:
        self.dice = dice
        self.names = names

    def value(self, relation: Relation, entity: Entity | None = None) -> Fact:
        """Draw a fact of a relation, or state the one whose value is given."""
        dice, kind = self.dice, relation.value
        fact = Fact(relation=relation, entity=entity)
        if kind == "date":
            fact.text = fact.year = str(dice.randint(relation.low, relation.high))
        elif kind == "num":
            unit = dice.choice(UNITS[relation.unit])
            drawn = number(dice, relation.low, relation.high)
            amount = numeral(dice, drawn)
            if drawn < len(COUNTED) and dice.random() < (0.12 if relation.unit else 0.3):
                amount = COUNTED[drawn]
            if amount[0].isdigit() and dice.random() < 0.06:
                amount += (
                    f"{dice.choice((' to ', ' and ', '-', ' to '))}{numeral(dice, drawn + dice.randint(1, drawn + 1))}"
                )
            elif amount.isdigit() and drawn < 100 and dice.random() < 0.06:
                amount += f".{dice.randint(1, 9)}"
            fact.text = f"{amount} {unit}".strip()
        elif kind == "symbol":
            fact.text = dice.choice(words.SYMBOLS) + dice.choice(("", *"abcdefghilmnorstuy"))
        elif kind in words.LISTS:
            fact.text = dice.choice(words.LISTS[kind])
            if kind in LISTED and dice.random() < 0.18:
                others = [word for word in dice.sample(words.LISTS[kind], dice.choice((2, 2, 3))) if word != fact.text]
                fact.text = f"{', '.join((fact.text, *others[:-1]))} and {others[-1]}"
        elif entity is None:
            fact.entity = self.somewhere(kind)
        if fact.entity is not None:
            fact.text = fact.entity.mention
        fact.answer = fact.entity.name if fact.entity else fact.text
        return fact

    def somewhere(self, kind: str) -> Entity:
        """Draw an entity for a value: invented, or for places sometimes a real name (of which nothing is told)."""
        real = {"country": words.REAL_COUNTRIES, "city": words.REAL_CITIES, "sea": words.REAL_SEAS}.get(kind)
        if real and self.dice.random() < 0.45:
            name = self.dice.choice(real)
            return Entity(kind=kind, name=name, article="the " if kind == "sea" or name.startswith("United") else "")
        return self.names.entity(self.dice.choice(targets(kind) or (kind,)))

    def draw(self, key: str) -> str:
        """Draw what a placeholder stands for where the form leaves it open."""
        dice = self.dice
        if key == "anyyear":
            return str(dice.randint(1500, 2012))
        if key == "small":
            return dice.choice(words.SMALL)
        if key == "ordinal":
            return dice.choice(words.ORDINALS)
        if key == "age":
            return str(dice.randint(21, 99))
        if key == "bignum":
            return numeral(dice, number(dice, 20, 90000))
        if key in words.LISTS:
            return dice.choice(words.LISTS[key])
        return self.somewhere(key).name

    def dressed_value(self, fact: Fact, form: str) -> str:
        """Return a value as a form shows it: now and then with words before it that say what it is."""
        dice, kind = self.dice, fact.entity.kind if fact.entity else fact.relation.value
        if dice.random() < 0.75 or NAMED.search(form):
            return fact.text
        if kind == "num" and not APPROXIMATE.search(form):
            if dice.random() < 0.3 and fact.relation.unit:
                unit = dice.choice(UNITS[fact.relation.unit])
                return f"{fact.text} ({numeral(dice, number(dice, 2, 9000))} {unit})"
            return f"{dice.choice(('about', 'some', 'nearly', 'more than', 'almost', 'an estimated'))} {fact.text}"
        options = {
            "person": (
                "the {nationality} {occupation} {v}",
                "the {occupation} {v}",
                "the {nationality} {occupation} {v}",
            ),
            "city": ("the small town of {v}", "the city of {v}", "nearby {v}", "{v} in {country}", "{v}, {country}"),
            "country": ("what is now {v}", "present-day {v}", "the {direction} of {v}"),
            "building": ("{v} in {city}", "{v} in {country}", "the famous {v}"),
            "university": ("{v} in {city}", "{v} in {country}"),
            "company": ("the firm {v}", "the company {v} of {city}"),
            "river": (f"the river {fact.answer}",),
            "novel": ("the novel {v}", "the {genre} novel {v}", "the book {v}"),
            "play": ("the play {v}",),
            "painting": ("the painting {v}",),
            "mountain": ("the mountain {v}", "the slopes of {v}"),
            "element": ("the element {v}", "the metal {v}"),
        }.get(kind)
        if options is None:
            return fact.text
        return dice.choice(options).format_map(Wording({"v": fact.text}, self.draw))

    def date(self, fact: Fact) -> str:
        """Write a date with its preposition, and note what it gives as an answer."""
        dice, draw = self.dice, self.dice.random()
        day, month = dice.randint(1, 28), dice.choice(words.MONTHS)
        if draw < 0.04:
            fact.answer = fact.year
            return f"{dice.choice(('around', 'about', 'before', 'as early as in'))} {fact.year}"
        if draw < 0.5 or fact.year.endswith("BC"):
            fact.answer = fact.year
        elif draw < 0.72:
            fact.answer = f"{day} {month} {fact.year}"
        elif draw < 0.86:
            fact.answer = f"{month} {day}, {fact.year}"
        else:
            fact.answer = f"{month} {fact.year}"
        return ("on " if any(c.isdigit() for c in fact.answer.removesuffix(fact.year)) else "in ") + fact.answer
