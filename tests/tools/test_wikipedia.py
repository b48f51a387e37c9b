"""Search and Lookup in their mended form, over pages in memory."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.errors import InputError, PagesError, PageSourceError, ToolCrashed
from reasonkit.pages.memory import MemoryPages
from reasonkit.tools.protocol import ToolSession, Toolset
from reasonkit.tools.wikipedia import Wikipedia
from reasonkit.types import Action, Missing, Observation, Page

TEXTS = {
    "Niels Bohr": (
        "Niels Bohr was a Danish physicist. He was born in Copenhagen in 1885. He moved to the U.S. in 1943.\n"
        "He had six sons. One of them was a physicist too. He died in Copenhagen in 1962. The crater Bohr is on the Moon."
    ),
    "São Paulo": "São Paulo is a city in Brazil. Its mayor sits in the Edifício Matarazzo.",
    "Mercury (planet)": "Mercury is the planet nearest to the Sun.",
    "Mercury (element)": "Mercury is a metal.",
}


def pages() -> MemoryPages:
    return MemoryPages(
        TEXTS, redirects={"Bohr": "Niels Bohr"}, meanings={"Mercury": ("Mercury (planet)", "Mercury (element)")}
    )


@pytest.fixture
def session() -> ToolSession:
    return Wikipedia(pages()).open()


def search(session: ToolSession, title: str) -> Observation:
    return session.use(Action(tool="Search", argument=title))


def lookup(session: ToolSession, keyword: str) -> Observation:
    return session.use(Action(tool="Lookup", argument=keyword))


class Counting:
    """A page source that counts what it is asked."""

    def __init__(self, answer: Callable[[str], Page | Missing]) -> None:
        self.asked: list[str] = []
        self.threads: set[int] = set()
        self._answer = answer

    def search(self, title: str) -> Page | Missing:
        self.asked.append(title)
        self.threads.add(threading.get_ident())
        return self._answer(title)

    def close(self) -> None:
        pass


def test_wikipedia_is_a_toolset() -> None:
    toolset: Toolset = Wikipedia(pages())
    assert toolset.names == ("Search", "Lookup")
    assert [line.partition("[")[0] for line in toolset.describe().splitlines()] == ["Search", "Lookup"]


def test_a_search_shows_the_first_five_sentences_joined(session: ToolSession) -> None:
    assert search(session, "Niels Bohr") == Observation(
        text="Niels Bohr was a Danish physicist. He was born in Copenhagen in 1885. He moved to the U.S. in 1943. "
        "He had six sons. One of them was a physicist too."
    )


def test_the_number_of_sentences_can_be_chosen() -> None:
    assert search(Wikipedia(pages(), sentences=1).open(), "Niels Bohr").text == "Niels Bohr was a Danish physicist."


@pytest.mark.parametrize(
    "written",
    [
        '"Niels Bohr"',
        "'Niels Bohr'",
        "“Niels Bohr”",
        "[[Niels Bohr]]",
        "**Niels Bohr**",
        "niels bohr",
        "NIELS  BOHR ",
        "Bohr",
    ],
)
def test_a_title_is_found_whatever_stands_round_it(session: ToolSession, written: str) -> None:
    assert search(session, written).text.startswith("Niels Bohr was a Danish physicist.")


@pytest.mark.parametrize("title", ['"Heroes" (album)', "Face/Off (film [1997])", '"A" and "B"', "(500) Days of Summer"])
def test_marks_inside_a_title_stay(title: str) -> None:
    source = Counting(lambda asked: Missing(title=asked))
    search(Wikipedia(source).open(), title)
    assert source.asked == [title]


def test_a_missing_page_names_similar_titles(session: ToolSession) -> None:
    assert search(session, "Nils Bohr") == Observation(
        text="Could not find Nils Bohr. Similar: ['Niels Bohr'].", status="missing"
    )


def test_no_more_than_five_similar_titles_are_named() -> None:
    source = Counting(lambda asked: Missing(title=asked, similar=tuple("abcdefg")))
    assert search(Wikipedia(source).open(), "x").text == "Could not find x. Similar: ['a', 'b', 'c', 'd', 'e']."


def test_an_ambiguous_title_is_not_found_and_names_its_meanings(session: ToolSession) -> None:
    expected = "Could not find Mercury. Similar: ['Mercury (planet)', 'Mercury (element)']."
    assert search(session, "Mercury").text == expected


def test_a_lookup_goes_through_the_hits_in_whatever_case_and_then_ends(session: ToolSession) -> None:
    search(session, "Niels Bohr")
    assert lookup(session, "copenhagen").text == "(Result 1 / 2) He was born in Copenhagen in 1885."
    assert lookup(session, "Copenhagen").text == "(Result 2 / 2) He died in Copenhagen in 1962."
    assert lookup(session, "Copenhagen") == Observation(text="No more results.", status="missing")


def test_another_keyword_starts_over(session: ToolSession) -> None:
    search(session, "Niels Bohr")
    lookup(session, "Copenhagen")
    lookup(session, "Moon")
    assert lookup(session, "Copenhagen").text.startswith("(Result 1 / 2)")


def test_a_search_resets_the_lookup(session: ToolSession) -> None:
    search(session, "Niels Bohr")
    lookup(session, "Copenhagen")
    search(session, "Niels Bohr")
    assert lookup(session, "Copenhagen").text.startswith("(Result 1 / 2)")


def test_a_lookup_ignores_accents_and_quotes(session: ToolSession) -> None:
    search(session, "sao paulo")
    assert lookup(session, '"edificio"').text.startswith("(Result 1 / 1) Its mayor")


def test_absent_exhausted_and_no_page_are_told_apart(session: ToolSession) -> None:
    no_page = lookup(session, "Moon").text
    search(session, "Niels Bohr")
    absent = lookup(session, "Mars").text
    lookup(session, "Moon")
    exhausted = lookup(session, "Moon").text
    assert no_page == "There is no page to look in: no Search was made yet."
    assert absent == "No results for 'Mars' on the page 'Niels Bohr'."
    assert exhausted == "No more results."


def test_a_failed_search_is_said_at_the_next_lookup(session: ToolSession) -> None:
    search(session, "Nobody")
    assert lookup(session, "x").text == "There is no page to look in: the Search for 'Nobody' found none."
    search(session, "Niels Bohr")
    search(session, "Nobody")
    assert lookup(session, "Moon").text == (
        "(Result 1 / 1) The crater Bohr is on the Moon. (From the page 'Niels Bohr': the Search for 'Nobody' found none.)"
    )


def test_a_failed_search_keeps_the_place_of_the_lookup(session: ToolSession) -> None:
    search(session, "Niels Bohr")
    lookup(session, "Copenhagen")
    search(session, "Nobody")
    assert lookup(session, "Copenhagen").text.startswith("(Result 2 / 2)")


@pytest.mark.parametrize("verb", ["Search", "Lookup"])
def test_an_empty_argument_is_told_without_asking_the_source(verb: str) -> None:
    source = Counting(lambda asked: Missing(title=asked))
    assert Wikipedia(source).open().use(Action(tool=verb, argument=' "" ')).status == "error"
    assert source.asked == []


def test_another_tool_is_an_observation_that_names_the_nearest(session: ToolSession) -> None:
    said = session.use(Action(tool="search", argument="x"))
    assert said.status == "error"
    assert said.text == "There is no tool 'search'. Tools: Search, Lookup, Finish. Did you mean Search?"


def test_a_long_observation_is_cut_with_a_mark() -> None:
    session = Wikipedia(MemoryPages({"Long": "word " * 400 + "end."}), max_chars=200).open()
    said = search(session, "Long")
    assert said.shortened
    assert len(said.text) <= 200
    assert said.text.endswith("word [... cut: 2004 characters in all]")


def test_two_episodes_share_nothing() -> None:
    toolset = Wikipedia(pages())
    one, other = toolset.open(), toolset.open()
    search(one, "Niels Bohr")
    search(other, "São Paulo")
    assert lookup(one, "born").text.startswith("(Result 1 / 1) He was born")
    assert lookup(other, "born").text == "No results for 'born' on the page 'São Paulo'."


async def test_many_episodes_at_once_keep_their_own_places() -> None:
    toolset = Wikipedia(pages())

    async def episode() -> list[str]:
        session = toolset.open()
        await session.ause(Action(tool="Search", argument="Bohr"))
        return [(await session.ause(Action(tool="Lookup", argument="Copenhagen"))).text[:14] for _ in range(2)]

    assert await asyncio.gather(*(episode() for _ in range(20))) == [["(Result 1 / 2)", "(Result 2 / 2)"]] * 20


async def test_on_an_event_loop_the_source_is_asked_in_a_thread() -> None:
    source = Counting(pages().search)
    await Wikipedia(source).open().ause(Action(tool="Search", argument="Bohr"))
    assert source.asked == ["Bohr"]
    assert threading.get_ident() not in source.threads


def test_what_a_source_may_not_raise_is_a_crashed_tool_and_its_own_failure_is_not() -> None:
    def broken(title: str) -> Page | Missing:
        raise KeyError(title)

    def away(title: str) -> Page | Missing:
        raise PageSourceError(title)

    with pytest.raises(ToolCrashed, match="KeyError") as crashed:
        search(Wikipedia(Counting(broken)).open(), "x")
    assert isinstance(crashed.value.__cause__, KeyError)
    with pytest.raises(PageSourceError):
        search(Wikipedia(Counting(away)).open(), "x")


def test_options_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(InputError, match="sentences"):
        Wikipedia(pages(), sentences=0)
    with pytest.raises(InputError, match="paper_exact"):
        Wikipedia(pages(), sentences=3, paper_exact=True)
    with pytest.raises(InputError, match="max_chars"):
        Wikipedia(pages(), max_chars=3)
    with pytest.raises(InputError, match="contact"):
        Wikipedia(pages(), contact="me@example.org")
    with pytest.raises(PagesError, match="bundled, live"):
        Wikipedia("wikipidia")


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["Search", "Lookup"]),
        st.sampled_from(["Niels Bohr", "Bohr", "Copenhagen", "Mercury", "São Paulo", "is", "Nobody", "he", ""]),
    ),
    max_size=12,
)


@pytest.mark.parametrize("paper_exact", [False, True])
@given(actions=ACTIONS, cut=st.integers(0, 12))
def test_a_recalled_episode_goes_on_as_the_performed_one(
    actions: list[tuple[str, str]], cut: int, paper_exact: bool
) -> None:
    source = Counting(pages().search)
    toolset = Wikipedia(source, paper_exact=paper_exact)
    performed, recalled = toolset.open(), toolset.open()
    for at, (verb, argument) in enumerate(actions):
        action = Action(tool=verb, argument=argument)
        said = performed.use(action)
        if at < cut:
            before = len(source.asked)
            recalled.recall(action, said)
            assert len(source.asked) == before
        else:
            assert recalled.use(action) == said


def test_a_recalled_page_that_is_gone_is_a_failure_of_the_world() -> None:
    session = Wikipedia(MemoryPages({})).open()
    session.recall(Action(tool="Search", argument="Niels Bohr"), Observation(text="Niels Bohr was a physicist."))
    with pytest.raises(PageSourceError, match="Niels Bohr"):
        lookup(session, "physicist")
