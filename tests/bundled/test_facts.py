"""Pages that contradict each other are found, and the shipped ones do not."""

import pytest

from reasonkit.bundled import encyclopedia_path
from reasonkit.bundled.facts import contradictions
from reasonkit.bundled.source import parse_source, read_source

WORLD = """\
# Moby-Dick
Moby-Dick is a novel by [[Herman Melville]], published in 1851.
= author: Herman Melville
= published: 1851

# Herman Melville
Herman Melville, born in 1819, died in 1891. His best book is [[Moby-Dick]] (1851).
= born: 1819
= died: 1891

# Walden
Walden is a book that Herman Melville did not write. It is the longest book of the year.

# France
France is a country with the capital [[Paris]].
= capital: Paris

# Paris
Paris is the capital of [[France]]. It is the largest city in France.
= country: France
"""


def test_the_shipped_pages_agree() -> None:
    assert contradictions(read_source(encyclopedia_path())) == ()


def test_a_world_that_agrees_is_left_alone() -> None:
    assert contradictions(parse_source(WORLD, "w.txt")) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[[Moby-Dick]] (1851)", "[[Moby-Dick]] (1852)", "the year 1852"),
        ("His best book is [[Moby-Dick]] (1851).", "In 1850 [[Moby-Dick]] was published.", "the year 1850"),
        ("died in 1891. ", "died in 1891. It lives of [[Walden]]. ", ""),
        ("= died: 1891", "= died: 1891\n= Moby-Dick / published: 1819", "published of 'Moby-Dick'"),
        ("born in 1819, died in 1891", "born in 1891, died in 1819", ""),
        ("= country: France", "= country: Paris", "as capital of 'France'"),
        (
            "with the capital [[Paris]].\n= capital: Paris",
            "with the capital Lyon, not [[Paris]].\n= capital: Lyon",
            "calls itself",
        ),
        (
            "not write. It is the longest",
            "not write. It is the largest city in France. It is the longest",
            "are both the",
        ),
        ("= author: Herman Melville", "= author: Ishmael", "does not say 'Ishmael'"),
        ("= published: 1851", "= Walden / published: 1851", "without a link"),
    ],
)
def test_a_planted_contradiction_is_found(old: str, new: str, said: str) -> None:
    assert old in WORLD
    told = contradictions(parse_source(WORLD.replace(old, new, 1), "w.txt"))
    if said:
        assert any(said in line for line in told), told
    else:
        assert told == ()


def test_nobody_makes_a_thing_before_being_born() -> None:
    text = WORLD.replace("1819", "1852")
    told = contradictions(parse_source(text, "w.txt"))
    assert any("was born in 1852" in line for line in told), told


def test_nobody_lives_two_hundred_years() -> None:
    told = contradictions(parse_source(WORLD.replace("1891", "2019"), "w.txt"))
    assert any("would have died at 200" in line for line in told), told


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("[[Herman Melville]] was born here in 1820.", "born in 1820"),
        ("[[Herman Melville]] was murdered in the town in May 1890.", "died in 1890"),
        ("[[Herman Melville]] was born in a house that was built in the year 1700.", ""),
    ],
)
def test_a_birth_or_death_told_elsewhere_is_compared(said: str, found: str) -> None:
    told = contradictions(parse_source(WORLD.replace("did not write.", f"did not write. {said}"), "w.txt"))
    assert [found in line for line in told] == ([True] if found else []), told


def test_life_dates_in_brackets_are_compared() -> None:
    text = WORLD.replace("did not write.", "did not write. [[Herman Melville]] (1820\u20131891) wrote others.")
    told = contradictions(parse_source(text, "w.txt"))
    assert any("born in 1820" in line for line in told), told
