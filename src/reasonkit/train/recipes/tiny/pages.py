"""Invented encyclopedia pages: which facts they tell, in which order, and how they begin.

For: leads, rivals of the fact that is asked for, facts within or after what Search shows. Not for: sentences
(sentences.py), questions and episodes (teller.py, episodes.py).
"""

from __future__ import annotations

import re

from reasonkit.train.recipes.tiny.facts import Fact
from reasonkit.train.recipes.tiny.kinds import Kind, Relation, kinds
from reasonkit.train.recipes.tiny.loose import loose
from reasonkit.train.recipes.tiny.names import Entity, Retry
from reasonkit.train.recipes.tiny.sentences import SHOWN, Page, Sentences, sentence_case


class Writer(Sentences):
    """Writes pages for one document."""

    def bare(self, fact: Fact) -> str:
        """Write a date without its preposition."""
        return re.sub(r"^(in|on|around|about|before|as early as in) ", "", self.date(fact))

    def lead(self, page: Page, facts: list[Fact]) -> str:
        """Write the first sentence; it may tell the first of the given facts, which leave the list."""
        dice = self.dice
        told = {fact.relation.key: fact for fact in facts}
        name = page.subject.mention
        form = dice.choice(page.kind.leads)
        if page.kind.name == "person" and self.job:
            form = form.replace("{occupation}", self.job, 1)
        if page.kind.name == "person" and dice.random() < 0.5 and "birth" in told:
            birth, death = told["birth"], told.get("death")
            facts.remove(birth)
            birth.sentence = 0
            start = self.bare(birth)
            if death and (birth.year.endswith("BC") or int(birth.year) < int(death.year)):
                facts.remove(death)
                death.sentence = 0
                dash = dice.choice((" – ", " - "))
                name += f" ({start}{dash}{self.bare(death)})"
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

    def rivals(self, kind: Kind, need: Relation | None) -> list[Relation]:
        """Make up relations that stand beside ``need``: often of its type, so that only the words tell them apart."""
        dice = self.dice
        if dice.random() < 0.4:
            return []
        value = need.value if need else dice.choice(("person", "date", "city", "num", "thing"))
        made = loose(
            dice, kind.name, dice.randint(1, 3), measured=self.names.measured and dice.random() < 0.5,
            value=value if dice.random() < 0.65 else "",
        )  # fmt: skip
        return [relation for relation in made if need is None or relation.key != need.key]

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
        count = dice.randint(1, 3) if small else dice.randint(3, 8)
        facts = [self.value(relation) for relation in pool[:count] + self.rivals(page.kind, need)]
        dice.shuffle(facts)
        wanted = self.value(need, given) if need else None
        if wanted:
            facts.insert(dice.randint(0, len(facts)), wanted)
        page.facts = list(facts)
        dated = {fact.relation.key: fact for fact in facts if fact.year}
        if "birth" in dated and "death" in dated:
            dated["death"].text = dated["death"].year = str(int(dated["birth"].year) + dice.randint(19, 96))
        if dated and dice.random() < 0.06:
            earliest = min(int(fact.year) for fact in dated.values())
            latest = max(int(fact.year) for fact in dated.values())
            for fact in dated.values():
                fact.text = fact.year = f"{latest + dice.randint(1, 80) * (latest == earliest) - int(fact.year) + 4} BC"
        self.late = need if late else None
        self.wordy = dice.choice((0.1, 0.25, 0.5))
        sizes = dice.choice(((1, 1, 2), (1, 2, 2, 3), (2, 2, 3, 3)))
        asides = 0.15 if small else dice.choice((0.1, 0.3, 0.6))
        if wanted and late:
            facts.remove(wanted)
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
