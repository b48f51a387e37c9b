"""What a failure means: whether to ask again, what to leave out, which error of the tree it is.

Pure judgement over what `reply` has read. Not here: waiting (`retry`) and the asking itself (`converse`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from reasonkit.clients.http.facts import OPTIONAL_PARAMETERS
from reasonkit.clients.http.reply import ServerError
from reasonkit.errors import (
    AuthenticationFailed,
    ClientError,
    ContextOverflow,
    NoChatTemplate,
    RateLimited,
    ServerFailed,
    StatusError,
)

_OVERFLOW = re.compile(
    r"(?i)context[ _](length|size|window)|exceed_context|maximum context|too many (input )?tokens|prompt is too long"
    r"|longer than the model"
)
_LIMIT = re.compile(
    r"(?i)(?:maximum (?:context|input|allowed) length (?:is|of)|context (?:size|length|window)(?: is| of|:)?|limit of)"
    r"\D{0,4}(\d+)"
)
_PROMPT_TOKENS = re.compile(
    r"(?i)(\d+) (?:input tokens|tokens? (?:in|from) the (?:input|messages|prompt)|in (?:the|your) (?:messages|prompt)"
    r"|of text input)"
)
_REQUESTED = re.compile(r"(?i)(?:requested|request has|request \(|resulted in|has) (?:a total of )?(\d+)")
_REFUSING = re.compile(
    r"(?i)unsupported|not (?:currently )?support|(?:does not|doesn't|do not|cannot|can't|could not|may not) (?:be |support)"
    r"|unknown|unrecogni[sz]ed|unexpected|extra (?:inputs|fields)|not permitted|not allowed|invalid|deprecated"
    r"|only the default|must be|at most|cannot be greater|too large|not implemented|remove|extra_forbidden|both"
)
_BUSY = re.compile(
    r"overload|rate.?limit|server.?error|internal|timeout|timed.?out|unavailable|busy|capacity|try again"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that holds an error instead of choices."""

    status: int
    """Of the error: the one in the body, if a 200 carried it."""
    error: ServerError
    retry_after_seconds: float | None
    should_retry: bool | None
    """What the server says of it, in a header of its own."""

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed later."""
        if "insufficient_quota" in self.error.code:
            return False
        if self.status == 200:
            return bool(_BUSY.search(f"{self.error.code} {self.error.message}".lower()))
        if self.should_retry is not None:
            return self.should_retry
        return self.status in {408, 409, 429} or (self.status >= 500 and self.status != 501)

    @property
    def overflow(self) -> bool:
        """Whether it says that the prompt does not fit."""
        return self.status in {200, 400, 413, 422, 500} and bool(
            _OVERFLOW.search(f"{self.error.code} {self.error.message}")
        )


def refused_parameter(refusal: Refusal, sent: Mapping[str, object]) -> str | None:
    """Return which of the parameters that were sent the endpoint does not take; None if it says nothing of the kind."""
    error = refusal.error
    if refusal.status not in {200, 400, 404, 422, 500, 501} or refusal.overflow:
        return None
    optional = [name for name in OPTIONAL_PARAMETERS if name in sent]
    if error.parameter in optional and (error.parameter != "max_tokens" or "max_completion_tokens" in error.message):
        return error.parameter
    if not _REFUSING.search(f"{error.code} {error.message}"):
        return None
    named = [name for name in optional if _names(name, error.message)]
    if "max_tokens" in named and "max_completion_tokens" not in error.message:
        named.remove("max_tokens")  # a value that is too large; without a limit the answer would be another
    if "top_p" in named and sent.get("top_p") == 1.0:
        return "top_p"  # of two that exclude each other, the one that says nothing
    return min(named, key=error.message.find) if named else None


def _names(parameter: str, message: str) -> bool:
    """Whether the message speaks of the parameter; short names only count where they are marked as names."""
    if parameter in {"n", "stop", "seed"}:
        marked = (
            rf"(?i)[`'\"]{parameter}[`'\"]|\b{parameter}(?:_cmpl)?\b\s*(?:=|:|>|is |parameter|sequence|must|cannot)"
        )
        return bool(
            re.search(
                rf"{marked}|(?:parameter|argument|field|keyword|option)s?(?: supplied)?:?\s+{parameter}\b", message
            )
        ) or (parameter == "n" and "n_cmpl" in message)
    return bool(re.search(rf"\b{parameter}\b", message))


def as_error(refusal: Refusal, *, shown: str, max_tokens: int, prompt_tokens: int | None) -> ClientError:
    """Return the error of the tree.

    Args:
        refusal: what was answered.
        shown: the address, as it may be printed.
        max_tokens: what the request asked for.
        prompt_tokens: tokens of the prompt, where they can be told or guessed.
    """
    error, status = refusal.error, refusal.status
    if refusal.overflow:
        overflow = _overflow(error, max_tokens, prompt_tokens)
        if overflow is not None:
            return overflow
    if "chat template" in error.message.lower() or "chat_template" in error.message:
        return NoChatTemplate(
            f"{shown}: {error.message}; this model has no chat template: build the client with endpoint='completions'"
        )
    message = f"{shown} answered {status}: {error.message}"
    if status in {401, 403}:
        hint = "give the right key as api_key=, or in OPENAI_API_KEY with OPENAI_BASE_URL naming this server"
        return AuthenticationFailed(f"{message}; {hint}", status=status)
    if status == 429:
        return RateLimited(message, status=status, retry_after_seconds=refusal.retry_after_seconds)
    if status >= 500:
        return ServerFailed(message, status=status, retry_after_seconds=refusal.retry_after_seconds)
    if status == 404:
        message += "; is the model's name right, and does the base URL end where the API begins (mostly /v1)?"
    if 300 <= status < 400:
        message += "; give the address it points to as the base URL"
    return StatusError(message, status=status, retry_after_seconds=refusal.retry_after_seconds)


def told_limit(error: ServerError) -> int | None:
    """Return how many tokens fit, where the error says so."""
    match = _LIMIT.search(error.message)
    return error.limit if error.limit is not None or match is None else int(match.group(1))


def _overflow(error: ServerError, max_tokens: int, guessed: int | None) -> ContextOverflow | None:
    limit, prompt_tokens = told_limit(error), error.prompt_tokens
    if prompt_tokens is None and (match := _PROMPT_TOKENS.search(error.message)):
        prompt_tokens = int(match.group(1))
    if prompt_tokens is None and (match := _REQUESTED.search(error.message)):
        prompt_tokens = max(0, int(match.group(1)) - max_tokens)
    if prompt_tokens is None:
        prompt_tokens = guessed
    if limit is None or prompt_tokens is None:
        return None
    return ContextOverflow(prompt_tokens=prompt_tokens, max_tokens=max_tokens, limit=limit)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return how many seconds the server asks to wait: from milliseconds, seconds or a date; None if it does not.

    Args:
        headers: of the answer, by name in lower case.
        now: seconds since the epoch; used where the answer carries no date of its own.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    said = headers.get("retry-after")
    if said is None:
        return None
    seconds = _number(said)
    if seconds is not None:
        return seconds
    until = _date(said)
    if until is None:
        return None
    server_now = _date(headers.get("date", ""))  # its clock, not ours, is the one the date was read from
    return max(0.0, until - (now if server_now is None else server_now))


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None


def _date(text: str) -> float | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return (date - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
