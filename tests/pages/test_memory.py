"""Pages from a mapping."""

import random

import pytest

from reasonkit.errors import PagesError, PageSourceError
from reasonkit.pages import PageSource
from reasonkit.pages.memory import MemoryPages
from reasonkit.types import Missing, Page

FIRST = [
    "Amber",
    "Birch",
    "Cedar",
    "Dover",
    "Ember",
    "Fjord",
    "Grove",
    "Haven",
    "Ivory",
    "Jasper",
    "Kestrel",
    "Linden",
    "Maple",
    "North",
    "Ocean",
    "Pine",
]
LAST = [
    "Castle",
    "River",
    "Abbey",
    "Railway",
    "Museum",
    "Battle",
    "Treaty",
    "Bridge",
    "Orchestra",
    "Mountain",
    "Novel",
    "Island",
    "Festival",
]
TITLES = [f"{first} {last}" for first in FIRST for last in LAST]


def test_a_page_has_its_text_and_sentences() -> None:
    pages: PageSource = MemoryPages({"Nile": "The Nile is long. It is in the U.S. not.\nIt is a river."})
    assert pages.search("Nile") == Page(
        title="Nile",
        text="The Nile is long. It is in the U.S. not.\nIt is a river.",
        sentences=("The Nile is long.", "It is in the U.S. not.", "It is a river."),
    )


def test_a_title_as_written_goes_before_one_with_the_same_key() -> None:
    pages = MemoryPages({"AIDS": "A disease.", "Aids": "A ship."})
    found = [pages.search(title) for title in ("AIDS", "Aids", "aids")]
    assert [page.text for page in found if isinstance(page, Page)] == ["A disease.", "A ship.", "A disease."]


def test_a_title_in_another_case_goes_before_one_with_other_punctuation() -> None:
    found = MemoryPages({"C": "A letter.", "C++": "A language."}).search("c++")
    assert isinstance(found, Page)
    assert found.title == "C++"


def test_a_plus_or_a_hash_at_a_words_end_makes_another_title() -> None:
    pages = MemoryPages({"C": "A letter.", "C++": "A language.", "C#": "Another.", "1+1": "Two."})
    for asked, title in (("c", "C"), ("(C)", "C"), ("c++", "C++"), ("'C#'", "C#"), ("1 1", "1+1")):
        page = pages.search(asked)
        assert isinstance(page, Page)
        assert page.title == title
    missing = pages.search("C+")
    assert isinstance(missing, Missing)
    assert "C++" in missing.similar


def test_a_redirect_is_followed_and_said() -> None:
    pages = MemoryPages({"Nile": "A river."}, redirects={"Nile River": "River Nile", "River Nile": "Nile"})
    found = pages.search("nile river")
    assert isinstance(found, Page)
    assert (found.title, found.redirected_from) == ("Nile", "Nile River")


def test_redirects_in_a_circle_or_to_nowhere_are_refused() -> None:
    with pytest.raises(PagesError, match="circle"):
        MemoryPages({}, redirects={"a": "b", "b": "a"})
    with pytest.raises(PagesError, match="no page"):
        MemoryPages({}, redirects={"a": "b"})


def test_an_ambiguous_title_names_its_meanings_in_order() -> None:
    pages = MemoryPages({"B": "b", "A": "a"}, meanings={"X": ("B", "A")})
    assert pages.search("x") == Missing(title="x", similar=("B", "A"), disambiguation=True)


def test_a_closed_source_says_so() -> None:
    pages = MemoryPages({"A": "a"})
    pages.close()
    pages.close()
    with pytest.raises(PageSourceError, match="closed"):
        pages.search("A")


def slightly_wrong(title: str, dice: random.Random) -> str:
    at = dice.randrange(1, len(title) - 1)
    return dice.choice(
        [
            title[:at] + title[at + 1 :],
            title[:at] + title[at + 1] + title[at] + title[at + 2 :],
            title + "s",
            "The " + title + "e",
        ]
    )


def test_a_title_slightly_wrong_names_the_right_one() -> None:
    pages = MemoryPages({title: f"{title} is a thing." for title in TITLES})
    dice = random.Random(1)
    missed = []
    for title in TITLES:
        found = pages.search(slightly_wrong(title, dice))
        named = found.similar if isinstance(found, Missing) else (found.title,)
        missed += [] if title in named else [title]
    assert missed == []


def test_nothing_alike_names_nothing() -> None:
    assert MemoryPages({"Nile": "A river."}).search("zzz") == Missing(title="zzz")
    assert MemoryPages({"Nile": "A river."}).search("?!") == Missing(title="?!")
