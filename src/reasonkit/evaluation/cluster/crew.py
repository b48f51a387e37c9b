"""The workers, what they have under way, and what becomes of it when one of them dies.

One thread sends items and writes what comes back. Not here: what a worker does (`worker.py`), and Ray (`connection.py`).
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reasonkit.agents.agent import Agent
from reasonkit.agents.recording import same_settings
from reasonkit.errors import ClusterError, InputError
from reasonkit.evaluation.cluster.connection import Connection
from reasonkit.runner.budget import Budget
from reasonkit.trace import End, Line, Opened, Recording, Run, Trace, fold
from reasonkit.types import Failure, Question, Result

LOSSES = 3
"""How often a worker may die with an item under way before the item is recorded as a failure."""
_LOG = logging.getLogger("reasonkit.evaluation")


class Stop:
    """Asks a run on a cluster to end; may be called from a signal handler."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def cancel(self) -> None:
        """Let the run end after the requests under way; nothing that came is lost."""
        self._asked.set()

    @property
    def cancelled(self) -> bool:
        """Whether the run is to end."""
        return self._asked.is_set()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """An item that is under way."""

    number: int
    question: Question
    recorded: Recording
    slot: _Slot


@dataclass(slots=True, kw_only=True, eq=False)
class _Slot:
    """The place of a worker; who dies is replaced."""

    actor: Any
    begun: Any
    """What its agent is, when it has one."""
    ready: bool = False
    under_way: int = 0


class Crew:
    """The workers, and what they have under way.

    Args:
        ray: the cluster.
        build: makes a worker's agent.
        workers: how many.
        threads: items under way in each.
        cpus: that each takes of the cluster.
        gpus: that each takes of the cluster.
    """

    def __init__(
        self, ray: Connection, build: Callable[[], Agent], *, workers: int, threads: int, cpus: float, gpus: float
    ) -> None:
        self._ray, self._build, self._threads, self._cpus, self._gpus = ray, build, threads, cpus, gpus
        self._run: Run | None = None
        self._deaths = 0
        self._lost: Counter[int] = Counter()
        self._under_way: dict[Any, _Item] = {}
        self._slots = [self._hired() for _ in range(workers)]

    def begin(self) -> Run:
        """Wait for the first worker; return what a trace says of its agent."""
        while self._run is None:
            for reference in self._ray.done([slot.begun for slot in self._slots if not slot.ready]):
                self._welcome(reference)
        return self._run

    def each(
        self, questions: Sequence[Question], trace: Trace, budget: Budget | None, stop: Stop
    ) -> Iterator[tuple[int, Result]]:
        """Yield each item's number and result as it comes, its lines written."""
        run = self.begin()
        if trace.run is None:
            trace.append([run])
        else:
            same_settings(trace.run, run, trace.path)
        waiting, again = iter(enumerate(questions)), deque[tuple[int, Question]]()
        told = False
        while True:
            while not stop.cancelled and (slot := self._free()) is not None:
                found = again.popleft() if again else next(waiting, None)
                if found is None:
                    break
                recorded = trace.recording(found[0])
                if recorded.end is not None and recorded.end.stop_reason not in ("error", "cancelled"):
                    yield found[0], _result(recorded, trace)
                else:
                    self._send(slot, *found, recorded, budget)
            if stop.cancelled and not told:
                told = True
                for slot in self._slots:
                    slot.actor.cancel.remote()
            if not self._under_way and (stop.cancelled or self._free() is not None):
                return
            beginning = [slot.begun for slot in self._slots if not slot.ready]
            for reference in self._ray.done([*self._under_way, *beginning]):
                item = self._under_way.pop(reference, None)
                if item is None:
                    self._welcome(reference)
                    continue
                lines = self._fetched(reference, item)
                if lines is None:
                    again.append((item.number, item.question))
                    continue
                trace.append(lines)
                for line in lines:
                    assert not isinstance(line, Run)
                    item.recorded.take(line)
                yield item.number, _result(item.recorded, trace)

    def close(self) -> None:
        """Let the workers go."""
        for slot in self._slots:
            self._ray.kill(slot.actor)

    def _hired(self) -> _Slot:
        actor = self._ray.actor(
            self._build, threads=self._threads + 1, cpus=self._cpus, gpus=self._gpus
        )  # one more thread, to cancel
        return _Slot(actor=actor, begun=actor.begin.remote())

    def _free(self) -> _Slot | None:
        """Return the worker that has least to do, if one has room."""
        slots = [slot for slot in self._slots if slot.ready and slot.under_way < self._threads]
        return min(slots, key=lambda slot: slot.under_way, default=None)

    def _welcome(self, reference: Any) -> None:
        """Let a worker that has its agent take part; the agent must be that of the others."""
        slot = next(slot for slot in self._slots if slot.begun == reference)
        try:
            found = self._ray.get(reference)
        except self._ray.died as error:
            self._replace(slot, error)
            return
        if isinstance(found, Failure):
            raise InputError(f"a worker cannot make its agent: {found.kind}: {found.message}")
        assert isinstance(found, Run)
        if self._run is None:
            self._run = found
        same_settings(self._run, found, None)
        slot.ready = True

    def _replace(self, slot: _Slot, error: Exception) -> None:
        """Put a new worker in the place of one that died or is out of reach; many deaths in a row end the run."""
        self._deaths += 1
        if self._deaths > LOSSES * len(self._slots):
            raise ClusterError(
                f"{self._deaths} workers died one after another, and nothing was answered between; the last: "
                f"{_first_line(error)}. Look at Ray's logs; the same call goes on with what is on record"
            ) from None
        _LOG.warning("a worker died; another takes its place, and what it was asked is asked again")
        self._ray.kill(slot.actor)
        self._slots[self._slots.index(slot)] = self._hired()

    def _send(
        self, slot: _Slot, number: int, question: Question, recorded: Recording, budget: Budget | None
    ) -> None:  # fmt: skip
        slot.under_way += 1
        reference = slot.actor.answer.remote(number, question, recorded, budget)
        self._under_way[reference] = _Item(number=number, question=question, recorded=recorded, slot=slot)

    def _fetched(self, reference: Any, item: _Item) -> Sequence[Line] | None:
        """Return the lines of an item; None if its worker died and it is to be asked again."""
        item.slot.under_way -= 1
        try:
            lines: Sequence[Line] = self._ray.get(reference)
        except self._ray.died as error:
            if item.slot in self._slots:  # the first of its items to find out
                self._replace(item.slot, error)
            self._lost[item.number] += 1
            if self._lost[item.number] < LOSSES:
                return None
            said = f"{LOSSES} workers died with this item under way; the last: {_first_line(error)}"
            opened = [] if item.recorded.question else [Opened(episode=item.number, question=item.question)]
            failure = Failure(kind=ClusterError.__name__, message=said)
            return [*opened, End(episode=item.number, stop_reason="error", error=failure)]
        self._deaths = 0
        return lines


def _result(recorded: Recording, trace: Trace) -> Result:
    assert recorded.question is not None
    return fold(recorded.question, recorded.events.values(), recorded.end, trace=str(trace.path))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
