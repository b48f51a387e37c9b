"""ZIM files written with libzim's own creator, read back."""

import random
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from reasonkit.errors import PagesError, PageSourceError
from reasonkit.pages import PageSource
from reasonkit.pages.names import from_name
from reasonkit.pages.zim import ZimPages
from reasonkit.tools.wikipedia import Wikipedia
from reasonkit.types import Action, Missing, Page

writer = pytest.importorskip("libzim.writer")

ARTICLES = {
    "Nile": (
        '<div class="hatnote">For other uses, see Nile (disambiguation).</div>'
        '<table class="infobox"><tr><td>Length 6,650 km.</td></tr></table>'
        '<p>The <b>Nile</b> is a <a href="River" title="River">river</a> in Africa.<sup class="reference">[1]</sup>'
        " It flows north to the U.S. Navy base.</p><h2>Course</h2><p>It rises near Lake Victoria.</p>"
        "<h2>References</h2><ul><li>A book about the river.</li></ul>"
    ),
    "São Paulo": "<p>São Paulo is a city.</p>",
    "AC/DC": "<p>AC/DC is a band.</p>",
    "iPod": "<p>The iPod is a player.</p>",
    "Mercury (planet)": "<p>Mercury is a planet.</p>",
    "Mercury (element)": "<p>Mercury is a metal.</p>",
    "Mercury": (
        '<p><b>Mercury</b> may refer to:</p><ul><li><a href="Mercury_(planet)" title="Mercury (planet)">Mercury</a></li>'
        '<li><a href="Mercury_(element)" title="Mercury (element)">Mercury</a></li></ul>'
    ),
    "Old name": '<html><head><meta http-equiv="refresh" content="0;url=./Nile"></head><body></body></html>',
    "Battle of the Nile": "<p>The battle was fought in 1798.</p>",
    "One and only": "<p>Nothing here.</p>",
}
FIRST = ["Amber", "Birch", "Cedar", "Dover", "Ember", "Fjord", "Grove", "Haven", "Ivory", "Jasper", "Kestrel", "Linden"]
LAST = ["Castle", "River", "Abbey", "Railway", "Museum", "Battle", "Treaty", "Bridge", "Orchestra", "Mountain"]
TITLES = [f"{first} {last}" for first in FIRST for last in LAST]
SINGLE = ["Zanzibar", "Thermodynamics", "Copenhagen", "Renaissance", "Photosynthesis", "Constantinople"]


def page(path: str, title: str, html: str, mimetype: str = "text/html") -> object:
    class Article(writer.Item):  # type: ignore[misc,name-defined]
        def get_path(self) -> str:
            return path

        def get_title(self) -> str:
            return title

        def get_mimetype(self) -> str:
            return mimetype

        def get_contentprovider(self) -> object:
            return writer.StringProvider(html)

        def get_hints(self) -> dict[object, bool]:
            return {writer.Hint.FRONT_ARTICLE: mimetype == "text/html"}

    return Article()


def write(path: Path, articles: Iterable[tuple[str, str]], *, indexed: bool = True, language: str = "eng") -> Path:
    with writer.Creator(path).config_indexing(indexed, "eng") as creator:
        for title, html in articles:
            creator.add_item(page(title.replace(" ", "_"), title, html))
        creator.add_item(page("style.css", "Stylesheet", "p {}", "text/css"))
        front = {writer.Hint.FRONT_ARTICLE: True}
        creator.add_redirection("River_Nile", "River Nile", "Nile", front)
        creator.add_redirection("Nile_River", "Nile River", "River_Nile", front)
        creator.set_mainpath("Nile")
        creator.add_metadata("Language", language)
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rest = [(title, f"<p>{title} is a thing.</p>") for title in (*TITLES, *SINGLE)]
    return write(tmp_path_factory.mktemp("zim") / "wiki.zim", [*ARTICLES.items(), *rest])


@pytest.fixture(scope="module")
def pages(file: Path) -> PageSource:
    return ZimPages(file)


def test_a_page_is_clean_prose_with_its_links(pages: PageSource) -> None:
    assert pages.search("Nile") == Page(
        title="Nile",
        text="The Nile is a river in Africa. It flows north to the U.S. Navy base.\nIt rises near Lake Victoria.",
        sentences=(
            "The Nile is a river in Africa.",
            "It flows north to the U.S. Navy base.",
            "It rises near Lake Victoria.",
        ),
        links=("River",),
    )


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("nile", "Nile"),
        ('"Nile"', "Nile"),
        ("sao paulo", "São Paulo"),
        ("SÃO PAULO", "São Paulo"),
        ("AC/DC", "AC/DC"),
        ("ac/dc", "AC/DC"),
        ("IPOD", "iPod"),
        ("Mercury_(planet)", "Mercury (planet)"),
        ("mercury planet", "Mercury (planet)"),
        ("battle of the nile", "Battle of the Nile"),
    ],
)
def test_a_title_is_found_in_whatever_way_it_is_written(pages: PageSource, written: str, title: str) -> None:
    found = pages.search(written)
    assert isinstance(found, Page)
    assert found.title == title


