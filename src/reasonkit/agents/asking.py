"""What an agent is asked, checked; and the exact first request, which is shown instead of sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reasonkit.agents.recipe import Recipe
from reasonkit.agents.recording import TraceLike
from reasonkit.clients.protocol import Client
from reasonkit.errors import InputError, ReasonkitError
from reasonkit.runner.budget import Budget
from reasonkit.runner.session import Start
from reasonkit.trace import Rendering, Trace
from reasonkit.types import Answer, Flow, Question, Selection

if TYPE_CHECKING:
    from reasonkit.demonstrations import Embed


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
        return joined(self.request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an agent: what is asked, and how it is run."""

    questions: Iterable[str | Question]
    trace: TraceLike
    budget: Budget | None = None
    """What each question may spend."""
    total: Budget | None = None
    """What all of them may spend."""
    at_once: int = 1
    """How many requests are under way at the same time."""
    isolate: bool = False
    """Whether a fault of one question is its episode's end; else it is raised."""
    reopen: bool = False
    tokens: bool = False
    """Whether somebody reads tokens as they come."""
    cancels: int
    """How often the agent had been cancelled when it was called; once more, and this call is cancelled before it began."""


def questions_of(asked: Iterable[str | Question]) -> Iterator[Question]:
    """Return questions; a text is one.

    Raises:
        InputError: as `judged` says; the first question that cannot be asked ends it.
    """
    for question, fault in judged(asked):
        if fault is not None:
            raise fault
        yield question


def judged(asked: Iterable[str | Question]) -> Iterator[tuple[Question, InputError | None]]:
    """Return questions, each with what is wrong with it; one that cannot be asked is stood for by what can be recorded.

    Raises:
        InputError: one text was given instead of several questions, or nothing that can be iterated.
    """
    if isinstance(asked, str | bytes | Question) or not isinstance(asked, Iterable):
        raise InputError(f"questions is {asked!r}; give several: a list of texts or Questions")
    return map(_judged, asked)


def unjudged(recorded: Iterable[str | Question]) -> Iterator[tuple[Question, None]]:
    """Return questions that stand on record: what was wrong with one stands there too."""
    return ((one, None) for one in recorded if isinstance(one, Question))


def failing(error: ReasonkitError) -> Flow[Answer]:
    """Return a flow that asks nothing and ends with `error`: the episode of a question that cannot be asked."""
    raise error
    yield


def checked_concurrency(concurrency: object) -> int:
    """Return how many requests may be under way.

    Raises:
        InputError: it is no whole number, or below 1.
    """
    if not isinstance(concurrency, int) or isinstance(concurrency, bool) or concurrency < 1:
        raise InputError(f"concurrency is {concurrency!r}; give a whole number, 1 or more")
    return concurrency


def _judged(one: object) -> tuple[Question, InputError | None]:
    try:
        return _checked(one), None
    except InputError as fault:
        text = one.text if isinstance(one, Question) else one
        shown = text if isinstance(text, str) else repr(text) if isinstance(text, _SHORT) else type(text).__name__
        return Question(text=shown.encode("utf-8", "replace").decode()), fault


_SHORT = (int, float, bytes, type(None))
"""What stands in a trace as it is written in Python; anything else by its type alone, the same in every run."""


def _checked(one: object) -> Question:
    question = Question(text=one) if isinstance(one, str) else one
    if not isinstance(question, Question) or not isinstance(question.text, str):
        raise InputError(f"a question is {one!r}; give a text or a Question with a text")
    if not question.text.strip():
        raise InputError("the question is empty; give a text")
    name: object = question.id
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if name is not None and not isinstance(name, str):
        raise InputError(f"the question's id is {name!r}; give a text or None")
    gold = _texts("gold", (question.gold,) if isinstance(question.gold, str) else question.gold)
    choices = _texts("choices", question.choices)
    for text in (question.text, name or "", *gold, *choices):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"the question {question.text!r} holds a lone surrogate: {error.reason}") from None
    return Question(text=question.text, id=name, gold=gold, choices=choices)


def _texts(field: str, given: object) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(text, str) for text in given):
        raise InputError(f"the question's {field} is {given!r}; give a tuple of texts")
    return tuple(given)


def joined(request: Rendering) -> str:
    """Return a request as one text."""
    if isinstance(request, str):
        return request
    return "\n".join(f"<{message.role}>\n{message.content}" for message in request)


def selected(recipe: Recipe, client: Client, embed: Embed | None, question: Question) -> Selection | None:
    """Choose the worked examples for a question, if the recipe chooses any."""
    choice, prompt = recipe.choice, recipe.prompt
    if choice is None or prompt is None:
        return None
    from reasonkit.demonstrations import choose

    def tokens(example: Mapping[str, object]) -> int:
        shown = prompt.with_demonstrations([example]).open(question).demonstrations[0]
        text = shown.question + shown.answer
        counted = client.count_tokens(text)
        return len(text.encode()) // _BYTES_PER_TOKEN if counted is None else counted

    return choose(prompt.demonstrations, question.text, choice, embed=embed, count=tokens)


def starts(
    recipe: Recipe,
    client: Client,
    embed: Embed | None,
    questions: Iterable[tuple[Question, ReasonkitError | None]],
    trace: Trace,
    *,
    strict: bool,
    isolate: bool,
) -> Iterator[Start]:
    """Make flows lazily; a choice of examples that is on record is not made again.

    Args:
        recipe: what makes a flow.
        client: what counts tokens, for a choice of examples.
        embed: turns texts into vectors, for a choice of examples.
        questions: each with what is wrong with it.
        trace: what is on record.
        strict: whether everything is on record.
        isolate: whether a fault of one question is its episode's end; else it is raised.
    """
    recorded = set(trace.episodes) if strict or recipe.choice is not None else set()
    for number, (question, fault) in enumerate(questions, trace.begun):
        try:
            if fault is not None:
                raise fault
            selection = trace.result(number).selection if number in recorded else None
            flow = recipe.flow(question, selection or selected(recipe, client, embed, question))
        except ReasonkitError as error:
            if not isolate:
                raise
            flow = failing(error)
        yield question, flow


_BYTES_PER_TOKEN = 3
"""A cautious guess where the client has no tokenizer."""
