"""Writes the turns of one ReAct episode: thoughts, actions, and what Search and Lookup return.

For: the library's own surface strings, question wordings, noun phrases, titles that are nearly right. Not for: the plot
of an episode (episodes.py), nor how pages are worded (pages.py).

Source of the strings: Yao et al. 2022 (arXiv:2210.03629), and the released environment's observations, mended.
"""

from __future__ import annotations

import random
import re

from reasonkit.train.recipes.tiny import words
from reasonkit.train.recipes.tiny.facts import Fact
from reasonkit.train.recipes.tiny.kinds import Relation, kinds
from reasonkit.train.recipes.tiny.loose import loose
from reasonkit.train.recipes.tiny.names import Entity, Names, Retry
from reasonkit.train.recipes.tiny.pages import Writer
from reasonkit.train.recipes.tiny.sentences import Page

OWNED = re.compile(r"the ([a-z ]+) of \{e\}$")
"""Noun phrases that can be turned into a possessive."""

IMPLIED = ("country", "continent", "nationality", "occupation", "genre", "material", "class", "style")
"""Values that a lead or an apposition may tell by the way: a page is never said to be silent about them."""

LOOSE_SHARE = 0.4
"""Share of questions about a relation that is made up on the spot."""


def look_up(title: str, sentences: list[str], keyword: str, earlier: int, *, plain: bool) -> str:
    """Return Lookup's observation after ``earlier`` uses of the keyword; ``plain`` is the original's short form."""
    hits = [sentence for sentence in sentences if keyword.lower() in sentence.lower()]
    if earlier < len(hits):
        return f"(Result {earlier + 1} / {len(hits)}) {hits[earlier]}"
    return "No more results." if plain or hits else f"No results for {keyword!r} on the page {title!r}."


