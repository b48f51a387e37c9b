r"""A strategy is a generator: it yields what it wants from the world, is sent what came back, and returns an answer.

    def twice(question: Question, prompt: Prompt) -> Flow[Answer]:
        transcript = Transcript(opening=prompt.open(question))
        first = yield from complete(transcript, cue="A:")
        second = yield from complete(transcript.extended(f"A:{first.text}\nCheck it.\n"), cue="A:")
        return Answer(text=second.text)

It does no I/O and knows no client, tool, sandbox, clock or dice. A driver runs it; a test drives it by hand with
`flow.send(Completion(text="..."))`. Here stand the helpers that strategies yield from, and `Tree`, which holds the
flows of one episode: the root and the children of its gathers. Who performs effects is the runner's affair.

Every effect has a place: the path of its flow, and its number among the effects of that flow, Gather and Note
included. The root's path is `()`; child `i` of the gather at index `g` has its parent's path and `(g, i)`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from inspect import GEN_CREATED, getgeneratorstate
from typing import TypeAlias, TypeVar

from reasonkit.errors import BudgetSpent, ReasonkitError
from reasonkit.types import (
    Act,
    Action,
    Asked,
    Complete,
    Completion,
    Execute,
    Execution,
    Flow,
    Gather,
    Gathered,
    Note,
    Observation,
    Outcome,
    Refused,
    Sample,
    Sampling,
    Selection,
    Step,
    Transcript,
)

T = TypeVar("T")

Path: TypeAlias = tuple[int, ...]
"""Where a flow stands: (gather, child, gather, child, ...)."""
Place: TypeAlias = tuple[int, ...]
"""Where an effect stands: its flow's path and its index there. Even positions are time, odd ones siblings."""


def complete(
    transcript: Transcript,
    *,
    cue: str = "",
    stop: tuple[str, ...] = (),
    sampling: Sampling = Sampling(),
    grammar: str | None = None,
) -> Flow[Completion]:
    """Ask for the text that follows `transcript` and `cue`, up to the first of `stop`."""
    return _narrow(
        (yield Complete(transcript=transcript, cue=cue, stop=stop, sampling=sampling, grammar=grammar)), Completion
    )


def act(action: Action, *, thought: str = "") -> Flow[Observation]:
    """Use a tool."""
    return _narrow((yield Act(action=action, thought=thought)), Observation)


def execute(program: str, *, answer: str | None = None) -> Flow[Execution]:
    """Run a program in the sandbox and read `answer`: an expression, "$stdout", or None for the last expression."""
    return _narrow((yield Execute(program=program, answer=answer)), Execution)


def note(item: Step | Sample | Selection) -> Flow[None]:
    """Put a step, a sample or a selection of examples on record."""
    if not isinstance(item, (Step, Sample, Selection)):
        raise TypeError(f"a note holds a Step, a Sample or a Selection, not {item!r}")
    yield Note(item=item)


def gather(flows: Sequence[Flow[T]]) -> Flow[tuple[T, ...]]:
    """Run flows side by side and return their values in order.

    Raises:
        ValueError: the same generator stands in `flows` twice.
        BudgetSpent: a branch was refused and did not catch it; the first such branch is named.
    """
    if any(getgeneratorstate(flow) != GEN_CREATED for flow in flows):
        raise ValueError("a generator in a gather has already run: make a fresh flow for each branch")
    if len(set(map(id, flows))) < len(flows):
        raise ValueError("the same generator stands twice in a gather: make a fresh flow for each branch")
    values: dict[int, T] = {}

    def into(i: int, flow: Flow[T]) -> Flow[None]:
        values[i] = yield from flow

    branches = tuple(into(i, flow) for i, flow in enumerate(flows))
    for failure in _narrow((yield Gather(flows=branches)), Gathered).failures:
        raise failure
    return tuple(values[i] for i in range(len(flows)))


def _narrow(outcome: Outcome | None, wanted: type[T]) -> T:
    if isinstance(outcome, wanted):
        return outcome
    if isinstance(outcome, Refused):
        raise BudgetSpent(outcome.reason, limit=outcome.limit)
    raise TypeError(f"expected {wanted.__name__}, was sent {outcome!r}")


