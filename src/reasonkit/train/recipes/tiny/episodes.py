"""ReAct episodes over invented pages: their plots.

For: one hop, two hops, Lookup on later sentences (with hits that do not tell it), recovery after "Could not find",
and a Search that returned another page of that name. Not for: how turns (teller.py) and pages (pages.py) are worded.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from reasonkit.train.recipes.tiny.kinds import Relation, kinds, linked
from reasonkit.train.recipes.tiny.names import Entity, Retry, held
from reasonkit.train.recipes.tiny.sentences import SHOWN, Page
from reasonkit.train.recipes.tiny.teller import IMPLIED, LOOSE_SHARE, Teller

TASKS = {"one": 32, "two": 22, "lookup": 19, "missing": 9, "wrong": 8, "two_lookup": 6, "two_missing": 4}
"""Kinds of episode and their weights in training."""

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
    slips: int = 0
    """Turns at the beginning with a mistake, which are not learned; what follows mends it."""


def held_pair(first: Relation, second: Relation) -> bool:
    """Say whether a pair of relations is kept for measurement."""
    return held(f"{first.kind}.{first.key}.{second.kind}.{second.key}", PAIR_SHARE)


def episode(dice: random.Random, *, measured: bool = False, task: str = "", unseen_pair: bool = False) -> Episode:
    """Make one episode; ``measured`` draws names kept for measurement, ``unseen_pair`` kept pairs of relations.

    The task ``unseen_words`` is one hop over a made-up relation whose words are kept for measurement.
    """
    task = task or dice.choices(list(TASKS), list(TASKS.values()))[0]
    while True:
        try:
            teller = Teller(dice, measured=measured)
            question, answer = _tell(teller, task, unseen_pair=unseen_pair)
            for _ in range(2):
                kind = dice.choice(list(kinds()))
                teller.add(teller.writer.page(teller.names.entity(kind), small=True))
            return Episode(
                task=task, question=question, answer=answer, turns=tuple(teller.turns), pages=teller.pages,
                slips=teller.slips,
            )  # fmt: skip
        except Retry:
            continue


def _tell(teller: Teller, task: str, *, unseen_pair: bool) -> tuple[str, str]:
    if task.startswith("two"):
        return _two(teller, task, unseen_pair=unseen_pair)
    dice, writer = teller.dice, teller.writer
    subject = teller.names.entity(dice.choice(list(kinds())))
    relation = teller.relation(
        subject.kind, share=0.0 if task in ("missing", "wrong") and dice.random() < 0.6 else LOOSE_SHARE,
        unseen=task == "unseen_words",
    )  # fmt: skip
    if task == "lookup" and relation.value in IMPLIED and not relation.key.startswith("loose"):
        raise Retry
    small = dice.random() < 0.3
    if task == "wrong":
        return _wrong(teller, subject, relation)
    if task == "missing":
        return _missing(teller, subject, relation, small=small)
    spoken, thought_of = teller.spoken(subject)
    page = teller.add(writer.page(subject, relation, late=task == "lookup", small=small))
    fact = page.fact(relation.key)
    question, phrase, answer = teller.ask(fact, spoken)
    phrase = phrase.format(e=thought_of)
    teller.search_first(subject, phrase, page.shown)
    if task == "lookup":
        teller.look(page, fact, phrase)
    teller.finish(phrase, answer)
    return question, answer


def _missing(teller: Teller, subject: Entity, relation: Relation, *, small: bool) -> tuple[str, str]:
    dice = teller.dice
    if dice.random() < 0.5:
        noun = teller.noun(subject.kind)
        if subject.kind == "person":
            teller.writer.job = noun
        page = teller.writer.page(subject, relation, title=f"{subject.title} ({noun})", small=small)
        teller.add(page)
        others = [name for name in kinds() if name != subject.kind]
        asked, spoken = subject.name, f"the {noun} {subject.name}"
        if not relation.key.startswith("loose") and dice.random() < 0.5:
            spoken = subject.mention
            keys = {name: {each.key for each in kinds()[name].relations} for name in others}
            others = [name for name in others if relation.key not in keys[name]]
        for kind in dice.sample(others, dice.randint(1, 3)):
            teller.pages[f"{subject.title} ({teller.noun(kind)})"] = [f"{subject.title} is a {kind}."]
    else:
        page = teller.add(teller.writer.page(subject, relation, small=small))
        asked = spoken = teller.blurred(subject)
        if subject.article and asked == asked.lower():
            spoken = subject.article + asked
        if dice.random() < 0.3 and not teller.names.measured:
            spoken, teller.slips = subject.mention, 1
        if asked.casefold() == page.title.casefold():
            raise Retry
    fact = page.fact(relation.key)
    question, phrase, answer = teller.ask(fact, spoken)
    phrase = phrase.format(e=spoken)
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
    trap = teller.add(teller.writer.page(twin, small=dice.random() < 0.5))
    if subject.kind == "person":
        teller.writer.job = noun
    page = teller.add(
        teller.writer.page(subject, relation, title=f"{subject.title} ({noun})", small=dice.random() < 0.5)
    )
    fact = page.fact(relation.key)
    question, phrase, answer = teller.ask(fact, f"the {noun} {subject.name}")
    phrase = phrase.format(e=f"the {noun} {subject.name}")
    teller.search_first(subject, phrase, trap.shown)
    thought = f"This page is about something else, not about the {noun}."
    asked = f"{subject.name} ({noun})"
    if dice.random() < 0.6:
        teller.say(f"{thought} I need to search {asked} and find {phrase}.", f"Search[{asked}]", page.shown)
    else:
        del teller.pages[page.title]
        page.title = dice.choice((f"{noun} {subject.name}", f"{subject.name} {noun}"))
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
    if not unseen_pair and dice.random() < LOOSE_SHARE / 2:
        second = teller.relation(second.kind, share=1.0)
    if task == "two_lookup" and second.value in IMPLIED and not second.key.startswith("loose"):
        raise Retry
    subject = teller.names.entity(first.kind)
    bridge = teller.names.entity(second.kind)
    spoken, thought_of = teller.spoken(subject)
    near = teller.add(writer.page(subject, first, given=bridge, small=dice.random() < 0.3))
    writer.job = ""
    title = bridge.title
    if task == "two_missing":
        title = f"{bridge.title} ({teller.noun(bridge.kind)})" if dice.random() < 0.6 else _longer(teller, bridge)
    far = teller.add(writer.page(bridge, second, late=task == "two_lookup", title=title, small=dice.random() < 0.3))
    fact = far.fact(second.key)
    question, phrase, answer = teller.ask(fact, teller.nested(first, spoken))
    step = first.phrase.format(e=thought_of)
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


def _longer(teller: Teller, bridge: Entity) -> str:
    """Return a title that says more than the name that led to it."""
    if bridge.kind == "person" and " " in bridge.name:
        first, _, rest = bridge.name.partition(" ")
        return f"{first} {teller.names.first()} {rest}"
    noun = teller.dice.choice(kinds()[bridge.kind].nouns)
    return f"{noun[:1].upper()}{noun[1:]} {bridge.name}" if teller.dice.random() < 0.5 else f"{bridge.title} {noun}"


def page_of(teller: Teller) -> Page:
    """Return a page of any kind by itself."""
    return teller.writer.page(teller.names.entity(teller.dice.choice(list(kinds()))))
