"""The file format: JSON Lines, a `line` field saying which of four kinds each is. Version 1.

    {"line": "run", "format": 1, "library": ..., "strategy": ..., "options": {...}, "prompt": ..., "client": {...}, ...}
    {"line": "episode", "episode": 0, "question": {"text": ...}}
    {"line": "event", "episode": 0, "path": "0", "index": 0, "effect": {"type": ...}, "outcome": {"type": ...}, ...}
    {"line": "end", "episode": 0, "stop_reason": "finish", "answer": {"text": ...}}

Fields at their default are left out. `request` is what was sent, to the byte. `group` is [number of this branch, number
of branches] of one merged request; its lines are written at once, and a reader drops a group that is not whole. An
event after an end supersedes that end. `time` and `seconds` are clock fields: two traces are equal when their lines,
sorted by episode and place, are equal without them.

Writing is by hand and fast; reading goes through pydantic, which names the field at fault.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from reasonkit.errors import TraceError
from reasonkit.trace.events import FORMAT, Completing, End, Event, Line, Opened, Run, path_text
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
    Step,
)
from reasonkit.values import decode_value, encode_value

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_TAGS: Final[Mapping[type, str]] = {
    Completing: "complete",
    Act: "act",
    Execute: "execute",
    Note: "note",
    Step: "step",
    Sample: "sample",
    Completion: "completion",
    Observation: "observation",
    Execution: "execution",
    Refused: "refused",
}
_CLASSES: Final = {tag: cls for cls, tag in _TAGS.items()}
_KINDS: Final[Mapping[str, type]] = {"run": Run, "episode": Opened, "event": Event, "end": End}
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
    return _ENCODER.encode(head | fields).encode() + b"\n"


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


def read_line(text: str, where: str) -> Line:
    """Read a line of the file.

    Args:
        text: the line.
        where: file and line number, for messages.

    Raises:
        TraceError: it is not a line of a trace; the message names the field.
    """
    raw = read_json(text, where)
    kind = _KINDS.get(raw.get("line", ""))
    if kind is None:
        raise TraceError(f"{where}: field `line` is {raw.get('line')!r}; a trace has run, episode, event and end lines")
    if kind is Run and raw.get("format") != FORMAT:
        raise TraceError(f"{where}: format {raw.get('format')!r} is not {FORMAT}: install the reasonkit that wrote it")
    fields = {name: value for name, value in raw.items() if name not in ("line", "time") or kind is Run}
    fields.pop("line", None)
    if kind is Event:
        fields = _event_fields(fields, where)
    return _validated(kind, fields, where)  # type: ignore[no-any-return]  # the table above holds lines only


def read_json(text: str, where: str) -> dict[str, Any]:
    """Read a line as a JSON object, or say that it is none."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise TraceError(f"{where}: not JSON ({error}); a trace is a JSON Lines file written by reasonkit") from None
    if not isinstance(raw, dict):
        raise TraceError(f"{where}: not a JSON object; a trace is a JSON Lines file written by reasonkit")
    return raw


def _event_fields(fields: dict[str, Any], where: str) -> dict[str, Any]:
    path, index = fields.pop("path", None), fields.pop("index", None)
    try:
        if not isinstance(path, str) or not isinstance(index, int):
            raise TypeError(path)
        _root, *rest = map(int, path.split("/"))
        fields["place"] = (*rest, index)
    except (TypeError, ValueError):
        raise TraceError(f"{where}: fields `path` and `index`: {path!r} and {index!r} are no place") from None
    for name in ("effect", "outcome"):
        if fields.get(name) is not None:
            fields[name] = _tagged(fields[name], f"{where}, field {name}")
    return fields


def _tagged(raw: object, where: str) -> object:
    """Read a value that says its own type."""
    cls = _CLASSES.get(raw.get("type", "")) if isinstance(raw, dict) else None
    if cls is None or not isinstance(raw, dict):
        raise TraceError(f"{where}: no known `type` in {str(raw)[:80]}")
    fields = {name: value for name, value in raw.items() if name != "type"}
    if cls is Note:
        return Note(item=_tagged(fields.get("item"), f"{where}.item"))  # type: ignore[arg-type]  # checked by its tag
    if cls is Execution:
        fields = _revived(fields, where)
    return _validated(cls, fields, where)


def _validated(cls: type, fields: dict[str, Any], where: str) -> Any:
    from pydantic import ValidationError

    if isinstance(fields.get("execution"), dict):
        fields["execution"] = _revived(fields["execution"], where)
    if cls is End and isinstance(fields.get("answer"), dict) and isinstance(fields["answer"].get("execution"), dict):
        fields["answer"]["execution"] = _revived(fields["answer"]["execution"], where)
    known = {field.name for field in dataclasses.fields(cls)}
    if unknown := fields.keys() - known:
        raise TraceError(f"{where}: unknown field {min(unknown)!r}; was it written by a newer reasonkit?")
    try:
        return _adapter(cls).validate_python(fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise TraceError(f"{where}, field {field}: {first['msg']} (was {str(first['input'])[:60]!r})") from None


@cache
def _adapter(cls: type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(cls)


def _revived(fields: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the fields of an Execution with its value decoded."""
    try:
        return fields | {"value": decode_value(fields.get("value"))}
    except ValueError as error:
        raise TraceError(f"{where}, field value: {error}") from None


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
    tag = _TAGS.get(cls)
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