@dataclass(frozen=True, slots=True)
class Ask:
    """An effect and where it stands."""

    path: Path
    place: Place
    effect: Asked | Note
    front: Place | None = None
    """The gather whose child begins with this effect, Notes aside; only these are merged."""


@dataclass(slots=True, eq=False)
class _Node:
    flow: Flow[object]
    path: Path
    parent: _Node | None = None
    front: Place | None = None
    index: int = 0
    waiting: int = 0
    failures: dict[int, ReasonkitError] = field(default_factory=dict)


_LAST_NOTES = 1000
"""So many things a flow may note at a time once it is stopped: without a bound, one that notes and never asks goes on."""


class Tree:
    """The flows of one episode. Tell it outcomes, pump it for what is asked next; it does no I/O.

    Args:
        flow: the root.
        stopped: whether it is to ask for nothing more; looked at while flows put things on record.
    """

    def __init__(self, flow: Flow[object], *, stopped: Callable[[], bool] = lambda: False) -> None:
        root = _Node(flow, ())
        self.value: object = None
        self.failure: ReasonkitError | None = None
        self.finished = False
        self._stopped = stopped
        self._nodes: dict[Path, _Node] = {(): root}
        self._ready: deque[tuple[_Node, Outcome | None]] = deque([(root, None)])

    def tell(self, ask: Ask, outcome: Outcome) -> None:
        """Take the outcome of an effect; the flow goes on at the next `pump`."""
        self._ready.append((self._nodes[ask.path], outcome))

    def pump(self) -> list[Ask]:
        """Advance every flow that can; return what they ask for now, in the order of places."""
        asks: list[Ask] = []
        while self._ready and not self._is_over(asks):
            self._advance(*self._ready.popleft(), asks)
        if len(asks) > 1:
            asks.sort(key=lambda ask: ask.place)
        return asks

    def close(self) -> None:
        """Close every flow, children before their parents; raise the first bug met, after all are closed."""
        bugs: list[Exception] = []
        for path in sorted(self._nodes, reverse=True):
            try:
                self._nodes[path].flow.close()
            except Exception as bug:  # noqa: BLE001 - one strategy's `finally` must not keep others from ending
                bugs.append(bug)
        if bugs:
            raise bugs[0]

    def _is_over(self, asks: list[Ask]) -> bool:
        """Whether it was stopped, and has had its time to put on record what it had in hand."""
        return len(asks) >= _LAST_NOTES and self._stopped()

    def _advance(self, node: _Node, outcome: Outcome | None, asks: list[Ask]) -> None:
        while True:
            try:
                effect = node.flow.send(outcome)
            except StopIteration as stop:
                return self._finish(node, stop.value, None)
            except ReasonkitError as error:
                return self._finish(node, None, error)
            place, outcome = (*node.path, node.index), None
            node.index += 1
            if isinstance(effect, Note):
                asks.append(Ask(node.path, place, effect))
                if self._is_over(asks):
                    return self._ready.append((node, None))
            elif isinstance(effect, (Complete, Act, Execute)):
                asks.append(Ask(node.path, place, effect, node.front))
                node.front = None
                return None
            elif not isinstance(effect, Gather):
                raise TypeError(f"a strategy yields effects (`yield from complete(...)`), not {effect!r}")
            elif effect.flows:
                return self._branch(node, place, effect)
            else:
                outcome = Gathered()

    def _branch(self, node: _Node, place: Place, effect: Gather) -> None:
        node.front = None
        node.waiting, node.failures = len(effect.flows), {}
        for i, flow in enumerate(effect.flows):
            child = _Node(flow, (*place, i), node, place)
            self._nodes[child.path] = child
            self._ready.append((child, None))

    def _finish(self, node: _Node, value: object, failure: ReasonkitError | None) -> None:
        del self._nodes[node.path]
        parent = node.parent
        if parent is None:
            self.value, self.failure, self.finished = value, failure, True
            return
        if failure is not None:
            parent.failures[node.path[-1]] = failure
        parent.waiting -= 1
        if not parent.waiting:
            in_order = tuple(failure for _, failure in sorted(parent.failures.items()))
            self._ready.append((parent, Gathered(failures=in_order)))
