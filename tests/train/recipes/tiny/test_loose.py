"""Made-up relations: told and asked in the same grammar, apart from each other, their words split for good."""

from __future__ import annotations

import random
import re
import string
from dataclasses import replace

import pytest

from reasonkit.train.recipes.tiny.documents import segments
from reasonkit.train.recipes.tiny.facts import Drawer
from reasonkit.train.recipes.tiny.kinds import Relation, kinds
from reasonkit.train.recipes.tiny.lexicon import LISTS, groups, told_by, verb
from reasonkit.train.recipes.tiny.loose import loose
from reasonkit.train.recipes.tiny.names import Names, held


def many(kind: str, count: int, *, measured: bool = False) -> list[Relation]:
    return [each for seed in range(count) for each in loose(random.Random(seed), kind, 3, measured=measured)]


@pytest.mark.parametrize("kind", list(kinds()))
def test_every_form_has_a_place_for_its_value_or_its_subject(kind: str) -> None:
    for relation in many(kind, 60):
        assert bool(relation.year_questions) == (relation.value == "date")
        assert all("{e}" in form for form in (*relation.questions, *relation.year_questions, relation.phrase))
        for form in (*relation.predicates, *relation.sentences, *relation.openings):
            fields = {field for _, field, _, _ in string.Formatter().parse(form) if field}
            assert fields & ({"d"} if relation.value == "date" else {"v"}), form


def test_a_keyword_finds_every_form_that_tells_the_relation() -> None:
    found = total = 0
    for relation in many("building", 200):
        for form in (*relation.predicates, *relation.sentences):
            total += 1
            found += any(keyword.lower() in form.lower() for keyword in relation.keywords)
    assert found > 0.9 * total


def test_relations_of_one_page_are_told_in_different_words() -> None:
    for seed in range(200):
        keys = [relation.key for relation in loose(random.Random(seed), "building", 4)]
        assert len(set(keys)) == len(keys)


def test_a_kinds_own_verbs_are_not_made_up_again() -> None:
    assert "painted" in told_by("painting")
    assert not any("painted" in relation.phrase for relation in many("painting", 300))


def test_regular_and_irregular_verbs_are_inflected() -> None:
    assert [verb("carry").past, verb("move to").past, verb("design").participle] == ["carried", "moved to", "designed"]
    write, flee = verb("write/wrote/written"), verb("flee to/fled to")
    assert (write.base, write.past, write.participle) == ("write", "wrote", "written")
    assert flee.participle == "fled to"


@pytest.mark.parametrize("block", ["made", "met", "went", "person_of", "thing_of", "plural", "amounts"])
def test_words_are_kept_for_measurement_on_both_sides_of_the_split(block: str) -> None:
    kept = sum(held(f"{block} {group[0]}") for group in groups(block))
    assert 0 < kept < len(groups(block)) / 3


def test_training_never_asks_with_kept_nouns() -> None:
    kept = [group[0] for group in groups("person_of") if held(f"person_of {group[0]}")]
    text = "".join(part for seed in range(1500) for part, _ in segments(random.Random(seed), "react"))
    asked = set(re.findall(r"find the ([a-z ]+) of ", text))
    assert asked
    own = {
        relation.phrase.split(" of ")[0].removeprefix("the ")
        for kind in kinds().values()
        for relation in kind.relations
    }
    assert not (set(kept) - own) & asked


def test_a_value_can_be_drawn_for_every_noun() -> None:
    some = many("country", 1)[0]
    for item in LISTS["thing_of"]:
        dice = random.Random(item)
        drawer = Drawer(dice, Names(dice, measured=False))
        assert drawer.value(replace(some, value=item.split(":")[1])).text, item
