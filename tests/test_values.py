from __future__ import annotations

import json
import math
from collections import Counter
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.errors import InputError
from reasonkit.values import MAX_DEPTH, Json, decode_value, encode_value

ZONES = st.none() | st.builds(
    timezone,
    st.timedeltas(min_value=timedelta(hours=-23), max_value=timedelta(hours=23)),
)
HASHABLE_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 3000).map(lambda bits: -(1 << bits))
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters())
    | st.text(st.characters(categories=["Cs", "L"]))
    | st.binary()
    | st.fractions()
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.times(timezones=ZONES)
    | st.datetimes(timezones=ZONES, allow_imaginary=True)
    | st.timedeltas()
    | st.builds(range, st.integers(-5, 5), st.integers(), st.integers(1, 9))
)


@st.composite
def leaves(draw: st.DrawFn) -> object:
    return draw(HASHABLE_LEAVES)


@st.composite
def hashable(draw: st.DrawFn) -> object:
    depth = draw(st.integers(0, 2))
    strategy: st.SearchStrategy[object] = leaves()
    for _ in range(depth):
        strategy = st.frozensets(strategy, max_size=3) | st.tuples(strategy, leaves())
    return draw(strategy)


@st.composite
def values(draw: st.DrawFn) -> object:
    depth = draw(st.integers(0, 3))
    strategy: st.SearchStrategy[object] = hashable()
    for _ in range(depth):
        strategy = (
            st.lists(strategy, max_size=3)
            | st.tuples(strategy)
            | st.sets(hashable(), max_size=3)
            | st.dictionaries(hashable(), strategy, max_size=3)
        )
    return draw(strategy)


def shape(value: object) -> object:
    """The types all the way down, with what `==` does not tell apart."""
    match value:
        case dict():
            return dict, [(shape(key), shape(item)) for key, item in value.items()]
        case list() | tuple():
            return type(value), [shape(item) for item in value]
        case set() | frozenset():
            return type(value), sorted(repr(shape(item)) for item in value)
        case datetime() | time():
            return type(value), repr(value), value.fold
        case _:
            return type(value), repr(value)


@given(values())
def test_every_value_comes_back_with_its_types_through_real_json(value: object) -> None:
    back = decode_value(json.loads(json.dumps(encode_value(value), allow_nan=False)))
    assert back == value
    assert shape(back) == shape(value)


@given(values())
def test_the_json_is_utf8_and_the_same_for_the_same_value(value: object) -> None:
    text = json.dumps(encode_value(value), ensure_ascii=False)
    assert json.dumps(encode_value(decode_value(json.loads(text.encode().decode()))), ensure_ascii=False) == text


@pytest.mark.parametrize("value", [math.nan, Decimal("NaN"), Decimal("sNaN12"), complex(0.0, math.nan)])
def test_nan_stays_nan_of_its_type(value: object) -> None:
    back = decode_value(encode_value(value))
    assert type(back) is type(value)
    assert repr(back) == repr(value)


@pytest.mark.parametrize("value", [-0.0, Decimal("-0.00"), Decimal("1E+5"), complex(-0.0, 0.0)])
def test_signs_and_exponents_survive(value: object) -> None:
    assert repr(decode_value(encode_value(value))) == repr(value)


def test_equal_sets_have_equal_json() -> None:
    assert encode_value({"b", "a", 3}) == encode_value({3, "a", "b"})


def test_an_integer_of_a_hundred_thousand_digits_survives() -> None:
    value = 7**120_000
    assert decode_value(json.loads(json.dumps(encode_value(value)))) == value


class Color(IntEnum):
    RED = 1


class Point(NamedTuple):
    x: int


class Zone(tzinfo):
    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(hours=1)

    def dst(self, moment: datetime | None) -> None:
        return None

    def tzname(self, moment: datetime | None) -> str:
        return "here"


@pytest.mark.parametrize(
    "value",
    [Color.RED, Point(1), Counter("a"), object(), lambda: 1, {1: object()}, datetime(2024, 1, 1, tzinfo=Zone())],
)
def test_what_is_not_exactly_a_plain_type_is_refused(value: object) -> None:
    with pytest.raises(InputError):
        encode_value(value)


def test_a_list_that_contains_itself_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(InputError, match="contains itself"):
        encode_value(value)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"$": "int"},
        {"$": "int", "v": 1},
        {"$": "int", "v": "xyz"},
        {"$": "float", "v": "1.5"},
        {"$": "eval", "v": "1"},
        {"$": "Fraction", "v": [1, 0]},
        {"$": "Fraction", "v": [1.5, 2]},
        {"$": "set", "v": [[]]},
        {"$": "dict", "v": [[1]]},
        {"$": "date", "v": "2024-13-01"},
        {"$": "datetime", "v": ["2024-01-01", 7, None]},
        {"$": "Decimal", "v": "one"},
        {"$": "int", "v": "0x1", "more": 1},
    ],
)
def test_what_encode_does_not_make_is_refused(data: Json) -> None:
    with pytest.raises(InputError):
        decode_value(data)


def test_deep_json_is_refused_and_does_not_overflow() -> None:
    data: Json = []
    for _ in range(MAX_DEPTH + 2):
        data = [data]
    with pytest.raises(InputError, match="deep"):
        decode_value(data)


def test_dates_are_not_datetimes() -> None:
    assert type(decode_value(encode_value(date(2024, 2, 29)))) is date
    assert decode_value(encode_value(Fraction(-6, 4))) == Fraction(-3, 2)
