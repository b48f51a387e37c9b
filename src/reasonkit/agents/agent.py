"""An agent: a strategy with a prompt, a client and tools, called in five ways that return the same Result.

`agent(question)`, `await agent.acall(question)`, `agent.stream(question)`, `agent.map(questions)`, and
`agent.preview(question)`, which sends nothing. Options and construction stand with each method, in `methods.py`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self
from weakref import WeakSet

from reasonkit.agents.approval import Approve, checked
from reasonkit.agents.events import AnswerEvent, StreamEvent, shown
from reasonkit.agents.recipe import Recipe
from reasonkit.agents.recording import Folding, same_settings
from reasonkit.clients.protocol import Client
from reasonkit.errors import InputError
from reasonkit.flow import Tree
from reasonkit.prompts import render
from reasonkit.runner.budget import Account, Budget
from reasonkit.runner.drivers import Carrier, drive, in_order, in_threads
from reasonkit.runner.session import Session, Start
from reasonkit.runner.world import Programs, World
from reasonkit.tools.protocol import Toolset
from reasonkit.trace import Rendering, Run, Seen, Trace
from reasonkit.types import Complete, Question, Result, Selection
from reasonkit.version import __version__

if TYPE_CHECKING:
    from reasonkit.demonstrations import Embed


class Closable(Protocol):
    """Something to be closed with the agent that made it."""

    def close(self) -> None:
        """Free what it holds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The exact first request of a run."""

    request: Rendering
    """A text, or the messages of a chat."""
    tokens: int | None
    """Of the text, where the client has a tokenizer."""
    sha256: str
    """Of the text, or of the messages one after another."""

    def __str__(self) -> str:
        return _joined(self.request)


class Agent:
    """A strategy with everything that it needs.

    Args:
        recipe: the strategy, its prompt and options.
        client: the model.
        tools: what the model can use.
        programs: where programs run.
        adapter: the adapter that the client is to use.
        approve: asked before a tool or a program runs.
        seed: of everything that is drawn.
        owned: what the agent made itself and closes.
        embed: turns texts into vectors, for examples that are chosen by embeddings.
    """

    def __init__(
        self,
        recipe: Recipe,
        client: Client,
        *,
        tools: Toolset | None = None,
        programs: Programs | None = None,
        adapter: str | None = None,
        approve: Approve | None = None,
        seed: int = 0,
        owned: Sequence[Closable] = (),
        embed: Embed | None = None,
    ) -> None:
        self.recipe, self.client, self.tools, self.programs = recipe, client, tools, programs
        self.adapter, self.approve, self.seed = adapter, approve, seed
        self._owned, self._embed = owned, embed
        self._live: WeakSet[Session] = WeakSet()

    def __call__(
        self, question: str | Question, *, trace: str | Path | None = None, budget: Budget | None = None
    ) -> Result:
        """Answer a question.

        Args:
            question: what is asked.
            trace: a file to record in; a run that stands there already goes on where it stopped.
            budget: what it may spend.

        Raises:
            InputError: something that was given cannot be used. After the first request nothing is raised for the
                world's or the model's failures: they are on the result.
        """
        for _, result in self._run([question], trace=trace, budget=budget, isolate=False):
            return result
        raise AssertionError("an episode ended without a result")

    async def acall(
        self, question: str | Question, *, trace: str | Path | None = None, budget: Budget | None = None
    ) -> Result:
        """Answer a question without blocking the event loop."""
        results = await self.amap([question], trace=trace, budget=budget, isolate=False)
        return results[0]

    def stream(
        self, question: str | Question, *, trace: str | Path | None = None, budget: Budget | None = None
    ) -> Generator[StreamEvent, None, None]:
        """Answer a question; yield tokens, thoughts, actions and observations as they come, then the answer."""
        with Trace(trace) as file, closing(self._seen([question], file, budget, tokens=True)) as seen:
            folding = Folding(file)
            for happened in seen:
                yield from shown(happened)
                for _, result in folding.take(happened):
                    yield AnswerEvent(result=result)

    def map(
        self,
        questions: Iterable[str | Question],
        *,
        concurrency: int = 1,
        trace: str | Path | None = None,
        budget: Budget | None = None,
        total: Budget | None = None,
        on_result: Callable[[int, Result], None] | None = None,
    ) -> list[Result]:
        """Answer many questions; results come in the order of the questions, failures stay with their question.

        Args:
            questions: what is asked.
            concurrency: how many requests are under way at the same time.
            trace: one file for all; what stands there already is not asked again.
            budget: what each question may spend.
            total: what all of them together may spend.
            on_result: called with a question's number and its result as it comes.
        """
        found: dict[int, Result] = {}
        for number, result in self._run(
            questions, trace=trace, budget=budget, total=total, concurrency=concurrency, isolate=True
        ):
            found[number] = result
            if on_result is not None:
                on_result(number, result)
        return [found[number] for number in sorted(found)]

    async def amap(
        self,
        questions: Iterable[str | Question],
        *,
        concurrency: int = 1,
        trace: str | Path | None = None,
        budget: Budget | None = None,
        total: Budget | None = None,
        isolate: bool = True,
    ) -> list[Result]:
        """Answer many questions without blocking the event loop; see `map`."""
        from reasonkit.runner.async_driver import adrive

        with Trace(trace) as file:
            session = self._session(
                _questions(questions), file, budget=budget, total=total, at_once=concurrency, isolate=isolate
            )
            folding, found = Folding(file), dict[int, Result]()
            async with aclosing(
                adrive(session, self._world(tokens=False, at_once=concurrency), at_once=concurrency)
            ) as seen:
                async for happened in seen:
                    found.update(folding.take(happened))
        return [found[number] for number in sorted(found)]

    async def astream(
        self, question: str | Question, *, trace: str | Path | None = None, budget: Budget | None = None
    ) -> AsyncGenerator[StreamEvent, None]:
        """Stream without blocking the event loop; use it as `async with aclosing(agent.astream(...)) as events`."""
        from reasonkit.runner.async_driver import adrive

        with Trace(trace) as file:
            session = self._session(_questions([question]), file, budget=budget, isolate=False)
            folding = Folding(file)
            async with aclosing(adrive(session, self._world(tokens=True), at_once=_BRANCHES)) as seen:
                async for happened in seen:
                    for event in shown(happened):
                        yield event
                    for _, result in folding.take(happened):
                        yield AnswerEvent(result=result)

    def preview(self, question: str | Question) -> Preview:
        """Return the exact first request; nothing is sent."""
        (asked,) = _questions([question])
        tree = Tree(self.recipe.flow(asked, self._selected(asked)))
        first = next(ask.effect for ask in tree.pump() if isinstance(ask.effect, Complete))
        tree.close()
        request = self._render(first)
        text = _joined(request)
        return Preview(
            request=request,
            tokens=self.client.count_tokens(text) if isinstance(request, str) else None,
            sha256=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        )

    def replayed(self, trace: Trace) -> list[Result]:
        """Run what a trace has on record again, strictly; return its results.

        Raises:
            ReplayMismatch: something else is asked now than was recorded.
        """
        questions = [trace.result(episode).question for episode in trace.episodes]
        session = self._session(questions, trace, strict=True)
        folding = Folding(trace)
        world = self._world(tokens=False)
        return [result for seen in drive(session, world, in_order(world)) for _, result in folding.take(seen)]

    def cancel(self) -> None:
        """End every run of this agent after the requests under way; each returns what it has, as `cancelled`.

        May be called from another thread or a signal handler.
        """
        for session in list(self._live):
            session.cancel()

    def close(self) -> None:
        """Free the client and the tools that the agent made itself."""
        for owned in self._owned:
            owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    # --- between the face and the runner ---------------------------------------------------------------------------

    def _run(
        self,
        questions: Iterable[str | Question],
        *,
        trace: str | Path | None,
        budget: Budget | None,
        isolate: bool,
        total: Budget | None = None,
        concurrency: int = 1,
    ) -> Iterator[tuple[int, Result]]:
        with Trace(trace) as file:
            folding = Folding(file)
            seen = self._seen(
                questions, file, budget, total=total, concurrency=concurrency, isolate=isolate, tokens=False
            )
            with closing(seen):
                for happened in seen:
                    yield from folding.take(happened)

    def _seen(
        self,
        questions: Iterable[str | Question],
        trace: Trace,
        budget: Budget | None,
        *,
        tokens: bool,
        total: Budget | None = None,
        concurrency: int = 1,
        isolate: bool = False,
    ) -> Generator[Seen, None, None]:
        session = self._session(
            _questions(questions), trace, budget=budget, total=total, at_once=concurrency, isolate=isolate
        )
        world = self._world(tokens=tokens, at_once=concurrency)
        carry: Carrier = in_order(world) if concurrency == 1 else in_threads(world, concurrency)
        return drive(session, world, carry)

    def _session(
        self,
        questions: Iterable[Question],
        trace: Trace,
        *,
        budget: Budget | None = None,
        total: Budget | None = None,
        at_once: int = 1,
        isolate: bool = False,
        strict: bool = False,
    ) -> Session:
        if at_once < 1:
            raise InputError(f"concurrency is {at_once}; give 1 or more")
        run = self._head()
        if trace.run is not None and not strict:
            same_settings(trace.run, run, trace.path)
        session = Session(
            self._starts(questions, trace, strict=strict),
            trace,
            run=run,
            render=self._render,
            strict=strict,
            budget=budget,
            shared=None if total is None else Account(total),
            at_once=at_once,
            merge=self.client.capabilities.samples,
            isolate=isolate,
            count=lambda rendering: self.client.count_tokens(_joined(rendering)),
        )
        self._live.add(session)
        return session

    def _starts(self, questions: Iterable[Question], trace: Trace, *, strict: bool) -> Iterator[Start]:
        """Make flows; a choice of examples that is on record is not made again."""
        recorded = set(trace.episodes) if strict or self.recipe.choice is not None else set()
        for number, question in enumerate(questions):
            selection = trace.result(number).selection if number in recorded else None
            yield question, self.recipe.flow(question, selection or self._selected(question))

    def _selected(self, question: Question) -> Selection | None:
        from reasonkit.demonstrations import choose

        choice, prompt = self.recipe.choice, self.recipe.prompt
        if choice is None or prompt is None:
            return None

        def tokens(example: Mapping[str, object]) -> int:
            shown = prompt.with_demonstrations([example]).open(question).demonstrations[0]
            text = shown.question + shown.answer
            counted = self.client.count_tokens(text)
            return len(text.encode()) // _BYTES_PER_TOKEN if counted is None else counted

        return choose(prompt.demonstrations, question.text, choice, embed=self._embed, count=tokens)

    def _world(self, *, tokens: bool, at_once: int = 1) -> World:
        return World(
            self.client,
            tools=self.tools,
            programs=self.programs,
            adapter=self.adapter,
            approve=checked(self.approve, at_once),
            tokens=tokens,
        )

    def _render(self, effect: Complete) -> Rendering:
        return render(effect.transcript, effect.cue, self.client.capabilities)

    def _head(self) -> Run:
        capabilities = self.client.capabilities
        adapter = {"adapter": self.adapter} if self.adapter else {}
        recipe = self.recipe
        return Run(
            strategy=recipe.name,
            options=recipe.described_options(),
            parts={name: part.described() for name, part in recipe.parts.items()},
            prompt=recipe.prompt.name if recipe.prompt else None,
            prompt_sha256=recipe.prompt.sha256 if recipe.prompt else None,
            client={**self.client.describe(), **adapter},
            endpoint=capabilities.endpoint,
            prefill=capabilities.prefill,
            tools=self.tools.names if self.tools else (),
            seed=self.seed,
            library=f"reasonkit {__version__}",
            time=round(time.time(), 3),
        )


_BYTES_PER_TOKEN = 3
"""A cautious guess where the client has no tokenizer."""
_BRANCHES = 32
"""Requests under way for one streamed question: the branches of a vote."""


def _questions(questions: Iterable[str | Question]) -> Iterator[Question]:
    for question in questions:
        asked = Question(text=question) if isinstance(question, str) else question
        if not asked.text.strip():
            raise InputError("the question is empty; give a text")
        try:
            asked.text.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"the question {asked.text!r} holds a lone surrogate: {error.reason}") from None
        yield asked


def _joined(request: Rendering) -> str:
    if isinstance(request, str):
        return request
    return "\n".join(f"<{message.role}>\n{message.content}" for message in request)
