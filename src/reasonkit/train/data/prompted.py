"""Rows with a prompt round them: the same `Prompt` that asks the question at inference.

The opening is byte for byte what `Prompt.open` gives for the row's question, with the prompt's cue; what is learned is
the prompt's own answer template, filled from the row, after the cue. So a model is asked exactly as it was trained, and
the prompt's sha256 says so. Not here: token ids (`encoding.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from reasonkit.errors import DatasetError, PromptError
from reasonkit.prompts import Prompt, render
from reasonkit.train.data.rows import Chat, Marked, Turn
from reasonkit.types import Capabilities, Exchange, Opening, Question, Transcript

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
    opening = prompt.open(Question(text=""))
    made: list[Marked | Chat] = []
    for (where, _), shown in zip(named, _filled(prompt, named), strict=True):
        if not shown.answer.startswith(prompt.cue):
            raise DatasetError(
                f"{where}: the prompt {prompt.name!r} cues with {prompt.cue!r}, but its answer begins "
                f"{shown.answer[:40]!r}: the answer template must begin with the cue"
            )
        said = shown.answer[len(prompt.cue) :]
        asked = Opening(
            name=opening.name,
            sha256=opening.sha256,
            instruction=opening.instruction,
            demonstrations=opening.demonstrations,
            question=shown.question,
            demonstrations_as_turns=opening.demonstrations_as_turns,
        )
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


def _filled(prompt: Prompt, rows: Sequence[Located]) -> Sequence[Exchange]:
    """Fill the prompt's question and answer with each row, all in one rendering; a fault is looked for row by row."""
    try:
        return prompt.with_demonstrations([fields for _, fields in rows]).open(Question(text="")).demonstrations
    except PromptError:
        for where, fields in rows:
            try:
                prompt.with_demonstrations([fields]).open(Question(text=""))
            except PromptError as error:
                raise DatasetError(
                    f"{where}: does not fit its prompt: {error}; columns names what the file calls otherwise"
                ) from None
        raise
