"""The `wikipedia` package (https://github.com/goldsmith/Wikipedia, 1.4.0), behind one lock: all that touches its module.

The package keeps its language, User-Agent, request function and caches in module globals, asks over http without a
time limit, and lets some replies of MediaWiki end in a KeyError or in endless recursion. Here it never asks anything:
while the lock is held its request function answers from replies at hand, or stops it with `Unanswered`; the caller asks
(outside the lock), and begins again with one reply more. So the lock is held for arithmetic only, each reply is put in
a form that the package understands, and its globals and caches are never used. Other users of the package in other
threads see it as it was.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from reasonkit.errors import PageSourceError
from reasonkit.pages.html import read_html
from reasonkit.pages.titles import title_key

Params: TypeAlias = tuple[tuple[str, str], ...]
"""A request: parameters by name, sorted."""
Reply: TypeAlias = Mapping[str, Any]
"""MediaWiki's JSON."""

_LOCK: Final = threading.Lock()
_MOST_CALLS: Final = 30
"""Requests that the package may make for one page; redirects in a circle make it ask without end."""
_SEARCHED: Final = 10
_SIMILAR: Final = 5


class Unanswered(Exception):
    """The package wants a reply that is not at hand.

    Args:
        params: what to ask.
    """

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self.params = params


class _Circle(Exception):
    """The package asks without end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An article as MediaWiki has it."""

    title: str
    url: str
    extract: str
    redirected_from: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """No article, or several."""

    similar: tuple[str, ...]
    disambiguation: bool = False


def find(title: str, replies: Mapping[Params, Reply]) -> Found | NotFound:
    """Find an article by its title, else by a search whose first hits are compared by key.

    Args:
        title: without "|", which MediaWiki takes for several titles.
        replies: what was answered so far.

    Raises:
        Unanswered: a further reply is needed.
        PageSourceError: a reply is not what MediaWiki promises.
    """
    try:
        with _answering(replies) as package:
            try:
                if "#" in title:  # MediaWiki reads "C#" as a place on the page "C"
                    return NotFound(similar=_hits(package, title)[:_SIMILAR])
                return _page(package, title, replies) or _searched(package, title, replies)
            except _Circle:
                return NotFound(similar=())
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise PageSourceError(f"Wikipedia's reply for {title!r} is not understood: {error!r}") from error


@contextmanager
def _answering(replies: Mapping[Params, Reply]) -> Iterator[Any]:
    """Hold the lock, and give the package a request function that answers from `replies`."""
    import wikipedia.wikipedia as package
    from bs4 import BeautifulSoup

    with _LOCK:
        request, soup, owner = package._wiki_request, package.BeautifulSoup, threading.get_ident()  # noqa: SLF001 - the one seam there is
        left = _MOST_CALLS

        def answer(params: dict[str, Any]) -> Any:
            nonlocal left
            if threading.get_ident() != owner:
                return request(params)
            left -= 1
            if left < 0:
                raise _Circle
            asked = _params(params)
            if asked not in replies:
                raise Unanswered(asked)
            return _understandable(replies[asked], asked)

        package._wiki_request = answer  # noqa: SLF001 - as above
        package.BeautifulSoup = partial(BeautifulSoup, features="html.parser")  # without a parser's name bs4 warns
        try:
            yield package
        finally:
            package._wiki_request, package.BeautifulSoup = request, soup  # noqa: SLF001 - as above


def _page(package: Any, title: str, replies: Mapping[Params, Reply]) -> Found | NotFound | None:
    try:
        page = package.WikipediaPage(title, redirect=True)
        extract = page.content
    except package.PageError:
        return None
    except package.DisambiguationError as error:
        return NotFound(similar=_meanings(error.options, replies), disambiguation=True)
    redirected = title_key(page.title) != title_key(title)
    return Found(title=page.title, url=page.url, extract=extract, redirected_from=title if redirected else None)


def _searched(package: Any, title: str, replies: Mapping[Params, Reply]) -> Found | NotFound:
    """Search; a hit that is the same title but for case and punctuation is the page."""
    titles = _hits(package, title)
    for each in titles:
        if each != title and title_key(each) == title_key(title):
            found = _page(package, each, replies)
            if isinstance(found, Found) and found.title == each:
                return Found(title=each, url=found.url, extract=found.extract, redirected_from=None)
            if found is not None:
                return found
    return NotFound(similar=titles[:_SIMILAR])


def _hits(package: Any, title: str) -> tuple[str, ...]:
    titles, suggestion = package.search.fn(title, results=_SEARCHED, suggestion=True)
    if not titles and suggestion:
        titles = package.search.fn(suggestion, results=_SEARCHED)
    return tuple(titles)


def _meanings(options: list[str], replies: Mapping[Params, Reply]) -> tuple[str, ...]:
    """Name the titles that a disambiguation page links to; the package gives the words of the links."""
    for reply in reversed(list(replies.values())):
        for page in reply.get("query", {}).get("pages", {}).values():
            for revision in page.get("revisions", ()):
                meanings = read_html(revision.get("*", "")).meanings
                if meanings:
                    return tuple(meanings)
    return tuple(dict.fromkeys(option for option in options if option and not option.startswith("All pages with ")))


def _params(params: dict[str, Any]) -> Params:
    return tuple(sorted((name, str(value)) for name, value in {"action": "query", "format": "json", **params}.items()))


def _understandable(reply: Reply, asked: Params) -> Reply:
    """Put a reply in the form that the package expects, where MediaWiki's is wider."""
    query = reply.get("query")
    if not isinstance(query, dict):
        query = {}
    wanted = dict(asked)
    if wanted.get("list") == "search":
        info = query.get("searchinfo") or {}
        return {"query": {"search": query.get("search", []), "searchinfo": info if info.get("suggestion") else {}}}
    if "inprop" not in wanted:
        return reply
    pages = query.get("pages") or {"-1": {"title": wanted.get("titles", ""), "missing": ""}}
    identity, page = next(iter(pages.items()))
    if "fullurl" not in page or "invalid" in page or "special" in page:
        page = {**page, "missing": ""}
    shaped: dict[str, Any] = {"pages": {identity: page}}
    if query.get("redirects") and "missing" not in page:
        normalized = query.get("normalized")
        shaped["redirects"] = [{"from": normalized[0]["to"] if normalized else wanted["titles"], "to": page["title"]}]
        if normalized:
            shaped["normalized"] = [{"from": wanted["titles"], "to": normalized[0]["to"]}]
        if page["title"] in {wanted["titles"], shaped["redirects"][0]["from"]}:
            raise _Circle
    return {"query": shaped}
