"""The shipped encyclopedia is what its source says, whole and within its size; faults of the source are refused."""

import sqlite3
from pathlib import Path

import pytest

from reasonkit.bundled import encyclopedia_path, pages_path
from reasonkit.bundled.build_pages import build, main, split_sentences
from reasonkit.bundled.source import parse_source, read_source
from reasonkit.errors import DatasetError

GOOD = """\
# Ulm
> redirects: Ulm, Germany
Ulm is a city on the [[Danube]]. Its minster has a very tall spire. A scientist was born here in 1879. Few forget it.
= river: Danube

# Danube
The Danube is a river that passes [[Ulm]]. It is long. Many towns stand on it. It ends in the Black Sea.
= mouth: Black Sea
? Where does the Danube end? | the Black Sea
"""


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    try:
        tables = ("pages", "names", "meanings")
        rows = {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables}
        asked = "SELECT rowid FROM words WHERE words MATCH 'novel OR river OR painter' ORDER BY rowid"
        return {**rows, "words": connection.execute(asked).fetchall()}
    finally:
        connection.close()


def built(tmp_path: Path, text: str) -> Path:
    (tmp_path / "source").mkdir(exist_ok=True)
    (tmp_path / "source" / "made.txt").write_text(text, encoding="utf-8")
    target = tmp_path / "made.sqlite"
    build(tmp_path / "source", target)
    return target


def test_the_shipped_file_is_a_fresh_build_of_its_source(tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.sqlite"
    assert main([str(fresh)]) == 0
    assert content(fresh) == content(pages_path())


def test_the_shipped_file_is_small_and_has_many_pages() -> None:
    assert pages_path().stat().st_size <= 1_500_000
    articles = read_source(encyclopedia_path())
    assert sum(not article.disambiguation for article in articles) >= 400
    assert sum(article.disambiguation for article in articles) >= 10
    assert sum(len(article.redirects) for article in articles) >= 100


def test_the_same_source_gives_the_same_content(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert content(built(tmp_path / "a", GOOD)) == content(built(tmp_path / "b", GOOD))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[[Danube]]", "[[Danub]]", "links to 'Danub'"),
        ("Few forget it.", "Few [forget] it.", "made.txt:3"),
        ("> redirects: Ulm, Germany", "> redirects: Danube", "'Danube' is empty or already means"),
        ("> redirects: Ulm, Germany", "> redirect: Ulm, Germany", "made.txt:2"),
        ("= river: Danube", "= river: Rhine", "does not say 'Rhine'"),
        ("= river: Danube", "= river Danube", "made.txt:4"),
        ("| the Black Sea", "| the Red Sea", "does not answer"),
        ("? Where does", "?Where does", "made.txt:9"),
        ("It is long. ", "", "3 sentences"),
        ("Few forget it.", "It is long.", "repeats a sentence"),
        ("Few forget it.", "few forget it.", "no whole sentence"),
        ("Few forget it.", "Few forget King Charles X. The rest do.", "no whole sentence"),
        ("# Ulm\n", "Ulm\n", "made.txt:1"),
    ],
)
def test_a_fault_is_refused_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(DatasetError) as caught:
        built(tmp_path, GOOD.replace(old, new, 1))
    assert said in str(caught.value)
    assert "made.txt:" in str(caught.value)
    assert not (tmp_path / "made.sqlite").exists()


def test_links_show_their_text_and_name_their_target() -> None:
    (article,) = parse_source("# A\nSee [[Rhine|the river]] and [[Ulm]] and [[Ulm]].\n", "a.txt")
    assert article.text == "See the river and Ulm and Ulm."
    assert article.links == ("Rhine", "Ulm")


def test_initials_and_titles_do_not_end_a_sentence() -> None:
    text = "J. R. R. Tolkien met Mr Wells in 1920. He was glad of it."
    assert split_sentences(text) == ("J. R. R. Tolkien met Mr Wells in 1920.", "He was glad of it.")
