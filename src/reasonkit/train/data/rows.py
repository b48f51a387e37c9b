"""What a row of data says: a text, a pair, a text of which parts are learned, or a chat.

A row's form is told by its fields, and a row that fits none or two of the forms is refused:

    {"text": ...}                                   a text, learned whole or corrupted by the objective
    {"input": ..., "target": ...}                   the target is learned, after the input
    {"segments": [{"text": ..., "learn": ...}]}     as `reasonkit trace export --format sft` writes it
    {"messages": [{"role": ..., "content": ...}]}   as `--format chat` writes it; "weight": 0 is not learned

Not here: rows that a prompt is put round (`prompted.py`), and token ids (`encoding.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from reasonkit.errors import DatasetError


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text, learned as the objective says."""

    text: str
    where: str
    """Where the row stands, for messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A text in parts; each says whether the model learns to write it."""

    parts: tuple[tuple[str, bool], ...]
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A message, and whether the model learns to write it."""

    role: str
    content: str
    learn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A chat, for the model's own template."""

    turns: tuple[Turn, ...]
    where: str


Row: TypeAlias = Text | Marked | Chat

FORMS = ("text", "input", "segments", "messages")


def row_of(fields: object, where: str) -> Row:
    """Return what a row says.

    Raises:
        DatasetError: it has none of the forms, or more than one, or a field that is not what it should be.
    """
    if not isinstance(fields, Mapping):
        raise DatasetError(f"{where}: not an object with named fields, but {str(fields)[:60]!r}")
    found = [form for form in FORMS if form in fields]
    if len(found) != 1:
        has = f"has {' and '.join(found)}" if found else f"has {', '.join(map(str, fields)) or 'no fields'}"
        raise DatasetError(
            f"{where}: a row without a prompt holds one of text, input (with target), segments or messages; this one "
            f"{has}: name a prompt for columns of your own"
        )
    match found[0]:
        case "text":
            return Text(text=_text(fields, "text", where), where=where)
        case "input":
            pair = ((_text(fields, "input", where), False), (_text(fields, "target", where), True))
            return Marked(parts=pair, where=where)
        case "segments":
            return Marked(parts=tuple(_segment(one, where) for one in _list(fields, "segments", where)), where=where)
        case _:
            return Chat(turns=tuple(_turn(one, where) for one in _list(fields, "messages", where)), where=where)


def _segment(one: object, where: str) -> tuple[str, bool]:
    if not isinstance(one, Mapping):
        raise DatasetError(f"{where}: field 'segments' holds {str(one)[:60]!r}; each must be an object")
    if not isinstance(one.get("learn"), bool):
        raise DatasetError(f"{where}: field 'segments.learn' must be true or false, not {one.get('learn')!r}")
    return _text(one, "text", where, "segments."), bool(one["learn"])


def _turn(one: object, where: str) -> Turn:
    if not isinstance(one, Mapping):
        raise DatasetError(f"{where}: field 'messages' holds {str(one)[:60]!r}; each must be an object")
    role, weight = _text(one, "role", where, "messages."), one.get("weight")
    if weight not in (None, 0, 1):
        raise DatasetError(f"{where}: field 'messages.weight' must be 0 or 1, not {weight!r}")
    content = _text(one, "content", where, "messages.")
    return Turn(role=role, content=content, learn=role == "assistant" and weight != 0)


def _list(fields: Mapping[object, object], name: str, where: str) -> list[object]:
    value = fields[name]
    if not isinstance(value, list) or not value:
        raise DatasetError(f"{where}: field {name!r} must be a list that is not empty, not {str(value)[:60]!r}")
    return value


def _text(fields: Mapping[object, object], name: str, where: str, inside: str = "") -> str:
    if name not in fields:
        raise DatasetError(f"{where}: field {inside + name!r} is missing; there are: {', '.join(map(str, fields))}")
    value = fields[name]
    if not isinstance(value, str):
        raise DatasetError(f"{where}: field {inside + name!r} must be text, not {str(value)[:60]!r}")
    return value
