"""An agent: a strategy with a prompt, a client and tools, called in five ways that return the same Result.

`agent(question)`, `await agent.acall(question)`, `agent.stream(question)`, `agent.map(questions)`, and
`agent.preview(question)`, which sends nothing. Options and construction stand with each method, in `methods.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, aclosing, closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from weakref import WeakSet

from reasonkit.agents.approval import Approve, checked
from reasonkit.agents.asking import (
    Call,
    Preview,
    checked_concurrency,
    joined,
    judged,
    questions_of,
    selected,
    starts,
    unjudged,
)
from reasonkit.agents.connect import Closable
from reasonkit.agents.events import AnswerEvent, StreamEvent, shown
from reasonkit.agents.progress import progress_bar
from reasonkit.agents.recipe import Recipe
from reasonkit.agents.recording import Folding, TraceLike, head, opened, same_settings
from reasonkit.agents.replay import Recorded
from reasonkit.clients.protocol import Client
from reasonkit.errors import InputError
from reasonkit.flow import Tree
from reasonkit.prompts import render
from reasonkit.runner.budget import Account, Budget
from reasonkit.runner.drivers import Carrier, drive, in_order, in_threads
from reasonkit.runner.session import Session
from reasonkit.runner.world import Programs, World
from reasonkit.tools.protocol import Toolset
from reasonkit.trace import Fork, Run, Seen, Trace
from reasonkit.types import Complete, Question, Result

if TYPE_CHECKING:
    from reasonkit.demonstrations import Embed


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
        self._cancels = 0

    def __call__(
        self,
        question: str | Question,
        *,
        trace: TraceLike = None,
        budget: Budget | None = None,
        reopen: bool = False,
    ) -> Result:
        """Answer a question.

        Args:
            question: what is asked.
            trace: a file to record in; a run that stands there already goes on where it stopped. Or a Trace: several
                calls are its episodes, one after another, and one that is only read is replayed.
            budget: what it may spend.
            reopen: whether what the budget refused in a recorded run is asked now; else the refusal stands.

        Raises:
            InputError: something that was given cannot be used. After the first request nothing is raised for the
                world's or the model's failures: they are on the result.
        """
        call = Call(questions=[question], trace=trace, budget=budget, reopen=reopen, cancels=self._cancels)
        for _, result in self._run(call):
            return result
        raise AssertionError("an episode ended without a result")

    async def acall(self, question: str | Question, *, trace: TraceLike = None, budget: Budget | None = None) -> Result:
        """Answer a question without blocking the event loop."""
        call = Call(questions=[question], trace=trace, budget=budget, cancels=self._cancels)
        async with aclosing(self._arun(call)) as results:
            async for _, result in results:
                return result
        raise AssertionError("an episode ended without a result")

    def stream(
        self, question: str | Question, *, trace: TraceLike = None, budget: Budget | None = None
    ) -> Generator[StreamEvent, None, None]:
        """Answer a question; yield tokens, thoughts, actions and observations as they come, then the answer."""
        return self._stream(
            Call(questions=[question], trace=trace, budget=budget, tokens=True, cancels=self._cancels)
        )  # fmt: skip

    def map(
        self,
        questions: Iterable[str | Question],
        *,
        concurrency: int = 1,
        trace: TraceLike = None,
        budget: Budget | None = None,
        total: Budget | None = None,
        reopen: bool = False,
        on_result: Callable[[int, Result], None] | None = None,
        progress: bool | None = None,
    ) -> list[Result]:
        """Answer many questions; results come in the order of the questions, failures stay with their question.

        Args:
            questions: what is asked.
            concurrency: how many requests are under way at the same time.
            trace: one file for all; what stands there already is not asked again.
            budget: what each question may spend.
            total: what all of them together may spend.
            reopen: whether what the budget refused in a recorded run is asked now; else the refusals stand.
            on_result: called with a question's number and its result as it comes.
            progress: whether a bar on stderr shows how far it is; None shows one on a terminal.
        """
        found: dict[int, Result] = {}
        run = self.each(questions, concurrency=concurrency, trace=trace, budget=budget, total=total, reopen=reopen)
        with progress_bar(questions, progress) as moved:
            for number, result in run:
                found[number] = result
                moved(result)
                if on_result is not None:
                    on_result(number, result)
        return [found[number] for number in sorted(found)]

    def each(
        self,
        questions: Iterable[str | Question],
        *,
        concurrency: int = 1,
        trace: TraceLike = None,
        budget: Budget | None = None,
        total: Budget | None = None,
        reopen: bool = False,
    ) -> Iterator[tuple[int, Result]]:
        """Answer many questions; yield each one's number and result as it comes, and keep none. See `map`."""
        return self._run(
            Call(
                questions=questions, trace=trace, budget=budget, total=total, at_once=concurrency, reopen=reopen,
                isolate=True, cancels=self._cancels,
            )
        )  # fmt: skip

    async def amap(
        self,
        questions: Iterable[str | Question],
        *,
        concurrency: int = 1,
        trace: TraceLike = None,
        budget: Budget | None = None,
        total: Budget | None = None,
        isolate: bool = True,
    ) -> list[Result]:
        """Answer many questions without blocking the event loop; see `map`."""
        call = Call(
            questions=questions, trace=trace, budget=budget, total=total, at_once=concurrency, isolate=isolate,
            cancels=self._cancels,
        )  # fmt: skip
        async with aclosing(self._arun(call)) as results:
            found = {number: result async for number, result in results}
        return [found[number] for number in sorted(found)]

    def astream(
        self, question: str | Question, *, trace: TraceLike = None, budget: Budget | None = None
    ) -> AsyncGenerator[StreamEvent, None]:
        """Stream without blocking the event loop; use it as `async with aclosing(agent.astream(...)) as events`."""
        at_once = 1 if self.approve == "ask" else _BRANCHES
        call = Call(
            questions=[question], trace=trace, budget=budget, at_once=at_once, tokens=True, cancels=self._cancels
        )  # fmt: skip
        return self._astream(call)

    def preview(self, question: str | Question) -> Preview:
        """Return the exact first request; nothing is sent."""
        (asked,) = questions_of([question])
        tree = Tree(self.recipe.flow(asked, selected(self.recipe, self.client, self._embed, asked)))
        asks = tree.pump()
        tree.close()
        if tree.failure is not None:
            raise tree.failure
        first = next((ask.effect for ask in asks if isinstance(ask.effect, Complete)), None)
        if first is None:
            raise InputError(f"{self.recipe.name} does not begin by asking the model; there is nothing to show")
        request = render(first.transcript, first.cue, self.client.capabilities)
        text = joined(request)
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
        recorded = (trace.recording(episode).question for episode in trace.episodes)
        call = Call(questions=(one for one in recorded if one), trace=trace, cancels=self._cancels)
        return self._driven(self._session(call, trace, strict=True), trace)

    def fork(
        self,
        path: str | Path,
        *,
        step: int,
        trace: str | Path | None = None,
        episode: int | None = None,
        completion: str | None = None,
        observation: str | None = None,
        budget: Budget | None = None,
    ) -> list[Result]:
        """Take over a recorded run up to a step, and go on from there with this agent.

        Args:
            path: the recorded run, of an agent of the same method; its model, prompt and tools may be others.
            step: the first one that is run anew, from 1.
            trace: a new file to record in; it names its parent.
            episode: the number of one episode; None forks them all.
            completion: what the model is to have said at the step, instead of asking it.
            observation: what the tool is to have said at the step.
            budget: what each episode may spend.

        Raises:
            InputError: there is no such step or episode.
            ReplayMismatch: a tool's outcome that was to be taken over is not that of what is asked now.
        """
        from reasonkit.agents.forking import fork

        return fork(
            self, path, step=step, trace=trace, episode=episode, completion=completion, observation=observation,
            budget=budget,
        )  # fmt: skip

    def forked(self, questions: Iterable[Question], trace: Trace, fork: Fork, budget: Budget | None) -> list[Result]:
        """Run episodes that take over what a fork gives them."""
        call = Call(questions=questions, trace=trace, budget=budget, isolate=True, cancels=self._cancels)
        return self._driven(self._session(call, trace, fork=fork), trace)

    def cancel(self) -> None:
        """End every run of this agent after the requests under way; each returns what it has, as `cancelled`.

        So does a stream of which nothing has been read yet. May be called from another thread or a signal handler.
        """
        self._cancels += 1
        for session in list(self._live):
            session.cancel()

    def close(self) -> None:
        """Free the client and the tools that the agent made itself."""
        with ExitStack() as closed:
            for owned in reversed(self._owned):
                closed.callback(owned.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    # --- between the face and the runner ---------------------------------------------------------------------------

    def _run(self, call: Call) -> Iterator[tuple[int, Result]]:
        with opened(call.trace) as file, closing(self._seen(call, file)) as seen:
            folding = Folding(file)
            for happened in seen:
                yield from folding.take(happened)

    async def _arun(self, call: Call) -> AsyncGenerator[tuple[int, Result], None]:
        with opened(call.trace) as file:
            folding = Folding(file)
            async with aclosing(self._aseen(call, file)) as seen:
                async for happened in seen:
                    for numbered in folding.take(happened):
                        yield numbered

    def _stream(self, call: Call) -> Generator[StreamEvent, None, None]:
        with opened(call.trace) as file, closing(self._seen(call, file)) as seen:
            folding = Folding(file)
            for happened in seen:
                yield from shown(happened)
                for _, result in folding.take(happened):
                    yield AnswerEvent(result=result)

    async def _astream(self, call: Call) -> AsyncGenerator[StreamEvent, None]:
        with opened(call.trace) as file:
            folding = Folding(file)
            async with aclosing(self._aseen(call, file)) as seen:
                async for happened in seen:
                    for event in shown(happened):
                        yield event
                    for _, result in folding.take(happened):
                        yield AnswerEvent(result=result)

    def _driven(self, session: Session, trace: Trace) -> list[Result]:
        folding, world = Folding(trace), self._world()
        return [result for seen in drive(session, world, in_order(world)) for _, result in folding.take(seen)]

    def _seen(self, call: Call, trace: Trace) -> Generator[Seen, None, None]:
        session, world = self._session(call, trace), self._world(call)
        carry: Carrier = in_order(world) if call.at_once == 1 else in_threads(world, call.at_once)
        return drive(session, world, carry)

    def _aseen(self, call: Call, trace: Trace) -> AsyncGenerator[Seen, None]:
        from reasonkit.runner.async_driver import adrive

        return adrive(self._session(call, trace), self._world(call), at_once=call.at_once)

    def _session(self, call: Call, trace: Trace, *, strict: bool = False, fork: Fork | None = None) -> Session:
        at_once = checked_concurrency(call.at_once)
        asked = judged(call.questions) if not strict and fork is None else unjudged(call.questions)
        strict = strict or trace.read_only
        client = Recorded.of(trace, self.recipe.name) if strict else self.client
        run = trace.run if strict and trace.run else self._head(fork.parent if fork else None)
        if trace.run is not None and not strict:
            same_settings(trace.run, trace.hidden(run), trace.path)
        session = Session(
            starts(self.recipe, self.client, self._embed, asked, trace, strict=strict, isolate=call.isolate),
            trace,
            run=run,
            render=lambda effect: render(effect.transcript, effect.cue, client.capabilities),
            strict=strict,
            reopen=call.reopen,
            first=trace.begun,
            inherited=fork.events if fork else {},
            budget=call.budget,
            shared=None if call.total is None else Account(call.total),
            at_once=at_once,
            merge=client.capabilities.samples,
            isolate=call.isolate,
            count=lambda rendering: client.count_tokens(joined(rendering)),
        )
        self._live.add(session)
        if self._cancels != call.cancels:
            session.cancel()
        return session

    def _head(self, parent: str | None) -> Run:
        return head(
            self.recipe, self.client, tools=self.tools, adapter=self.adapter, seed=self.seed, parent=parent
        )  # fmt: skip

    def _world(self, call: Call | None = None) -> World:
        return World(
            self.client,
            tools=self.tools,
            programs=self.programs,
            adapter=self.adapter,
            approve=checked(self.approve, call.at_once if call else 1),
            tokens=call.tokens if call else False,
        )


_BRANCHES = 32
"""Requests under way for one streamed question: the branches of a vote."""
