"""The file format: JSON Lines, a `line` field saying which of four kinds each is. Version 1.

    {"line": "run", "format": 1, "library": ..., "strategy": ..., "options": {...}, "prompt": ..., "client": {...}, ...}
    {"line": "episode", "episode": 0, "question": {"text": ...}}
    {"line": "event", "episode": 0, "path": "0", "index": 0, "effect": {"type": ...}, "outcome": {"type": ...}, ...}
    {"line": "end", "episode": 0, "stop_reason": "finish", "answer": {"text": ...}}

Fields at their default are left out. `request` is what was sent, to the byte. `group` is [number of this branch, number
of branches] of one merged request; its lines are written at once, and a reader drops a group that is not whole. An
event after an end supersedes that end. `time` and `seconds` are clock fields: two traces are equal when their lines,
sorted by episode and place, are equal without them.

Here is the writing, by hand and fast; `reading.py` has the way back. `docs/trace-format.md` says it for other readers.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from reasonkit.trace.events import Completing, End, Event, Line, Run, path_text
from reasonkit.types import (
    Act,
    Completion,
    Execute,
    Execution,
    Message,
    Note,
    Observation,
    Refused,
    Sample,
    Selection,
    Step,
)
from reasonkit.values import encode_value

TAGS: Final[Mapping[type, str]] = {
    Completing: "complete",
    Act: "act",
    Execute: "execute",
    Note: "note",
    Step: "step",
    Sample: "sample",
    Selection: "selection",
    Completion: "completion",
    Observation: "observation",
    Execution: "execution",
    Refused: "refused",
}
"""The `type` that values of one field's several classes say of themselves."""
_MISSING: Final = object()
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)


def write_line(line: Line, time: float) -> bytes:
    """Return a line of the file, its newline included."""
    fields = _fields(line)
    if isinstance(line, Event):
        place = fields.pop("place")
        fields = {"episode": fields.pop("episode"), "path": path_text(line.place), "index": place[-1], **fields}
        head: dict[str, Any] = {"line": "event"}
    elif isinstance(line, Run):
        head = {"line": "run", "format": line.format}
    else:
        head = {"line": "end" if isinstance(line, End) else "episode"}
    fields["time"] = round(time, 3)
    text = _ENCODER.encode(head | fields)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:  # a lone surrogate, in a program's output for example: JSON can escape it
        return json.dumps(head | fields).encode() + b"\n"


def canonical(line: Line) -> str:
    """Return a line without its clock fields, for comparing."""
    return json.dumps({"line": type(line).__name__} | _timeless(_fields(line)), sort_keys=True)


def _timeless(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields without the clock's, down to the executions in samples and answers."""
    return {
        name: _timeless(value) if isinstance(value, dict) and name != "value" else value
        for name, value in fields.items()
        if name not in ("seconds", "time")
    }


def options_json(options: Mapping[str, object]) -> Any:
    """Return a strategy's options as they stand in a file."""
    return _encoded(options)


@cache
def _plan(cls: type) -> tuple[tuple[str, object], ...]:
    """Return the fields of a class with their defaults."""
    plan = []
    for field in dataclasses.fields(cls):
        made = field.default_factory
        default = field.default if made is dataclasses.MISSING else made()
        plan.append((field.name, _MISSING if default is dataclasses.MISSING else default))
    return tuple(plan)


def _fields(value: object) -> dict[str, Any]:
    cls = type(value)
    tag = TAGS.get(cls)
    fields: dict[str, Any] = {} if tag is None else {"type": tag}
    for name, default in _plan(cls):  # type: ignore[arg-type]  # classes are hashable
        item = getattr(value, name)
        if item is default or item == default:
            continue
        if type(item) in _PLAIN:
            fields[name] = item
        else:
            fields[name] = encode_value(item) if cls is Execution and name == "value" else _encoded(item)
    return fields


def _encoded(value: object) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, (tuple, list)):
        return [_encoded(item) for item in value]
    if isinstance(value, Message):
        return {"role": value.role, "content": value.content}
    if isinstance(value, Mapping):
        return {str(name): _encoded(item) for name, item in value.items()}
    if dataclasses.is_dataclass(value):
        return _fields(value)
    raise TypeError(f"{value!r} cannot stand in a trace: it holds text, numbers, tuples and the library's own values")
