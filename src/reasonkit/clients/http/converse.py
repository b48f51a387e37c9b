"""One request from its first byte to its reply: what is sent, what is believed, when to ask again.

A generator (see `wire`): everything that the sync and the async client have in common, which is everything but the
carrying. Laws: a stop text is cut here whatever the server did; n samples are counted, not believed; what a server
refuses is left out once, remembered and said; nothing but passing failures is asked again, and never past the deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from itertools import takewhile

from reasonkit.clients.http.discovery import list_models
from reasonkit.clients.http.draft import BROKEN_FINISHES, Draft
from reasonkit.clients.http.endpoint import Endpoint
from reasonkit.clients.http.failures import Refusal, as_error, refused_parameter, retry_after
from reasonkit.clients.http.payload import JSON, build, encode
from reasonkit.clients.http.reading import Heard, read_events, read_rest, read_whole
from reasonkit.clients.http.reply import read_error
from reasonkit.clients.http.retry import Retries
from reasonkit.clients.http.tally import Tally
from reasonkit.clients.http.wire import Broken, Conversation, Head, Send, Sleep, Told, Wish
from reasonkit.clients.http.wording import Wording
from reasonkit.clients.screen import Screen
from reasonkit.errors import ClientError, ContextOverflow, InputError, ReplyError, RequestTimeout
from reasonkit.types import Reply, Request

BYTES_PER_TOKEN = 4
"""A guess, before the server has counted any prompt; what rests on it is said to be partial."""
RETURNED = 32
"""Characters after a stop text up to which it was returned (with the rest of its token), not ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What bounds a conversation, and where it takes time and chance from."""

    timeout_seconds: float
    """For the whole of it, waits and further tries included."""
    retries: Retries
    clock: Callable[[], float]
    """Seconds that only grow."""
    now: Callable[[], float]
    """Seconds since the epoch, for Retry-After dates."""
    dice: Callable[[], float]


def converse(request: Request, endpoint: Endpoint, rules: Rules) -> Conversation:
    """Ask for one completion for each seed.

    Returns:
        The reply, with exactly so many completions.

    Raises:
        ClientError: in all the ways of its tree; its message holds no secret.
    """
    if not request.seeds:
        raise InputError("a request needs at least one seed: one completion is drawn for each")
    return (yield from _Call(request, endpoint, rules).reply())


class _Call:
    """The state of one conversation."""

    def __init__(self, request: Request, endpoint: Endpoint, rules: Rules) -> None:
        self.request = request
        self.endpoint = endpoint
        self.rules = rules
        self.deadline = rules.clock() + rules.timeout_seconds
        self.kind = endpoint.kind_for(request)
        self.failed = 0
        self.tally = Tally()
        self.words = Wording(endpoint.address, rules.timeout_seconds)
        self.screen = Screen(on=request.stream)
        self.notices: list[str] = []

    def reply(self) -> Conversation:
        drafts: list[Draft] = []
        wanted = len(self.request.seeds)
        if self.endpoint.model is None or (self.request.grammar is not None and self.endpoint.facts.grammar is None):
            yield from self.discover()
        while len(drafts) < wanted:
            drafts += yield from self.choices(wanted - len(drafts), first=len(drafts))
        usages = self.tally.share([len(draft.text) for draft in drafts])
        if self.screen.astray:
            self.notices.append("a stream broke and was asked again: what was shown of it is not what is returned")
        return Reply(
            completions=tuple(
                [
                    draft.completion(usage, tuple(self.notices) if number == 0 else ())
                    for number, (draft, usage) in enumerate(zip(drafts, usages, strict=True))
                ]
            )
        )

    def discover(self) -> Generator[Wish, Told, None]:
        """Ask the server what it is, and for its only model where none was named."""
        listing = yield from list_models(self.left())
        self.endpoint.identify(listing)
        if self.endpoint.model is None:
            found = listing.problem or (
                f"lists the models {', '.join(map(repr, listing.models))}" if listing.models else "lists no model"
            )
            raise InputError(self.words.said(f"{found}: name the model with model="))

    def choices(self, wanted: int, *, first: int) -> Generator[Wish, Told, list[Draft]]:
        """Ask until at least one of the `wanted` choices has come."""
        while True:
            facts = self.endpoint.facts
            n = wanted if wanted == 1 or self.endpoint.capabilities.samples else 1
            stops_late = bool(self.request.stop) and (facts.stop == "ignored" or "stop" in facts.refused)
            streamed = (self.request.stream or stops_late) and facts.stream is not False
            payload = build(
                self.request,
                facts,
                self.endpoint.options,
                endpoint=self.kind,
                model=self.endpoint.model or "",
                seed=self.request.seeds[first],
                n=n,
                streamed=streamed,
            )
            era = self.endpoint.gate.era
            outcome = yield from self.attempt(payload, n=n, first=first, streamed=streamed)
            if isinstance(outcome, list):
                self.endpoint.gate.succeed()
                return outcome
            self.screen.restart()
            asked_to_wait = None
            if isinstance(outcome, Refusal):
                if self.adapt(outcome, payload):
                    continue
                if outcome.status == 429 and self.endpoint.gate.lower(era):
                    self.notices.append(f"429: at most {self.endpoint.gate.bound} requests at once from here on")
                passing, asked_to_wait = outcome.passing, outcome.retry_after_seconds
                outcome = self.error(outcome, payload)
                if not passing:
                    raise outcome
            yield from self.wait(outcome, asked_to_wait)

    def attempt(
        self, payload: Mapping[str, JSON], *, n: int, first: int, streamed: bool
    ) -> Generator[Wish, Told, list[Draft] | Refusal | ClientError]:
        """Ask once; return choices, an answer that holds an error, or why there was no usable answer."""
        body = encode(payload)
        self.tally.requests += 1
        head = yield Send("POST", _PATHS[self.kind], body, streamed, self.left())
        if isinstance(head, Broken):
            if head.kind != "connect":
                self.tally.lost(None, None, 0)  # the server may have begun
            return self.words.broken(head)
        assert isinstance(head, Head)
        kind = head.headers.get("content-type", "")
        if head.status != 200 or "text/html" in kind:
            return (yield from self.refusal(head))
        stop = self.request.stop
        if "text/event-stream" in kind:
            heard = yield from read_events(stop, self.screen, first, n, self.is_late)
        else:
            heard = yield from read_whole(stop, self.screen, first, n)
        return self.judge(heard, n, len(body), streamed="text/event-stream" in kind)

    def refusal(self, head: Head) -> Generator[Wish, Told, Refusal | ClientError]:
        """Read an answer with an error status, or a page where JSON should be."""
        content = yield from read_rest()
        if isinstance(content, Broken):
            return self.words.broken(content)
        error = read_error(content)
        if head.status == 200:
            raise self.words.clean(
                ReplyError(f"{self.endpoint.address.shown} answered with {error.message}; is the base URL right?")
            )
        if 300 <= head.status < 400 and (target := head.headers.get("location")):
            error = read_error(f"it is at {target}".encode())
        should = head.headers.get("x-should-retry")
        return Refusal(
            head.status,
            error,
            retry_after(head.headers, self.rules.now()),
            None if should not in {"true", "false"} else should == "true",
        )

    def judge(self, heard: Heard, n: int, sent_bytes: int, *, streamed: bool) -> list[Draft] | Refusal | ClientError:
        """Decide whether what was heard can be used, and count it."""
        drafts = list(takewhile(lambda draft: draft.finish is not None or draft.matched, heard.drafts))
        problem: Refusal | ClientError | None = None
        if heard.error is not None:
            problem = Refusal(heard.error.status or 200, heard.error, None, None)
        elif isinstance(heard.fault, Broken):
            problem = self.words.broken(heard.fault)
        elif heard.fault is not None:
            problem = self.words.clean(heard.fault)
        elif heard.late:
            problem = self.words.late()
        elif not drafts:
            problem = ReplyError(
                self.words.said(
                    "ended its stream without saying that it had finished" if streamed else "sent no choices"
                )
            )
        elif gave_up := next((draft.finish for draft in drafts if draft.finish in BROKEN_FINISHES), None):
            problem = ReplyError(self.words.said(f"gave up: finish_reason {gave_up!r}"))
        guess = self.endpoint.guess_tokens(sent_bytes) or sent_bytes // BYTES_PER_TOKEN
        pieces = sum(draft.pieces for draft in heard.drafts)
        if problem is not None:
            if not isinstance(problem, Refusal) or pieces:
                self.tally.lost(heard.usage, guess, pieces)
            return problem
        if heard.usage is None:
            self.tally.guessed(guess, pieces)
        else:
            characters = sum(len(draft.text) for draft in drafts)
            self.tally.counted(heard.usage, choices=len(drafts), characters=characters)
            self.endpoint.measure(sent_bytes, heard.usage)
        self.check_overflow(heard)
        self.learn(heard, drafts, n)
        return drafts

    def learn(self, heard: Heard, drafts: list[Draft], n: int) -> None:
        """Say what the client had to do, and remember what it shows of the server."""
        facts = self.endpoint.facts
        matched = [draft for draft in drafts if draft.matched]
        if heard.early:
            most = self.request.sampling.max_tokens
            saved = sum(max(0, most - draft.pieces) for draft in drafts)
            self.notices.append(f"stop cut in the client, the stream closed: up to {saved} tokens saved")
        elif matched:
            dropped = max(draft.dropped for draft in matched)
            self.notices.append(f"stop cut in the client, {dropped} characters after it dropped")
            if facts.stop != "ignored" and "stop" not in facts.refused:
                self.endpoint.learn(stop="ignored" if dropped > RETURNED else "returned")
        if len(drafts) < n:
            self.notices.append(f"{len(drafts)} of {n} samples came, the others were asked for again")
            if facts.samples is not False:
                self.endpoint.learn(samples=False)

    def check_overflow(self, heard: Heard) -> None:
        """Refuse an answer to a prompt that did not fit: some servers cut it, or answer with garbage."""
        limit = self.endpoint.facts.max_context
        used = heard.usage.prompt_tokens if heard.usage is not None else 0
        if heard.prompt_cut or (limit is not None and used > limit):
            raise self.words.clean(
                ContextOverflow(prompt_tokens=used, max_tokens=self.request.sampling.max_tokens, limit=limit or used)
            )

    def adapt(self, refusal: Refusal, payload: Mapping[str, JSON]) -> bool:
        """Find another way to ask for the same; False where there is none."""
        if refusal.status in {404, 405, 501} and self.kind == "completions" and self.endpoint.may_switch:
            self.kind = "chat"
            self.endpoint.learn(endpoint="chat")
            self.notices.append("the server has no completions endpoint: asked its chat")
            return True
        parameter = refused_parameter(refusal, payload)
        if parameter is None or parameter in self.endpoint.facts.refused:
            return False
        self.endpoint.refuse(parameter)
        self.notices.append(f"the server refuses {parameter!r}: left out")
        return True

    def wait(self, error: ClientError, asked_seconds: float | None) -> Generator[Wish, Told, None]:
        """Wait before the next try; raise where there is none left, or no time for it."""
        self.failed += 1
        retries = self.rules.retries
        if isinstance(error, RequestTimeout) or self.failed > retries.limit:
            raise error
        seconds = retries.delay(self.failed, asked_seconds, self.rules.dice())
        if self.rules.clock() + seconds >= self.deadline:
            raise error
        self.notices.append(f"asked again after {seconds:.1f} s: {error}")
        yield Sleep(seconds, str(error))

    def error(self, refusal: Refusal, payload: Mapping[str, JSON]) -> ClientError:
        """Return the error of the tree, without secrets."""
        guess = self.endpoint.guess_tokens(len(encode(payload)))
        error = as_error(
            refusal,
            shown=self.endpoint.address.shown,
            max_tokens=self.request.sampling.max_tokens,
            prompt_tokens=guess,
        )
        return self.words.clean(error)

    def left(self) -> float:
        return max(0.001, self.deadline - self.rules.clock())

    def is_late(self) -> bool:
        return self.rules.clock() > self.deadline


_PATHS = {"chat": "/chat/completions", "completions": "/completions"}
