"""HTTP as Wikimedia wants it: a User-Agent, a deadline, and patience when told to wait. JSON in, nothing else.

One call at a time (or as many as there are sessions). Not here: what is asked and what it means (`package.py`).
"""

import json
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

from reasonkit.errors import PageSourceError
from reasonkit.pages.package import Params, Reply

_PASSING: Final = frozenset({429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed."""
_PASSING_CODES: Final = frozenset({"maxlag", "ratelimited", "readonly", "internal_api_error_DBQueryError"})
"""MediaWiki's own codes, sent with status 200, that mean the same."""
_LARGEST: Final = 32 * 1024 * 1024
"""Bytes of a reply past which it is no encyclopedia page."""
_PIECE: Final = 64 * 1024
_FIRST_WAIT_SECONDS: Final = 1.0
"""The wait before the first repetition if the server names none; each further one is twice as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """A failure that may pass."""

    why: str
    wait_seconds: float | None = None
    """As the server asked."""


class Polite:
    """Asks one server; see `LivePages` for the arguments."""

    def __init__(
        self,
        url: str,
        *,
        user_agent: str,
        timeout_seconds: float,
        retries: int,
        longest_wait_seconds: float,
        at_once: int,
        sleep: Callable[[float], None] | None,
        clock: Callable[[], float],
    ) -> None:
        import requests

        self._url = url
        self._timeout_seconds = timeout_seconds
        self._retries = retries
        self._longest_wait_seconds = longest_wait_seconds
        self._clock = clock
        self._closed = threading.Event()
        self._sleep = self._wait if sleep is None else sleep
        self._sessions: queue.LifoQueue[requests.Session] = queue.LifoQueue()
        self._all: list[requests.Session] = []
        for _ in range(at_once):
            session = requests.Session()
            session.headers.update({"User-Agent": user_agent, "Accept": "application/json"})
            self._sessions.put(session)
            self._all.append(session)

    def ask(self, params: Params) -> Reply:
        """Ask, again after a failure that may pass, and return the JSON object that came.

        Raises:
            PageSourceError: no usable answer came.
        """
        session = self._sessions.get()
        try:
            wait, why = _FIRST_WAIT_SECONDS, ""
            for left in range(self._retries, -1, -1):
                if self._closed.is_set():
                    raise PageSourceError("the live pages are closed: open new ones")
                came = self._once(session, params)
                if not isinstance(came, _Failure):
                    return came
                why = came.why
                seconds = wait if came.wait_seconds is None else came.wait_seconds
                if seconds > self._longest_wait_seconds:
                    raise PageSourceError(
                        f"{self._url} {why} and asks to wait {seconds:g} s, longer than the limit of"
                        f" {self._longest_wait_seconds:g} s: try again later"
                    )
                if left:
                    self._sleep(seconds)
                    wait *= 2
            raise PageSourceError(f"{self._url} {why}, {self._retries + 1} times: try again later")
        finally:
            self._sessions.put(session)

    def close(self) -> None:
        """End waits and close the connections."""
        self._closed.set()
        for session in self._all:
            session.close()

    def _wait(self, seconds: float) -> None:
        self._closed.wait(seconds)

    def _once(self, session: Any, params: Params) -> Reply | _Failure:
        import requests
        from urllib3.exceptions import HTTPError, ReadTimeoutError

        deadline = self._clock() + self._timeout_seconds
        try:
            with session.get(
                self._url,
                params=[*params, ("maxlag", "5")],
                timeout=self._timeout_seconds,
                stream=True,
                allow_redirects=False,
            ) as response:
                body = self._body(response, deadline)
        except (requests.Timeout, ReadTimeoutError):
            return _Failure(why=f"gave no whole answer within {self._timeout_seconds:g} s")
        except (requests.RequestException, HTTPError, OSError) as error:
            return _Failure(why=f"could not be reached, or broke off ({type(error).__name__})")
        if body is None:
            return _Failure(why=f"gave no whole answer within {self._timeout_seconds:g} s")
        return self._judged(response, body)

    def _body(self, response: Any, deadline: float) -> bytes | None:
        """Read as far as the deadline; a server that sends a byte now and then holds nobody."""
        pieces, size = [], 0
        while piece := response.raw.read1(_PIECE, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if self._clock() > deadline:
                return None
            if size > _LARGEST:
                raise PageSourceError(f"{self._url} sent more than {_LARGEST} bytes: it is no MediaWiki")
        return b"".join(pieces)

    def _judged(self, response: Any, body: bytes) -> Reply | _Failure:
        status = response.status_code
        wait = _retry_after(response.headers)
        if status in _PASSING:
            return _Failure(why=f"answered {status}", wait_seconds=wait)
        if status == 403:
            raise PageSourceError(
                f"{self._url} answered 403: Wikimedia refuses this User-Agent or address; check the contact"
            )
        if status != 200:
            raise PageSourceError(f"{self._url} answered {status}: is it the api.php of a MediaWiki?")
        try:
            reply = json.loads(body)
        except ValueError:
            kind = response.headers.get("Content-Type", "nothing known")
            return _Failure(why=f"sent {kind} and not JSON", wait_seconds=wait)
        if not isinstance(reply, dict):
            raise PageSourceError(f"{self._url} sent JSON that is no object: is it the api.php of a MediaWiki?")
        error = reply.get("error")
        if isinstance(error, dict):
            said = f"says {error.get('code')}: {error.get('info')}"
            if error.get("code") in _PASSING_CODES:
                return _Failure(why=said, wait_seconds=wait)
            raise PageSourceError(f"{self._url} {said}")
        return reply


def _retry_after(headers: Any) -> float | None:
    """Read Retry-After, in seconds or as a date; a date is taken from the server's own clock where it tells it."""
    said = headers.get("Retry-After")
    if said is None:
        return None
    if said.strip().isdigit():
        return float(said)
    try:
        until = parsedate_to_datetime(said).timestamp()
        now = parsedate_to_datetime(headers["Date"]).timestamp() if "Date" in headers else time.time()
    except ValueError:
        return None
    return max(0.0, until - now)
