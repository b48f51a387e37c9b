"""Does the encyclopedia agree with itself? Facts that pages declare, and facts that their prose says of other pages.

Every declared fact must stand in the text that declares it. Then the facts of all pages are laid together: one value for
one relation of one subject; a capital and its country name each other; nobody makes a thing before being born or dies
before that; two subjects do not both hold "the longest river in ..."; and a year that some page's prose gives to the
work of another page is that page's own. This finds contradictions, not errors that all pages share.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from reasonkit.bundled.source import Article, Fact

MAKERS: Final = ("author", "painter", "director", "composer", "inventor", "discoverer", "architect", "climber")
"""Relations of a thing to the person who made or first reached it."""
MADE: Final = ("published", "painted", "released", "premiered", "completed", "invented", "discovered", "climbed")
"""Relations of a thing to the year in which that happened."""
MANY: Final = frozenset({"river", "language", "discoverer", "known for"})
"""Relations with more than one true value: two pages may name different ones."""
_INVERSE: Final = {"capital": "country"}
_LONGEST_LIFE: Final = 110
_LINK_AND_YEAR: Final = re.compile(r"\[\[([^\]|]+)(?:\|[^\]]+)?\]\] \((\d{4})\)")
_LINK_AND_LIFE: Final = re.compile(r"\[\[([^\]|]+)(?:\|[^\]]+)?\]\] \((\d{4})\u2013(\d{4})\)")
_LINK_AND_EVENT: Final = re.compile(
    r"\[\[([^\]|]+)(?:\|[^\]]+)?\]\] (?:was|were) (born|killed|murdered|beheaded|burned|shot)\b[^.;\[\d]* in (?:\w+ )?(\d{4})"
)
_LINKED: Final = re.compile(r"\[\[([^\]|]+)(?:\|[^\]]+)?\]\]")
_MADE_VERB: Final = re.compile(
    r"\b(?:published|painted|released|premiered|completed|appeared|invented|discovered|finished|directed|wrote)\b"
)
_LIFE: Final = re.compile(r"\b(?:born|died|married|since|until|before|after)\b")
_YEAR: Final = re.compile(r"\b(1[0-9]{3}|20[0-9]{2})\b(?!s)")
_CAPITAL: Final = re.compile(r"\bcapital (?:city )?of \[\[([^\]|]+)")
_SUPERLATIVE: Final = re.compile(
    r"\b(?:is|are|was) the ((?:second |third )?(?:largest|longest|highest|deepest|smallest|tallest|heaviest|lightest"
    r"|fastest|oldest|hottest|coldest|brightest|most populous)"
    r"(?:,? (?!of\b|in\b|on\b)[\w-]+){0,4} (?:of|in|on) (?:the |all )?[\w-]+(?: [A-Z]\w+)*)"
)


def contradictions(articles: Sequence[Article]) -> tuple[str, ...]:
    """List what does not hold together, a line each; nothing where all agrees."""
    facts = [fact for article in articles for fact in article.facts]
    known = known_facts(facts)
    return (
        *_unsaid(articles),
        *_disagreeing(facts),
        *_one_sided(known, {article.title for article in articles}),
        *_out_of_order(known, articles),
        *_said_otherwise(articles, known),
        *_shared_superlatives(articles),
    )


def known_facts(facts: Iterable[Fact]) -> dict[tuple[str, str], Fact]:
    """Lay facts out by subject and relation, the subject's own page first to speak."""
    known: dict[tuple[str, str], Fact] = {}
    for fact in facts:
        known.setdefault((fact.subject, fact.relation), fact)
    return known


def stands_in(value: str, text: str) -> bool:
    """Say whether a value stands in a text as whole words, in its own case."""
    at = text.find(value)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(value) : at + len(value) + 1]
        if not before.isalnum() and not after.isalnum():
            return True
        at = text.find(value, at + 1)
    return False


def _unsaid(articles: Iterable[Article]) -> Iterable[str]:
    for article in articles:
        text = article.text.replace("\n", " ")
        for fact in article.facts:
            if not stands_in(fact.values[0], text):
                yield f"{fact.where}: {article.title!r} does not say {fact.values[0]!r}"
            if fact.subject != article.title and fact.subject not in article.links:
                yield f"{fact.where}: {article.title!r} speaks of {fact.subject!r} without a link to it"
        for asked in article.asked:
            if not stands_in(asked.answers[0], text):
                yield f"{asked.where}: {article.title!r} does not answer {asked.answers[0]!r}"


