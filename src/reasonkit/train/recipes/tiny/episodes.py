"""ReAct episodes over invented pages, in the library's own surface strings.

For: one hop, two hops, Lookup on later sentences (with hits that do not tell it), recovery after "Could not find",
and a Search that returned another page of that name. Not for: how pages are worded (pages.py).

Source of the strings: Yao et al. 2022 (arXiv:2210.03629), and the released environment's observations, mended.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from reasonkit.train.recipes.tiny import words
from reasonkit.train.recipes.tiny.facts import Fact
from reasonkit.train.recipes.tiny.kinds import Relation, kinds, linked
from reasonkit.train.recipes.tiny.names import Entity, Names, Retry, held
from reasonkit.train.recipes.tiny.pages import SHOWN, Page, Writer

TASKS = {"one": 30, "two": 34, "lookup": 15, "missing": 9, "wrong": 6, "two_lookup": 3, "two_missing": 3}
"""Kinds of episode and their weights in training."""

OWNED = re.compile(r"the ([a-z ]+) of \{e\}$")
"""Noun phrases that can be turned into a possessive."""

PAIR_SHARE = 8
"""One in so many pairs of relations is kept for measurement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A question, the turns that answer it, and the pages it can search."""

    task: str
    question: str
    answer: str
    turns: tuple[tuple[str, str], ...]
    """What the model writes after ``Thought n:`` and the observation that follows ("" after Finish)."""
    pages: dict[str, list[str]]


def held_pair(first: Relation, second: Relation) -> bool:
    """Say whether a pair of relations is kept for measurement."""
    return held(f"{first.kind}.{first.key}.{second.kind}.{second.key}", PAIR_SHARE)


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
        self.pages: dict[str, list[str]] = {}

    def noun(self, kind: str) -> str:
        """Return a word for a kind, as titles put it in brackets: (novel), (painter)."""
        return self.dice.choice(words.LISTS["occupation"] if kind == "person" else kinds()[kind].nouns)

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

    def spoken(self, subject: Entity, *, kind: float = 0.12) -> str:
        """Return how a question names a subject: at times with its kind before it, or in quotes."""
        draw = self.dice.random()
        if subject.kind in ("novel", "play", "painting", "film", "symphony", "lake", "mountain", "city", "company"):
            noun = self.dice.choice(kinds()[subject.kind].nouns)
            if draw < kind:
                return f"the {noun} {subject.name}"
            if draw < kind + 0.05:
                return f'"{subject.name}"'
        return subject.mention

    def search_first(self, subject: Entity, phrase: str, observation: str) -> None:
        """Add the turn that searches for the question's subject."""
        self.say(f"I need to search {subject.name} and find {phrase}.", f"Search[{subject.name}]", observation)

    def finish(self, phrase: str, answer: str) -> None:
        """Add the turn that answers."""
        start = phrase[:1].upper() + phrase[1:]
        self.say(f"{start} is {answer}. So the answer is {answer}.", f"Finish[{answer}]")

    def similar(self, wanted: str) -> list[str]:
        """Return up to five titles, the wanted one among them."""
        others = [title for title in self.pages if title != wanted]
        while len(others) < 4 and self.dice.random() < 0.85:
            others.append(self.names.entity(self.dice.choice(list(kinds()))).title)
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
            shapes += [" ".join(parts[-2:]), f"{parts[0]} {parts[-1]}"]
        else:
            shapes += [f"{name} {kinds()[subject.kind].nouns[0]}", f"{kinds()[subject.kind].nouns[0]} {name}"]
        at = dice.randrange(1, len(name) - 1)
        shapes += [name[:at] + name[at + 1 :], name[:at] + name[at] + name[at:]]
        return dice.choice(shapes)

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


def episode(dice: random.Random, *, measured: bool = False, task: str = "", unseen_pair: bool = False) -> Episode:
    """Make one episode; ``measured`` draws names kept for measurement, ``unseen_pair`` kept pairs of relations."""
    task = task or dice.choices(list(TASKS), list(TASKS.values()))[0]
    while True:
        try:
            teller = Teller(dice, measured=measured)
            question, answer = _tell(teller, task, unseen_pair=unseen_pair)
            for _ in range(2):
                kind = dice.choice(list(kinds()))
                teller.add(teller.writer.page(teller.names.entity(kind), small=True))
            return Episode(task=task, question=question, answer=answer, turns=tuple(teller.turns), pages=teller.pages)
        except Retry:
            continue


def _tell(teller: Teller, task: str, *, unseen_pair: bool) -> tuple[str, str]:
    if task.startswith("two"):
        return _two(teller, task, unseen_pair=unseen_pair)
    dice, writer = teller.dice, teller.writer
    subject = teller.names.entity(dice.choice(list(kinds())))
    relation = dice.choice(kinds()[subject.kind].relations)
    small = dice.random() < 0.35
    if task == "wrong":
        return _wrong(teller, subject, relation)
    page = teller.add(writer.page(subject, relation, late=task == "lookup", small=small))
    fact = page.fact(relation.key)
    if task == "missing":
        return _missing(teller, subject, page, fact)
    question, phrase, answer = teller.ask(fact, teller.spoken(subject))
    phrase = phrase.format(e=subject.mention)
    teller.search_first(subject, phrase, page.shown)
    if task == "lookup":
        teller.look(page, fact, phrase)
    teller.finish(phrase, answer)
    return question, answer


