"""Rows with a prompt round them: the same `Prompt` that asks the question at inference.

The opening is byte for byte what `Prompt.open` gives for the row's question, with the prompt's cue; what is learned is
the prompt's own answer template, filled from the row, after the cue and up to the prompt's stop: nothing beyond it is
ever read. Without a stop it goes to the answer's end, less the line ends that set one demonstration apart from the next.
So a model is asked exactly as it was trained, and the prompt's sha256 says so. Not here: token ids (`encoding.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from reasonkit.errors import DatasetError, PromptError
from reasonkit.prompts import Prompt, render
from reasonkit.train.data.rows import Chat, Marked, Turn
from reasonkit.types import Capabilities, Opening, Question, Transcript

Located = tuple[str, Mapping[str, object]]
"""Where a row stands, and its fields."""
_CHAT = Capabilities(endpoint="chat")


def prompted(
    prompt: Prompt,
    rows: Sequence[Located],
    columns: Mapping[str, str],
    endpoint: Literal["completions", "chat"] = "completions",
) -> list[Marked | Chat]:
    """Return the rows as they are trained on.

    Args:
        prompt: what is put round each row.
        rows: their places and fields.
        columns: what the rows call the names that the prompt uses.
        endpoint: one continued text, or a chat.

    Raises:
        DatasetError: a row lacks a column that the prompt uses, or the prompt's cue does not begin its answer.
    """
    named = [(where, _named(fields, columns, where)) for where, fields in rows]
    used = _names(prompt.question)
    made: list[Marked | Chat] = []
    for (where, fields), answer in zip(named, _answers(prompt, named), strict=True):
        if not answer.startswith(prompt.cue):
            raise DatasetError(
                f"{where}: the prompt {prompt.name!r} cues with {prompt.cue!r}, but its answer begins "
                f"{answer[:40]!r}: the answer template must begin with the cue"
            )
        said = _stopped(answer[len(prompt.cue) :], prompt.stop)
        asked = _opening(prompt, fields, used, where)
        if endpoint == "completions":
            parts = ((asked.text + prompt.cue, False), (said, bool(said.strip())))
            made.append(Marked(parts=parts, where=where))
            continue
        messages = render(Transcript(opening=asked), prompt.cue, _CHAT)
        assert not isinstance(messages, str)
        turns = [Turn(role=one.role, content=one.content, learn=False) for one in messages]
        # a chat's template sets off each turn itself: the space after a cue and the last newline are the text form's
        turns.append(Turn(role="assistant", content=said.strip(), learn=bool(said.strip())))
        made.append(Chat(turns=tuple(turns), where=where))
    return made


def _named(fields: Mapping[str, object], columns: Mapping[str, str], where: str) -> dict[str, object]:
    for ours, there in columns.items():
        if fields.get(there) is None:
            raise DatasetError(
                f"{where}: field {there!r} is missing, which columns calls {ours!r}; the row has: {', '.join(fields)}"
            )
    held = {name: value for name, value in fields.items() if value is not None}  # a template would write None
    return held | {ours: fields[there] for ours, there in columns.items()}


def _opening(prompt: Prompt, fields: Mapping[str, object], used: set[str], where: str) -> Opening:
    """Open the prompt for a row: `question` and `choices` make a question, what else the template uses is given by name."""
    if "question" in used and "question" not in fields:
        raise _misfit(where, fields, PromptError(f"{prompt.name}/question.jinja uses 'question'"))
    choices = fields.get("choices")
    question = Question(
        text=str(fields.get("question", "")),
        choices=tuple(map(str, choices)) if isinstance(choices, Sequence) and not isinstance(choices, str) else (),
    )
    others = {name: fields[name] for name in (used - {"question", "choices"}) & fields.keys()}
    try:
        return prompt.open(question, **others)
    except PromptError as error:
        raise _misfit(where, fields, error) from None


def _answers(prompt: Prompt, rows: Sequence[Located]) -> Sequence[str]:
    """Fill the prompt's answer with each row, all in one rendering; a fault is looked for row by row."""
    alone = replace(prompt, instruction="", question="")
    try:
        shown = alone.with_demonstrations([fields for _, fields in rows]).open(Question(text="")).demonstrations
    except PromptError:
        for where, fields in rows:
            try:
                alone.with_demonstrations([fields]).open(Question(text=""))
            except PromptError as error:
                raise _misfit(where, fields, error) from None
        raise
    return [exchange.answer for exchange in shown]


def _stopped(text: str, stop: Sequence[str]) -> str:
    """Return the text up to the first stop, that included."""
    ends = [text.index(one) + len(one) for one in stop if one in text]
    return text[: min(ends)] if ends else text.rstrip("\r\n")


def _misfit(where: str, fields: Mapping[str, object], error: PromptError) -> DatasetError:
    has = ", ".join(fields)
    return DatasetError(f"{where}: does not fit its prompt: {error}; the row has: {has}; columns renames them")


def _names(template: str) -> set[str]:
    """Return the names that a template takes from outside."""
    from jinja2 import Environment, TemplateSyntaxError, meta

    try:
        return meta.find_undeclared_variables(Environment().parse(template))  # noqa: S701 - parsed, never rendered
    except TemplateSyntaxError:
        return set()  # opening the prompt says what is wrong and where
