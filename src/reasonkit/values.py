"""Exact Python values as JSON, and back: what a program's answer is on the wire and in a trace.

Covered: None, bool, int of any size, float (nan, infinities and the sign of zero included), complex, str (lone
surrogates included), bytes, list, tuple, dict, set, frozenset, range, Fraction, Decimal, date, time, datetime,
timedelta, nested in one another. Types are matched exactly: a subclass is refused, never flattened, so
`decode_value(encode_value(x))` has `x`'s types all the way down and equals it.

Not covered: arbitrary objects, shared references, cycles. Nothing here ever runs code from the data: no pickle.

The form: what JSON can say exactly is said plainly; everything else is an object with the one key `"$"` for its type
and `"v"` for its content. Sets are written in the order of their members' JSON, so equal sets have equal JSON.
"""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Protocol, TypeAlias

from reasonkit.errors import InputError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MAX_DEPTH = 100
"""How deep values may be nested; a self-containing list ends here instead of in a RecursionError."""

_PLAIN_INT_LIMIT = 1 << 53
"""Integers from here on are written in hexadecimal: other JSON readers would round them, and Python refuses to read
more than 4,300 digits."""


def encode_value(value: object) -> Json:
    """Return `value` as data that `json.dumps` takes.

    Raises:
        InputError: a type that is not covered, or nesting deeper than `MAX_DEPTH`.
    """
    return _encode(value, 0)


def decode_value(data: Json) -> object:
    """Return the value that `encode_value` made `data` from.

    Raises:
        InputError: data that `encode_value` does not make.
    """
    return _decode(data, 0)


class _Writer(Protocol):
    def __call__(self, value: object, depth: int, /) -> Json: ...


def _encode(value: object, depth: int) -> Json:
    if value is None or value is True or value is False:
        return value
    writer = _WRITERS.get(type(value))
    if writer is None:
        raise InputError(f"a value of type {type(value).__name__!r} has no exact JSON form: convert it to a plain one")
    if depth > MAX_DEPTH:
        raise InputError(f"a value is nested more than {MAX_DEPTH} deep, or contains itself: flatten it")
    return writer(value, depth)


def _tagged(name: str, content: Json) -> Json:
    return {"$": name, "v": content}


def _encode_int(value: object, _depth: int) -> Json:
    assert isinstance(value, int)
    return value if -_PLAIN_INT_LIMIT < value < _PLAIN_INT_LIMIT else _tagged("int", hex(value))


def _encode_float(value: object, _depth: int) -> Json:
    assert isinstance(value, float)
    return value if math.isfinite(value) else _tagged("float", repr(value))


def _encode_str(value: object, _depth: int) -> Json:
    assert isinstance(value, str)
    try:
        value.encode()
    except UnicodeEncodeError:
        return _tagged("str", value.encode("utf-8", "surrogatepass").hex())
    return value


def _encode_items(value: object, depth: int) -> list[Json]:
    assert isinstance(value, (list, tuple))
    return [_encode(item, depth + 1) for item in value]


def _encode_set(value: object, depth: int) -> list[Json]:
    assert isinstance(value, (set, frozenset))
    return sorted((_encode(item, depth + 1) for item in value), key=lambda item: json.dumps(item, sort_keys=True))


def _encode_dict(value: object, depth: int) -> Json:
    assert isinstance(value, dict)
    return _tagged("dict", [[_encode(key, depth + 1), _encode(item, depth + 1)] for key, item in value.items()])


def _encode_parts(name: str, *parts: float) -> Json:
    return _tagged(name, [_encode(part, 0) for part in parts])


def _encode_zone(zone: tzinfo | None) -> Json:
    if zone is None:
        return None
    if type(zone) is not timezone:
        raise InputError(f"a time zone of type {type(zone).__name__!r} has no exact JSON form: use a fixed offset")
    offset = zone.utcoffset(None)
    name = zone.tzname(None)
    return [offset.days, offset.seconds, offset.microseconds, None if name == str(timezone(offset)) else name]


def _encode_datetime(value: object, _depth: int) -> Json:
    assert isinstance(value, datetime)
    return _tagged("datetime", [value.replace(tzinfo=None).isoformat(), value.fold, _encode_zone(value.tzinfo)])


def _encode_time(value: object, _depth: int) -> Json:
    assert isinstance(value, time)
    return _tagged("time", [value.replace(tzinfo=None).isoformat(), value.fold, _encode_zone(value.tzinfo)])


