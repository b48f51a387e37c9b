"""Invented names, and which of them are kept for measurement.

For: people, places, titles and things that no real page has, in several shapes, about two in five of them built from
syllables. Whether a name is for training or for measurement is decided by its own letters (crc32), so the two never
meet. Not for: their shapes (shapes.py), nor facts about them (facts.py).
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from reasonkit.train.recipes.tiny.shapes import Shapes

WITH_ARTICLE = ("river", "ship", "event", "animal", "invention", "plant", "desert", "canal", "sculpture")


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


class Names(Shapes):
    """Draws names; ``measured`` chooses the side of the split, no name is drawn twice."""

    def __init__(self, dice: random.Random, *, measured: bool) -> None:
        super().__init__(dice)
        self.measured = measured
        self.taken: set[str] = set()

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
        if kind.startswith("spot "):
            place = kind.removeprefix("spot ").capitalize()
            return Entity(kind="spot", name=self.split(lambda: f"{self._spot_name()} {place}"))
        name = self.split(getattr(self, f"_{kind}"))
        article = ""
        if kind in WITH_ARTICLE and not name.startswith("The "):
            article = "the "
        if name.startswith(("Palace of", "Tower of", "Museum of", "University of", "Isle of", "Gulf of", "Bay of")):
            article = "the "
        if kind in ("sea", "range", "region") and name.endswith((" Sea", " Ocean", " Mountains", " Hills", " Range")):
            article = "the "
        return Entity(kind=kind, name=name, article=article, female=self.dice.random() < 0.5)
