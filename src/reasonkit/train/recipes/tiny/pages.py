"""Invented encyclopedia pages: facts, how they are worded, and what surrounds them.

For: pages whose sentences hold one to three facts, with clauses, appositions, pronouns, dates and numbers in several
forms and sentences that mislead. Not for: questions and episodes (episodes.py).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from reasonkit.train.recipes.tiny import words
from reasonkit.train.recipes.tiny.facts import Drawer, Fact, Wording
from reasonkit.train.recipes.tiny.joints import AFTER, JOINTS
from reasonkit.train.recipes.tiny.kinds import Kind, Relation, kinds
from reasonkit.train.recipes.tiny.names import Entity, Names, Retry

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


class Writer(Drawer):
    """Writes pages for one document."""

    def __init__(self, dice: random.Random, names: Names) -> None:
        super().__init__(dice, names)
        self.late: Relation | None = None
        self.wordy = 0.2

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
        return form.format_map(Wording(given, self.draw))

    def mention(self, page: Page) -> str:
        """Choose how the subject is named in a sentence."""
        subject, draw = page.subject, self.dice.random()
        if draw < 0.3:
            return subject.mention
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
            return f"{self.dice.choice(words.OPENERS)} {text[:1].lower()}{text[1:]}"
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

    def lead(self, page: Page, facts: list[Fact]) -> str:
        """Write the first sentence; it may tell the first of the given facts, which leave the list."""
        dice = self.dice
        told = {fact.relation.key: fact for fact in facts}
        name = page.subject.mention
        form = dice.choice(page.kind.leads)
        if page.kind.name == "person" and dice.random() < 0.5 and "birth" in told:
            birth, death = told["birth"], told.get("death")
            facts.remove(birth)
            birth.sentence = 0
            start = self.date(birth).removeprefix("in ").removeprefix("on ")
            if death and int(birth.year) < int(death.year):
                facts.remove(death)
                death.sentence = 0
                dash = dice.choice((" – ", " - "))
                name += f" ({start}{dash}{self.date(death).removeprefix('in ').removeprefix('on ')})"
            else:
                name += f" (born {start})"
        elif dice.random() < 0.12:
            other = self.names.entity(page.kind.name).name
            name += dice.choice((f", also known as {other},", f", also called {other},", f" (formerly {other})"))
        for fact in page.facts:
            if f"{{{fact.relation.value}}}" in form:
                if fact.relation == self.late:
                    raise Retry
                form = form.replace(f"{{{fact.relation.value}}}", fact.text, 1)
        whole = self.joint(page, facts) if dice.random() < 0.5 else None
        if whole:
            predicate, pair = whole
            for fact in pair:
                fact.sentence = 0
            if predicate.startswith("is a") and dice.random() < 0.8:
                return sentence_case(f"{name} {predicate}.")
            who = "who" if page.kind.name == "person" else dice.choice(("that", "which"))
            text = self.form(form, page, name).replace(page.subject.mention, name, 1)
            return sentence_case(f"{text} {who} {predicate}.")
        defining = [(fact, p) for fact in facts for p in fact.relation.predicates if p.startswith(("is a ", "is the "))]
        if defining and dice.random() < 0.3:
            fact, predicate = dice.choice(defining)
            facts.remove(fact)
            fact.sentence = 0
            return sentence_case(f"{name} {self.form(predicate, page, page.subject.mention, fact)}.")
        text = self.form(form, page, name).replace(page.subject.mention, name, 1)
        if facts and dice.random() < 0.5 and facts[0].relation.predicates:
            fact = facts.pop(0)
            fact.sentence = 0
            who = "who" if page.kind.name == "person" else dice.choice(("that", "which"))
            predicate = self.form(dice.choice(fact.relation.predicates), page, page.subject.mention, fact)
            glue = dice.choice((f" {who} ", f" {who} ", " and ", f", {'who' if who == 'who' else 'which'} "))
            text += glue + predicate
        return sentence_case(text) + "."

    def page(
        self,
        subject: Entity,
        need: Relation | None = None,
        *,
        given: Entity | None = None,
        late: bool = False,
        title: str = "",
        small: bool = False,
    ) -> Page:
        """Write a page that tells ``need`` (its value being ``given``, where one is): within the shown sentences, or
        with ``late`` only after them. ``small`` keeps it to about three sentences.
        """
        dice = self.dice
        page = Page(subject=subject, kind=kinds()[subject.kind], title=title or subject.title)
        pool = [relation for relation in page.kind.relations if relation != need]
        dice.shuffle(pool)
        count = dice.randint(1, 3) if small else dice.randint(4, 9)
        facts = [self.value(relation) for relation in pool[:count]]
        wanted = self.value(need, given) if need else None
        if wanted:
            facts.insert(dice.randint(0, len(facts)), wanted)
        page.facts = list(facts)
        dated = {fact.relation.key: fact for fact in facts if fact.year}
        if "birth" in dated and "death" in dated:
            dated["death"].text = dated["death"].year = str(int(dated["birth"].year) + dice.randint(19, 96))
        self.wordy = dice.choice((0.1, 0.25, 0.5))
        sizes = dice.choice(((1, 1, 2), (1, 2, 2, 3), (2, 2, 3, 3)))
        asides = 0.15 if small else dice.choice((0.1, 0.3, 0.6))
        if wanted and late:
            facts.remove(wanted)
        self.late = need if late else None
        sentences = [self.lead(page, facts)]
        while facts:
            whole = self.joint(page, facts)
            if whole:
                predicate, pair = whole
                sentences.append(sentence_case(f"{self.mention(page)} {predicate}."))
                for fact in pair:
                    fact.sentence = len(sentences) - 1
                continue
            group = [facts.pop(0) for _ in range(min(len(facts), dice.choice(sizes)))]
            if any(not fact.relation.predicates for fact in group) and len(group) > 1:
                facts[:0] = group[1:]
                group = group[:1]
            told = self.followed(page, self.told(page, group, self.mention(page)), group[-1])
            sentences.append(told if small else self.dressed(told))
            for fact in group:
                fact.sentence = len(sentences) - 1
            if dice.random() < asides:
                sentences.append(self.dressed(self.aside(page)))
        while not small and len(sentences) < SHOWN and dice.random() < 0.75:
            sentences.append(self.dressed(self.aside(page)))
        page.sentences = sentences
        if wanted and late:
            self._late(page, wanted)
        elif wanted and wanted.sentence >= SHOWN:
            other = dice.randint(1, SHOWN - 1)
            at = wanted.sentence
            sentences[other], sentences[at] = sentences[at], sentences[other]
            for fact in page.facts:
                fact.sentence = {other: at, at: other}.get(fact.sentence, fact.sentence)
        return page

    def _late(self, page: Page, wanted: Fact) -> None:
        while len(page.sentences) < SHOWN:
            page.sentences.append(self.aside(page))
        at = self.dice.randint(SHOWN, len(page.sentences))
        mention = self.mention(page)
        page.sentences.insert(at, self.told(page, [wanted], mention))
        for fact in page.facts:
            if fact.sentence >= at:
                fact.sentence += 1
        wanted.sentence = at
