"""Asking an endpoint one thing at a time, without any of the client's help: no retry, no cutting, no leaving out."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from reasonkit.clients.http.address import Address
from reasonkit.clients.http.exchange import SyncExchange, carried
from reasonkit.clients.http.failures import Refusal, refused_parameter
from reasonkit.clients.http.lanes import Lanes
from reasonkit.clients.http.reading import Heard, read_events, read_rest, read_whole
from reasonkit.clients.http.reply import ServerError, read_error
from reasonkit.clients.http.wire import Broken, Head, Send
from reasonkit.clients.screen import Screen
from reasonkit.types import TokenLogprob, Usage

Kind = Literal["chat", "completions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came of one question."""

    status: int = 0
    """0: nothing came."""
    texts: tuple[str, ...] = ()
    finishes: tuple[str | None, ...] = ()
    prompt_tokens: int | None = None
    cached_tokens: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()
    error: ServerError | None = None
    refused: str | None = None
    """The parameter that it does not take."""
    streamed: bool = False

    @property
    def good(self) -> bool:
        """Whether there are choices."""
        return self.status == 200 and self.error is None and bool(self.texts)

    @property
    def text(self) -> str:
        """The first choice."""
        return self.texts[0] if self.texts else ""

    @property
    def complaint(self) -> str:
        """Why there are none, short."""
        if self.error is not None:
            return f"{self.status}: {self.error.message}" if self.status else f"no answer ({self.error.message})"
        return f"{self.status} without choices"


@dataclass(slots=True, kw_only=True)
class Asker:
    """Asks one server about one model."""

    address: Address
    lanes: Lanes
    timeout_seconds: float
    model: str = ""
    left_out: list[str] = field(default_factory=list)
    """Parameters that it refused so far; not sent again."""

    def get(self, path: str) -> tuple[int, Any]:
        """Fetch a path under the base URL; return the status and the JSON, None where it is none."""
        exchange = SyncExchange(self.lanes)
        try:
            head = exchange.send(Send("GET", path, None, False, self.timeout_seconds))
            if not isinstance(head, Head):
                return 0, None
            content = carried(read_rest(), exchange)
        finally:
            exchange.hang_up()
        try:
            return head.status, json.loads(content) if isinstance(content, bytes) else None
        except ValueError:
            return head.status, None

    def ask(
        self,
        kind: Kind,
        prompt: str | list[dict[str, str]],
        *,
        max_tokens: int = 16,
        temperature: float = 0.0,
        stream: bool = False,
        **more: Any,
    ) -> Said:
        """Ask for a completion; parameters that are refused stay in `refused` and are not sent the next time."""
        payload: dict[str, Any] = {"model": self.model, "temperature": temperature, "top_p": 1.0, **more}
        payload["max_completion_tokens" if "max_tokens" in self.left_out else "max_tokens"] = max_tokens
        if kind == "chat":
            payload["messages"] = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        else:
            payload["prompt"] = prompt
        if stream:
            payload["stream"] = True
        payload = {name: value for name, value in payload.items() if name not in self.left_out}
        return self._send(kind, payload, stream=stream)

    def _send(self, kind: Kind, payload: dict[str, Any], *, stream: bool) -> Said:
        body = json.dumps(payload, ensure_ascii=False).encode()
        path = "/chat/completions" if kind == "chat" else "/completions"
        exchange = SyncExchange(self.lanes)
        until = time.monotonic() + self.timeout_seconds
        try:
            head = exchange.send(Send("POST", path, body, stream, self.timeout_seconds))
            if isinstance(head, Broken):
                return Said(error=ServerError(head.message))
            assert isinstance(head, Head)
            if head.status != 200:
                content = carried(read_rest(), exchange)
                error = read_error(content) if isinstance(content, bytes) else ServerError("the connection broke")
                refused = refused_parameter(Refusal(head.status, error, None, None), payload)
                return Said(status=head.status, error=error, refused=refused)
            screen, count = Screen(on=False), payload.get("n", 1)
            streamed = "text/event-stream" in head.headers.get("content-type", "")
            reading = (
                read_events((), screen, 0, count, lambda: time.monotonic() > until)
                if streamed
                else read_whole((), screen, 0, count)
            )
            return _said(carried(reading, exchange), streamed=streamed, sent=payload)
        finally:
            exchange.hang_up()


def _said(heard: Heard, *, streamed: bool, sent: dict[str, Any]) -> Said:
    if heard.error is not None or heard.fault is not None:
        said = heard.fault.message if isinstance(heard.fault, Broken) else str(heard.fault)
        error = heard.error or ServerError(said)
        refused = refused_parameter(Refusal(200, error, None, None), sent)
        return Said(status=200, error=error, refused=refused, streamed=streamed)
    drafts = [draft for draft in heard.drafts if draft.finish is not None or draft.pieces]
    completions = [draft.completion(Usage(), ()) for draft in drafts]
    return Said(
        status=200,
        texts=tuple(completion.text for completion in completions),
        finishes=tuple(draft.finish for draft in drafts),
        prompt_tokens=heard.usage.prompt_tokens if heard.usage is not None else None,
        cached_tokens=heard.usage.cached_tokens if heard.usage is not None else 0,
        logprobs=completions[0].logprobs if completions else (),
        streamed=streamed,
    )
