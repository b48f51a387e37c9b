"""What an agent is asked, checked; and the exact first request, which is shown instead of sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reasonkit.agents.recipe import Recipe
from reasonkit.clients.protocol import Client
from reasonkit.errors import InputError
from reasonkit.trace import Rendering
from reasonkit.types import Question, Selection

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


def questions_of(asked: Iterable[str | Question]) -> Iterator[Question]:
    """Return questions; a text is one.

    Raises:
        InputError: a question is empty, or cannot be sent.
    """
    for one in asked:
        question = Question(text=one) if isinstance(one, str) else one
        if not question.text.strip():
            raise InputError("the question is empty; give a text")
        try:
            question.text.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"the question {question.text!r} holds a lone surrogate: {error.reason}") from None
        yield question


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


_BYTES_PER_TOKEN = 3
"""A cautious guess where the client has no tokenizer."""
