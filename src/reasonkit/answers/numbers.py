"""Numbers as people and models write them: `$1,000.50`, `1/2`, `3.5e3`, `-5 %`, `1 1/2`, `2 million`, `twelve`.

Values are exact fractions, so that nothing is lost before two numbers are compared.
Not here: which number of a text is the answer (`extraction`).
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction

_MAX_DIGITS = 1000
"""Longer numbers are not read: no answer needs them, and converting them takes quadratic time."""
_MAX_EXPONENT = 400

_SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORDS = {word: value for value, word in enumerate(_UNITS)} | {word: 20 + 10 * i for i, word in enumerate(_TENS)}
_WORDS |= {
    f"{ten}{join}{unit}": _WORDS[ten] + value
    for ten in _TENS
    for value, unit in enumerate(_UNITS[1:10], 1)
    for join in "- "
}

_MINUS = "-−–"
_WHOLE = r"(?:\d{1,3}(?:,\d{3})++(?!\d)|\d++)"
NUMBER = re.compile(
    rf"""
    (?P<sign>(?<![\w)\]%])[-−–+][ ]?)?+
    (?P<currency>[$€£¥₹][ ]?)?+
    (?P<late_sign>(?<=[$€£¥₹])[-−–])?+
    (?<![A-Za-z_\d])(?<!\d[.,/])
    (?:
        \\[dt]?frac\{{(?P<top>\d++)\}}\{{(?P<bottom>\d++)\}}
      | (?:(?P<mixed>\d++)[ ](?=\d++/\d))?+
        (?P<digits>{_WHOLE}(?:\.\d++)?+|\.\d++)(?!/\d++/\d)
        (?:
            [eE](?P<exponent>[-+−]?\d++)(?![\w])
          | [ ]?(?:[×x*]|\\times)[ ]?10(?:\^|\*\*)\{{?(?P<power>[-−]?\d++)\}}?
          | (?:\^|\*\*)\{{?(?P<raised>[-−]?\d++)\}}?
          | [ ]?[/⁄][ ]?(?P<denominator>\d++)(?![\d/.]\d)
        )?+
    )
    (?P<percent>[ ]?(?:%|\\%|percent\b|per[ ]cent\b))?+
    (?:[ ](?P<scale>hundred|thousand|million|billion|trillion)s?\b)?+
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""A number anywhere in a text; never a part of a word, of a longer number or of a date."""
_WORD_NUMBER = re.compile(rf"\b(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})\b", re.IGNORECASE)


def to_number(value: object) -> Fraction | None:
    """Return the exact value of a number or of a text that is one number; None for anything else.

    A percent sign and a currency are dropped: `50%` is 50. NaN, infinities and booleans are no numbers here.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | Fraction):
        return Fraction(value)
    if isinstance(value, float | Decimal):
        return Fraction(value) if math.isfinite(value) and _is_small(value) else None
    if not isinstance(value, str):
        return None
    text = value.strip().rstrip(".").strip() if not value.strip().startswith(".") else value.strip()
    if len(text) > _MAX_DIGITS:
        return None
    match = NUMBER.fullmatch(text)
    if match is not None:
        return number_value(match)
    return Fraction(_WORDS[text.casefold()]) if text.casefold() in _WORDS else None


def number_value(match: re.Match[str]) -> Fraction | None:
    """Return the value of a match of NUMBER; None if it divides by zero or is beyond all bounds."""
    if match.end() - match.start() > _MAX_DIGITS:
        return None
    if match["top"] is not None:
        whole, over = Fraction(int(match["top"])), int(match["bottom"])
    else:
        whole, over = Fraction(match["digits"].replace(",", "")), int(match["denominator"] or 1)
    if over == 0:
        return None
    value = whole / over + int(match["mixed"] or 0)
    if match["raised"] is not None:
        raised = int(match["raised"].replace("−", "-"))
        if abs(raised) > _MAX_EXPONENT or (value == 0 and raised < 0) or len(match["digits"]) > 20:
            return None
        value **= raised
    exponent = int((match["exponent"] or match["power"] or "0").replace("−", "-"))
    if abs(exponent) > _MAX_EXPONENT:
        return None
    value *= Fraction(10) ** exponent
    if match["scale"] is not None:
        value *= _SCALES[match["scale"].casefold()]
    negative = (match["sign"] or "+")[0] in _MINUS or match["late_sign"] is not None
    return -value if negative else value


def number_text(match: re.Match[str]) -> str:
    """Return a match of NUMBER as an answer: without currency, thousands' commas and words; `1/2` stays a fraction."""
    negative = (match["sign"] or "+")[0] in _MINUS or match["late_sign"] is not None
    sign = "-" if negative else ""
    if match["top"] is not None:
        return f"{sign}{match['top']}/{match['bottom']}"
    if match["scale"] or match["power"] or match["raised"]:
        value = number_value(match)
        if value is not None:
            return plain(value)
    digits = match["digits"].replace(",", "")
    mixed = f"{match['mixed']} " if match["mixed"] else ""
    exponent = f"e{match['exponent']}" if match["exponent"] else ""
    over = f"/{match['denominator']}" if match["denominator"] else ""
    return sign + mixed + digits + exponent.replace("−", "-") + over + ("%" if match["percent"] else "")


def number_words(text: str) -> list[str]:
    """Return the numbers that are spelled out in `text`, as digits."""
    return [str(_WORDS[match[0].casefold()]) for match in _WORD_NUMBER.finditer(text)]


def plain(value: Fraction) -> str:
    """Write a value without an exponent if it is a whole number, else with twelve significant digits."""
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.12g}"


def _is_small(value: float | Decimal) -> bool:
    return isinstance(value, float) or abs(value.adjusted()) <= _MAX_EXPONENT
