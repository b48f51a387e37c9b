"""What a client has learnt of its server while asking; shared by all its conversations.

The one mutable thing of the core: safe to use from several threads.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any, Literal

from reasonkit.clients.http.address import Address
from reasonkit.clients.http.discovery import GRAMMAR_FIELDS, Listing
from reasonkit.clients.http.facts import EndpointFacts
from reasonkit.clients.http.payload import Options
from reasonkit.clients.http.reply import Counted
from reasonkit.clients.http.retry import Gate
from reasonkit.types import Capabilities, Request

_CHAT_ONLY = frozenset(
    {"api.openai.com", "api.anthropic.com", "generativelanguage.googleapis.com", "api.mistral.ai", "api.groq.com",
     "api.x.ai", "api.perplexity.ai", "api.cohere.ai"}
)  # fmt: skip
"""Hosts whose current models are not offered, or not offered with this protocol, at /completions."""


class Endpoint:
    """One server and one model.

    Args:
        address: where.
        options: what every request shares.
        facts: what is known beforehand.
        setting: which of the two endpoints the caller wants; `auto` takes the one in the facts, else chat for hosted
            services that have nothing else, else completions, and answers a server that lacks it by asking the chat.
        max_concurrency: requests under way at most.
    """

    def __init__(
        self,
        address: Address,
        options: Options,
        facts: EndpointFacts,
        setting: Literal["auto", "chat", "completions"],
        max_concurrency: int,
    ) -> None:
        self.address = address
        self.options = options
        self.facts = facts
        self.model = options.model
        self.gate = Gate(max_concurrency)
        self._setting = setting
        self._claims: tuple[EndpointFacts, Capabilities] | None = None
        self._lock = threading.Lock()
        self._bytes = 0
        self._tokens = 0

    @property
    def kind(self) -> Literal["chat", "completions"]:
        """The endpoint that is asked."""
        if self._setting != "auto":
            return self._setting
        if self.facts.endpoint is not None:
            return self.facts.endpoint
        return "chat" if self.address.host in _CHAT_ONLY else "completions"

    def kind_for(self, request: Request) -> Literal["chat", "completions"]:
        """Return the endpoint for this request: with `auto` a chat always goes to the chat."""
        if self._setting == "auto" and not isinstance(request.prompt, str):
            return "chat"
        return self.kind

    @property
    def may_switch(self) -> bool:
        """Whether the chat may be tried where completions are missing."""
        return self._setting == "auto" and self.facts.endpoint is None

    @property
    def capabilities(self) -> Capabilities:
        """What may be asked."""
        if self._claims is None or self._claims[0] is not self.facts:
            self._claims = self.facts, self.facts.capabilities(self.kind)
        return self._claims[1]

    def identify(self, listing: Listing) -> None:
        """Take what the server says of its models."""
        if self.model is None and len(listing.models) == 1:
            self.model = listing.models[0]
        server = self.facts.server or listing.server
        field = self.facts.grammar or GRAMMAR_FIELDS.get(server or "")
        context = self.facts.max_context or dict(listing.context).get(self.model or "")
        self.learn(server=server, grammar=field, max_context=context)

    def learn(self, **facts: Any) -> None:
        """Keep what an answer showed; what the doctor found is only ever made worse."""
        with self._lock:
            self.facts = replace(self.facts, **facts)

    def refuse(self, parameter: str) -> None:
        """Remember that the server does not take a parameter."""
        with self._lock:
            self.facts = self.facts.without(parameter)

    def measure(self, prompt_bytes: int, usage: Counted) -> None:
        """Remember how many bytes a token has, from a counted prompt."""
        self._bytes += prompt_bytes
        self._tokens += usage.prompt_tokens

    def guess_tokens(self, prompt_bytes: int) -> int | None:
        """Return about how many tokens so many bytes have; None before anything was counted."""
        return round(prompt_bytes * self._tokens / self._bytes) if self._tokens else None
