"""The arguments of a tool that is a function: read from its signature, shown to the model, parsed from the brackets.

One argument is the whole text between the brackets. Several are separated by semicolons, in the function's order, and
may be named: `Convert[12; to=miles]`. A value with a semicolon in it stands in quotes. A JSON object with the
parameters' names is read as well, since chat models write it unasked. Nothing here calls the function.
"""

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Final, Literal, TypeAlias, Union, get_args, get_origin

from reasonkit.errors import InputError, ToolError

Value: TypeAlias = str | int | float | bool | None
_KINDS: Final = (str, int, float, bool)
_NAMED = re.compile(r"\s*([A-Za-z_]\w*)\s*=(?!=)(.*)", re.DOTALL)
_TRUTH: Final = {"true": True, "yes": True, "false": False, "no": False}
_REQUIRED: Final = inspect.Parameter.empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a function that is a tool."""

    name: str
    kind: type
    """str, int, float or bool."""
    choices: tuple[Value, ...] = ()
    """All the values there are, where the annotation is a Literal."""
    default: object = _REQUIRED
    by_name: bool = False
    """Whether the function takes it by keyword only."""

    @property
    def required(self) -> bool:
        return self.default is _REQUIRED

    @property
    def wanted(self) -> str:
        """What a value has to be, in words."""
        if self.choices:
            return " or ".join(str(choice) for choice in self.choices)
        return {str: "text", int: "a whole number", float: "a number", bool: "true or false"}[self.kind]


def parameters_of(function: Callable[..., object], name: str) -> tuple[Parameter, ...]:
    """Read a function's parameters.

    Raises:
        InputError: a parameter is of a kind that cannot be written between brackets.
    """
    try:
        signature = inspect.signature(function, eval_str=True)
    except (NameError, TypeError, ValueError) as error:
        raise InputError(f"the signature of the tool {name!r} cannot be read: {error}") from error
    return tuple(_parameter(each, name) for each in signature.parameters.values())


def signature_line(parameters: tuple[Parameter, ...]) -> str:
    """Show a model what stands between the brackets, for example `amount (a number); unit (km or mi)`."""
    return "; ".join(_shown(each) for each in parameters)


def read_arguments(parameters: tuple[Parameter, ...], text: str, name: str) -> tuple[object, ...]:
    """Parse what a model wrote between the brackets.

    Returns:
        One value for each parameter; a default where nothing was written.

    Raises:
        ToolError: too many, too few, or of a wrong type; the message says what was expected.
    """
    given = _from_json(parameters, text)
    if given is None and len(parameters) == 1:
        only = parameters[0]
        whole = text.strip() if only.kind is str else _unquoted(text.strip())
        given = {only.name: whole} if whole or (only.required and only.kind is str) else {}
    if given is None:
        given = _from_parts(parameters, text, name)
    missing = [each.name for each in parameters if each.required and each.name not in given]
    if missing:
        raise ToolError(f"{name} lacks {' and '.join(missing)}. {_form(parameters, name)}")
    return tuple(
        _converted(each, given[each.name], name) if each.name in given else each.default for each in parameters
    )


def _parameter(parameter: inspect.Parameter, tool: str) -> Parameter:
    if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
        raise InputError(
            f"the tool {tool!r} takes *{parameter.name}: name each parameter, so that a model can be told of it"
        )
    annotation = str if parameter.annotation is parameter.empty else parameter.annotation
    kind, choices = _kind(annotation)
    if kind is None:
        raise InputError(
            f"the parameter {parameter.name!r} of the tool {tool!r} is of type {annotation!r}: "
            "use str, int, float, bool, a Literal of these, or one of them | None with a default"
        )
    return Parameter(
        name=parameter.name,
        kind=kind,
        choices=choices,
        default=parameter.default,
        by_name=parameter.kind is parameter.KEYWORD_ONLY,
    )


def _kind(annotation: object) -> tuple[type | None, tuple[Value, ...]]:
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
        kinds = {type(choice) for choice in choices}
        return (kinds.pop(), choices) if len(kinds) == 1 and kinds <= set(_KINDS) else (None, ())
    if get_origin(annotation) in {Union, UnionType}:
        rest = [each for each in get_args(annotation) if each is not NoneType]
        return _kind(rest[0]) if len(rest) == 1 else (None, ())
    return (annotation, ()) if isinstance(annotation, type) and annotation in _KINDS else (None, ())


def _shown(parameter: Parameter) -> str:
    notes = [] if parameter.kind is str and not parameter.choices else [parameter.wanted]
    if parameter.default is None:
        notes.append("may be left out")
    elif not parameter.required:
        notes.append(f"{parameter.default} if left out")
    return f"{parameter.name} ({', '.join(notes)})" if notes else parameter.name


def _form(parameters: tuple[Parameter, ...], name: str) -> str:
    return f"Write {name}[{signature_line(parameters)}]."


def _from_json(parameters: tuple[Parameter, ...], text: str) -> dict[str, object] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        read = json.loads(text)
    except ValueError:
        return None
    names = {each.name for each in parameters}
    return dict(read) if isinstance(read, Mapping) and read and set(read) <= names else None


def _from_parts(parameters: tuple[Parameter, ...], text: str, name: str) -> dict[str, object]:
    names = [each.name for each in parameters]
    given: dict[str, object] = {}
    for part in _parts(text):
        named = _NAMED.fullmatch(part)
        if named and named[1] in names:
            key, value = named[1], named[2]
        else:
            free = [each for each in names if each not in given]
            if not free:
                wanted = f"{len(names)} arguments, separated by semicolons" if names else "no argument"
                raise ToolError(f"{name} takes {wanted}. {_form(parameters, name)}")
            key, value = free[0], part
        if key in given:
            raise ToolError(f"{name} was given {key} twice. {_form(parameters, name)}")
        given[key] = _unquoted(value.strip())
    return given


def _parts(text: str) -> list[str]:
    """Split at semicolons that stand outside quotes; a quote opens only at the beginning of a value."""
    parts: list[str] = []
    current, quote = "", ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'" and (not current.strip() or current.rstrip().endswith("=")):
            quote = letter
        elif letter == ";":
            parts.append(current)
            current = ""
            continue
        current += letter
    if quote and ";" in current:
        return text.split(";")
    if current.strip() or parts:
        parts.append(current)
    if parts and not parts[-1].strip():
        parts.pop()
    return parts


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'" and value[0] not in value[1:-1]:
        return value[1:-1]
    return value


def _converted(parameter: Parameter, given: object, name: str) -> Value:
    value = _typed(parameter.kind, given)
    if value is None or (parameter.choices and value not in parameter.choices):
        raise ToolError(f"{name}: {parameter.name} has to be {parameter.wanted}, not {given!r}.")
    return value


def _typed(kind: type, given: object) -> Value:
    """Return the value, or None where `given` is no such value; JSON brings numbers and booleans as they are."""
    if kind is str:
        return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    if kind is bool:
        return given if isinstance(given, bool) else _TRUTH.get(str(given).strip().lower())
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    if kind is int and isinstance(given, float):
        return int(given) if given.is_integer() else None
    try:
        return int(given) if kind is int else float(given)
    except ValueError:
        return None
