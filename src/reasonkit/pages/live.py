"""Wikipedia itself, asked politely: https, a User-Agent with a contact, time limits, Retry-After, one request at a time.

Etiquette: https://www.mediawiki.org/wiki/API:Etiquette and https://foundation.wikimedia.org/wiki/Policy:User-Agent_policy.
What the pages mean is the `wikipedia` package's affair (`package.py`); how they are asked for is here and in `polite.py`.
"""

import os
import re
import time
from collections.abc import Callable
from typing import Final

from reasonkit.errors import PagesError, PageSourceError
from reasonkit.pages.extracts import read_extract
from reasonkit.pages.package import Found, NotFound, Params, Reply, Unanswered, find
from reasonkit.pages.polite import Polite
from reasonkit.pages.sentences import split_sentences
from reasonkit.types import Missing, Page
from reasonkit.version import __version__

CONTACT_VARIABLE: Final = "REASONKIT_CONTACT"
"""The environment variable that is read when no contact is given."""
_MOST_REQUESTS: Final = 20
"""Requests for one title; a page takes 2, one that is missing 2 or 3."""
_CONTACT = re.compile(r"[!-~][ -~]*(?:@|://)[ -~]*[!-~]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z-]{2,12})?")
_LOOPBACK = re.compile(r"http://(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?/")


class LivePages:
    """Wikipedia over its API.

    Args:
        contact: an e-mail address or a URL by which Wikimedia reaches whoever runs this; left out, the environment
            variable REASONKIT_CONTACT.
        language: which Wikipedia, for example "en", "de", "simple".
        api_url: another MediaWiki's api.php; https, but for a loopback address.
        timeout_seconds: for one reply, from the first byte sent to the last received; above 0.
        retries: how often a request is repeated after a failure that may pass; 0 or more.
        longest_wait_seconds: a server that asks to wait longer than this ends the search.
        at_once: how many requests may be under way; Wikimedia asks for one.
        sleep: waits for seconds; left out, a wait that `close` ends.
        clock: seconds, monotonic.

    Raises:
        PagesError: no contact was given, or an option cannot be used.
    """

    def __init__(
        self,
        *,
        contact: str | None = None,
        language: str = "en",
        api_url: str | None = None,
        timeout_seconds: float = 10.0,
        retries: int = 3,
        longest_wait_seconds: float = 60.0,
        at_once: int = 1,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        contact = _checked_contact(contact if contact is not None else os.environ.get(CONTACT_VARIABLE))
        if not _LANGUAGE.fullmatch(language) and language != "simple":
            raise PagesError(f"{language!r} is no language of Wikipedia: give its code, for example 'en' or 'de'")
        api_url = api_url or f"https://{language}.wikipedia.org/w/api.php"
        if not api_url.startswith("https://") and not _LOOPBACK.match(api_url):
            raise PagesError(f"{api_url!r} is not https: only a loopback address may be asked without it")
        if timeout_seconds <= 0 or retries < 0 or at_once < 1:
            raise PagesError("timeout_seconds has to be above 0, retries 0 or more, at_once 1 or more")
        self._language = "en" if language == "simple" else language.split("-", maxsplit=1)[0]
        self._polite = Polite(
            api_url,
            user_agent=f"reasonkit/{__version__} ({contact})",
            timeout_seconds=timeout_seconds,
            retries=retries,
            longest_wait_seconds=longest_wait_seconds,
            at_once=at_once,
            sleep=sleep,
            clock=clock,
        )

    def search(self, title: str) -> Page | Missing:
        """Find the page of a title; redirects are followed, an ambiguous title is missing with its meanings.

        Raises:
            PageSourceError: Wikipedia did not answer, or not as MediaWiki does; or the source is closed.
        """
        wanted = " ".join(title.replace("|", " ").replace("_", " ").split())
        if not wanted:
            return Missing(title=title)
        replies: dict[Params, Reply] = {}
        for _ in range(_MOST_REQUESTS):
            try:
                return self._told(title, find(wanted, replies))
            except Unanswered as unanswered:
                replies[unanswered.params] = self._polite.ask(unanswered.params)
        raise PageSourceError(f"{title!r} took more than {_MOST_REQUESTS} requests: its redirects may have no end")

    def close(self) -> None:
        """Close the connections and end a wait; a second call does nothing."""
        self._polite.close()

    def _told(self, title: str, found: Found | NotFound) -> Page | Missing:
        if isinstance(found, NotFound):
            return Missing(title=title, similar=found.similar, disambiguation=found.disambiguation)
        text = read_extract(found.extract)
        return Page(
            title=found.title,
            text=text,
            sentences=split_sentences(text, self._language),
            redirected_from=found.redirected_from,
            url=found.url,
        )


def _checked_contact(contact: str | None) -> str:
    if contact is None or not contact.strip():
        raise PagesError(
            "live pages need a contact, by which Wikimedia reaches you if your requests do harm: give contact= (an e-mail "
            f"address or a URL), or set {CONTACT_VARIABLE}; offline there are 'bundled' and 'zim:PATH'"
        )
    if not _CONTACT.fullmatch(contact.strip()):
        raise PagesError(
            f"the contact {contact!r} is no e-mail address and no URL: Wikimedia could not reach you by it"
        )
    return contact.strip()
