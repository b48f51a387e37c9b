"""Reading a configuration: TOML or JSON, with overrides, and errors that name the key and the nearest known one."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from reasonkit.errors import InputError
from reasonkit.train.config.model import TrainConfig


def load_config(path: Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a configuration.

    Args:
        path: a TOML or JSON file.
        overrides: `key=value` with a dotted key, for example `optimizer.lr=1e-4` or `data.0.weight=2`; the value is
            read as TOML, else it is a text.

    Raises:
        InputError: the file cannot be read, or a key or value is not usable; the message names it.
    """
    return parsed(_overridden(_read(path), overrides), str(path))


def parsed(fields: Mapping[str, Any], where: str) -> TrainConfig:
    """Return the configuration that plain data describes.

    Raises:
        InputError: a key or value is not usable.
    """
    try:
        return TrainConfig.model_validate(fields)
    except ValidationError as error:
        faults = "; ".join(_fault(dict(one)) for one in error.errors())
        raise InputError(f"{where}: {faults}") from None


def written(config: TrainConfig) -> dict[str, Any]:
    """Return the configuration as plain data, as a manifest keeps it; `parsed` reads it."""
    fields: dict[str, Any] = config.model_dump(mode="json")
    return fields


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    try:
        fields = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: not {'JSON' if path.suffix == '.json' else 'TOML'}: {error}") from None
    if not isinstance(fields, dict):
        raise InputError(f"{path}: holds no keys and values")
    return fields


def _overridden(fields: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    for override in overrides:
        key, mark, value = override.partition("=")
        if not mark or not key.strip():
            raise InputError(f"--set {override!r}: write key=value, for example optimizer.lr=1e-4")
        _put(fields, key.strip().split("."), _value(value.strip()), override)
    return fields


def _put(fields: Any, path: list[str], value: object, override: str) -> None:
    *before, last = path
    for part in before:
        fields = fields.setdefault(part, {}) if isinstance(fields, dict) else _item(fields, part, override)
    if isinstance(fields, dict):
        fields[last] = value
    else:
        _item(fields, last, override)
        fields[int(last)] = value


def _item(items: object, part: str, override: str) -> Any:
    if not isinstance(items, list) or not part.isdecimal() or int(part) >= len(items):
        raise InputError(f"--set {override!r}: there is no {part!r}")
    return items[int(part)]


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _fault(error: dict[str, Any]) -> str:
    place = [str(part) for part in error["loc"]]
    key = ".".join(place)
    if error["type"] == "extra_forbidden":
        known = sorted(_keys(TrainConfig, place[:-1]))
        near = get_close_matches(place[-1], known, n=1)
        inside = f" in {'.'.join(place[:-1])}" if place[:-1] else ""
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
        return f"unknown key {place[-1]!r}{inside}; {hint}"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        return f"{key} is missing"
    if error["type"] == "value_error":
        return f"{key}: {message}" if key else str(message)
    return f"{key} is {error['input']!r}: {message[:1].lower()}{message[1:]}"


def _keys(group: type[BaseModel], path: Sequence[str]) -> Sequence[str]:
    """Return the known keys of the group that a path leads to."""
    for part in path:
        if part.isdecimal():
            continue
        found = _group(group.model_fields[part].annotation) if part in group.model_fields else None
        if found is None:
            return ()
        group = found
    return list(group.model_fields)


def _group(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, UnionType, tuple):
        return next((found for one in get_args(annotation) if (found := _group(one)) is not None), None)
    return None