@pytest.mark.parametrize("name", ["River Nile", "Nile River", "nile river", "Old name"])
def test_a_redirect_is_followed_to_its_end_and_said(pages: PageSource, name: str) -> None:
    found = pages.search(name)
    assert isinstance(found, Page)
    assert found.title == "Nile"
    assert found.redirected_from is not None
    assert found.redirected_from.lower() == name.lower()


def test_a_disambiguation_page_is_missing_with_its_meanings(pages: PageSource) -> None:
    assert pages.search("mercury") == Missing(
        title="mercury", similar=("Mercury (planet)", "Mercury (element)"), disambiguation=True
    )


def test_what_is_no_article_is_not_found(pages: PageSource) -> None:
    assert isinstance(pages.search("Stylesheet"), Missing)
    assert isinstance(pages.search("style.css"), Missing)


def slightly_wrong(title: str, dice: random.Random) -> str:
    at = dice.randrange(0, len(title) - 1)
    letter = dice.choice("aeiou")
    return dice.choice(
        [
            title[:at] + title[at + 1 :],
            title[:at] + letter + title[at:],
            title[:at] + letter + title[at + 1 :],
            title + "s",
        ]
    ) + dice.choice(["", " (thing)"])


@pytest.mark.parametrize("indexed", [True, False])
def test_a_title_slightly_wrong_names_the_right_one(tmp_path: Path, file: Path, indexed: bool) -> None:
    if not indexed:
        file = write(
            tmp_path / "plain.zim",
            [("Nile", "<p>A river.</p>"), *((each, "<p>A thing.</p>") for each in (*TITLES, *SINGLE))],
            indexed=False,
        )
    pages, dice, missed = ZimPages(file), random.Random(7), []
    for title in (*TITLES, *SINGLE):
        wrong = slightly_wrong(title, dice)
        found = pages.search(wrong)
        named = found.similar if isinstance(found, Missing) else (found.title,)
        missed += [] if title in named else [(wrong, title, named)]
    assert missed == []


def test_a_word_of_the_text_leads_to_pages_when_no_title_is_like_it(tmp_path: Path) -> None:
    pages = ZimPages(
        write(tmp_path / "a.zim", [("Nile", "<p>A river.</p>"), ("Trafalgar admiral", "<p>Nelson won.</p>")])
    )
    found = pages.search("Trafalgar nelson")
    assert isinstance(found, Missing)
    assert "Trafalgar admiral" in found.similar


def test_nothing_alike_names_nothing(pages: PageSource) -> None:
    assert pages.search("qqqqxxxx") == Missing(title="qqqqxxxx")
    assert pages.search("?!") == Missing(title="?!")


def test_the_language_of_the_file_splits_its_sentences(tmp_path: Path) -> None:
    html = "<p>Er kam am 3. Mai nach Köln. Dort blieb er.</p>"
    pages = ZimPages(write(tmp_path / "de.zim", [("Nile", html)], language="deu"))
    found = pages.search("Nile")
    assert isinstance(found, Page)
    assert found.sentences == ("Er kam am 3. Mai nach Köln.", "Dort blieb er.")


def test_several_threads_may_search_at_once(pages: PageSource) -> None:
    wrong: list[str] = []

    def work(part: list[str]) -> None:
        for title in part:
            found = pages.search(title.lower())
            if not isinstance(found, Page) or found.title != title:
                wrong.append(title)

    threads = [threading.Thread(target=work, args=(TITLES[at::4],)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PagesError, match="no ZIM file at"):
        ZimPages(tmp_path / "none.zim")
    (tmp_path / "bad.zim").write_text("hello")
    with pytest.raises(PagesError, match="cannot be read as a ZIM file"):
        ZimPages(tmp_path / "bad.zim")


def test_a_closed_file_says_so(file: Path) -> None:
    pages = ZimPages(file)
    pages.close()
    pages.close()
    with pytest.raises(PageSourceError, match="closed"):
        pages.search("Nile")


def test_the_tool_reads_a_zim_file_by_its_name(file: Path) -> None:
    toolset = Wikipedia(from_name(f"zim:{file}"))
    session = toolset.open()
    assert session.use(Action(tool="Search", argument="nile")).text.startswith("The Nile is a river in Africa.")
    assert session.use(Action(tool="Lookup", argument="Victoria")).text == "(Result 1 / 1) It rises near Lake Victoria."
    toolset.close()