def _missing(teller: Teller, subject: Entity, page: Page, fact: Fact) -> tuple[str, str]:
    dice = teller.dice
    if dice.random() < 0.4:
        del teller.pages[page.title]
        noun = teller.noun(subject.kind)
        page.title = f"{subject.title} ({noun})"
        teller.add(page)
        for kind in dice.sample([name for name in kinds() if name != subject.kind], dice.randint(1, 3)):
            teller.pages[f"{subject.title} ({kinds()[kind].nouns[0]})"] = [f"{subject.title} is a {kind}."]
        asked, spoken = subject.name, f"the {noun} {subject.name}"
    else:
        asked = spoken = teller.blurred(subject)
        if subject.article and asked == asked.lower():
            spoken = subject.article + asked
    question, phrase, answer = teller.ask(fact, spoken)
    phrase = phrase.format(e=asked if spoken == asked else subject.article + asked)
    searched = Entity(kind=subject.kind, name=asked)
    teller.search_first(searched, phrase, teller.missing(asked, page.title))
    thought = f"There is no page called {asked}. The right title is {page.title}."
    teller.say(f"{thought} I need to search {page.title} and find {phrase}.", f"Search[{page.title}]", page.shown)
    teller.finish(phrase, answer)
    return question, answer


def _wrong(teller: Teller, subject: Entity, relation: Relation) -> tuple[str, str]:
    dice = teller.dice
    noun = teller.noun(subject.kind)
    other = dice.choice([name for name in kinds() if name != subject.kind])
    twin = Entity(kind=other, name=subject.name, article="the " if other in ("river", "ship", "event") else "")
    trap = teller.add(teller.writer.page(twin, small=True))
    page = teller.add(
        teller.writer.page(subject, relation, title=f"{subject.title} ({noun})", small=dice.random() < 0.5)
    )
    fact = page.fact(relation.key)
    question, phrase, answer = teller.ask(fact, f"the {noun} {subject.name}")
    phrase = phrase.format(e=f"the {noun} {subject.name}")
    teller.search_first(subject, phrase, trap.shown)
    thought = f"This page is about something else, not about the {noun}."
    if dice.random() < 0.6:
        asked = f"{subject.name} ({noun})"
        teller.say(f"{thought} I need to search {asked} and find {phrase}.", f"Search[{asked}]", page.shown)
    else:
        asked = f"{subject.name} ({noun})"
        del teller.pages[page.title]
        page.title = teller.dice.choice((f"{noun} {subject.name}", f"{subject.name} {noun}"))
        page.title = page.title[:1].upper() + page.title[1:]
        teller.add(page)
        seen = teller.missing(asked, page.title)
        teller.say(f"{thought} I need to search {asked} and find {phrase}.", f"Search[{asked}]", seen)
        thought = f"There is no page called {asked}. The right title is {page.title}."
        teller.say(f"{thought} I need to search {page.title} and find {phrase}.", f"Search[{page.title}]", page.shown)
    teller.finish(phrase, answer)
    return question, answer


def _two(teller: Teller, task: str, *, unseen_pair: bool) -> tuple[str, str]:
    dice, writer = teller.dice, teller.writer
    first, second = dice.choice(linked())
    if held_pair(first, second) != unseen_pair:
        raise Retry
    subject = teller.names.entity(first.kind)
    bridge = teller.names.entity(second.kind)
    near = teller.add(writer.page(subject, first, given=bridge, small=dice.random() < 0.4))
    title = bridge.title
    if task == "two_missing":
        title = f"{bridge.title} ({teller.noun(bridge.kind)})"
    far = teller.add(writer.page(bridge, second, late=task == "two_lookup", title=title, small=dice.random() < 0.4))
    fact = far.fact(second.key)
    question, phrase, answer = teller.ask(fact, teller.nested(first, teller.spoken(subject)))
    step = first.phrase.format(e=subject.mention)
    phrase = phrase.format(e=bridge.mention)
    teller.search_first(subject, step, near.shown)
    thought = f"{step[:1].upper()}{step[1:]} is {bridge.mention}."
    seen = far.shown if far.title == bridge.title else teller.missing(bridge.name, far.title)
    teller.say(f"{thought} I need to search {bridge.name} and find {phrase}.", f"Search[{bridge.name}]", seen)
    if far.title != bridge.title:
        thought = f"There is no page called {bridge.name}. The right title is {far.title}."
        teller.say(f"{thought} I need to search {far.title} and find {phrase}.", f"Search[{far.title}]", far.shown)
    if fact.sentence >= SHOWN:
        teller.look(far, fact, phrase)
    teller.finish(phrase, answer)
    return question, answer
