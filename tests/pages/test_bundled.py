"""The bundled pages are found by every spelling of their names, and named when a title is slightly wrong."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.bundled import encyclopedia_path, pages_path
from reasonkit.bundled.source import read_source
from reasonkit.errors import PagesError, PageSourceError
from reasonkit.pages import Missing, Page
from reasonkit.pages.bundled import HIT, BundledPages
from reasonkit.pages.titles import title_key

ARTICLES = [article for article in read_source(encyclopedia_path()) if not article.disambiguation]
AMBIGUOUS = [article for article in read_source(encyclopedia_path()) if article.disambiguation]
NAMES = {title_key(name) for article in (*ARTICLES, *AMBIGUOUS) for name in (article.title, *article.redirects)}


@pytest.fixture(scope="module")
def pages() -> Iterator[BundledPages]:
    source = BundledPages()
    yield source
    source.close()


def test_every_title_is_found_as_it_stands_in_lower_case_and_in_quotes(pages: BundledPages) -> None:
    for article in ARTICLES:
        for asked in (
            article.title,
            article.title.lower(),
            article.title.upper(),
            f'"{article.title}"',
            f"[[{article.title}]]",
        ):
            found = pages.search(asked)
            assert isinstance(found, Page), asked
            assert found.title == article.title
            assert found.redirected_from is None


def test_accents_and_curly_quotes_do_not_matter(pages: BundledPages) -> None:
    for asked in (
        "Charlotte Bronte",
        "\u201cCharlotte Bront\u00eb\u201d",
        "Charlotte Bronte\u0308",
        "charlotte_bront\u00eb",
    ):
        found = pages.search(asked)
        assert isinstance(found, Page)
        assert found.title == "Charlotte Bront\u00eb"


def test_a_redirect_leads_to_its_page_and_says_so(pages: BundledPages) -> None:
    for article in ARTICLES:
        for name in article.redirects:
            found = pages.search(name)
            assert isinstance(found, Page)
            assert (found.title, found.redirected_from) == (article.title, name)


def test_an_ambiguous_title_is_missing_and_lists_all_its_meanings(pages: BundledPages) -> None:
    for article in AMBIGUOUS:
        assert pages.search(article.title) == Missing(title=article.title, similar=article.links, disambiguation=True)


def test_a_page_holds_its_sentences_and_its_links(pages: BundledPages) -> None:
    found = pages.search("Frankenstein")
    assert isinstance(found, Page)
    assert found.sentences[0].startswith("Frankenstein is a novel by the English writer Mary Shelley")
    assert found.text == " ".join(found.sentences)
    assert "Mary Shelley" in found.links
    assert "[[" not in found.text


@given(st.data())
def test_a_title_with_one_wrong_letter_names_the_right_one(pages: BundledPages, data: st.DataObject) -> None:
    title = data.draw(st.sampled_from([article.title for article in ARTICLES if len(title_key(article.title)) > 3]))
    at = data.draw(st.integers(0, len(title) - 2))
    letter = data.draw(st.sampled_from("aeinrstlz"))
    wrong = data.draw(
        st.sampled_from(
            [
                title[:at] + title[at + 1 :],
                title[:at] + letter + title[at:],
                title[:at] + letter + title[at + 1 :],
                title[:at] + title[at + 1] + title[at] + title[at + 2 :],
            ]
        )
    )
    found = pages.search(wrong)
    if title_key(wrong) in NAMES:
        assert isinstance(found, Page) or found.disambiguation
    else:
        assert isinstance(found, Missing)
        assert title in found.similar
        assert len(found.similar) <= 5


@given(st.text())
def test_any_text_is_a_page_or_missing_and_never_a_crash(pages: BundledPages, asked: str) -> None:
    found = pages.search(asked)
    assert isinstance(found, Page) or found.title == asked


def test_words_of_the_text_lead_to_similar_titles(pages: BundledPages) -> None:
    found = pages.search("the author of Frankenstein")
    assert isinstance(found, Missing)
    assert "Frankenstein" in found.similar
    assert not found.disambiguation


def test_threads_read_the_same_pages(pages: BundledPages) -> None:
    titles = [article.title for article in ARTICLES] * 3
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(pages.search, titles))
    assert [page.title for page in found] == titles


def test_a_closed_source_says_so() -> None:
    source = BundledPages()
    source.close()
    source.close()
    with pytest.raises(PageSourceError, match="closed"):
        source.search("Frankenstein")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PagesError, match=r"nothing\.sqlite"):
        BundledPages(tmp_path / "nothing.sqlite")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    sqlite3.connect(other).execute("CREATE TABLE t(x)").connection.close()
    with pytest.raises(PagesError, match="not a file of pages"):
        BundledPages(other)
    text = tmp_path / "text.sqlite"
    text.write_text("no database at all " * 100)
    with pytest.raises(PagesError, match="not a file of pages"):
        BundledPages(text)


def test_a_hit_scans_no_table() -> None:
    connection = sqlite3.connect(f"file:{pages_path()}?mode=ro&immutable=1", uri=True)
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {HIT}", ("dracula",))]
    connection.close()
    assert len(plan) == 2
    assert all(step.startswith("SEARCH") for step in plan), plan


def test_reading_pages_needs_no_splitter() -> None:
    code = (
        "import sys; from reasonkit.pages.bundled import BundledPages; BundledPages().search('Frankenstein');"
        "assert not {'pysbd', 'torch', 'httpx'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
