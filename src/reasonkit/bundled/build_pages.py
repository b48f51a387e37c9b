"""Build the encyclopedia's SQLite file from its source text: `python -m reasonkit.bundled.build_pages [TARGET]`.

The same source gives the same content; the bytes depend on the SQLite library that writes them. Nothing imports this at
run time: it needs pysbd, which the built file does not. Sentences are split here, once, and checked.
"""

import re
import sqlite3
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import pysbd

from reasonkit.bundled import encyclopedia_path, pages_path
from reasonkit.bundled.facts import contradictions
from reasonkit.bundled.source import Article, read_source
from reasonkit.errors import DatasetError
from reasonkit.pages.bundled import APPLICATION_ID, FORMAT
from reasonkit.pages.titles import title_key

_SCHEMA: Final = """
CREATE TABLE pages(id INTEGER PRIMARY KEY, title TEXT NOT NULL UNIQUE, sentences TEXT NOT NULL, links TEXT NOT NULL);
CREATE TABLE names(key TEXT PRIMARY KEY, name TEXT NOT NULL, page INTEGER REFERENCES pages(id)) WITHOUT ROWID;
CREATE TABLE meanings(name TEXT NOT NULL, position INTEGER NOT NULL, page INTEGER NOT NULL REFERENCES pages(id),
                      PRIMARY KEY(name, position)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(title, sentences, content='pages', content_rowid='id',
                                      tokenize="unicode61 remove_diacritics 2");
"""
"""`sentences` and `links` are lists with a newline between their members; `names.page` is NULL for an ambiguous name."""
_WHOLE: Final = re.compile(r'["\u201c(]?[A-Z0-9\u00c0-\u017f\u1e00-\u1eff].*[.!?]["\u201d)]?', re.DOTALL)

_RUN_ON: Final = re.compile(
    r"\w{2}[.!?][\"\u201d)]? [\"\u201c(]?[A-Z]|\b[A-Z]\. (?:A|An|He|Her|His|In|It|Its|On|She|The|They)\b"
)
"""Two sentences in one piece: "... to a high F. The composer ..." is split by no rule, and has to be written otherwise."""


def build(source: Path, target: Path) -> int:
    """Write the pages of a source folder to a SQLite file, and return how many there are.

    Args:
        source: the folder with the source text.
        target: the file to write; an older one is replaced only when the source is faultless.

    Raises:
        DatasetError: the source has faults; the message lists all of them, a line each.
    """
    articles = read_source(source)
    splits = {article.title: split_sentences(article.text) for article in articles}
    faults = [*_name_faults(articles), *_split_faults(articles, splits), *contradictions(articles)]
    if faults:
        raise DatasetError("\n".join(faults))
    fresh = target.with_name(target.name + ".new")
    fresh.unlink(missing_ok=True)
    connection = sqlite3.connect(fresh)
    try:
        _write(connection, articles, splits)
    finally:
        connection.close()
    fresh.replace(target)
    return sum(not article.disambiguation for article in articles)


def split_sentences(text: str) -> tuple[str, ...]:
    """Split prose into sentences; a paragraph's end is a sentence's end."""
    return tuple(piece.strip() for line in text.split("\n") for piece in _segmenter().segment(line))


@cache
def _segmenter() -> pysbd.Segmenter:
    return pysbd.Segmenter(language="en", clean=False)


def _write(connection: sqlite3.Connection, articles: Iterable[Article], splits: Mapping[str, Sequence[str]]) -> None:
    connection.executescript(
        f"PRAGMA page_size=4096; PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={FORMAT};"
    )
    connection.executescript(_SCHEMA)
    ordered = sorted(articles, key=lambda article: article.title)
    plain = [article for article in ordered if not article.disambiguation]
    ids = {article.title: number for number, article in enumerate(plain, start=1)}
    with connection:
        for article in plain:
            row = (ids[article.title], article.title, "\n".join(splits[article.title]), "\n".join(article.links))
            connection.execute("INSERT INTO pages VALUES(?, ?, ?, ?)", row)
        for article in ordered:
            for name in (article.title, *article.redirects):
                named = (title_key(name), name, ids.get(article.title))
                connection.execute("INSERT INTO names VALUES(?, ?, ?)", named)
            if article.disambiguation:
                meanings = [(article.title, at, ids[link]) for at, link in enumerate(article.links)]
                connection.executemany("INSERT INTO meanings VALUES(?, ?, ?)", meanings)
        connection.execute("INSERT INTO words(words) VALUES('rebuild')")
        connection.execute("INSERT INTO words(words) VALUES('optimize')")
    connection.execute("VACUUM")


def _name_faults(articles: Sequence[Article]) -> Iterable[str]:
    taken: dict[str, str] = {}
    pages = {article.title for article in articles if not article.disambiguation}
    for article in articles:
        for name in (article.title, *article.redirects):
            key = title_key(name)
            if not key or key in taken:
                yield f"{article.where}: the name {name!r} is empty or already means {taken.get(key)!r}"
            taken[key] = article.title
        for link in article.links:
            if link not in pages:
                yield f"{article.where}: {article.title!r} links to {link!r}, which is no page's title"
        if article.title in article.links:
            yield f"{article.where}: {article.title!r} links to itself"
        if article.disambiguation and len(article.links) < 2:  # one meaning is a redirect
            yield f"{article.where}: the ambiguous title {article.title!r} has fewer than two meanings"


def _split_faults(articles: Sequence[Article], splits: Mapping[str, Sequence[str]]) -> Iterable[str]:
    seen: dict[str, str] = {}
    for article in articles:
        sentences = splits[article.title]
        if not article.disambiguation and not 4 <= len(sentences) <= 10:  # an opening, not an essay
            yield f"{article.where}: {article.title!r} has {len(sentences)} sentences; a page has 4 to 10"
        for sentence in sentences:
            words = len(sentence.split())
            if (
                not _WHOLE.fullmatch(sentence) or _RUN_ON.search(sentence) or not 3 <= words <= 60
            ):  # else the split is wrong
                yield f"{article.where}: {article.title!r} has a piece that is no whole sentence: {sentence!r}"
            if sentence in seen:
                yield f"{article.where}: {article.title!r} repeats a sentence of {seen[sentence]!r}: {sentence!r}"
            seen[sentence] = article.title


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the file that ships, or the one named; return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    target = Path(given[0]) if given else pages_path()
    try:
        count = build(encyclopedia_path(), target)
    except DatasetError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{target.name}: {count} pages, {target.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
