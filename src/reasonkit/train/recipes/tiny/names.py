"""Invented names, and which of them are kept for measurement.

For: people, places, titles and things that no real page has, in several shapes, about two in five of them built from
syllables. Whether a name is for training or for measurement is decided by its own letters (crc32), so the two never
meet. Not for: facts about them (worlds.py).
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from reasonkit.train.recipes.tiny import words


class Retry(Exception):
    """A drawn document cannot be made as wished; draw again."""


def held(text: str, one_in: int = 8) -> bool:
    """Say whether a string is kept for measurement; ``one_in`` is the share (8: an eighth)."""
    return zlib.crc32(text.encode()) % one_in == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """Something that has a name."""

    kind: str
    """Kind of page, or of value where no page exists."""
    name: str
    """Name as it stands in a sentence, without article."""
    article: str = ""
    """"the " where a sentence needs it."""
    female: bool = False

    @property
    def mention(self) -> str:
        """The name with its article."""
        return self.article + self.name

    @property
    def title(self) -> str:
        """The name as a page's title: the first letter is a capital."""
        return self.name[:1].upper() + self.name[1:]


class Names:
    """Draws names; ``measured`` chooses the side of the split, no name is drawn twice."""

    def __init__(self, dice: random.Random, *, measured: bool) -> None:
        self.dice = dice
        self.measured = measured
        self.taken: set[str] = set()

    def invented(self) -> str:
        """Return a word of syllables, lower case."""
        dice = self.dice
        count = dice.choice((1, 2, 2, 2, 3))
        body = "".join(dice.choice(words.ONSETS) + dice.choice(words.VOWELS) for _ in range(count))
        return body + dice.choice(words.CODAS if count > 1 else words.HARD_CODAS)

    def split(self, make: Callable[[], str]) -> str:
        """Return the first name from ``make`` that is new and on the right side of the split."""
        for _ in range(300):
            name = make()
            if name not in self.taken and held(name) == self.measured and len(name) < 44:
                self.taken.add(name)
                return name
        raise Retry

    def entity(self, kind: str) -> Entity:
        """Return a new entity of a kind."""
        name = self.split(getattr(self, f"_{kind}"))
        article = ""
        if kind in ("river", "ship", "event", "animal", "invention", "plant") and not name.startswith("The "):
            article = "the "
        if name.startswith(("Palace of", "Tower of", "Museum of", "University of", "Isle of", "Gulf of", "Bay of")):
            article = "the "
        if kind in ("sea", "range", "region") and name.endswith((" Sea", " Ocean", " Mountains", " Hills", " Range")):
            article = "the "
        return Entity(kind=kind, name=name, article=article, female=self.dice.random() < 0.5)

    def _made(self, share: float = 0.4) -> str:
        if self.dice.random() < share:
            return self.invented().capitalize()
        return self.dice.choice(words.STEMS) + self.dice.choice(words.ENDINGS)

    def first(self) -> str:
        """Return a first name."""
        return self.invented().capitalize() if self.dice.random() < 0.3 else self.dice.choice(words.FIRST)

    def surname(self) -> str:
        """Return a family name."""
        draw = self.dice.random()
        if draw < 0.45:
            return self.invented().capitalize()
        if draw < 0.65:
            return self._made()
        return self.dice.choice(words.SURNAMES)

    def _person(self) -> str:
        draw = self.dice.random()
        if draw < 0.76:
            return f"{self.first()} {self.surname()}"
        if draw < 0.84:
            return f"{self.first()} {self.first()} {self.surname()}"
        if draw < 0.89:
            return f"{self.first()} {self.dice.choice('ABCDEFGHJKLMNPRSTW')}. {self.surname()}"
        if draw < 0.95:
            return f"{self.first()} {self.dice.choice(('van', 'de', 'von', 'di', 'la', 'of'))} {self.surname()}"
        return self.surname()

    def _city(self) -> str:
        made, draw = self._made(0.5), self.dice.random()
        if draw < 0.82:
            return made
        if draw < 0.92:
            return f"{self.dice.choice(('New', 'Port', 'Saint', 'San', 'Old', 'Upper', 'North', 'South'))} {made}"
        return f"{made} {self.dice.choice(('upon', 'on'))} {self._made(0.5)}" if draw < 0.96 else f"{made} City"

    def _country(self) -> str:
        made = self.invented().capitalize()
        return self.dice.choice((made + "ia", made + "land", made, made + "a", f"North {made}", f"Republic of {made}"))

    def _river(self) -> str:
        made = self._made(0.75)
        return f"{made} River" if self.dice.random() < 0.12 else made

    def _mountain(self) -> str:
        made = self._made(0.7)
        return self.dice.choice(
            (made, f"Mount {made}", f"Mount {made}", f"{made} Peak", f"{made}horn", f"Monte {made}")
        )

    def _lake(self) -> str:
        made = self._made(0.7)
        return self.dice.choice((f"Lake {made}", f"Lake {made}", f"{made} Lake", f"Loch {made}"))

    def _island(self) -> str:
        made = self._made(0.7)
        return self.dice.choice((made, made, f"Isle of {made}", f"{made} Island", f"Saint {self.first()}"))

    def _sea(self) -> str:
        made = self._made(0.6)
        return self.dice.choice((f"{made} Sea", f"{made} Sea", f"Gulf of {made}", f"Bay of {made}", f"{made} Ocean"))

    def _range(self) -> str:
        return f"{self._made(0.6)} {self.dice.choice(('Mountains', 'Hills', 'Range'))}"

    def _region(self) -> str:
        return self._made(0.6)

    def _title(self) -> str:
        dice = self.dice
        adjective, noun, other = dice.choice(words.ADJECTIVES), dice.choice(words.NOUNS), dice.choice(words.NOUNS)
        shapes: tuple[Callable[[], str], ...] = (
            lambda: f"The {adjective} {noun}",
            lambda: f"The {noun} of {self._made()}",
            lambda: f"The {noun} and the {other}",
            lambda: f"{noun} in the {other}",
            lambda: f"A{'n' if noun[0] in 'AEIO' else ''} {noun} for {self.first()}",
            lambda: f"{self.first()} and the {noun}",
            lambda: f"{adjective} {noun}",
            lambda: self.invented().capitalize(),
            lambda: f"{self.first()} {self.surname()}",
            lambda: f"The {noun}",
            lambda: f"{noun} without {other}",
            lambda: f"The {self._made()} {noun}",
            lambda: f"{noun} and {other}",
            lambda: f"{self._made()} {noun}",
            lambda: f"{noun} with a{'n' if other[0] in 'AEIO' else ''} {other}",
            lambda: f"{noun} on the {other}",
            lambda: f"The {noun} of the {adjective} {other}",
            lambda: f"{noun} of {other}s",
            lambda: f"{adjective} {noun}s",
            lambda: f"{self.first()}'s {noun}",
            lambda: f"The {noun} at {self._made()}",
        )
        return dice.choice(shapes)()

    _novel = _play = _painting = _film = _title

    def _symphony(self) -> str:
        number = self.dice.randint(1, 9)
        return self.dice.choice((self._title(), self._title(), f"Symphony No. {number} in {self._made()}"))

    def _lower(self, suffixes: tuple[str, ...]) -> str:
        return self.invented() + self.dice.choice(suffixes)

    def _element(self) -> str:
        return self._lower(("ium", "ium", "on", "um", "ine", ""))

    def _animal(self) -> str:
        if self.dice.random() < 0.5:
            return f"{self.dice.choice(words.ADJECTIVES).lower()} {self._lower(('', ''))}"
        return f"{self._lower(('', ' '))}{self.dice.choice(words.BEASTS)}".replace("  ", " ")

    def _plant(self) -> str:
        return f"{self._lower(('', ' '))}{self.dice.choice(('wood', 'berry', 'tree', 'flower', 'nut', 'leaf'))}"

    def _planet(self) -> str:
        return self.invented().capitalize()

    def _invention(self) -> str:
        if self.dice.random() < 0.5:
            return f"{self.dice.choice(words.POWERS)} {self.dice.choice(words.MACHINES)}"
        return self._lower(("graph", "meter", "scope", "phone", "")) + self.dice.choice(("", "", " machine", " engine"))

    def _event(self) -> str:
        made = self._made(0.5)
        return self.dice.choice(
            (f"Battle of {made}", f"Battle of {made}", f"Siege of {made}", f"Treaty of {made}", f"{made} War",
             f"Great Fire of {made}", f"{made} Revolution", f"{made} Earthquake", f"{made} Expedition")
        )  # fmt: skip

    def _building(self) -> str:
        made = self._made(0.5)
        return self.dice.choice(
            (f"{made} Cathedral", f"{made} Bridge", f"{made} Castle", f"{made} Tower", f"Tower of {made}",
             f"{self.surname()} Museum", f"{made} Gallery", f"Palace of {made}", f"{made} Hall", made)
        )  # fmt: skip

    def _company(self) -> str:
        return self.dice.choice(
            (f"{self.surname()} and Sons", f"{self.surname()} Brothers", f"{self._made()} Works", self._made(0.8),
             f"{self._made()} Steel", f"{self.surname()} Press", f"{self._made()} Motors")
        )  # fmt: skip

    def _university(self) -> str:
        made = self._made()
        return self.dice.choice((f"University of {made}", f"{made} University", f"{self.surname()} College"))

    def _ship(self) -> str:
        return self.dice.choice((self._made(), f"{self.dice.choice(words.ADJECTIVES)} {self.dice.choice(words.NOUNS)}"))
