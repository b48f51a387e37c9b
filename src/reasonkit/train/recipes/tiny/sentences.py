"""Sentences of invented pages: how one to three facts are told at a time, and what is said beside them.

For: clauses, appositions, pronouns, years that agree, sentences that mislead. Not for: which facts a page has and in
which order (pages.py).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from reasonkit.train.recipes.tiny import words
from reasonkit.train.recipes.tiny.facts import Drawer, Fact, Wording
from reasonkit.train.recipes.tiny.joints import AFTER, JOINTS
from reasonkit.train.recipes.tiny.kinds import Kind, Relation
from reasonkit.train.recipes.tiny.names import Entity, Names, Retry

APPOSED = ("now {ordinal} in importance", "a favourite of {person}", "near {city}", "like {person} before", "today well known",
           "according to {person}", "as it is often written", "for {small} years", "though little known abroad")  # fmt: skip
"""Words set between commas after a subject."""

SHOWN = 5
"""Sentences of a page that Search shows."""


@dataclass(slots=True, kw_only=True)
class Page:
    """A page of the invented encyclopedia."""

    subject: Entity
    kind: Kind
    title: str
    facts: list[Fact] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """What Search shows of it."""
        return " ".join(self.sentences[:SHOWN])

    def fact(self, key: str) -> Fact:
        """Return the fact of a relation that the page tells."""
        return next(fact for fact in self.facts if fact.relation.key == key)


def sentence_case(text: str) -> str:
    """Return the text with a capital first letter and with "an" before a vowel."""
    text = re.sub(r"\b([Tt]he|working) the ", r"\1 ", text)
    text = re.sub(r"\b([Aa]) (?=[aeioAEIO])", r"\1n ", text)
    return text[:1].upper() + text[1:]


class Sentences(Drawer):
    """Writes sentences for one document."""

    def __init__(self, dice: random.Random, names: Names) -> None:
        super().__init__(dice, names)
        self.late: Relation | None = None
        self.wordy = 0.2
        self.job = ""
        """What the subject of a page is by profession, where a question says it."""

    def form(self, form: str, page: Page, mention: str, fact: Fact | None = None) -> str:
        """Fill one form of a fact."""
        female, given = page.subject.female, {"x": mention, "X": page.subject.mention}
        given |= {"he": "she", "his": "her", "man": "woman"} if female else {"he": "he", "his": "his", "man": "man"}
        if fact is not None:
            given["v"] = self.dressed_value(fact, form)
            if "{d}" in form:
                given["d"] = self.date(fact)
            elif "{y}" in form:
                given["y"], fact.answer = fact.year, fact.year
        if "{anyyear}" in form:
            form = self.agreed(form, page, given)
        return form.format_map(Wording(given, self.draw))

    def agreed(self, form: str, page: Page, given: dict[str, str]) -> str:
        """Have a year that stands by in a form agree with the page's fact about that year."""
        for dated in page.facts:
            if dated.year and any(word[:5] in form for word in dated.relation.keywords):
                if dated.relation == self.late:
                    return form.replace(" in {anyyear}", "").replace("In {anyyear} ", "")
                given["anyyear"] = dated.year
        return form

    def mention(self, page: Page) -> str:
        """Choose how the subject is named in a sentence."""
        subject, draw = page.subject, self.dice.random()
        if draw < 0.3:
            return subject.mention
        if draw < 0.34:
            return f"{subject.mention}, {self.form(self.dice.choice(APPOSED), page, '')},"
        if subject.kind == "person":
            return subject.name.split()[-1] if draw < 0.6 else self.pronoun(page)
        return self.pronoun(page) if draw < 0.7 else f"the {self.dice.choice(page.kind.nouns)}"

    def pronoun(self, page: Page) -> str:
        """Return the subject's pronoun."""
        if page.subject.kind == "person":
            return "she" if page.subject.female else "he"
        return "it"

    def told(self, page: Page, facts: list[Fact], mention: str) -> str:
        """Write one sentence that tells one to three facts."""
        dice = self.dice
        if len(facts) == 1:
            fact = facts[0]
            relation = fact.relation
            if relation.sentences and (not relation.predicates or dice.random() < 0.35):
                named = mention if mention not in ("it", "he", "she") else page.subject.mention
                return sentence_case(self.form(dice.choice(relation.sentences), page, named, fact))
            return sentence_case(f"{mention} {self.form(dice.choice(relation.predicates), page, mention, fact)}.")
        *early, last = facts
        if any(not fact.relation.predicates for fact in facts):
            raise Retry
        predicate = self.form(dice.choice(last.relation.predicates), page, mention, last)
        who = "who" if page.subject.kind == "person" else "which"
        opener = early[0]
        if opener.relation.openings and dice.random() < 0.4:
            start = self.form(dice.choice(opener.relation.openings), page, mention, opener)
            if len(early) == 2:
                middle = self.form(dice.choice(early[1].relation.predicates), page, mention, early[1])
                return sentence_case(f"{start} {mention} {middle} and {predicate}.")
            return sentence_case(f"{start} {mention} {predicate}.")
        parts = [self.form(dice.choice(fact.relation.predicates), page, mention, fact) for fact in early]
        if len(parts) == 2:
            shape = dice.choice(
                ("{x} {a}, {b} and {c}.", "{x}, {w} {a}, {b} and {c}.", "{x} {a} and {b}, and {p} {c}.")
            )
            named = page.subject.mention if "{w}" in shape and mention in ("it", "he", "she") else mention
            text = shape.format(x=named, a=parts[0], b=parts[1], c=predicate, w=who, p=self.pronoun(page))
            return sentence_case(text)
        shape = dice.choice(
            ("{x} {a} and {c}.", "{x}, {w} {a}, {c}.", "{x} {a}, and {p} {c}.", "{x} {a} and {c}.", "{x} {a}; {p} {c}.",
             "{x} {a} before {p} {c}.", "{x} {a}, while {p} {c}.", "{x} {a}, and later {c}.")
        )  # fmt: skip
        if last.relation.openings and dice.random() < 0.3:
            opening = self.form(dice.choice(last.relation.openings), page, mention, last).rstrip(",")
            return sentence_case(f"{mention} {parts[0]}, {opening[:1].lower()}{opening[1:]}.")
        named = page.subject.mention if "{w}" in shape and mention in ("it", "he", "she") else mention
        return sentence_case(shape.format(x=named, a=parts[0], c=predicate, w=who, p=self.pronoun(page)))

    def joint(self, page: Page, facts: list[Fact]) -> tuple[str, list[Fact]] | None:
        """Take two facts that can be told in one breath out of the list: the predicate, and the two."""
        untold = {fact.relation.key: fact for fact in facts}
        options = [found for found in JOINTS.get(page.kind.name, ()) if found[0] in untold and found[1] in untold]
        if not options or self.dice.random() < 0.4:
            return None
        one, other, forms = self.dice.choice(options)
        pair = [untold[one], untold[other]]
        shown = [self.date(fact) if fact.year else fact.text for fact in pair]
        form = self.dice.choice(forms).replace("{a}", shown[0]).replace("{b}", shown[1])
        for fact in pair:
            facts.remove(fact)
        return self.form(form, page, page.subject.mention), pair

    def followed(self, page: Page, text: str, fact: Fact) -> str:
        """Add to a sentence that ends with a value, now and then, words about that value."""
        if fact.entity and text.endswith(f"{fact.text}.") and self.dice.random() < 0.2:
            options = AFTER.get(fact.entity.kind)
            if options:
                return text[:-1] + self.form(self.dice.choice(options), page, "") + "."
        return text

    def dressed(self, text: str) -> str:
        """Add to a sentence, now and then, words that tell nothing about the facts asked for."""
        draw = self.dice.random()
        if draw < 0.1 and not text.startswith(("The ", "It ", "He ", "She ")):
            return text
        if draw < 0.1:
            opener = self.dice.choice(words.OPENERS).format_map(Wording({}, self.draw))
            return f"{opener} {text[:1].lower()}{text[1:]}"
        if draw < 0.1 + self.wordy:
            tail = self.dice.choice(words.TAILS).format_map(Wording({}, self.draw))
            return f"{text.removesuffix('.')}{tail}."
        return text

    def aside(self, page: Page) -> str:
        """Write a sentence that answers no question about the subject."""
        dice = self.dice
        if dice.random() < 0.3:
            relation = dice.choice([relation for relation in page.kind.relations if relation.predicates])
            other = self.names.entity(page.kind.name)
            fact = self.value(relation)
            start = dice.choice(("By contrast, ", "Elsewhere, ", "", "", f"Another {page.kind.nouns[0]}, "))
            comma = "," if start.startswith("Another") else ""
            name = other.name if comma else other.mention
            return sentence_case(
                f"{start}{name}{comma} {self.form(dice.choice(relation.predicates), page, name, fact)}."
            )
        return sentence_case(self.form(dice.choice(page.kind.fillers), page, self.mention(page)))
