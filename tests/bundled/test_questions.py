"""The question sets that ship are answered by the pages that ship, and two-hop questions need both of theirs."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from reasonkit.bundled import encyclopedia_path, questions_path
from reasonkit.bundled.build_pages import build
from reasonkit.bundled.build_questions import KINDS, Entry, Kind, build_questions, main
from reasonkit.bundled.facts import stands_in
from reasonkit.bundled.source import read_source
from reasonkit.errors import DatasetError
from reasonkit.pages import Page
from reasonkit.pages.bundled import BundledPages
from reasonkit.pages.titles import title_key

WORLD = """\
# Dracula
Dracula is a novel by [[Bram Stoker]]. It was published in 1897. Many read it. Few sleep well.
= author: Bram Stoker
= published: 1897
? Who sleeps well after Dracula? | Few

# Bram Stoker
> redirects: Stoker
Bram Stoker was a writer, born in Dublin in 1847. He ran a theatre. He liked walks. He died in 1912. That was all.
His grave is in the city of London.
= born: 1847
= died: 1912
= deathplace: London
"""


def shipped(kind: str) -> list[Entry]:
    lines = questions_path(kind).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [Entry(**{**row, "also": tuple(row["also"]), "pages": tuple(row["pages"])}) for row in rows]


@pytest.fixture(scope="module")
def pages() -> Iterator[BundledPages]:
    source = BundledPages()
    yield source
    source.close()


@pytest.fixture(scope="module")
def names() -> dict[str, tuple[str, ...]]:
    """Every title with all the names of its page."""
    articles = read_source(encyclopedia_path())
    return {one.title: (one.title, one.title.split(" (")[0], *one.redirects) for one in articles}


def bare(text: str) -> str:
    return title_key(re.sub(r"['\u2019]s\b", "", text))


def page(pages: BundledPages, title: str) -> Page:
    found = pages.search(title)
    assert isinstance(found, Page), title
    assert found.title == title
    return found


def sets_of(tmp_path: Path, text: str) -> dict[Kind, list[Entry]]:
    (tmp_path / "made.txt").write_text(text, encoding="utf-8")
    (tmp_path / "questions.toml").write_bytes((encyclopedia_path() / "questions.toml").read_bytes())
    build(tmp_path, tmp_path / "made.sqlite")
    source = BundledPages(tmp_path / "made.sqlite")
    try:
        return build_questions(tmp_path, source)
    finally:
        source.close()


def test_the_shipped_sets_are_a_fresh_build_of_the_source(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 0
    for kind in KINDS:
        fresh = (tmp_path / f"{kind}.jsonl").read_text(encoding="utf-8")
        assert fresh == questions_path(kind).read_text(encoding="utf-8")


def test_there_are_enough_questions_and_no_two_alike() -> None:
    assert len(shipped("one_hop")) >= 300
    assert len(shipped("two_hop")) >= 200
    assert len(shipped("lookup")) >= 100
    entries = [entry for kind in KINDS for entry in shipped(kind)]
    assert Counter(entry.id for entry in entries).most_common(1)[0][1] == 1
    assert Counter(entry.question for entry in entries).most_common(1)[0][1] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_each_answer_stands_in_its_page_and_not_in_its_question(pages: BundledPages, kind: Kind) -> None:
    for entry in shipped(kind):
        assert entry.kind == kind
        last = page(pages, entry.pages[-1])
        seen_at_once = stands_in(entry.answer, " ".join(last.sentences[:5]))
        assert seen_at_once != (kind == "lookup"), entry
        assert stands_in(entry.answer, last.text), entry
        assert not stands_in(entry.answer.casefold(), entry.question.casefold()), entry
        assert len(entry.answer.split()) <= 8, entry
        assert re.fullmatch(r"[^{}\[\]|]*\?", entry.question), entry


def test_a_question_names_the_page_where_it_begins(names: dict[str, tuple[str, ...]]) -> None:
    for entry in (entry for kind in KINDS for entry in shipped(kind)):
        key = f" {bare(entry.question)} "
        assert any(f" {bare(name)} " in key for name in names[entry.pages[0]]), entry


def test_a_two_hop_question_needs_both_pages(pages: BundledPages, names: dict[str, tuple[str, ...]]) -> None:
    for entry in shipped("two_hop"):
        first, second = (page(pages, title) for title in entry.pages)
        for answer in (entry.answer, *entry.also):
            assert not stands_in(answer.casefold(), first.text.casefold()), entry
        shown = " ".join(first.sentences[:5])
        assert any(stands_in(name, shown) for name in names[second.title]), entry
        key = f" {bare(entry.question)} "
        assert not any(f" {bare(name)} " in key for name in names[second.title]), entry


def test_two_hop_questions_are_spread_over_relations_and_pages() -> None:
    openings = Counter(" ".join(entry.question.split()[:4]) for entry in shipped("two_hop"))
    assert len(openings) >= 20
    assert max(Counter(entry.pages[0] for entry in shipped("two_hop")).values()) <= 2


def test_a_made_world_gives_the_questions_that_it_holds(tmp_path: Path) -> None:
    found = sets_of(tmp_path, WORLD)
    assert {entry.answer for entry in found["one_hop"]} >= {"1897", "Few"}
    assert [(entry.answer, entry.pages) for entry in found["two_hop"]] in (
        [("1847", ("Dracula", "Bram Stoker"))],
        [("1912", ("Dracula", "Bram Stoker"))],
    )
    assert "London" in {entry.answer for entry in found["lookup"]} | {entry.answer for entry in found["two_hop"]}


def test_a_written_question_that_does_not_name_its_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"made\.txt:5: the question does not name 'Dracula'"):
        sets_of(tmp_path, WORLD.replace("after Dracula?", "after that book?"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Many read it.", "Its author lived from 1847 to 1912 and was well known."),
        ("# Dracula\nDracula is", "# Dracula by Bram Stoker\n> redirects: Dracula\nDracula by Bram Stoker is"),
    ],
)
def test_no_two_hop_question_is_made_where_one_page_is_enough(tmp_path: Path, old: str, new: str) -> None:
    assert old in WORLD
    assert sets_of(tmp_path, WORLD.replace(old, new))["two_hop"] == []
