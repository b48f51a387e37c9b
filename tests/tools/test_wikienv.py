"""paper_exact=True against worked examples of what wikienv.py says, defects included."""

import pytest

from reasonkit.pages.memory import MemoryPages
from reasonkit.tools.protocol import ToolSession
from reasonkit.tools.wikipedia import Wikipedia
from reasonkit.types import Action

PAGE = (
    "Bohr was born in 1885. He lived in the U.S. for a time.\n"
    "\n"
    "  Who was he? A physicist. \n"
    "He won a prize. He died. The end"
)


@pytest.fixture
def session() -> ToolSession:
    pages = MemoryPages({"Bohr": PAGE, "One": "One line without an end"}, meanings={"Mercury": tuple("abcdef")})
    return Wikipedia(pages, paper_exact=True).open()


def said(session: ToolSession, verb: str, argument: str) -> str:
    return session.use(Action(tool=verb, argument=argument)).text


def test_sentences_end_at_every_full_stop_and_space_and_get_another(session: ToolSession) -> None:
    assert said(session, "Search", "Bohr") == (
        "Bohr was born in 1885. He lived in the U.S. for a time.. Who was he? A physicist.. He won a prize."
    )


def test_a_text_without_a_full_stop_gets_one(session: ToolSession) -> None:
    assert said(session, "Search", "One") == "One line without an end."


def test_a_lookup_counts_those_sentences(session: ToolSession) -> None:
    said(session, "Search", "Bohr")
    assert said(session, "Lookup", "he ") == "(Result 1 / 4) He lived in the U.S."
    assert said(session, "Lookup", "he ") == "(Result 2 / 4) He won a prize."
    assert said(session, "Lookup", "he ") == "(Result 3 / 4) He died."
    assert said(session, "Lookup", "he ") == "(Result 4 / 4) The end."
    assert said(session, "Lookup", "he ") == "No more results.\n"


def test_the_same_keyword_in_another_case_is_another_keyword(session: ToolSession) -> None:
    said(session, "Search", "Bohr")
    assert said(session, "Lookup", "PRIZE").startswith("(Result 1 / 1)")
    assert said(session, "Lookup", "prize").startswith("(Result 1 / 1)")
    assert said(session, "Lookup", "prize") == "No more results.\n"


def test_absent_exhausted_and_no_page_sound_alike(session: ToolSession) -> None:
    assert said(session, "Lookup", "x") == "No more results.\n"
    said(session, "Search", "Bohr")
    assert said(session, "Lookup", "absent") == "No more results.\n"


def test_a_missing_page_is_named_as_it_was_written(session: ToolSession) -> None:
    assert said(session, "Search", '"Zzz"') == 'Could not find "Zzz". Similar: [].'


def test_an_ambiguous_title_is_shown_in_brackets_with_five_titles(session: ToolSession) -> None:
    assert said(session, "Search", "Mercury") == "Could not find [Mercury]. Similar: ['a', 'b', 'c', 'd', 'e']."


def test_a_failed_search_keeps_page_and_place_and_says_nothing_of_it(session: ToolSession) -> None:
    said(session, "Search", "Bohr")
    said(session, "Lookup", "he ")
    said(session, "Search", "Zzz")
    assert said(session, "Lookup", "he ") == "(Result 2 / 4) He won a prize."


def test_nothing_is_cut() -> None:
    long = Wikipedia(MemoryPages({"Long": "word " * 5_000}), paper_exact=True).open()
    assert len(said(long, "Search", "Long")) == 5 * 5_000
