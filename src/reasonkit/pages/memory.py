"""Pages from a mapping: for tests, for teaching, and for datasets that bring their own paragraphs."""

from collections.abc import Iterable, Mapping

from reasonkit.errors import PagesError, PageSourceError
from reasonkit.pages.sentences import split_sentences
from reasonkit.pages.similar import MOST, TitleIndex
from reasonkit.pages.titles import title_key
from reasonkit.types import Missing, Page


class MemoryPages:
    """Pages that are given as texts.

    A title is found as it is written, else in another case, else whatever its accents, quotes and punctuation.

    Args:
        texts: text by title; paragraphs are separated by a line feed.
        redirects: other names, each with the title or name that it leads to.
        meanings: ambiguous titles, each with the titles that it can mean, the likeliest first.
        language: of the texts, for splitting them into sentences; two letters.

    Raises:
        PagesError: a redirect leads nowhere or round in a circle.
    """

    def __init__(
        self,
        texts: Mapping[str, str],
        *,
        redirects: Mapping[str, str] | None = None,
        meanings: Mapping[str, Iterable[str]] | None = None,
        language: str = "en",
    ) -> None:
        self._texts = dict(texts)
        self._meanings = {title: tuple(each) for title, each in (meanings or {}).items()}
        self._language = language
        self._redirects = {name: self._end(name, redirects or {}) for name in redirects or {}}
        names = [*self._texts, *self._meanings, *self._redirects]
        self._by_case: dict[str, str] = {}
        self._by_key: dict[str, str] = {}
        for name in names:
            self._by_case.setdefault(name.casefold(), name)
            self._by_key.setdefault(title_key(name), name)
        self._index: TitleIndex | None = None
        self._pages: dict[str, Page] = {}
        self._closed = False

    def search(self, title: str) -> Page | Missing:
        """Find the page of a title; pages are split into sentences when they are first asked for.

        Raises:
            PageSourceError: the source is closed.
        """
        if self._closed:
            raise PageSourceError("these pages are closed: make a new MemoryPages")
        name = title if self._known(title) else self._by_case.get(title.casefold(), self._by_key.get(title_key(title)))
        if name is None:
            return Missing(title=title, similar=self._similar(title))
        target = self._redirects.get(name, name)
        if target in self._meanings:
            return Missing(title=title, similar=self._meanings[target], disambiguation=True)
        page = self._pages.get(name)
        if page is None:
            text = self._texts[target]
            page = self._pages[name] = Page(
                title=target,
                text=text,
                sentences=split_sentences(text, self._language),
                redirected_from=None if name == target else name,
            )
        return page

    def close(self) -> None:
        """Refuse further searches."""
        self._closed = True

    def _known(self, name: str) -> bool:
        return name in self._texts or name in self._meanings or name in self._redirects

    def _end(self, name: str, redirects: Mapping[str, str]) -> str:
        seen = [name]
        while seen[-1] in redirects:
            seen.append(redirects[seen[-1]])
            if seen[-1] in seen[:-1]:
                raise PagesError(f"the redirects of {name!r} go round in a circle: {' -> '.join(seen)}")
        if seen[-1] not in self._texts and seen[-1] not in self._meanings:
            raise PagesError(f"the redirect {name!r} leads to {seen[-1]!r}, which is no page: give its text")
        return seen[-1]

    def _similar(self, title: str) -> tuple[str, ...]:
        if self._index is None:
            names = [*self._texts, *self._meanings, *self._redirects]
            self._index = TitleIndex((name, self._redirects.get(name, name)) for name in names)
        return self._index.similar(title, MOST)