class Teller:
    """Writes one episode."""

    def __init__(self, dice: random.Random, *, measured: bool) -> None:
        self.dice = dice
        self.names = Names(dice, measured=measured)
        self.writer = Writer(dice, self.names)
        self.turns: list[tuple[str, str]] = []
        self.slips = 0
        """Turns at the beginning that a model should not learn to write."""
        self.pages: dict[str, list[str]] = {}

    def noun(self, kind: str) -> str:
        """Return a word for a kind, as titles put it in brackets: (novel), (painter)."""
        return self.dice.choice(words.LISTS["occupation"] if kind == "person" else kinds()[kind].nouns)

    def relation(self, kind: str, *, share: float = LOOSE_SHARE, unseen: bool = False) -> Relation:
        """Draw a relation of a kind: one of its own, or one made up; ``unseen`` makes one of words kept apart."""
        if unseen or self.dice.random() < share:
            made = loose(self.dice, kind, 1, measured=unseen)
            if made:
                return made[0]
            if unseen:
                raise Retry
        return self.dice.choice(kinds()[kind].relations)

    def say(self, thought: str, action: str, observation: str = "") -> None:
        """Add a turn."""
        self.turns.append((f" {thought}\nAction {len(self.turns) + 1}: {action}", observation))

    def add(self, page: Page) -> Page:
        """Put a page into the encyclopedia."""
        self.pages[page.title] = page.sentences
        return page

    def ask(self, fact: Fact, entity: str) -> tuple[str, str, str]:
        """Return a question about a fact, the thoughts' noun phrase for it (with {e}) and the answer."""
        relation = fact.relation
        if relation.value == "date":
            if not relation.questions or self.dice.random() < 0.6:
                form, word, answer = self.dice.choice(relation.year_questions), "year", fact.year
            else:
                form, word, answer = self.dice.choice(relation.questions), "date", fact.answer
        else:
            form, word, answer = self.dice.choice(relation.questions), "", fact.answer
        for usual, other in (("In which", "In what"), ("Which", "What"), ("At which", "At what")):
            if form.startswith(usual + " ") and self.dice.random() < 0.3:
                form = other + form.removeprefix(usual)
        plain = self.dice.random()
        owned = OWNED.match(relation.phrase)
        asks = "Who" if relation.value == "person" else "What"
        if plain < 0.06 and owned and '"' not in entity:
            form = f"{asks} {self.dice.choice(('is', 'was'))} {{e}}'s {owned[1]}?"
        elif plain < 0.12 and not word:
            form = self.dice.choice((f"{asks} is {relation.phrase}?", f"Name {relation.phrase}."))
        return form.format(e=entity), relation.phrase.replace("{year}", word), answer

    def nested(self, relation: Relation, entity: str) -> str:
        """Return a noun phrase for a relation's value within a question."""
        owned = OWNED.match(relation.phrase)
        if owned and '"' not in entity and self.dice.random() < 0.1:
            return f"{entity}'s {owned[1]}"
        return self.dice.choice((relation.phrase, *relation.others)).format(e=entity)

    def spoken(self, subject: Entity, *, kind: float = 0.18) -> tuple[str, str]:
        """Return how a question names a subject, at times with its kind before it or in quotes; and how thoughts do."""
        draw = self.dice.random()
        if draw < kind and subject.kind not in ("event", "animal", "plant"):
            if subject.kind == "person":
                self.writer.job = self.noun("person")
            noun = self.writer.job or self.noun(subject.kind)
            of = "of " if subject.kind == "city" and self.dice.random() < 0.5 else ""
            named = f"the {noun} {of}{subject.name}"
            return named, named
        if draw < kind + 0.05 and subject.kind in ("novel", "play", "painting", "film", "symphony"):
            return f'"{subject.name}"', subject.mention
        return subject.mention, subject.mention

    def search_first(self, subject: Entity, phrase: str, observation: str) -> None:
        """Add the turn that searches for the question's subject."""
        self.say(f"I need to search {subject.name} and find {phrase}.", f"Search[{subject.name}]", observation)

    def finish(self, phrase: str, answer: str) -> None:
        """Add the turn that answers."""
        start = phrase[:1].upper() + phrase[1:]
        self.say(f"{start} is {answer}. So the answer is {answer}.", f"Finish[{answer}]")

    def alike(self, wanted: str) -> str:
        """Return a title that shares a word with the wanted one."""
        dice = self.dice
        parts = wanted.split(" (", maxsplit=1)[0].split()
        word = dice.choice(parts)
        other = self.names.entity(dice.choice(("person", "city", "novel", "building", "river", "event"))).title
        if len(parts) > 1 and dice.random() < 0.5:
            return f"{word} {other.split()[-1]}" if dice.random() < 0.5 else f"{other.split()[0]} {word}"
        made = (f"{other} {word}", f"{word} {other}", f"{word} of {other}", f"{word} ({dice.choice(list(kinds()))})")
        return dice.choice(made)[:44]

    def similar(self, wanted: str) -> list[str]:
        """Return up to five titles, the wanted one among them."""
        others = [title for title in self.pages if title != wanted]
        near = self.dice.random() < 0.6
        while len(others) < 4 and self.dice.random() < 0.85:
            title = (
                self.alike(wanted)
                if near and self.dice.random() < 0.7
                else self.names.entity(self.dice.choice(list(kinds()))).title
            )
            if title != wanted:
                others.append(title)
        self.dice.shuffle(others)
        found = [wanted, *others[:4]]
        self.dice.shuffle(found)
        return found

    def missing(self, asked: str, wanted: str) -> str:
        """Return Search's observation where no page has the name."""
        return f"Could not find {asked}. Similar: {self.similar(wanted)}."

    def blurred(self, subject: Entity) -> str:
        """Return a name that is nearly, but not quite, a page's title."""
        dice, name = self.dice, subject.name
        parts = name.split()
        shapes = []
        if subject.kind == "person" and len(parts) > 1:
            shapes += [parts[-1], f"{parts[0][0]}. {parts[-1]}", f"{parts[0]} {self.names.first()} {parts[-1]}"]
        elif len(parts) > 1 and parts[0] in ("The", "A", "An"):
            shapes += [" ".join(parts[1:])] * 2
        elif len(parts) > 2:
            shapes += [" ".join(parts[-2:]), f"{parts[0]} {parts[-1]}", " ".join(parts[:-1]), " ".join(parts[1:])]
        else:
            nouns = kinds()[subject.kind].nouns
            shapes += [f"{name} {nouns[0]}", f"{nouns[0]} {name}", f"{dice.choice(nouns)} of {name}", f"The {name}"]
        return dice.choice([*shapes, self.misspelt(name), self.misspelt(name)])

    def misspelt(self, name: str) -> str:
        """Return a name with a letter or two too many, too few, or wrong."""
        dice = self.dice
        for _ in range(dice.choice((1, 1, 2))):
            if len(name) < 4:
                break
            at = dice.randrange(1, len(name) - 1)
            rest = dice.choice((name[at + 1 :], name[at] + name[at:], f"{dice.choice('aeiourstln')}{name[at + 1 :]}"))
            name = name[:at] + rest
        return name

    def look(self, page: Page, fact: Fact, phrase: str) -> None:
        """Add the turns that look a fact up, through misses and hits that do not tell it."""
        dice, relation = self.dice, fact.relation
        sentence = page.sentences[fact.sentence]
        keywords = list(relation.keywords)
        if dice.random() < 0.25 and len(keywords) > 1:
            keywords.reverse()
        thought = f"The text does not tell {phrase}."
        for keyword in keywords:
            earlier = 0
            while True:
                plain = dice.random() < 0.4
                seen = look_up(page.title, page.sentences, keyword, earlier, plain=plain)
                self.say(f"{thought} I need to look up {keyword}.", f"Lookup[{keyword}]", seen)
                if seen.endswith(sentence):
                    return
                if not seen.startswith("(Result"):
                    thought = f"There is no result for {keyword}."
                    break
                thought = f"This result does not tell {phrase}."
                earlier += 1
                if earlier > 2:
                    raise Retry
        raise Retry
