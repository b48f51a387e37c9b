"""Names of the recipe: invented, and split for good between training and measurement."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from reasonkit.train.recipes.tiny.kinds import kinds, linked
from reasonkit.train.recipes.tiny.names import Names, Retry, held

KINDS = (*kinds(), "sea", "range", "region")


def drawn(seed: int, *, measured: bool) -> set[str]:
    found = set()
    for kind in KINDS:
        names = Names(random.Random(f"{seed} {kind}"), measured=measured)
        for _ in range(20):
            try:
                found.add(names.entity(kind).name)
            except Retry:
                break
    return found


def test_no_name_is_both_trained_on_and_measured_with() -> None:
    assert not drawn(1, measured=False) & drawn(2, measured=True)
    assert all(held(name) for name in drawn(3, measured=True))


def test_every_kind_of_page_has_names_on_both_sides() -> None:
    for kind in KINDS:
        assert Names(random.Random(5), measured=True).entity(kind).name
        assert Names(random.Random(5), measured=False).entity(kind).name


@given(st.text())
def test_the_split_depends_on_the_letters_alone(text: str) -> None:
    assert held(text) == held(str(text))


def test_a_name_is_not_drawn_twice_in_one_document() -> None:
    names = Names(random.Random(0), measured=False)
    found = [names.entity("person").name for _ in range(200)]
    assert len(set(found)) == len(found)


def test_both_sides_of_the_split_of_relation_pairs_are_wide() -> None:
    from reasonkit.train.recipes.tiny.episodes import held_pair

    kept = sum(held_pair(first, second) for first, second in linked())
    assert 50 < kept < len(linked()) / 4
