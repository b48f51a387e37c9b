"""From a line of a file to a value, or to an error that names the field; older formats are brought up to date first.

Reading goes through pydantic. Not here: which lines a file has, and where; see `file.py`.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from reasonkit.errors import TraceError
from reasonkit.trace.events import FORMAT, Completing, End, Event, Line, Opened, Reopened, Run
from reasonkit.trace.lines import TAGS
from reasonkit.trace.upgrades import UPGRADES, Upgrade
from reasonkit.types import Act, Completion, Execute, Execution, Note, Observation, Refused, Sample, Selection, Step
from reasonkit.values import decode_value

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_KINDS: Final[Mapping[str, type]] = {"run": Run, "episode": Opened, "reopen": Reopened, "event": Event, "end": End}
_EFFECTS: Final = {TAGS[cls]: cls for cls in (Completing, Act, Execute, Note)}
_OUTCOMES: Final = {TAGS[cls]: cls for cls in (Completion, Observation, Execution, Refused)}
_ITEMS: Final = {TAGS[cls]: cls for cls in (Step, Sample, Selection)}
_PATH: Final = re.compile(r"0(?:/[0-9]+/[0-9]+)*")
_HINT: Final = "a trace is a JSON Lines file written by reasonkit"


def read_line(
    text: str, where: str, *, version: int = FORMAT, upgrades: Mapping[int, Upgrade] = UPGRADES
) -> Line:  # fmt: skip
    """Read a line of the file.

    Args:
        text: the line.
        where: file and line number, for messages.
        version: the format of the file; a `run` line says its own.
        upgrades: how lines of older formats become those of the next.

    Raises:
        TraceError: it is not a line of a trace; the message names the field.
    """
    return line_of(read_json(text, where, version=version, upgrades=upgrades), where)


def read_json(
    text: str, where: str, *, version: int = FORMAT, upgrades: Mapping[int, Upgrade] = UPGRADES
) -> dict[str, Any]:
    """Read a line as a JSON object of today's format, or say that it is none."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TraceError(f"{where}: not JSON ({str(error)[:120]}); {_HINT}") from None
    if not isinstance(raw, dict):
        raise TraceError(f"{where}: not a JSON object; {_HINT}")
    line: dict[str, Any] = raw
    if line.get("line") == "run":
        version = _version(line, where)
    for older in range(version, FORMAT):
        if older not in upgrades:
            raise TraceError(f"{where}: format {version} is too old: this reasonkit reads {FORMAT} down to {older + 1}")
        line = upgrades[older](line)
    if line.get("line") == "run":
        line["format"] = version
    return line


def line_of(raw: Mapping[str, Any], where: str) -> Line:
    """Return the value of a line's fields."""
    name = raw.get("line")
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise TraceError(f"{where}, field line: {name!r}; a trace has run, episode, event and end lines")
    fields = {name: value for name, value in raw.items() if name != "line" and (name != "time" or kind is Run)}
    if kind is Event:
        fields = _event_fields(fields, where)
    return _validated(kind, fields, where, "")  # type: ignore[no-any-return]  # the table above holds lines only


def _version(raw: Mapping[str, Any], where: str) -> int:
    version = raw.get("format")
    if type(version) is not int or version < 0:
        raise TraceError(f"{where}, field format: format {version!r} is no version; {_HINT}")
    if version > FORMAT:
        raise TraceError(f"{where}: format {version} is newer than {FORMAT}: install the reasonkit that wrote it")
    return version


def _event_fields(fields: dict[str, Any], where: str) -> dict[str, Any]:
    path, index = fields.pop("path", None), fields.pop("index", None)
    if not (isinstance(path, str) and len(path) < 1000 and _PATH.fullmatch(path) and type(index) is int and index >= 0):
        raise TraceError(f"{where}, fields path and index: {str(path)[:80]!r} and {index!r} are no place")
    fields["place"] = (*map(int, path.split("/")[1:]), index)
    for name, classes in (("effect", _EFFECTS), ("outcome", _OUTCOMES)):
        if fields.get(name) is not None:
            fields[name] = _tagged(fields[name], classes, where, name)
    return fields


def _tagged(raw: object, classes: Mapping[str, type], where: str, field: str) -> object:
    """Read a value that says its own type."""
    tag = raw.get("type") if isinstance(raw, dict) else None
    cls = classes.get(tag) if isinstance(tag, str) else None
    if cls is None or not isinstance(raw, dict):
        raise TraceError(f"{where}, field {field}: its `type` is one of {', '.join(classes)}, not {str(raw)[:80]}")
    fields = {name: value for name, value in raw.items() if name != "type"}
    if cls is Note and fields.get("item") is not None:
        fields["item"] = _tagged(fields["item"], _ITEMS, where, f"{field}.item")
    if cls is Execution:
        fields = _revived(fields, where, field)
    return _validated(cls, fields, where, field)


def _validated(cls: type, fields: dict[str, Any], where: str, field: str) -> Any:
    from pydantic import ValidationError

    inside = f"{field}." if field else ""
    if isinstance(fields.get("execution"), dict):
        fields["execution"] = _revived(fields["execution"], where, f"{inside}execution")
    if cls is End and isinstance(answer := fields.get("answer"), dict) and isinstance(answer.get("execution"), dict):
        execution = _revived(answer["execution"], where, "answer.execution")
        fields["answer"] = answer | {"execution": execution}
    known = {field.name for field in dataclasses.fields(cls)}
    if unknown := fields.keys() - known:
        within = f", field {field}" if field else ""
        raise TraceError(f"{where}{within}: unknown field {min(unknown)!r}; was it written by a newer reasonkit?")
    try:
        return _adapter(cls).validate_python(fields)
    except ValidationError as error:
        first = error.errors()[0]
        name = inside + ".".join(map(str, first["loc"]))
        raise TraceError(f"{where}, field {name}: {first['msg']} (was {str(first['input'])[:60]!r})") from None


@cache
def _adapter(cls: type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(cls)


def _revived(fields: dict[str, Any], where: str, field: str) -> dict[str, Any]:
    """Return the fields of an Execution with its value decoded."""
    try:
        return fields | {"value": decode_value(fields.get("value"))}
    except ValueError as error:
        raise TraceError(f"{where}, field {field}.value: {str(error)[:200]}") from None
