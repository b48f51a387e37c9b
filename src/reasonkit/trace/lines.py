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
from collections.abc import Callable, Iterable, Mapping
from json.encoder import encode_basestring
from math import isfinite
from typing import Any, Final, TypeAlias

from reasonkit.trace.events import Completing, End, Event, Line, Opened, Rendering, Reopened, Run, path_text
from reasonkit.types import (
    Act,
    Completion,
    Execute,
    Execution,
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
_Write: TypeAlias = Callable[[Any], str]


class Writer:
    """Writes the lines of one file.

    A request goes on from the one before it in its episode, so what they share is not escaped again: escaping whole
    prompts was most of what a trace cost.
    """

    def __init__(self) -> None:
        self._sent: dict[int, tuple[str, str]] = {}

    def line(self, line: Line, time: float) -> bytes:
        """Return a line of the file, its newline included."""
        text = "".join((*self._parts(line), f', "time": {round(time, 3)}}}\n'))
        try:
            return text.encode()
        except UnicodeEncodeError:  # a lone surrogate, in a program's output for example: JSON can escape it
            return (json.dumps(json.loads(text)) + "\n").encode()

    def _parts(self, line: Line) -> tuple[str, ...]:
        """Return a line in pieces, without its closing brace."""
        if isinstance(line, Event):
            place = line.place
            path = "0" if len(place) == 1 else path_text(place)
            head = f'{{"line": "event", "episode": {line.episode}, "path": "{path}", "index": {place[-1]}, '
            said = _WRITERS[Event](line)[1:-1]
            if line.request is None:
                return head, said
            return head, said, ', "request": ', self._request(line.episode, line.request)
        if isinstance(line, Run):
            return f'{{"line": "run", "format": {line.format}, ', _WRITERS[Run](line)[1:-1]
        if isinstance(line, End):
            self._sent.pop(line.episode, None)
            return '{"line": "end", ', _WRITERS[End](line)[1:-1]
        if isinstance(line, Reopened):
            return '{"line": "reopen", ', _WRITERS[Reopened](line)[1:-1]
        return '{"line": "episode", ', _WRITERS[Opened](line)[1:-1]

    def _request(self, episode: int, request: Rendering) -> str:
        if not isinstance(request, str):
            return _WRITERS[tuple](request)
        before, escaped = self._sent.get(episode, ("", '""'))
        if request.startswith(before):
            escaped = escaped[:-1] + encode_basestring(request[len(before) :])[1:]
        else:
            escaped = encode_basestring(request)
        self._sent[episode] = (request, escaped)
        return escaped


def write_line(line: Line, time: float) -> bytes:
    """Return one line of a file, its newline included."""
    return Writer().line(line, time)


def canonical(line: Line) -> str:
    """Return a line without its clock fields, for comparing."""
    fields = json.loads(write_line(line, 0.0))
    return json.dumps({"line": type(line).__name__} | _timeless(fields), sort_keys=True)


def options_json(options: Mapping[str, object]) -> Any:
    """Return a strategy's options as they stand in a file."""
    return json.loads(_WRITERS[dict](options))


def _timeless(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields without the clock's, down to the executions in samples and answers."""
    return {
        name: _timeless(value) if isinstance(value, dict) and name != "value" else value
        for name, value in fields.items()
        if name not in ("seconds", "time", "line")
    }


class _Writers(dict[type, _Write]):
    """What writes a value as JSON, by its type; made when a type is first met."""

    def __missing__(self, cls: type) -> _Write:
        write = (
            _of_mapping if issubclass(cls, Mapping) else _of_class(cls) if dataclasses.is_dataclass(cls) else _refuse
        )
        self[cls] = write
        return write


def _of_class(cls: type) -> _Write:
    """Return what writes a dataclass's fields that are not at their default.

    The function is composed as text, field after field, as `dataclasses` composes its own: a loop over the fields
    costs twice as much, and a trace writes some twenty of these objects for each step.
    """
    names: dict[str, object] = {"writers": _WRITERS, "of_text": encode_basestring}
    body = [f"text = {_tag(cls)!r}"]
    for number, field in enumerate(dataclasses.fields(cls)):
        if cls is Event and field.name in ("episode", "place", "request"):
            continue  # a line says these in its own way
        made = field.default_factory
        default = field.default if made is dataclasses.MISSING else made()
        put = f"text += {f', {encode_basestring(field.name)}: '!r} +"
        body.append(f"item = value.{field.name}")
        if cls is Execution and field.name == "value":
            names["of_value"] = _of_value
            body.append(f"if item is not None: {put} of_value(item)")
            continue
        written = "of_text(item) if type(item) is str else writers[type(item)](item)"
        if dataclasses.is_dataclass(default):  # its text is compared: that is quicker than `==` of its fields
            names[f"default{number}"] = _WRITERS[type(default)](default)
            body += [f"item = {written}", f"if item != default{number}: {put} item"]
        elif default is dataclasses.MISSING:
            body.append(f"{put} ({written})")
        else:
            names[f"default{number}"] = default
            test = f"item is not default{number} and item != default{number}"
            body.append(f"if {test}: {put} ({written})")
    lines = ["def write(value):", *body, "return '{' + text[2:] + '}'"]
    exec("\n    ".join(lines), names)  # noqa: S102 - a text of field names, none of them from outside
    write: _Write = names["write"]  # type: ignore[assignment]  # the function that was just composed
    return write


def _tag(cls: type) -> str:
    return f', "type": {encode_basestring(TAGS[cls])}' if cls in TAGS else ""


def _of_value(value: object) -> str:
    return json.dumps(encode_value(value), ensure_ascii=False)


def _of_mapping(value: Mapping[object, object]) -> str:
    return "{" + ", ".join(f"{encode_basestring(str(k))}: {_WRITERS[type(v)](v)}" for k, v in value.items()) + "}"


def _of_items(value: Iterable[object]) -> str:
    return "[" + ", ".join([_WRITERS[type(item)](item) for item in value]) + "]"


def _of_float(value: float) -> str:
    return repr(value) if isfinite(value) else json.dumps(value)


def _refuse(value: object) -> str:
    raise TypeError(f"{value!r} cannot stand in a trace: it holds text, numbers, tuples and the library's own values")


_WRITERS: Final = _Writers(
    {
        str: encode_basestring,
        int: repr,
        float: _of_float,
        bool: lambda value: "true" if value else "false",
        type(None): lambda _: "null",
        list: _of_items,
        tuple: _of_items,
        dict: _of_mapping,
    }
)