def _encode_scalar(value: object, _depth: int) -> Json:
    match value:
        case complex():
            return _encode_parts("complex", value.real, value.imag)
        case bytes():
            return _tagged("bytes", value.hex())
        case range():
            return _encode_parts("range", value.start, value.stop, value.step)
        case Fraction():
            return _encode_parts("Fraction", value.numerator, value.denominator)
        case timedelta():
            return _encode_parts("timedelta", value.days, value.seconds, value.microseconds)
        case Decimal():
            return _tagged("Decimal", str(value))
        case date():
            return _tagged("date", value.isoformat())
        case _:
            raise AssertionError(type(value))


_WRITERS: dict[type, _Writer] = {
    int: _encode_int,
    float: _encode_float,
    str: _encode_str,
    list: _encode_items,
    dict: _encode_dict,
    tuple: lambda value, depth: _tagged("tuple", _encode_items(value, depth)),
    set: lambda value, depth: _tagged("set", _encode_set(value, depth)),
    frozenset: lambda value, depth: _tagged("frozenset", _encode_set(value, depth)),
    datetime: _encode_datetime,
    time: _encode_time,
    **dict.fromkeys((complex, bytes, range, Fraction, timedelta, Decimal, date), _encode_scalar),
}


def _decode(data: Json, depth: int) -> object:
    if depth > MAX_DEPTH:
        raise InputError(f"a value is nested more than {MAX_DEPTH} deep")
    match data:
        case dict():
            if data.keys() != {"$", "v"}:
                raise InputError(f'a value\'s object has exactly the keys "$" and "v", not {sorted(data)!r}')
            try:
                return _decode_tagged(data["$"], data["v"], depth)
            except InputError:
                raise
            except (ValueError, TypeError, OverflowError, ArithmeticError) as error:
                raise InputError(f"{data!r} is not a value's JSON form: {error}") from error
        case list():
            return [_decode(item, depth + 1) for item in data]
        case None | bool() | int() | float() | str():
            return data
    raise InputError(f"{data!r} is not a value's JSON form: it is no JSON")


def _decode_tagged(name: Json, content: Json, depth: int) -> object:
    match name, content:
        case "int", str():
            return int(content, 16)
        case "float", "nan" | "inf" | "-inf":
            return float(content)
        case "str", str():
            return bytes.fromhex(content).decode("utf-8", "surrogatepass")
        case "bytes", str():
            return bytes.fromhex(content)
        case "Decimal", str():
            return Decimal(content)
        case "date", str():
            return date.fromisoformat(content)
        case "tuple" | "set" | "frozenset", list():
            kind = {"tuple": tuple, "set": set, "frozenset": frozenset}[str(name)]
            return kind(_decode(item, depth + 1) for item in content)
        case "dict", list():
            return dict(_decode_pair(pair, depth + 1) for pair in content)
        case "complex", [real, imag]:
            return complex(_number(real), _number(imag))
        case "range", [start, stop, step]:
            return range(_whole(start), _whole(stop), _whole(step))
        case "Fraction", [numerator, denominator]:
            return Fraction(_whole(numerator), _whole(denominator))
        case "timedelta", [days, seconds, microseconds]:
            return timedelta(_whole(days), _whole(seconds), _whole(microseconds))
        case "datetime", [str(text), int(fold), zone]:
            return datetime.fromisoformat(text).replace(fold=fold, tzinfo=_decode_zone(zone))
        case "time", [str(text), int(fold), zone]:
            return time.fromisoformat(text).replace(fold=fold, tzinfo=_decode_zone(zone))
    raise InputError(f"{name!r} with {content!r} is not a value's JSON form")


def _decode_pair(pair: Json, depth: int) -> tuple[object, object]:
    match pair:
        case [key, value]:
            return _decode(key, depth), _decode(value, depth)
    raise InputError(f"a dict is written as pairs of key and value, not {pair!r}")


def _number(data: Json) -> float:
    value = _decode(data, 0)
    if type(value) is not float:
        raise InputError(f"{data!r} stands where a float belongs")
    return value


def _whole(data: Json) -> int:
    value = _decode(data, 0)
    if type(value) is not int:
        raise InputError(f"{data!r} stands where an integer belongs")
    return value


def _decode_zone(data: Json) -> tzinfo | None:
    match data:
        case None:
            return None
        case [int(days), int(seconds), int(microseconds), None]:
            return timezone(timedelta(days, seconds, microseconds))
        case [int(days), int(seconds), int(microseconds), str(name)]:
            return timezone(timedelta(days, seconds, microseconds), name)
    raise InputError(f"{data!r} is not a time zone: days, seconds, microseconds and a name or null")
