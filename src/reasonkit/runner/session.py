"""Session: everything between the flows and the world that is not I/O.

It advances flows, serves what a trace has on record, merges, grants from the budget, records, and ends episodes. A
driver carries: `take()` gives new jobs, `bring()` takes what came, `drain()` gives what happened, `close()` ends it on
every way out. Only one thread touches a session.

Replay is strict: each effect is compared with the recording, nothing is asked, no budget decides. Resume is the same
without being strict: what is not on record is asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from reasonkit.errors import InputError, ReasonkitError, ReplayMismatch
from reasonkit.flow import Ask, Place, Tree
from reasonkit.runner.budget import Account, Budget, Cost, estimate, spent
from reasonkit.runner.episode import Episode
from reasonkit.runner.jobs import Item, Job, seed_of
from reasonkit.trace import (
    Began,
    Completing,
    End,
    Event,
    Kept,
    Opened,
    Rendering,
    Reopened,
    Run,
    Seen,
    Token,
    Trace,
    kept,
    written,
)
from reasonkit.trace.mismatch import another_question, difference, unrecorded
from reasonkit.types import (
    Act,
    Answer,
    Asked,
    Complete,
    Flow,
    Note,
    Question,
    Recorded,
)

Start = tuple[Question, Flow[Answer]]
"""An episode to be run."""


class Session:
    """Runs episodes against whatever a driver connects it to.

    Args:
        episodes: questions and fresh flows, begun lazily, in order.
        trace: where it is recorded, and what is on record already.
        run: the head of the trace.
        render: what a completion's request looks like.
        strict: replay: ask nothing, fail at the first difference.
        reopen: whether what the budget refused before is asked now.
        first: the number of the first episode.
        inherited: events by episode and place whose outcomes are taken over instead of asking.
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
        reopen: bool = False,
        first: int = 0,
        inherited: Mapping[int, Mapping[Place, Event]] = MappingProxyType({}),
        budget: Budget | None = None,
        shared: Account | None = None,
        at_once: int = 1,
        merge: bool = True,
        isolate: bool = False,
        count: Callable[[Rendering], int | None] | None = None,
    ) -> None:
        self._starts, self._inherited = enumerate(episodes, first), inherited
        self._trace, self._run, self._render, self._count = trace, run, render, count
        self._strict, self._merge, self._isolate, self._at_once = strict, merge, isolate, at_once
        self._budget, self._shared = (None, None) if strict else (budget, shared)
        self._reopen = reopen and not strict
        self._open: dict[int, Episode] = {}
        self._ready: set[int] = set()
        self._reserved: dict[Job, Cost] = {}
        self._seen: deque[Seen] = deque()
        self.cancelled = self._claimed = False
        self._has_begun = False
        """Whether any episode was begun; one that is cancelled before ends its first one, so that there is a result."""

    def cancel(self) -> None:
        """Ask for nothing more; may be called from another thread or a signal handler."""
        self.cancelled = True

    def take(self) -> list[Job]:
        """Advance whatever can advance; return the requests that are new.

        Raises:
            InputError: another session uses the trace at this moment.
        """
        if not self._claimed:
            self._claim()
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
        if self._claimed:
            self._trace.in_use = False
        bugs: list[Exception] = []
        for episode in list(self._open.values()):
            for step in (self._bring_home, self._close_flows, self._end_cancelled):
                try:
                    step(episode)
                except Exception as bug:  # noqa: BLE001 - all the others are ended all the same; the first is raised
                    bugs.append(bug)
        if bugs:
            raise bugs[0]

    def _bring_home(self, episode: Episode) -> None:
        """Put on record what the last outcomes finished."""
        if episode.inbox and not self._strict:
            self._serve(episode, [ask for ask in self._advance(episode) if isinstance(ask.effect, Note)])
        if episode.tree.finished:
            self._finish(episode)

    def _close_flows(self, episode: Episode) -> None:
        if not episode.ended:
            episode.tree.close()

    def _end_cancelled(self, episode: Episode) -> None:
        """End an episode that is open; one to which nothing was added keeps the end that it had."""
        if not episode.ended:
            before = None if episode.wrote else episode.recording.end
            self._end(episode, before or End(episode=episode.number, stop_reason="cancelled"))

    def _claim(self) -> None:
        if self._trace.in_use and self._trace.path is not None:
            raise InputError(f"{self._trace.path}: another run uses this Trace now; give each run a file of its own")
        self._claimed = self._trace.in_use = True
        if not self._strict and self._trace.run is None:
            self._trace.append([self._run])

    # --- one episode -----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        while len(self._open) < self._at_once and not (self.cancelled and self._has_begun):
            start = next(self._starts, None)
            if start is None:
                return
            number, (question, flow) = start
            self._has_begun = True
            self._trace.begun = number + 1
            recording = self._trace.recording(number)
            if self._reopen and recording.refused:
                self._trace.append([Reopened(episode=number)])
                recording.reopen()
            if recording.question is None and not self._strict:
                self._trace.append([Opened(episode=number, question=question)])
            elif recording.question not in (question, self._trace.hidden(question)):
                raise ReplayMismatch(another_question(self._trace, number, recording.question, question))
            account = self._shared if self._budget is None else Account(self._budget, parent=self._shared)
            tree = Tree(flow, stopped=lambda: self.cancelled)
            self._open[number] = Episode(number, tree, recording, account)
            self._seen.append(Opened(episode=number, question=question))
            self._ready.add(number)

    def _step(self, episode: Episode, jobs: list[Job]) -> None:
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

    def _advance(self, episode: Episode) -> list[Ask]:
        inbox, episode.inbox = episode.inbox, []
        if len(inbox) > 1:
            inbox.sort(key=lambda told: told[0].place)
        for ask, outcome in inbox:
            episode.tree.tell(ask, outcome)
        return episode.tree.pump()

    def _serve(self, episode: Episode, asks: list[Ask]) -> list[Job]:
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
            elif (given := self._inherited.get(episode.number, {}).get(ask.place)) is not None:
                self._take_over(episode, ask, ask.effect, given)
            elif self._merge and ask.front is not None and isinstance(ask.effect, Complete):
                groups.setdefault((ask.front, ask.effect), []).append(ask)
            else:
                groups[ask.place] = [ask]
        return [self._job(episode, tuple(group)) for group in groups.values()]

    def _job(self, episode: Episode, asks: tuple[Ask, ...]) -> Job:
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

    def _repeat(self, episode: Episode, ask: Ask, recorded: Event) -> None:
        asked, request = self._asked(ask)
        if asked != recorded.effect or (request != recorded.request and recorded.group[0] == 0):
            raise ReplayMismatch(difference(recorded, asked, request, episode.recording))
        episode.used.add(ask.place)
        if not isinstance(ask.effect, Note):
            self._seen.append(Began(episode=episode.number, place=ask.place, effect=ask.effect))
        self._seen.append(recorded)
        if recorded.outcome is None:
            return
        episode.recall(ask, recorded.outcome)
        if episode.account is not None and not recorded.inherited:
            episode.account.settle(Cost(), spent(episode.account, ask.effect, (recorded.outcome,)))
        episode.inbox.append((ask, recorded.outcome))

    def _take_over(self, episode: Episode, ask: Ask, effect: Asked, given: Event) -> None:
        """Serve what another run was told here, and record it as this one's; a tool's word only for the same action."""
        asked, request = self._asked(ask)
        if given.outcome is None or type(given.effect) is not type(asked):
            raise ReplayMismatch(unrecorded(episode.number, ask.place, asked, request, episode.recording))
        if not isinstance(asked, Completing) and given.effect != asked:
            raise ReplayMismatch(difference(given, asked, request, episode.recording))
        self._seen.append(Began(episode=episode.number, place=ask.place, effect=effect))
        episode.recall(ask, given.outcome)
        self._record(episode, (ask,), (given.outcome,), request, 0.0, inherited=True)

    def _asked(self, ask: Ask) -> tuple[Kept, Rendering | None]:
        """Return what is asked as it would be written."""
        request = self._render(ask.effect) if isinstance(ask.effect, Complete) else None
        return self._trace.hidden(kept(ask.effect, self._trace.redact)), self._trace.hidden(request)

    def _must_have_stopped(self, episode: Episode, ask: Ask) -> None:
        """Nothing is on record where a strict replay asks: right only where the recorded run was stopped."""
        end = episode.recording.end
        if end is not None and end.stop_reason not in ("cancelled", "error"):
            raise ReplayMismatch(unrecorded(episode.number, ask.place, *self._asked(ask), episode.recording))

    def _record(
        self,
        episode: Episode,
        asks: tuple[Ask, ...],
        outcomes: tuple[Recorded | None, ...],
        rendering: Rendering | None,
        seconds: float,
        *,
        inherited: bool = False,
    ) -> None:
        effect = kept(asks[0].effect, self._trace.redact)  # merged asks have equal effects
        events = [
            Event(
                episode=episode.number,
                place=ask.place,
                effect=effect,
                outcome=outcome,
                request=rendering if branch == 0 else None,
                group=(branch, len(asks)),
                seconds=seconds,
                inherited=inherited,
            )
            for branch, (ask, outcome) in enumerate(zip(asks, outcomes, strict=True))
        ]
        episode.wrote = True
        self._trace.append(events)
        self._seen.extend(events)
        episode.inbox += [(ask, outcome) for ask, outcome in zip(asks, outcomes, strict=True) if outcome is not None]

    # --- budget ----------------------------------------------------------------------------------------------------

    def _grant(self, episode: Episode, account: Account, jobs: list[Job]) -> list[Job]:
        """Reserve in the order of places; what is not covered is refused, and that is recorded."""
        granted: list[Job] = []
        for job in jobs:
            covered: list[Ask] = []
            reserved = Cost()
            for ask in job.asks:
                cost = estimate(
                    account, job.effect, job.rendering, self._count if not covered else None, first=not covered
                )
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

    def _settle(self, episode: Episode, job: Job, outcomes: tuple[Recorded, ...]) -> None:
        if episode.account is not None:
            reserved = self._reserved.pop(job)
            used = spent(episode.account, job.effect, outcomes)
            if outcomes and isinstance(job.effect, Complete) and not used.tokens:
                used = reserved  # a client that does not count: what was set aside is the best that is known
            episode.account.settle(reserved, used)

    # --- ends ------------------------------------------------------------------------------------------------------

    def _finish(self, episode: Episode) -> None:
        episode.tree.close()
        end = episode.how_it_ended(isolate=self._isolate)
        recorded = episode.recording.end
        if self._strict:
            if recorded is not None and recorded.stop_reason in ("cancelled", "error"):
                end = recorded  # the world, not the strategy, decided this end
            elif recorded is not None and recorded != self._trace.hidden(end):
                raise ReplayMismatch(f"episode {episode.number}: ended with {recorded}, but now with {end}")
            if extra := episode.recording.events.keys() - episode.used:
                raise ReplayMismatch(
                    f"episode {episode.number}: recorded, but not asked for now: {written(min(extra))}"
                )
        self._end(episode, end)

    def _end(self, episode: Episode, end: End) -> None:
        episode.ended = True
        del self._open[episode.number]
        self._ready.discard(episode.number)
        if not self._strict and episode.recording.end != self._trace.hidden(end):
            self._trace.append([end])
        self._seen.append(end)
