"""Answers kept on disk, by one process or by several."""

import multiprocessing
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonkit.errors import PagesError, PageSourceError
from reasonkit.pages import PageSource
from reasonkit.pages.cache import CachedPages
from reasonkit.pages.memory import MemoryPages
from reasonkit.types import Missing, Page

DAY = 86_400.0


class Counting:
    """A source that counts what it is asked, and fails on request."""

    def __init__(self, answers: dict[str, Page | Missing]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.away = False
        self.closed = 0

    def search(self, title: str) -> Page | Missing:
        self.asked.append(title)
        if self.away:
            raise PageSourceError("away")
        return self.answers.get(title, Missing(title=title, similar=("Nile",)))

    def close(self) -> None:
        self.closed += 1


class Clock:
    def __init__(self) -> None:
        self.seconds = 1e9

    def __call__(self) -> float:
        return self.seconds


def page(title: str, text: str = "It is long. It is old.") -> Page:
    return Page(
        title=title, text=text, sentences=tuple(text.split(". ")), links=("A", "B"), url="u", redirected_from="r"
    )


@pytest.fixture
def source() -> Counting:
    return Counting({"Nile": page("Nile"), "Empty": Page(title="Empty", text="", sentences=())})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pages.sqlite"


@pytest.mark.parametrize("title", ["Nile", "Empty", "Nowhere", "東京"])
def test_an_answer_is_asked_for_once_and_stays_the_same(source: Counting, path: Path, title: str) -> None:
    pages: PageSource = CachedPages(source, path)
    first = pages.search(title)
    assert pages.search(title) == first
    pages.close()
    again = CachedPages(source, path)
    assert again.search(title) == first
    assert source.asked == [title]
    again.close()


TEXTS = st.text(max_size=20)
PAGES = st.builds(
    Page,
    title=TEXTS,
    text=TEXTS,
    sentences=st.lists(TEXTS, max_size=3).map(tuple),
    links=st.lists(TEXTS, max_size=2).map(tuple),
    redirected_from=st.none() | TEXTS,
    url=st.none() | TEXTS,
)
MISSING = st.builds(Missing, title=TEXTS, similar=st.lists(TEXTS, max_size=3).map(tuple), disambiguation=st.booleans())


@settings(max_examples=50)
@given(title=st.text(st.characters(), max_size=9) | st.just("\ud800\x1e\x00"), answer=PAGES | MISSING)
def test_the_cache_never_changes_an_answer(
    tmp_path_factory: pytest.TempPathFactory, title: str, answer: Page | Missing
) -> None:
    pages = CachedPages(Counting({title: answer}), tmp_path_factory.mktemp("any") / "pages.sqlite")
    assert [pages.search(title) for _ in range(2)] == [answer, answer]
    pages.close()


def test_an_answer_past_its_age_is_asked_for_anew_and_a_missing_one_sooner(source: Counting, path: Path) -> None:
    clock = Clock()
    pages = CachedPages(source, path, max_age_seconds=10 * DAY, max_age_missing_seconds=DAY, now=clock)
    for days, asked in [(0, ["Nile", "No"]), (1, []), (2, ["No"]), (3, []), (10, ["No"]), (11, ["Nile"]), (11, [])]:
        source.asked.clear()
        clock.seconds = 1e9 + days * DAY
        pages.search("Nile")
        pages.search("No")
        assert source.asked == asked, days
    pages.close()


def test_a_failing_source_is_not_covered_up_by_an_old_answer(source: Counting, path: Path) -> None:
    clock = Clock()
    pages = CachedPages(source, path, max_age_seconds=DAY, now=clock)
    pages.search("Nile")
    source.away = True
    assert isinstance(pages.search("Nile"), Page)
    clock.seconds += 2 * DAY
    with pytest.raises(PageSourceError, match="away"):
        pages.search("Nile")
    source.away = False
    assert isinstance(pages.search("Nile"), Page)
    pages.close()


def test_offline_asks_nobody_and_takes_answers_of_any_age(source: Counting, path: Path) -> None:
    clock = Clock()
    pages = CachedPages(source, path, now=clock)
    pages.search("Nile")
    pages.close()
    source.asked.clear()
    clock.seconds += 1000 * DAY
    for inner in (source, None):
        pages = CachedPages(inner, path, offline=True, now=clock)
        assert pages.search("Nile") == page("Nile")
        with pytest.raises(PageSourceError, match="'Other' is not in"):
            pages.search("Other")
        pages.close()
    assert source.asked == []


def test_past_its_bound_the_oldest_answers_go(path: Path) -> None:
    titles = [f"Title {number:02}" for number in range(40)]
    source, clock = Counting({title: page(title, "word " * 100) for title in titles}), Clock()
    pages = CachedPages(source, path, max_bytes=20_000, now=clock)
    for title in titles:
        clock.seconds += 1
        pages.search(title)
    source.asked.clear()
    for title in reversed(titles):
        pages.search(title)
    gone = len(source.asked)
    assert 0 < gone < 35
    assert source.asked == titles[:gone][::-1]
    with closing(sqlite3.connect(path)) as connection:
        held = connection.execute("SELECT (SELECT bytes FROM held), sum(bytes) FROM answers").fetchone()
    assert held[0] == held[1] <= 20_000
    pages.close()


def test_an_answer_larger_than_the_bound_is_given_and_not_kept(path: Path) -> None:
    source = Counting({"Big": page("Big", "x" * 5_000)})
    pages = CachedPages(source, path, max_bytes=1_000)
    pages.search("Big")
    assert pages.search("Big") == page("Big", "x" * 5_000)
    assert source.asked == ["Big", "Big"]
    pages.close()


def test_threads_share_one_cache(source: Counting, path: Path) -> None:
    pages, wrong = CachedPages(source, path), []

    def work() -> None:
        for number in range(30):
            title = f"T{number}"
            if pages.search(title) != Missing(title=title, similar=("Nile",)):
                wrong.append(title)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pages.close()
    assert wrong == []


def _fill(path: str, number: int, begin: object) -> None:
    begin.wait()  # type: ignore[attr-defined]
    source = MemoryPages({f"Title {at}": f"Page {at} is a page." for at in range(40)})
    pages = CachedPages(source, path, max_bytes=4_000 if number % 2 else None)
    for at in range(40):
        found = pages.search(f"Title {(at + number * 7) % 40}")
        assert isinstance(found, Page)
    pages.close()


def test_processes_that_begin_together_make_one_sound_file(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    begin = context.Barrier(3)
    processes = [context.Process(target=_fill, args=(str(path), number, begin)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT (SELECT bytes FROM held) = sum(bytes) FROM answers").fetchone() == (1,)
    connection.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_opens_the_file_for_itself(source: Counting, path: Path) -> None:
    pages = CachedPages(source, path)
    pages.search("Nile")
    before = pages._connection
    child = os.fork()
    if not child:
        right = pages.search("Nile") == page("Nile") and pages._connection is not before
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    pages.close()


def test_files_that_are_no_cache_are_refused_and_left_alone(tmp_path: Path, source: Counting) -> None:
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    text = tmp_path / "text.txt"
    text.write_text("hello, this is no database at all\n" * 40)
    for path in (other, text):
        before = path.read_bytes()
        with pytest.raises(PagesError, match=path.name):
            CachedPages(source, path)
        assert path.read_bytes() == before


def test_options_that_will_not_do_are_refused(tmp_path: Path, source: Counting) -> None:
    with pytest.raises(PagesError, match="offline=True"):
        CachedPages(None, tmp_path / "a.sqlite")
    with pytest.raises(PagesError, match="offline=True"):
        CachedPages(source, tmp_path / "a.sqlite", offline=True)
    with pytest.raises(PagesError, match="no folder"):
        CachedPages(source, tmp_path / "none" / "a.sqlite")
    with pytest.raises(PagesError, match="max_bytes"):
        CachedPages(source, tmp_path / "a.sqlite", max_bytes=0)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_goes_bad_is_told_and_not_taken_for_missing(source: Counting, path: Path) -> None:
    pages = CachedPages(source, path)
    pages.search("Nile")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE answers SET facts = '{'")
    connection.close()
    with pytest.raises(PageSourceError, match="delete it"):
        pages.search("Nile")
    pages.close()


def test_a_closed_cache_says_so_and_has_closed_its_source(source: Counting, path: Path) -> None:
    pages = CachedPages(source, path)
    pages.close()
    pages.close()
    assert source.closed
    with pytest.raises(PageSourceError, match="closed"):
        pages.search("Nile")
