"""Pages of the invented world tell what they are asked for, where they are to tell it."""

from __future__ import annotations

import random
import string

import pytest

from reasonkit.train.recipes.tiny.kinds import Relation, kinds, parse
from reasonkit.train.recipes.tiny.names import Names, Retry
from reasonkit.train.recipes.tiny.pages import Writer
from reasonkit.train.recipes.tiny.sentences import SHOWN, Page, sentence_case

RELATIONS = [relation for kind in kinds().values() for relation in kind.relations]


def page_with(relation: Relation, seed: int, *, late: bool) -> Page:
    for attempt in range(50):
        dice = random.Random(f"{seed} {attempt}")
        names = Names(dice, measured=False)
        try:
            return Writer(dice, names).page(names.entity(relation.kind), relation, late=late)
        except Retry:
            continue
    raise AssertionError(f"no page for {relation.key}")


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: f"{relation.kind}-{relation.key}")
def test_a_relation_is_told_within_what_search_shows(relation: Relation) -> None:
    for seed in range(6):
        page = page_with(relation, seed, late=False)
        fact = page.fact(relation.key)
        assert 0 <= fact.sentence < SHOWN
        assert fact.answer.lower() in page.sentences[fact.sentence].lower()


def in_every_lead(relation: Relation) -> bool:
    return all(f"{{{relation.value}}}" in lead for lead in kinds()[relation.kind].leads)


@pytest.mark.parametrize(
    "relation",
    [relation for relation in RELATIONS if not in_every_lead(relation)],
    ids=lambda relation: f"{relation.kind}-{relation.key}",
)
def test_a_late_relation_stands_after_what_search_shows(relation: Relation) -> None:
    for seed in range(4):
        page = page_with(relation, seed, late=True)
        fact = page.fact(relation.key)
        assert fact.sentence >= SHOWN
        assert fact.answer.lower() in page.sentences[fact.sentence].lower()


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: f"{relation.kind}-{relation.key}")
def test_a_relation_can_be_asked_for_and_looked_up(relation: Relation) -> None:
    assert relation.keywords
    assert all("{e}" in form for form in (*relation.questions, *relation.year_questions, relation.phrase))
    assert bool(relation.year_questions) == (relation.value == "date")
    assert relation.predicates or relation.sentences
    forms = (*relation.predicates, *relation.sentences, *relation.openings)
    for form in forms:
        fields = {field for _, field, _, _ in string.Formatter().parse(form) if field}
        assert fields & ({"d", "y"} if relation.value == "date" else {"v"}), form


def test_no_sentence_keeps_a_placeholder_or_two_articles() -> None:
    for seed in range(300):
        dice = random.Random(seed)
        names = Names(dice, measured=False)
        try:
            text = " ".join(Writer(dice, names).page(names.entity(dice.choice(list(kinds())))).sentences)
        except Retry:
            continue
        assert not set("{}") & set(text), text
        assert " the the " not in text.lower(), text
        assert "  " not in text, text


def test_a_becomes_an_before_a_vowel() -> None:
    assert sentence_case("a opera by a Austrian") == "An opera by an Austrian"


def test_a_block_of_a_kinds_file_is_read_whole() -> None:
    (kind,) = parse(
        "# ship\nn: ship, vessel\nl: {X} was a ship\n= built date 1500 1990\np: the {year} when {e} was built\n"
        "k: built, launched\nv: was built {d}\nqy: In which year was {e} built?\nf: It was blue.\n"
    )
    (relation,) = kind.relations
    assert (kind.nouns, kind.fillers) == (("ship", "vessel"), ("It was blue.",))
    assert (relation.low, relation.high, relation.keywords) == (1500, 1990, ("built", "launched"))
