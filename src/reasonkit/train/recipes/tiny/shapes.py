"""The shapes of invented names: how a person, a river, a novel or a battle may be called.

For: patterns over syllables and plain words; every kind of page has a method ``_kind``. Not for: which names are kept
for measurement (names.py).
"""

from __future__ import annotations

import random
from collections.abc import Callable

from reasonkit.train.recipes.tiny import words

ACCENTS = {"a": "á", "e": "é", "i": "í", "o": "ö", "u": "ü", "n": "ñ", "c": "ç", "s": "š", "z": "ž"}


class Shapes:
    """Draws names of every kind."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice

    def invented(self) -> str:
        """Return a word of syllables, lower case."""
        dice = self.dice
        count = dice.choice((1, 2, 2, 2, 3))
        draw = dice.random()
        if draw < 0.25 and count > 1:
            made = "".join(
                dice.choice(words.ONSETS) + dice.choice(words.VOWELS) + dice.choice(words.LISTS["inner"])
                for _ in range(count - 1)
            )
            made += dice.choice(words.LISTS["last"])
        elif draw < 0.4:
            made = dice.choice(words.VOWELS) + dice.choice(words.LISTS["inner"])
            made += dice.choice(words.ONSETS) + dice.choice(words.LISTS["last"])
        else:
            made = "".join(dice.choice(words.ONSETS) + dice.choice(words.VOWELS) for _ in range(count))
            made += dice.choice(words.CODAS if count > 1 else words.HARD_CODAS)
        if dice.random() < 0.03:
            at = dice.randrange(len(made))
            made = made[:at] + ACCENTS.get(made[at], made[at]) + made[at + 1 :]
        return made

    def _spot_name(self) -> str:
        draw = self.dice.random()
        if draw < 0.4:
            return self._made()
        if draw < 0.6:
            return self.dice.choice(words.NOUNS)
        return f"Saint {self.first()}" if draw < 0.75 else self.surname()

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
        if draw < 0.4:
            return self.invented().capitalize()
        if draw < 0.55:
            return self._made()
        if draw < 0.6:
            before = self.dice.choice(("Mac", "Mc", "O'", "D'", "Van ", "De "))
            return before + self.invented().capitalize()
        if draw < 0.63:
            return f"{self.dice.choice(words.SURNAMES)}-{self.invented().capitalize()}"
        if draw < 0.72:
            return self.invented().capitalize() + self.dice.choice(words.LISTS["family"])
        return self.dice.choice(words.SURNAMES)

    def _person(self) -> str:
        draw = self.dice.random()
        if draw < 0.76:
            return f"{self.first()} {self.surname()}"
        if draw < 0.84:
            return f"{self.first()} {self.first()} {self.surname()}"
        if draw < 0.87:
            return f"{self.first()} {self.dice.choice('ABCDEFGHJKLMNPRSTW')}. {self.surname()}"
        if draw < 0.89:
            return f"{self.first()} {self.dice.choice(('I', 'II', 'III', 'IV', 'V', 'VI', 'the Great'))}"
        if draw < 0.95:
            return f"{self.first()} {self.dice.choice(('van', 'de', 'von', 'di', 'la', 'of'))} {self.surname()}"
        return self.surname()

    def _city(self) -> str:
        made, draw = self._made(0.5), self.dice.random()
        if draw < 0.8:
            return made
        if draw < 0.9:
            before = (
                "New",
                "Port",
                "Saint",
                "San",
                "Old",
                "Upper",
                "North",
                "South",
                "Los",
                "La",
                "Santa",
                "El",
                "Fort",
            )
            return f"{self.dice.choice(before)} {made}"
        if draw < 0.94:
            return f"{made}{self.dice.choice((' upon ', ' on ', '-sur-', ' am ', '-on-', ' di '))}{self._made(0.5)}"
        return f"{made} City" if draw < 0.97 else f"{made}-{self._made(0.5)}"

    def _country(self) -> str:
        made = self.invented().capitalize()
        return self.dice.choice(
            (made + "ia", made + "land", made, made + "a", f"North {made}", f"Republic of {made}", made + "stan",
             f"United {made}", f"{made} Islands", f"{made} and {self.invented().capitalize()}", f"Kingdom of {made}")
        )  # fmt: skip

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
            lambda: f"{noun} {self.dice.choice(words.LISTS['between'])} {other}",
            lambda: f"{noun} {self.dice.choice(words.LISTS['between'])} the {adjective} {other}",
            lambda: f"The {noun} {self.dice.choice(words.LISTS['between'])} {self.first()} {self.surname()}",
            lambda: f"{self.dice.choice(words.LISTS['foreign'])} {self.invented()}",
            lambda: f"{self.dice.choice(words.LISTS['foreign'])} {self.invented()} {self.invented()}",
            lambda: f"{self.dice.choice(words.LISTS['numerals'])} {noun}s",
            lambda: f"The {self.dice.choice(words.LISTS['numerals'])} {noun}s of {self._made()}",
            lambda: f"{self.dice.randint(3, 2100)}",
            lambda: f"{noun}, {other} and {self.dice.choice(words.NOUNS)}",
            lambda: f"{noun}: {adjective} {other}",
            lambda: f"{self.dice.choice(words.LISTS['gerunds'])} {self.dice.choice(('the', 'a', 'my'))} {noun}",
            lambda: f"Who {self.dice.choice(words.LISTS['pasts'])} the {noun}",
            lambda: f"The {self.dice.choice(words.LISTS['gerunds'])} {noun}",
            lambda: f"The {noun} Who {self.dice.choice(words.LISTS['pasts'])}",
            lambda: f"{self.invented().capitalize()} {self.invented()}",
            lambda: f"{self.invented().capitalize()} and {self.invented().capitalize()}",
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
             f"Great Fire of {made}", f"{made} Revolution", f"{made} Earthquake", f"{made} Expedition",
             f"Fall of {made}", f"Council of {made}", f"Second {made} War", f"Battle of the {made}",
             f"{self.dice.randint(1400, 2010)} {made} earthquake", f"{made} {self.dice.randint(2, 19)}",
             f"War of the {made} Succession", f"{made} Rebellion", f"Peace of {made}", f"Great {made} Flood",
             f"{self.surname()}'s Rebellion", f"Sinking of the {made}", f"Coronation of {self.first()} {self.surname()}")
        )  # fmt: skip

    def _building(self) -> str:
        made = self._made(0.5)
        return self.dice.choice(
            (f"{made} Cathedral", f"{made} Bridge", f"{made} Castle", f"{made} Tower", f"Tower of {made}",
             f"{self.surname()} Museum", f"{made} Gallery", f"Palace of {made}", f"{made} Hall", made,
             f"Church of Saint {self.first()}", f"Great Wall of {made}", f"{made} Opera House", f"{made} Station",
             f"National Museum of {made}", f"Castel {made}", f"Basilica of {made}", f"{made} Lighthouse",
             f"{self.dice.choice(words.ADJECTIVES)} {self.dice.choice(('House', 'Tower', 'Mosque', 'Gate', 'Palace'))}")
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
        return self.dice.choice(
            (self._made(), f"{self.dice.choice(words.ADJECTIVES)} {self.dice.choice(words.NOUNS)}",
             f"{self.dice.choice(('HMS', 'USS', 'SS', 'RMS', 'MS'))} {self._made()}", f"{self._made()} II",
             f"{self.first()} {self.surname()}", self.dice.choice(words.NOUNS))
        )  # fmt: skip

    def _desert(self) -> str:
        made = self._made(0.7)
        return self.dice.choice((made, f"{made} Desert", f"Great {made} Desert"))

    def _canal(self) -> str:
        return f"{self._made(0.7)} Canal"

    def _sculpture(self) -> str:
        return self.dice.choice(
            (self._title(), f"Statue of {self.first()} {self.surname()}", f"Lion of {self._made()}")
        )

    def _spacecraft(self) -> str:
        return f"{self.dice.choice((self._made(), self.dice.choice(words.NOUNS)))} {self.dice.randint(1, 24)}"

    def _dish(self) -> str:
        return self._lower(("a", "i", "elle", "otto", " soup", " cake", " bread", " stew"))
