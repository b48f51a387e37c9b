"""ReAct's tool: Search and Lookup over a page source. Pure text logic; where pages come from is the source's matter.

Source: ReAct (https://arxiv.org/abs/2210.03629), section 3.1, and its wikienv.py. The surface strings are the original's;
what it got wrong is mended, unless `paper_exact=True` asks for it (`wikienv.py` beside this file).
"""

import asyncio
import re
from typing import Final

from reasonkit.errors import InputError, PageSourceError
from reasonkit.pages import PageSource
from reasonkit.pages.names import from_name
from reasonkit.tools.crashes import crashes
from reasonkit.tools.observations import checked_limit, unknown_tool
from reasonkit.tools.wikienv import Wikienv
from reasonkit.tools.wording import Mended, Wording
from reasonkit.types import Action, Missing, Observation, Page

_MAX_CHARS: Final = 2_000
_RESULT = re.compile(r"\(Result (\d+) / \d+\) ")
_PAST_THE_END: Final = 1 << 30
"""The position after a recorded Lookup that found nothing more: past the end of any page."""


class Wikipedia:
    """Search and Lookup, as a Toolset.

    By default a title is found whatever quotes and brackets stand round it, sentences come from a real splitter, and
    a Lookup says whether the keyword is absent, exhausted, or there is no page to look in. With `paper_exact` the
    observations are those of wikienv.py, byte for byte, on the same page text: its splitting at ". ", its doubled full
    stops, "No more results." (and a line feed) for all three cases, an ambiguous title in brackets, no limit on length.

    Args:
        source: where pages come from, or its name, as `reasonkit.pages.names.from_name` takes it ("bundled", "live").
        contact: for the source named "live": how Wikimedia reaches whoever runs this, an address or a URL.
        paper_exact: whether to keep the original's defects.
        sentences: how many of a page's first sentences a Search shows; wikienv.py always shows 5.
        max_chars: longest observation in characters, at least 80; past it there is a visible cut. Left out: 2,000, and
            no limit with `paper_exact`.

    Raises:
        InputError: the options do not go together, or a source is named that does not exist.
    """

    names = ("Search", "Lookup")

    def __init__(
        self,
        source: PageSource | str,
        *,
        contact: str | None = None,
        paper_exact: bool = False,
        sentences: int = 5,
        max_chars: int | None = None,
    ) -> None:
        if sentences < 1:
            raise InputError(f"sentences is {sentences}: a Search shows at least 1")
        if paper_exact and sentences != 5:
            raise InputError(f"sentences is {sentences}, but paper_exact=True shows 5: leave one of the two out")
        if not isinstance(source, str) and contact is not None:
            raise InputError("contact goes with a source given by name ('live'); give it to the source itself")
        self._source: PageSource = from_name(source, contact=contact) if isinstance(source, str) else source
        self._paper_exact = paper_exact
        self._shown = sentences
        limit = max_chars if max_chars is not None or paper_exact else _MAX_CHARS
        self._max_chars = checked_limit(limit)

    def describe(self) -> str:
        """Return a line for Search and one for Lookup."""
        return (
            "Search[title]: find the encyclopedia's page of that title and read its first sentences; "
            "if there is none, similar titles are named.\n"
            "Lookup[keyword]: read the next sentence that has the keyword, on the page that was found last."
        )

    def open(self) -> "WikipediaSession":
        """Begin an episode: no page, no keyword."""
        wording: Wording = Wikienv(self._max_chars) if self._paper_exact else Mended(self._shown, self._max_chars)
        return WikipediaSession(self._source, wording)

    def close(self) -> None:
        """Close the page source."""
        self._source.close()


class WikipediaSession:
    """The page, the keyword and the position of one episode; for one thread or one event loop at a time."""

    def __init__(self, source: PageSource, wording: Wording) -> None:
        self._source = source
        self._wording = wording
        self._page: Page | None = None
        self._sentences: tuple[str, ...] | None = None
        """The page's, once a Lookup needed them."""
        self._unread: str | None = None
        """The title of a page that a recorded Search found; it is fetched when a Lookup needs it."""
        self._failed: str | None = None
        self._keyword: str | None = None
        self._hits: tuple[str, ...] | None = None
        self._position = 0

    def use(self, action: Action) -> Observation:
        """Perform a Search or a Lookup.

        Raises:
            PageSourceError: the source did not answer.
            ToolCrashed: the source raised what no source may.
        """
        wanted = self._wanted(action)
        return self._settled(action, None if wanted is None else self._fetched(wanted))

    async def ause(self, action: Action) -> Observation:
        """Perform a Search or a Lookup; the source is asked in a thread."""
        wanted = self._wanted(action)
        return self._settled(action, None if wanted is None else await asyncio.to_thread(self._fetched, wanted))

    def recall(self, action: Action, observation: Observation) -> None:
        """Take up the state after a recorded action; nothing is fetched before a Lookup needs the page."""
        if observation.status not in {"ok", "missing"}:
            return
        if action.tool == "Search":
            title = self._wording.title(action.argument)
            if observation.status == "missing":
                self._failed = title
            else:
                self._turned(None, unread=title)
        elif action.tool == "Lookup":
            self._keyword, self._hits = self._wording.keyword(action.argument), None
            result = _RESULT.match(observation.text)
            self._position = int(result[1]) if result else _PAST_THE_END

    def _wanted(self, action: Action) -> str | None:
        if action.tool == "Search":
            return self._wording.title(action.argument) or None
        return self._unread if action.tool == "Lookup" else None

    def _fetched(self, title: str) -> Page | Missing:
        with crashes("the tool 'Search'"):
            return self._source.search(title)

    def _settled(self, action: Action, found: Page | Missing | None) -> Observation:
        if action.tool == "Search":
            return self._searched(action.argument, found)
        if action.tool == "Lookup":
            return self._looked_up(action.argument, found)
        return unknown_tool(action.tool, Wikipedia.names)

    def _searched(self, argument: str, found: Page | Missing | None) -> Observation:
        if found is None:
            return Observation(text="Search needs the title of a page.", status="error")
        if isinstance(found, Missing):
            self._failed = self._wording.title(argument)
            return self._wording.not_found(self._failed, found)
        self._turned(found)
        return self._wording.found(found)

    def _looked_up(self, argument: str, found: Page | Missing | None) -> Observation:
        if isinstance(found, Missing):
            raise PageSourceError(
                f"the page of {found.title!r}, which a recorded Search found, is gone: use the source of the recording"
            )
        if found is not None:
            self._page, self._unread = found, None
        keyword = self._wording.keyword(argument)
        if keyword != self._keyword:
            self._keyword, self._hits, self._position = keyword, None, 0
        if self._sentences is None:
            self._sentences = () if self._page is None else self._wording.sentences(self._page)
        if self._hits is None:
            self._hits = self._wording.hits(self._sentences, keyword)
        if self._page is None or self._position >= len(self._hits):
            return self._wording.nothing(argument, len(self._hits), self._page, self._failed)
        sentence = self._hits[self._position]
        self._position += 1
        return self._wording.result(sentence, (self._position, len(self._hits)), self._page, self._failed)

    def _turned(self, page: Page | None, *, unread: str | None = None) -> None:
        self._page, self._unread, self._failed = page, unread, None
        self._sentences, self._keyword, self._hits, self._position = None, None, None, 0
