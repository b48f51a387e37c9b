"""Relations made up on the spot, so that a page can tell anything and a question can ask it.

For: hundreds of verbs and nouns in a few grammatical moulds ("was restored by V": "Who restored X?"; "its mayor is V";
"has V windows"), several of one type on a page, so that only the words can tell them apart. An eighth of the verbs and
nouns is kept for measurement by hash. Not for: relations with wordings of their own (kinds/).
"""

from __future__ import annotations

import random

from reasonkit.train.recipes.tiny import words
from reasonkit.train.recipes.tiny.kinds import Relation, kinds
from reasonkit.train.recipes.tiny.lexicon import LISTS, groups, told_by, verb
from reasonkit.train.recipes.tiny.names import held

PLACES = {"city": ("city", "town", "place"), "country": ("country", "land"), "building": ("building",),
          "island": ("island",), "university": ("university",)}  # fmt: skip
PLACED = ("city", "city", "city", "country", "country", "building", "island", "university")

DOERS = ("company", "company", "ship", "country", "university", "spacecraft", "event", "city")
"""Kinds of things that do something without being persons."""


class Maker:
    """Makes relations for one page."""

    def __init__(self, dice: random.Random, kind: str, *, measured: bool) -> None:
        self.dice, self.kind, self.measured = dice, kind, measured
        self.taken: set[str] = set()

    def pick(self, block: str) -> tuple[str, str] | None:
        """Draw a group: the word that the page uses, and the one of the question."""
        group = self.dice.choice(groups(block))
        key = group[0].split("/")[0].split(":")[0].split(" ")[0][:5]
        if held(f"{block} {group[0]}") != self.measured or key in self.taken or f" {key}" in told_by(self.kind):
            return None
        self.taken.add(key)
        written = self.dice.choice(group)
        return written, written if self.dice.random() < 0.7 else self.dice.choice(group)

    def relation(self, value: str = "") -> Relation | None:
        """Make a relation; with a value, one whose value is of that kind; None where this draw fits nothing."""
        dice, person = self.dice, self.kind == "person"
        shapes: dict[str, tuple[str, ...]]
        shapes = {
            "person": ("agent", "agent", "agent", "person_of", "person_of") if not person else
                      ("met", "met", "met", "person_of", "person_of"),
            "date": ("dated",),
            "city": ("placed", "placed", "spot", "spot", "thing_of") if not person else
                    ("went", "went", "held_in", "spot", "spot"),
            "num": ("count", "amount", "amount", "measure"),
            "thing": ("thing_of", "thing_of", "superlative") if not person else ("did", "did", "thing_of"),
        }  # fmt: skip
        value = value if value in shapes else dice.choice(("person", "person", "date", "city", "num", "num", "thing"))
        made: Relation | None = getattr(self, f"_{dice.choice(shapes[value])}")()
        return made

    def _made(self, value: str, key: str, *, low: int = 0, high: int = 0, unit: str = "", phrase: str,
              keywords: tuple[str, ...], p: tuple[str, ...] = (), s: tuple[str, ...] = (), t: tuple[str, ...] = (),
              q: tuple[str, ...] = (), qy: tuple[str, ...] = (), a: tuple[str, ...] = ()) -> Relation:  # fmt: skip
        return Relation(
            key=f"loose {key}", kind=self.kind, value=value, low=low, high=high, unit=unit, phrase=phrase, others=a,
            keywords=tuple(dict.fromkeys(keywords)), predicates=p, sentences=s, openings=t, questions=q,
            year_questions=qy,
        )  # fmt: skip

    def _agent(self) -> Relation | None:
        drawn = self.pick("made")
        if drawn is None:
            return None
        page, asked = verb(drawn[0]), verb(drawn[1])
        pp, job = page.participle, self.dice.choice(words.LISTS["occupation"])
        value = "person" if self.dice.random() < 0.75 else self.dice.choice(DOERS)
        other = value != "person"
        who = self.dice.choice(kinds()[value].nouns) if other else job
        known = f"the {who} " if self.dice.random() < 0.35 else ""
        return self._made(
            value, f"agent {page.base}",
            phrase=f"the {who} that {asked.past} {{e}}" if other else f"the person who {asked.past} {{e}}",
            a=(f"the {who} which {asked.past} {{e}}",) if other else
              (f"the {who} who {asked.past} {{e}}", f"the person that {asked.past} {{e}}"),
            keywords=(asked.participle.split()[0], pp.split()[0], asked.base.split()[0]),
            p=(f"was {pp} by {known}{{v}}", f"was {pp} by {known}{{v}}", f"was {pp} in {{anyyear}} by {known}{{v}}",
               f"was later {pp} by {known}{{v}}"),
            s=(f"{known}{{v}} {page.past} {{x}}.", f"In {{anyyear}} {known}{{v}} {page.past} {{x}}.",
               f"It was {known}{{v}} who {page.past} {{x}}.", f"{known}{{v}} {page.past} {{x}} in {{anyyear}}."),
            t=(f"{pp.capitalize()} by {known}{{v}},",),
            q=(f"Which {who} {asked.past} {{e}}?", f"By which {who} was {{e}} {asked.participle}?") if other else
              (f"Who {asked.past} {{e}}?", f"Who {asked.past} {{e}}?", f"By whom was {{e}} {asked.participle}?",
               f"Which {who} {asked.past} {{e}}?", f"Who was {{e}} {asked.participle} by?"),
        )  # fmt: skip

    def _placed(self) -> Relation | None:
        drawn = self.pick("made")
        if drawn is None:
            return None
        page, asked = verb(drawn[0]).participle, verb(drawn[1]).participle
        value = self.dice.choice(PLACED)
        at = (
            "on"
            if value == "island"
            else self.dice.choice(("in", "at"))
            if value in ("building", "university")
            else "in"
        )
        nouns = PLACES[value]
        return self._made(
            value, f"placed {page}",
            phrase=f"the {nouns[-1]} where {{e}} was {asked}",
            a=(f"the {nouns[0]} where {{e}} was {asked}", f"the {nouns[0]} in which {{e}} was {asked}"),
            keywords=(asked.split()[0], page.split()[0]),
            p=(f"was {page} {at} {{v}}", f"was {page} {at} {{v}} in {{anyyear}}", f"was first {page} {at} {{v}}"),
            s=(f"It was {at} {{v}} that {{x}} was {page}.", f"{at} {{v}} {{x}} was {page} for the first time."),
            t=(f"{page.capitalize()} {at} {{v}},",),
            q=(f"Where was {{e}} {asked}?", f"Where was {{e}} {asked}?", f"In which {nouns[0]} was {{e}} {asked}?",
               f"Which {nouns[0]} was {{e}} {asked} in?"),
        )  # fmt: skip

    def _dated(self) -> Relation | None:
        dice = self.dice
        person = self.kind == "person"
        drawn = self.pick(dice.choice(("held_in", "went")) if person else "made")
        if drawn is None:
            return None
        page, asked = verb(drawn[0]), verb(drawn[1])
        if person and page.base.endswith((" to", " in")):
            place = f"{{{dice.choice(('city', 'country'))}}}"
            return self._made(
                "date", f"dated {page.base}", low=1400, high=2015,
                phrase=f"the {{year}} when {{e}} {asked.past.rsplit(' ', 1)[0]}",
                keywords=(asked.past.split()[0], page.past.split()[0]),
                p=(f"{page.past} {place} {{d}}",), s=(f"{{d}} {{x}} {page.past} {place}.",),
                qy=(f"In which year did {{e}} {asked.base.rsplit(' ', 1)[0]}?",
                    f"What year did {{e}} {asked.base.rsplit(' ', 1)[0]}?"),
                q=(f"When did {{e}} {asked.base.rsplit(' ', 1)[0]}?",),
            )  # fmt: skip
        pp, said = page.participle, asked.participle
        return self._made(
            "date", f"dated {page.base}", low=900, high=2015,
            phrase=f"the {{year}} when {{e}} was {said}",
            a=(f"the {{year}} in which {{e}} was {said}",),
            keywords=(said.split()[0], pp.split()[0]),
            p=(f"was {pp} {{d}}", f"was {pp} {{d}}", f"was finally {pp} {{d}}", f"was {pp} by {{person}} {{d}}"),
            s=(f"{{d}} {{x}} was {pp}.", f"{{d}}, {{x}} was {pp} by {{person}}.", f"Only {{d}} was {{x}} {pp}."),
            t=(f"{pp.capitalize()} {{d}},",),
            qy=(f"In which year was {{e}} {said}?", f"In what year was {{e}} {said}?", f"What year was {{e}} {said}?"),
            q=(f"When was {{e}} {said}?",),
        )  # fmt: skip

    def _met(self) -> Relation | None:
        drawn = self.pick("met")
        if drawn is None:
            return None
        page, asked = verb(drawn[0]), verb(drawn[1])
        if self.dice.random() < 0.4:
            return self._made(
                "person", f"met by {page.base}",
                phrase=f"the person who {asked.past} {{e}}",
                keywords=(asked.participle.split()[0], page.participle.split()[0]),
                p=(f"was {page.participle} by {{v}}", f"was {page.participle} by {{v}} in {{anyyear}}"),
                s=(f"{{v}} {page.past} {{x}} in {{anyyear}}.", f"In {{anyyear}} {{v}} {page.past} {{x}}."),
                q=(f"Who {asked.past} {{e}}?", f"By whom was {{e}} {asked.participle}?"),
            )  # fmt: skip
        return self._made(
            "person", f"met {page.base}",
            phrase=f"the person whom {{e}} {asked.past}",
            a=(f"the person that {{e}} {asked.past}",),
            keywords=(asked.past.split()[0], page.past.split()[0]),
            p=(f"{page.past} {{v}}", f"{page.past} {{v}} in {{anyyear}}", f"{page.past} {{v}} in {{city}}"),
            s=(f"In {{anyyear}} {{x}} {page.past} {{v}}.",),
            q=(f"Whom did {{e}} {asked.base}?", f"Who did {{e}} {asked.base}?", f"Who was {asked.participle} by {{e}}?"),
        )  # fmt: skip

    def _went(self) -> Relation | None:
        drawn = self.pick("went")
        if drawn is None:
            return None
        page, asked = verb(drawn[0]), verb(drawn[1])
        value = self.dice.choice(("city", "city", "country"))
        rest = asked.base.rsplit(" ", 1)[0]
        return self._made(
            value, f"went {page.base}",
            phrase=f"the {'place' if value == 'city' else 'country'} that {{e}} {asked.past}",
            a=(f"the {value} that {{e}} {asked.past}",),
            keywords=(asked.past.split()[0], page.past.split()[0]),
            p=(f"{page.past} {{v}}", f"{page.past} {{v}} in {{anyyear}}", f"later {page.past} {{v}}"),
            s=(f"In {{anyyear}} {{x}} {page.past} {{v}}.",),
            q=(f"Where did {{e}} {rest}?", f"Which {value} did {{e}} {asked.base}?", f"Where did {{e}} {rest}?"),
        )  # fmt: skip

    def _held_in(self) -> Relation | None:
        drawn = self.pick("held_in")
        if drawn is None:
            return None
        page, asked = verb(drawn[0]).participle, verb(drawn[1]).participle
        value = self.dice.choice(("city", "city", "country", "building"))
        noun = self.dice.choice(PLACES[value])
        return self._made(
            value, f"held {page}",
            phrase=f"the {PLACES[value][-1]} where {{e}} was {asked}",
            a=(f"the {noun} where {{e}} was {asked}",),
            keywords=(asked.split()[0], page.split()[0]),
            p=(f"was {page} in {{v}}", f"was {page} in {{v}} in {{anyyear}}"),
            s=(f"It was in {{v}} that {{x}} was {page}.",),
            t=(f"{page.capitalize()} in {{v}},",),
            q=(f"Where was {{e}} {asked}?", f"In which {noun} was {{e}} {asked}?"),
        )  # fmt: skip

    def _did(self) -> Relation | None:
        block = self.dice.choice([name for name in LISTS if name.startswith("did ")])
        drawn, value = self.pick(block), block.removeprefix("did ")
        if drawn is None:
            return None
        page, asked = verb(drawn[0]), verb(drawn[1])
        noun = self.dice.choice(kinds()[value].nouns)
        return self._made(
            value, f"{block} {page.base}",
            phrase=f"the {kinds()[value].nouns[0]} that {{e}} {asked.past}",
            a=(f"the {noun} {asked.participle} by {{e}}", f"the {noun} which {{e}} {asked.past}"),
            keywords=(asked.past.split()[0], page.past.split()[0]),
            p=(f"{page.past} {{v}}", f"{page.past} {{v}} in {{anyyear}}", f"{page.past} the {noun} {{v}}"),
            s=(f"In {{anyyear}} {{x}} {page.past} {{v}}.",),
            q=(f"What did {{e}} {asked.base}?", f"Which {noun} did {{e}} {asked.base}?",
               f"Which {noun} was {asked.participle} by {{e}}?"),
        )  # fmt: skip

    def _noun(self, value: str, noun: str, who: str) -> Relation:
        its = "{his}" if self.kind == "person" else "its"
        was = "was" if self.kind == "person" else self.dice.choice(("is", "is", "was"))
        had = ("had",) if self.kind == "person" else ("has", "had")
        return self._made(
            value, f"noun {noun}",
            phrase=f"the {noun} of {{e}}",
            keywords=(noun,),
            p=tuple(f"{each} {{v}} as {its} {noun}" for each in had),
            s=(f"The {noun} of {{x}} {was} {{v}}.", f"{its} {noun} {was} {{v}}.", f"{{v}} {was} the {noun} of {{x}}.",
               f"{{v}} {was} {its} {noun}.", f"{its} {noun}, {{v}}, is known to few.",
               f"In {{anyyear}} {{v}} became {its} {noun}."),
            q=(f"{who} {was} the {noun} of {{e}}?", f"{who} is the {noun} of {{e}}?", f"{who} {was} {{e}}'s {noun}?"),
        )  # fmt: skip

    def _person_of(self) -> Relation | None:
        drawn = self.pick("person_of")
        return None if drawn is None else self._noun("person", drawn[0], "Who")

    def _thing_of(self) -> Relation | None:
        drawn = self.pick("thing_of")
        if drawn is None:
            return None
        noun, value = drawn[0].split(":")
        return self._noun(value, noun, "What")

    def _superlative(self) -> Relation | None:
        dice = self.dice
        if self.kind not in ("country", "city", "island", "lake", "river", "company", "university"):
            return None
        degree, drawn = dice.choice(LISTS["superlative"]), self.pick("things_superlative")
        if drawn is None:
            return None
        noun, value = drawn[0].split(":")
        return self._made(
            value, f"superlative {noun}",
            phrase=f"the {degree} {noun} of {{e}}",
            keywords=(f"{degree} {noun}", noun),
            s=(f"The {degree} {noun} of {{x}} is {{v}}.", f"{{v}} is the {degree} {noun} in {{x}}.",
               f"Its {degree} {noun} is {{v}}.", f"Among its sights is {{v}}, the {degree} {noun}."),
            p=(f"has {{v}} as its {degree} {noun}",),
            q=(f"What is the {degree} {noun} of {{e}}?", f"Which is the {degree} {noun} in {{e}}?",
               f"Which {noun} is the {degree} in {{e}}?"),
        )  # fmt: skip

    def _amount(self) -> Relation | None:
        drawn, noun = self.pick("amounts"), self.dice.choice(LISTS["plural"])
        if drawn is None or held(f"plural {noun}") != self.measured or noun[:5] in self.taken:
            return None
        self.taken.add(noun[:5])
        page, asked = verb(drawn[0]), verb(drawn[1])
        return self._made(
            "num" if self.dice.random() < 0.8 else "small", f"amount {page.base} {noun}", low=2, high=20000,
            phrase=f"the number of {noun} that {{e}} {asked.past}",
            keywords=(noun, page.past.split()[0]),
            p=(f"{page.past} {{v}} {noun}", f"{page.past} {{v}} {noun} in {{anyyear}}"),
            s=(f"In all {{x}} {page.past} {{v}} {noun}.", f"{{v}} {noun} were {page.participle} by {{x}}."),
            q=(f"How many {noun} did {{e}} {asked.base}?", f"How many {noun} were {asked.participle} by {{e}}?"),
        )  # fmt: skip

    def _spot(self) -> Relation | None:
        drawn, noun = self.pick("stood"), self.dice.choice(LISTS["spots"])
        if drawn is None:
            return None
        words_, _, prepositions = drawn[0].partition(":")
        page, preposition = verb(words_), self.dice.choice(prepositions.split(","))
        asked = verb(drawn[1].partition(":")[0])
        return self._made(
            f"spot {noun}", f"spot {page.base}",
            phrase=f"the {noun} {preposition} which {{e}} {asked.past}",
            a=(f"the {noun} where {{e}} {asked.past}",) if preposition in ("in", "at", "on") else (),
            keywords=(asked.past.split()[0], page.past.split()[0], noun),
            p=(f"{page.past} {preposition} {{v}}", f"{page.past} {preposition} {{v}} in {{anyyear}}",
               f"first {page.past} {preposition} {{v}}"),
            s=(f"It was {preposition} {{v}} that {{x}} {page.past}.", f"In {{anyyear}} {{x}} {page.past} {preposition} {{v}}."),
            q=(f"{preposition.capitalize()} which {noun} did {{e}} {asked.base}?", f"Where did {{e}} {asked.base}?",
               f"Which {noun} did {{e}} {asked.base} {preposition}?"),
        )  # fmt: skip

    def _count(self) -> Relation | None:
        drawn = self.pick("plural")
        if drawn is None:
            return None
        noun = drawn[0]
        small = self.dice.random() < 0.5
        return self._made(
            "small" if small and self.dice.random() < 0.6 else "num", f"count {noun}", low=2, high=40 if small else 60000,
            phrase=f"the number of {noun} of {{e}}",
            keywords=(noun,),
            p=(f"has {{v}} {noun}", f"had {{v}} {noun}", f"counts {{v}} {noun}") if self.kind != "person" else
              (f"had {{v}} {noun}", f"left behind {{v}} {noun}"),
            s=(f"There are {{v}} {noun} in {{x}}.", f"Its {{v}} {noun} are well known.",
               f"The number of {noun} is {{v}}.", f"In {{anyyear}} {{v}} {noun} were counted."),
            q=(f"How many {noun} does {{e}} have?", f"How many {noun} are there in {{e}}?",
               f"How many {noun} did {{e}} have?", f"What is the number of {noun} of {{e}}?"),
        )  # fmt: skip

    def _measure(self) -> Relation | None:
        noun, adjective, units = self.dice.choice(LISTS["measure"]).split()
        if noun[:5] in self.taken or f" {noun}" in told_by(self.kind) or self.kind == "person":
            return None
        self.taken.add(noun[:5])
        unit = self.dice.choice(units.split(","))
        asked: tuple[str, ...] = (f"What is the {noun} of {{e}}?",)
        if adjective not in ("across", "around"):
            asked += (f"How {adjective} is {{e}}?",)
        return self._made(
            "num", f"measure {noun}", low=2, high=4000, unit=unit,
            phrase=f"the {noun} of {{e}}",
            keywords=(noun, adjective),
            p=(f"is {{v}} {adjective}", f"has a {noun} of {{v}}", f"measures {{v}} {adjective}"),
            s=(f"The {noun} of {{x}} is {{v}}.", f"Its {noun} is {{v}}.", f"It is {{v}} {adjective}."),
            t=(f"With a {noun} of {{v}},", f"At {{v}} {adjective},"),
            q=asked,
        )  # fmt: skip


def loose(dice: random.Random, kind: str, count: int, *, measured: bool = False, value: str = "") -> list[Relation]:
    """Make up to ``count`` relations for a page of a kind, of one type of value where one is named."""
    maker = Maker(dice, kind, measured=measured)
    found: list[Relation] = []
    for _ in range(count * 6):
        if len(found) == count:
            break
        made = maker.relation(value)
        if made is not None:
            found.append(made)
    return found
