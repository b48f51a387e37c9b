"""Session: everything between the flows and the world that is not I/O.

It advances flows, serves what a trace has on record, merges, grants from the budget, records, and ends episodes. A
driver carries: `take()` gives new jobs, `bring()` takes what came, `drain()` gives what happened, `close()` ends it on
every way out. Only one thread touches a session.

Replay is strict: each effect is compared with the recording, nothing is asked, no budget decides. Resume is the same
without being strict: what is not on record is asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from reasonkit.errors import BudgetSpent, ReasonkitError, ReplayMismatch
from reasonkit.flow import Ask, Path, Place, Tree
from reasonkit.runner.budget import Account, Budget, Cost
from reasonkit.runner.jobs import Item, Job, seed_of
from reasonkit.trace import Began, End, Event, Opened, Recording, Rendering, Run, Seen, Token, Trace, kept, written
from reasonkit.trace.mismatch import difference, unrecorded
from reasonkit.types import (
    Act,
    Action,
    Answer,
    Asked,
    Complete,
    Completion,
    Failure,
    Flow,
    Note,
    Observation,
    Question,
    Recorded,
    Refused,
    StopReason,
    Usage,
)

Start = tuple[Question, Flow[Answer]]
"""An episode to be run."""


@dataclass(slots=True, eq=False)
class _Episode:
    number: int
    tree: Tree
    recording: Recording
    account: Account | None
    inbox: list[tuple[Ask, Recorded]] = field(default_factory=list)
    recalled: dict[Path, list[tuple[Action, Observation]]] = field(default_factory=dict)
    used: set[Place] = field(default_factory=set)
    outstanding: int = 0
    asked: bool = False
    ended: bool = False
    error: tuple[Place, ReasonkitError] | None = None


class Session:
    """Runs episodes against whatever a driver connects it to.

    Args:
        episodes: questions and fresh flows, begun lazily, in order.
        trace: where it is recorded, and what is on record already.
        run: the head of the trace.
        render: what a completion's request looks like.
        strict: replay: ask nothing, fail at the first difference.
        budget: bounds for each episode.
        shared: an account for all episodes together.
        at_once: how many episodes are open at the same time.
        merge: whether identical first requests of a gather become one.
        isolate: whether a fault before an episode's first effect ends that episode; else it is raised.
        count: tokens of a prompt, where the client can tell.
    """

    def __init__(
        self,
        episodes: Iterable[Start],
        trace: Trace,
        *,
        run: Run,
        render: Callable[[Complete], Rendering],
        strict: bool = False,
        budget: Budget | None = None,
        shared: Account | None = None,
        at_once: int = 1,
        merge: bool = True,
        isolate: bool = False,
        count: Callable[[Rendering], int | None] | None = None,
    ) -> None:
        self._starts = enumerate(episodes)
        self._trace, self._run, self._render, self._count = trace, run, render, count
        self._strict, self._merge, self._isolate, self._at_once = strict, merge, isolate, at_once
        self._budget, self._shared = (None, None) if strict else (budget, shared)
        self._open: dict[int, _Episode] = {}
        self._ready: set[int] = set()
        self._reserved: dict[Job, Cost] = {}
        self._seen: deque[Seen] = deque()
        self.cancelled = False
        if not strict and trace.run is None:
            trace.append([run])

    def cancel(self) -> None:
        """Ask for nothing more; may be called from another thread or a signal handler."""
        self.cancelled = True

    def take(self) -> list[Job]:
        """Advance whatever can advance; return the requests that are new."""
        jobs: list[Job] = []
        while True:
            self._begin()
            if not self._ready:
                return jobs
            ready, self._ready = sorted(self._ready), set()
            for number in ready:
                self._step(self._open[number], jobs)

    def bring(self, job: Job, item: Item) -> Token | None:
        """Take what the world brought for a job; hand a token on; raise what is nobody's data."""
        if isinstance(item, Token):
            return item
        if isinstance(item, BaseException) and not isinstance(item, ReasonkitError):
            raise item
        episode = self._open[job.episode]
        episode.outstanding -= 1
        self._ready.add(job.episode)
        if isinstance(item, ReasonkitError):  # its branch stops, its siblings go on; the lowest place names the end
            self._settle(episode, job, ())
            if episode.error is None or job.asks[0].place < episode.error[0]:
                episode.error = (job.asks[0].place, item)
        else:
            self._settle(episode, job, item.outcomes)
            self._record(episode, job.asks, item.outcomes, job.rendering, item.seconds)
        return None

    def drain(self) -> Iterator[Seen]:
        """Return what has happened since the last call."""
        while self._seen:
            yield self._seen.popleft()

    def close(self) -> None:
        """On every way out: note what the last outcomes finished, ask nothing more, close flows, end what is open."""
        bugs: list[Exception] = []
        for episode in list(self._open.values()):
            try:
                if episode.inbox and not self._strict:
                    self._serve(episode, [ask for ask in self._advance(episode) if isinstance(ask.effect, Note)])
                if episode.tree.finished:
                    self._finish(episode)
                    continue
                episode.tree.close()
            except Exception as bug:  # noqa: BLE001 - the other episodes are ended all the same; the first is raised
                bugs.append(bug)
            self._end(episode, End(episode=episode.number, stop_reason="cancelled"))
        if bugs:
            raise bugs[0]

    # --- one episode -----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        while len(self._open) < self._at_once and not self.cancelled:
            start = next(self._starts, None)
            if start is None:
                return
            number, (question, flow) = start
            recording = self._trace.recording(number)
            if recording.question is None and not self._strict:
                self._trace.append([Opened(episode=number, question=question)])
            elif recording.question != question:
                raise ReplayMismatch(
                    f"episode {number} of the trace is about {recording.question and recording.question.text!r}, "
                    f"not about {question.text!r}; give the same questions in the same order, or another file"
                )
            account = self._shared if self._budget is None else Account(self._budget, parent=self._shared)
            self._open[number] = _Episode(number, Tree(flow), recording, account)
            self._seen.append(Opened(episode=number, question=question))
            self._ready.add(number)

    def _step(self, episode: _Episode, jobs: list[Job]) -> None:
        while not (self.cancelled or episode.ended):
            if episode.account is not None and episode.outstanding:
                return  # with a budget an episode goes in rounds, so that timing does not decide what is granted
            new = self._serve(episode, self._advance(episode))
            jobs += new if episode.account is None else self._grant(episode, episode.account, new)
            episode.outstanding += len(new) if episode.account is None else 0
            if episode.tree.finished or not (episode.inbox or episode.outstanding):
                self._finish(episode)
            elif not episode.inbox:
                return

    def _advance(self, episode: _Episode) -> list[Ask]:
        inbox, episode.inbox = episode.inbox, []
        if len(inbox) > 1:
            inbox.sort(key=lambda told: told[0].place)
        for ask, outcome in inbox:
            episode.tree.tell(ask, outcome)
        return episode.tree.pump()

    def _serve(self, episode: _Episode, asks: list[Ask]) -> list[Job]:
        """Serve notes and what is on record; return the rest as jobs, merged."""
        groups: dict[object, list[Ask]] = {}
        for ask in asks:
            episode.asked = True
            recorded = episode.recording.events.get(ask.place)
            if recorded is not None:
                self._repeat(episode, ask, recorded)
            elif self._strict:
                self._must_have_stopped(episode, ask)
            elif isinstance(ask.effect, Note):
                self._record(episode, (ask,), (None,), None, 0.0)
            elif self._merge and ask.front is not None and isinstance(ask.effect, Complete):
                groups.setdefault((ask.front, ask.effect), []).append(ask)
            else:
                groups[ask.place] = [ask]
        return [self._job(episode, tuple(group)) for group in groups.values()]

    def _job(self, episode: _Episode, asks: tuple[Ask, ...]) -> Job:
        effect = asks[0].effect
        assert not isinstance(effect, Note)
        for ask in asks:
            self._seen.append(Began(episode=episode.number, place=ask.place, effect=effect))
        if not isinstance(effect, Complete):
            recalled = tuple(episode.recalled.pop(asks[0].path, ())) if isinstance(effect, Act) else ()
            return Job(episode=episode.number, asks=asks, effect=effect, recalled=recalled)
        seeds = tuple(seed_of(self._run.seed, episode.number, ask.place) for ask in asks)
        return Job(
            episode=episode.number, asks=asks, effect=effect, rendering=self._render(effect), seeds=seeds
        )  # fmt: skip

    # --- what is on record -----------------------------------------------------------------------------------------

    def _repeat(self, episode: _Episode, ask: Ask, recorded: Event) -> None:
        asked = kept(ask.effect)
        request = self._render(ask.effect) if isinstance(ask.effect, Complete) and recorded.request else None
        if asked != recorded.effect or request != recorded.request:
            request = self._render(ask.effect) if isinstance(ask.effect, Complete) else None
            raise ReplayMismatch(difference(recorded, asked, request))
        episode.used.add(ask.place)
        if not isinstance(ask.effect, Note):
            self._seen.append(Began(episode=episode.number, place=ask.place, effect=ask.effect))
        self._seen.append(recorded)
        if recorded.outcome is None:
            return
        if isinstance(ask.effect, Act) and isinstance(recorded.outcome, Observation):
            episode.recalled.setdefault(ask.path, []).append((ask.effect.action, recorded.outcome))
        if episode.account is not None:
            episode.account.settle(Cost(), _spent(episode.account, ask.effect, (recorded.outcome,)))
        episode.inbox.append((ask, recorded.outcome))

    def _must_have_stopped(self, episode: _Episode, ask: Ask) -> None:
        """Nothing is on record where a strict replay asks: right only where the recorded run was stopped."""
        end = episode.recording.end
        if end is not None and end.stop_reason not in ("cancelled", "error"):
            request = self._render(ask.effect) if isinstance(ask.effect, Complete) else None
            raise ReplayMismatch(unrecorded(episode.number, ask.place, kept(ask.effect), request))

    def _record(
        self,
        episode: _Episode,
        asks: tuple[Ask, ...],
        outcomes: tuple[Recorded | None, ...],
        rendering: Rendering | None,
        seconds: float,
    ) -> None:
        effect = kept(asks[0].effect)  # merged asks have equal effects
        events = [
            Event(
                episode=episode.number,
                place=ask.place,
                effect=effect,
                outcome=outcome,
                request=rendering if branch == 0 else None,
                group=(branch, len(asks)),
                seconds=seconds,
            )
            for branch, (ask, outcome) in enumerate(zip(asks, outcomes, strict=True))
        ]
        self._trace.append(events)
        self._seen.extend(events)
        episode.inbox += [(ask, outcome) for ask, outcome in zip(asks, outcomes, strict=True) if outcome is not None]

    # --- budget ----------------------------------------------------------------------------------------------------

    def _grant(self, episode: _Episode, account: Account, jobs: list[Job]) -> list[Job]:
        """Reserve in the order of places; what is not covered is refused, and that is recorded."""
        granted: list[Job] = []
        for job in jobs:
            covered: list[Ask] = []
            reserved = Cost()
            for ask in job.asks:
                cost = self._estimate(account, job, first=not covered)
                refused = account.reserve(cost)
                if refused is None:
                    covered.append(ask)
                    reserved += cost
                else:
                    self._record(episode, (ask,), (refused,), job.rendering, 0.0)
            if covered:
                seeds = job.seeds[: len(covered)]
                kept_job = Job(
                    episode=job.episode, asks=tuple(covered), effect=job.effect,
                    rendering=job.rendering, seeds=seeds, recalled=job.recalled,
                )  # fmt: skip
                self._reserved[kept_job] = reserved
                episode.outstanding += 1
                granted.append(kept_job)
        return granted

    def _estimate(self, account: Account, job: Job, *, first: bool) -> Cost:
        effect = job.effect
        if not isinstance(effect, Complete) or job.rendering is None:
            return Cost(steps=1)
        prompt = 0 if not first else None if self._count is None else self._count(job.rendering)
        if prompt is None:
            prompt = _length(job.rendering) // _BYTES_PER_TOKEN
        usage = Usage(requests=int(first), prompt_tokens=prompt, completion_tokens=effect.sampling.max_tokens)
        return account.price(usage)

    def _settle(self, episode: _Episode, job: Job, outcomes: tuple[Recorded, ...]) -> None:
        if episode.account is not None:
            spent = _spent(episode.account, job.effect, outcomes)
            episode.account.settle(self._reserved.pop(job), spent)

    # --- ends ------------------------------------------------------------------------------------------------------

    def _finish(self, episode: _Episode) -> None:
        end = self._how_it_ended(episode)
        recorded = episode.recording.end
        if self._strict:
            if recorded is not None and recorded.stop_reason in ("cancelled", "error"):
                end = recorded  # the world, not the strategy, decided this end
            elif recorded is not None and recorded != end:
                raise ReplayMismatch(f"episode {episode.number}: ended with {recorded}, but now with {end}")
            if extra := episode.recording.events.keys() - episode.used:
                raise ReplayMismatch(
                    f"episode {episode.number}: recorded, but not asked for now: {written(min(extra))}"
                )
        self._end(episode, end)

    def _how_it_ended(self, episode: _Episode) -> End:
        number, tree = episode.number, episode.tree
        if not tree.finished and episode.error is None:
            return End(episode=number, stop_reason="cancelled")
        failure = tree.failure or (episode.error[1] if episode.error else None)
        if failure is None:
            answer = tree.value
            if not isinstance(answer, Answer):
                raise TypeError(f"a strategy returns an Answer, not {answer!r}")
            return End(episode=number, stop_reason=answer.stop_reason, answer=answer)
        if not episode.asked and not self._isolate:
            raise failure
        reason: StopReason = "error"
        if isinstance(failure, BudgetSpent):
            reason = "timeout" if failure.limit == "seconds" else "budget"
        return End(
            episode=number, stop_reason=reason, error=Failure(kind=type(failure).__name__, message=str(failure))
        )  # fmt: skip

    def _end(self, episode: _Episode, end: End) -> None:
        episode.ended = True
        del self._open[episode.number]
        self._ready.discard(episode.number)
        if not self._strict and episode.recording.end != end:
            self._trace.append([end])
        self._seen.append(end)


_BYTES_PER_TOKEN = 3
"""A cautious guess where no tokenizer is at hand: English prose has four to five bytes a token."""


def _spent(account: Account, effect: Asked | Note, outcomes: tuple[Recorded, ...]) -> Cost:
    if isinstance(effect, Complete):
        used = sum((outcome.usage for outcome in outcomes if isinstance(outcome, Completion)), Usage())
        return account.price(used)
    return Cost(steps=sum(not isinstance(outcome, Refused) for outcome in outcomes))


def _length(rendering: Rendering) -> int:
    if isinstance(rendering, str):
        return len(rendering.encode("utf-8", "surrogatepass"))
    return sum(len(message.content.encode("utf-8", "surrogatepass")) + 8 for message in rendering)