def _disagreeing(facts: Iterable[Fact]) -> Iterable[str]:
    first: dict[tuple[str, str], Fact] = {}
    for fact in facts:
        other = first.setdefault((fact.subject, fact.relation), fact)
        if fact.relation not in MANY and not set(_folded(fact.values)) & set(_folded(other.values)):
            yield (
                f"{fact.where}: {fact.relation} of {fact.subject!r} is {fact.values[0]!r} here"
                f" and {other.values[0]!r} in {other.where}"
            )


def _one_sided(known: Mapping[tuple[str, str], Fact], titles: set[str]) -> Iterable[str]:
    for (subject, relation), fact in known.items():
        for value in fact.values:
            back = known.get((value, _INVERSE[relation])) if relation in _INVERSE and value in titles else None
            within = known[subject, "country"].values if (subject, "country") in known else ()
            if back is not None and not {subject, *within} & set(back.values):
                yield f"{back.where}: {value!r} is in {back.values[0]!r}, but {fact.where} has it as {relation} of {subject!r}"


def _out_of_order(known: Mapping[tuple[str, str], Fact], articles: Iterable[Article]) -> Iterable[str]:
    titles = {name: article.title for article in articles for name in (article.title, *article.redirects)}
    for (subject, relation), fact in known.items():
        if relation == "born" and (died := known.get((subject, "died"))) is not None:
            age = _year(died) - _year(fact)
            if not 0 < age < _LONGEST_LIFE:
                yield f"{died.where}: {subject!r} would have died at {age}"
        if relation not in MADE:
            continue
        for maker in MAKERS:
            by = known.get((subject, maker))
            birth = known.get((titles.get(by.values[0], ""), "born")) if by is not None else None
            if birth is not None and not 0 < _year(fact) - _year(birth) < _LONGEST_LIFE:
                yield f"{fact.where}: {subject!r} is of {_year(fact)}, but its {maker} was born in {_year(birth)}"


def _said_otherwise(articles: Sequence[Article], known: Mapping[tuple[str, str], Fact]) -> Iterable[str]:
    years = {
        title: fact for title in (article.title for article in articles) if (fact := _made(known, title)) is not None
    }
    for article in articles:
        for link, year in _years_given(article, years):
            if year not in years[link].values:
                yield f"{article.where}: {article.title!r} gives {link!r} the year {year}, {years[link].where} says {years[link].values[0]}"
        for link, relation, year in _lives_given(article):
            fact = known.get((link, relation))
            if fact is not None and year not in fact.values:
                yield f"{article.where}: {article.title!r} has {link!r} {relation} in {year}, {fact.where} in {fact.values[0]}"
        opening = article.body.split(". ", 1)[0]
        for country in _CAPITAL.findall(opening):
            fact = known.get((country, "capital"))
            if fact is not None and article.title not in fact.values:
                yield f"{article.where}: {article.title!r} calls itself capital of {country!r}, {fact.where} names {fact.values[0]!r}"


def _lives_given(article: Article) -> Iterable[tuple[str, str, str]]:
    for link, birth, death in _LINK_AND_LIFE.findall(article.body):
        yield link, "born", birth
        yield link, "died", death
    for link, what, year in _LINK_AND_EVENT.findall(article.body):
        yield link, "born" if what == "born" else "died", year


def _years_given(article: Article, years: Mapping[str, Fact]) -> Iterable[tuple[str, str]]:
    for link, year in _LINK_AND_YEAR.findall(article.body):
        if link in years:
            yield link, year
    for sentence in re.split(r"(?<=[.!?]) ", article.body):
        dated = {link for link in _LINKED.findall(sentence) if link in years}
        given = set(_YEAR.findall(sentence))
        if len(dated) == 1 and len(given) == 1 and _MADE_VERB.search(sentence) and not _LIFE.search(sentence):
            yield dated.pop(), given.pop()


def _shared_superlatives(articles: Iterable[Article]) -> Iterable[str]:
    holders: dict[str, dict[str, str]] = defaultdict(dict)
    for article in articles:
        for sentence in re.split(r"(?<=[.!?]) ", article.text):
            if not sentence.startswith((article.title, "It ", "The " + article.title)):
                continue
            for claim in _SUPERLATIVE.findall(sentence):
                holders[claim.casefold()].setdefault(article.title, article.where)
    for claim, found in holders.items():
        if len(found) > 1:
            yield f"{', '.join(found.values())}: {' and '.join(map(repr, found))} are both the {claim}"


def _made(known: Mapping[tuple[str, str], Fact], title: str) -> Fact | None:
    return next((known[title, relation] for relation in MADE if (title, relation) in known), None)


def _year(fact: Fact) -> int:
    digits = re.sub(r"\D", "", fact.values[0])
    return -int(digits) if "BC" in fact.values[0] else int(digits)


def _folded(values: Iterable[str]) -> Iterable[str]:
    return (value.casefold() for value in values)
