"""Build the question sets from the encyclopedia's source: `python -m reasonkit.bundled.build_questions [FOLDER]`.

Three kinds, a file each. `one_hop`: the question names its page, and the answer stands in the five sentences that Search
shows. `lookup`: it names its page, and the answer stands further down. `two_hop`: a fact of the page that it names leads
to a second page, which holds the answer; the first does not. Questions are those written beside the pages and those that
`questions.toml` words from declared facts. The choice among wordings and facts is by hash of the names: no dice, no clock.
"""

import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Literal
from zlib import crc32

from reasonkit.bundled import encyclopedia_path, pages_path, questions_path
from reasonkit.bundled.facts import known_facts, stands_in
from reasonkit.bundled.source import Article, Fact, read_source
from reasonkit.errors import DatasetError
from reasonkit.pages.bundled import BundledPages
from reasonkit.pages.titles import title_key
from reasonkit.types import Page

Kind = Literal["one_hop", "two_hop", "lookup"]
KINDS: Final[tuple[Kind, ...]] = ("one_hop", "two_hop", "lookup")
SHOWN: Final = 5
"""Sentences that Search shows of a page."""
_PER_PAGE: Final = 2
"""Questions worded from the facts of one page, for each kind: more would only repeat the wordings."""
_PER_CHAIN: Final = 16
"""Two-hop questions with one pair of relations, so that no pair stands for the whole set."""
_SINGULAR: Final = re.compile(r"\b(?:is|was|does) \{x\}")
_VERB: Final = re.compile(r"\b(is|was|are|were)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a question set."""

    id: str
    kind: Kind
    question: str
    answer: str
    """A literal span of the last page."""
    also: tuple[str, ...]
    """Other answers that count as right."""
    pages: tuple[str, ...]
    """Titles of the pages that are needed, in the order in which they are read."""


@dataclass(frozen=True, slots=True)
class _World:
    articles: Mapping[str, Article]
    facts: Mapping[tuple[str, str], Fact]
    shown: Mapping[str, str]
    keys: frozenset[str]
    """Of all names: what is not among them need not be searched for, and a search in vain is slow."""
    pages: BundledPages

    def page(self, name: str) -> Page | None:
        found = self.pages.search(name) if title_key(name) in self.keys else None
        return found if isinstance(found, Page) else None

    def also(self, answers: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
        found = self.page(answers[0])
        if found is None or found.title in asked:
            return tuple(answers[1:])
        names = (found.title, *self.articles[found.title].redirects)
        return tuple(dict.fromkeys(name for name in (*answers[1:], *names) if name != answers[0]))


def build_questions(source: Path, pages: BundledPages) -> dict[Kind, list[Entry]]:
    """Word the question sets.

    Args:
        source: the folder with the encyclopedia's source text and `questions.toml`.
        pages: the encyclopedia that was built from it.
    """
    articles = read_source(source)
    wordings = tomllib.loads((source / "questions.toml").read_text(encoding="utf-8"))
    world = _World(
        {article.title: article for article in articles},
        known_facts(fact for article in articles for fact in article.facts if fact.subject == article.title),
        _shown_names(articles),
        frozenset(title_key(name) for article in articles for name in (article.title, *article.redirects)),
        pages,
    )
    found = [
        *(entry for article in articles for entry in _written(world, article)),
        *(entry for article in articles for entry in islice(_worded(world, article, wordings["one_hop"]), _PER_PAGE)),
        *_chained(world, wordings),
    ]
    once = {entry.question: entry for entry in reversed(found)}
    ordered = sorted(once.values(), key=lambda entry: entry.id)
    return {kind: [entry for entry in ordered if entry.kind == kind] for kind in KINDS}


def _written(world: _World, article: Article) -> Iterable[Entry]:
    for asked in article.asked:
        entry = _single(world, article, asked.question, asked.answers)
        if entry is None:
            raise DatasetError(f"{asked.where}: the question does not name {article.title!r}, or gives its answer away")
        yield entry


def _worded(world: _World, article: Article, wordings: Mapping[str, Sequence[str]]) -> Iterable[Entry]:
    for fact in _own_facts(article):
        asks = [
            ask
            for ask in _wording(wordings, fact.relation, article)
            if not (_is_plural(article) and _SINGULAR.search(ask))
        ]
        question = _pick(asks, fact.subject).format(x=world.shown[article.title]) if asks else ""
        entry = _single(world, article, question, fact.values) if question else None
        if entry is not None and not _two_answers(fact):
            yield entry


def _single(world: _World, article: Article, question: str, answers: Sequence[str]) -> Entry | None:
    page = world.page(article.title)
    if page is None or not _names(question, article) or stands_in(answers[0].casefold(), question.casefold()):
        return None
    kind: Kind = "one_hop" if stands_in(answers[0], " ".join(page.sentences[:SHOWN])) else "lookup"
    return _entry(world, kind, question, answers, (article.title,))


def _chained(world: _World, wordings: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterable[Entry]:
    spent: Counter[tuple[str, str]] = Counter()
    for article in world.articles.values():
        of_page = 0
        for first in _own_facts(article):
            second = _bridge(world, article, first, wordings["phrase"])
            for last in _own_facts(second) if second is not None else ():
                chain = (first.relation, last.relation)
                entry = _chain(world, (article, first), last, wordings) if spent[chain] < _PER_CHAIN else None
                if entry is not None and of_page < _PER_PAGE:
                    spent[chain] += 1
                    of_page += 1
                    yield entry
                    break


def _bridge(world: _World, article: Article, fact: Fact, phrases: Mapping[str, Sequence[str]]) -> Article | None:
    """Find the article that a fact leads to, if a reader of the first sentences is led to exactly one."""
    page = world.page(article.title)
    if page is None or not _wording(phrases, fact.relation, article):
        return None
    targets = {found.title for value in fact.values if (found := world.page(value)) is not None}
    if len(targets) != 1 or not stands_in(fact.values[0], " ".join(page.sentences[:SHOWN])):
        return None
    second = world.articles[targets.pop()]
    return second if second is not article and world.page(fact.values[0]) is not None else None


def _chain(
    world: _World, start: tuple[Article, Fact], last: Fact, wordings: Mapping[str, Mapping[str, Sequence[str]]]
) -> Entry | None:
    article, first = start
    second = world.articles.get(last.subject)
    page = world.page(last.subject)
    asks = _wording(wordings["two_hop"], last.relation, second) if second is not None else ()
    if second is None or page is None or not asks or _two_answers(last):
        return None
    phrase = _pick(_wording(wordings["phrase"], first.relation, article), article.title)
    question = _pick(asks, article.title).format(it=phrase.format(x=world.shown[article.title]))
    known = f"{question} {article.text}".casefold()
    if any(stands_in(value.casefold(), known) for value in last.values) or _names(question, second):
        return None
    if not stands_in(last.values[0], " ".join(page.sentences[:SHOWN])):
        return None
    return _entry(world, "two_hop", question, last.values, (article.title, second.title))


def _entry(world: _World, kind: Kind, question: str, answers: Sequence[str], pages: tuple[str, ...]) -> Entry:
    name = f"{kind}-{crc32(question.encode()):08x}"
    return Entry(id=name, kind=kind, question=question, answer=answers[0], also=world.also(answers, pages), pages=pages)


def _is_plural(article: Article) -> bool:
    """Say whether prose treats the subject as several: its first verb of being shows it."""
    verb = _VERB.search(article.text)
    return verb is not None and verb[1] in {"are", "were"}


def _two_answers(fact: Fact) -> bool:
    """Say whether a question about the fact would have several right answers, which are not spellings of one."""
    return fact.relation == "discoverer" and len(fact.values) > 1


def _names(question: str, article: Article) -> bool:
    names = (article.title, article.title.partition(" (")[0], *article.redirects)
    return any(f" {_bare(name)} " in f" {_bare(question)} " for name in names)


def _bare(text: str) -> str:
    return title_key(re.sub(r"['\u2019]s\b", "", text))


def _shown_names(articles: Sequence[Article]) -> dict[str, str]:
    """Say how each subject is named within a sentence: 'the steam engine', 'oxygen', 'the moon Titan', 'Paris'."""
    lowered = {target for article in articles for target, text in article.marks if text == _lower(target)}
    shown = {}
    for article in articles:
        name, bracket, sense = article.title.partition(" (")
        plain = (
            _lower(name) if article.title in lowered or "symbol" in {fact.relation for fact in article.facts} else name
        )
        if bracket:
            shown[article.title] = f"the {sense.rstrip(')')} {name}"
        elif article.text.casefold().startswith(f"the {name}".casefold()) and not name.startswith("The "):
            shown[article.title] = f"the {article.text[4 : 4 + len(name)]}"
        else:
            shown[article.title] = plain
    return shown


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _wording(wordings: Mapping[str, Sequence[str]], relation: str, article: Article) -> Sequence[str]:
    for key, found in wordings.items():
        name, _, files = key.partition("@")
        if name == relation and article.where.startswith(files):
            return found
    return ()


def _pick(choices: Sequence[str], name: str) -> str:
    return choices[crc32(f"{name} {choices[0]}".encode()) % len(choices)]


def _own_facts(article: Article) -> list[Fact]:
    own = (fact for fact in article.facts if fact.subject == article.title)
    return sorted(own, key=lambda fact: crc32(f"{fact.relation} of {fact.subject}".encode()))


def write_questions(sets: Mapping[Kind, Sequence[Entry]], folder: Path) -> None:
    """Write one JSON Lines file for each kind."""
    folder.mkdir(exist_ok=True)
    for kind, entries in sets.items():
        lines = (json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in entries)
        (folder / f"{kind}.jsonl").write_text("".join(lines), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the sets that ship, or into the folder named; return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    pages = BundledPages(pages_path())
    try:
        sets = build_questions(encyclopedia_path(), pages)
    finally:
        pages.close()
    write_questions(sets, Path(given[0]) if given else questions_path())
    sys.stdout.write(", ".join(f"{len(entries)} {kind}" for kind, entries in sets.items()) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
