"""From whatever a program answers to an exact plain value, inside the child.

Named tuples, counters and the like become their plain base; sympy's and numpy's numbers become Python's; any other
sympy object becomes its text. What has no plain form is refused with a message, as is what is too deep or too large;
sizes are looked at before anything is written out. Runs in the child, so a hostile `__str__` acts there.
Not here: the JSON form (reasonkit.values).
"""

from __future__ import annotations

import sys
from collections import deque
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any

MAX_DEPTH = 60
MAX_ITEMS = 200_000
MAX_INT_BITS = 4 << 20
MAX_TEXT = 4 << 20
"""Characters, or bytes, of all strings together."""


class Unconvertible(Exception):
    """A value has no plain form within the limits."""


def plain_value(value: object) -> object:
    """Return `value` as exact plain types.

    Raises:
        Unconvertible: it has no plain form, or is too deep or too large.
    """
    return _Conversion().convert(value, 0)


class _Conversion:
    def __init__(self) -> None:
        self._items = 0
        self._text = 0

    def convert(self, value: Any, depth: int) -> object:
        if depth > MAX_DEPTH:
            raise Unconvertible(f"the answer is nested more than {MAX_DEPTH} deep, or contains itself")
        self._items += 1
        if self._items > MAX_ITEMS:
            raise Unconvertible(f"the answer has more than {MAX_ITEMS} parts")
        cls = type(value)
        if value is None or cls is bool or cls is float or cls is complex:
            return value
        if cls is int:
            return self._int(value)
        if cls is str:
            return self._str(value)
        mro = type.__getattribute__(cls, "__mro__")
        for base in mro:
            match base.__module__:
                case "builtins":
                    pass
                case str(module) if module.partition(".")[0] in {"sympy", "numpy", "mpmath"}:
                    if sys.modules.get(module) is not None:
                        return self._foreign(value, cls, module.partition(".")[0], depth)
        for base in mro:
            if base in _PLAIN:
                return self._plain(value, base, depth)
        raise Unconvertible(f"the answer is a {cls.__name__}, which has no plain form: answer with a number or text")

    def _int(self, value: int) -> int:
        if int.bit_length(value) > MAX_INT_BITS:
            raise Unconvertible(f"the answer is an integer of more than {MAX_INT_BITS} bits")
        return int.__index__(value)

    def _str(self, value: str) -> str:
        self._text += str.__len__(value)
        if self._text > MAX_TEXT:
            raise Unconvertible(f"the answer holds more than {MAX_TEXT} characters")
        return str.__str__(value)

    def _plain(self, value: Any, base: type, depth: int) -> object:
        if base is int:
            return self._int(value)
        if base is float:
            return float.__float__(value)
        if base is str:
            return self._str(value)
        if base is complex:
            return complex(float.__float__(complex.real.__get__(value)), complex.imag.__get__(value))
        if base in {bytes, bytearray}:
            self._text += base.__len__(value)
            if self._text > MAX_TEXT:
                raise Unconvertible(f"the answer holds more than {MAX_TEXT} bytes")
            return bytes(memoryview(value))
        if base is range:
            return range(self._int(value.start), self._int(value.stop), self._int(value.step))
        if base is dict:
            return {
                self.convert(key, depth + 1): self.convert(item, depth + 1) for key, item in list(dict.items(value))
            }
        if base in _CONTAINERS:
            self._check_count(base.__len__(value))  # type: ignore[attr-defined]
            items = [self.convert(item, depth + 1) for item in base.__iter__(value)]  # type: ignore[attr-defined]
            return _CONTAINERS[base](items)
        if base is Fraction:
            return Fraction(self._int(Fraction.numerator.fget(value)), self._int(Fraction.denominator.fget(value)))  # type: ignore[attr-defined]
        if base is Decimal:
            return Decimal(tuple(Decimal.as_tuple(value)))  # type: ignore[arg-type]
        return _moment(value, base)

    def _check_count(self, count: int) -> None:
        if self._items + count > MAX_ITEMS:
            raise Unconvertible(f"the answer has more than {MAX_ITEMS} parts")

    def _foreign(self, value: Any, cls: type, package: str, depth: int) -> object:
        match package:
            case "sympy":
                return self._sympy(value, cls, depth)
            case "numpy":
                return self._numpy(value, cls, depth)
        mpmath: Any = sys.modules["mpmath"]
        if isinstance(value, mpmath.mpf):
            return float(value)
        if isinstance(value, mpmath.mpc):
            return complex(value)
        return self._str(str(value))

    def _sympy(self, value: Any, cls: type, depth: int) -> object:
        sympy: Any = sys.modules["sympy"]
        if not isinstance(value, (sympy.Basic, sympy.matrices.matrixbase.MatrixBase)):
            if isinstance(value, type) or not hasattr(cls, "_sympy_"):
                for base in _PLAIN:
                    if issubclass(cls, base):
                        return self._plain(value, base, depth)
            raise Unconvertible(f"the answer is sympy's {cls.__name__}, which has no plain form")
        if isinstance(value, sympy.Integer):
            return self._int(int(value))
        if isinstance(value, sympy.Rational) and value.is_finite:
            return Fraction(self._int(int(value.p)), self._int(int(value.q)))
        if isinstance(value, sympy.Float):
            return float(value)
        if value is sympy.true or value is sympy.false:
            return bool(value)
        if isinstance(value, sympy.Tuple):
            return tuple(self.convert(item, depth + 1) for item in value.args)
        return self._str(str(value))

    def _numpy(self, value: Any, cls: type, depth: int) -> object:
        numpy: Any = sys.modules["numpy"]
        if isinstance(value, numpy.ndarray):
            self._check_count(int(value.size))
            return self.convert(numpy.ndarray.tolist(value), depth)
        if isinstance(value, numpy.generic):
            item = value.item()
            return self.convert(float(item) if isinstance(item, numpy.generic) else item, depth)
        raise Unconvertible(f"the answer is numpy's {cls.__name__}, which has no plain form")


def _moment(value: Any, base: type) -> object:
    zone = None if base in {date, timedelta} else _fixed_zone(value)
    if base is datetime:
        parts = (value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond)
        return datetime(*parts, tzinfo=zone, fold=value.fold)
    if base is date:
        return date(value.year, value.month, value.day)
    if base is time:
        return time(value.hour, value.minute, value.second, value.microsecond, tzinfo=zone, fold=value.fold)
    return timedelta(value.days, value.seconds, value.microseconds)


def _fixed_zone(value: datetime | time) -> tzinfo | None:
    """Return the value's time zone as the fixed offset that it has at that moment."""
    offset = value.utcoffset()
    if value.tzinfo is None or offset is None:
        return None
    if type(value.tzinfo) is timezone:
        return value.tzinfo
    name = value.tzname()
    return timezone(offset) if name is None else timezone(offset, str(name))


_CONTAINERS: dict[type, Any] = {
    list: list, tuple: tuple, set: set, frozenset: frozenset, deque: list,
    type({}.keys()): list, type({}.values()): list, type({}.items()): list,
}  # fmt: skip
_PLAIN = frozenset({
    int, float, str, complex, bytes, bytearray, range, dict, *_CONTAINERS, Fraction, Decimal, datetime, date, time,
    timedelta,
})  # fmt: skip
