"""The majority vote of self-consistency (arXiv 2203.11171) and of PAL: canonical answers, votes, maj@k, early stop.

An answer is canonical when all ways of writing it are one string. What is no answer (None, nothing, NaN) abstains: it
is counted apart and never wins. Ties go to the answer first seen.
Not here: drawing the samples.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction

from reasonkit.answers.numbers import to_number
from reasonkit.types import Vote

_SIGNIFICANT = 12
"""Digits of a number that is not whole; the noise of floating point lies below them."""
_DECIMALS = 3
"""Digits after the point that a large number keeps, as far as a float has them."""
_EXACT = 15
"""Decimal digits that a float always holds."""
_LONG = 4096
"""Bits of a whole number that is written in hexadecimal, because its decimal digits take quadratic time."""
_NOISE = Fraction(1, 10**15)
"""A computed float this near to zero is zero."""
_SMALL = Fraction(1, 10**9)
"""Numbers under this are compared by their digits alone, so that the constants of physics stay apart."""
_EDGES = " \t\r\n.,;:!?\"'“”‘’«»`*()[]{}"
_ARTICLE = re.compile(r"\A(?:a|an|the)\s+(?=\S)")
_MAX_DEPTH = 100


def canonical(value: object) -> str | None:
    """Return the one string that stands for an answer in a vote; None if it abstains.

    Args:
        value: a text, or the value of a program: `5`, `5.0`, `"5"`, `"$5.00"` and `Fraction(5)` are the same, as are
            numbers within floating-point noise, texts that differ in case, surrounding marks or a leading article, and
            lists and tuples of the same things. Values need not be hashable.
    """
    return _canonical(value, 0)


def majority(answers: Iterable[str | None]) -> tuple[tuple[Vote, ...], int]:
    """Count canonical answers: the votes, most first and ties in the order first seen; and how many abstained.

    Numbers so near to each other that rounding could have parted them are one answer, named as first seen.
    """
    ballot = _Ballot()
    abstained = sum(not ballot.add(answer) for answer in answers)
    votes = [Vote(answer=answer, count=count) for answer, count in ballot.counts.items()]
    return tuple(sorted(votes, key=lambda vote: -vote.count)), abstained


def maj_at_k(answers: Sequence[str | None]) -> tuple[str | None, ...]:
    """Return, for every k from 1 to n, the majority answer of the first k samples in the order they were drawn.

    Scoring entry k - 1 over a dataset gives maj@k from one run of n. It is the first-k estimate, not the mean over all
    subsets of size k. None stands where all of the first k abstained.
    """
    ballot = _Ballot()
    winners: list[str | None] = []
    for answer in answers:
        ballot.add(answer)
        winners.append(ballot.leader())
    return tuple(winners)


def overtaken(votes: Sequence[Vote], remaining: int) -> bool:
    """Tell whether the leader could still be overtaken by `remaining` more samples.

    A tie counts as overtaken unless the leader would win it for certain, so a False is final whatever comes.
    """
    if not votes or remaining <= 0:
        return remaining > 0
    second = votes[1].count if len(votes) > 1 else 0
    return second + remaining >= votes[0].count if second else remaining > votes[0].count


class _Ballot:
    """Counts in the order first seen."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._numbers: list[tuple[Fraction, str]] = []

    def add(self, answer: str | None) -> bool:
        if answer is None:
            return False
        if answer not in self.counts:
            answer = self._near(answer)
        self.counts[answer] = self.counts.get(answer, 0) + 1
        return True

    def leader(self) -> str | None:
        return max(self.counts, key=lambda answer: self.counts[answer], default=None)

    def _near(self, answer: str) -> str:
        """Return the number already counted that differs from `answer` by rounding alone, else `answer` itself."""
        number = to_number(answer)
        if number is None:
            return answer
        for other, name in self._numbers:
            if number.denominator == other.denominator == 1:
                continue
            size = max(abs(number), abs(other))
            apart = abs(number - other)
            if apart <= Fraction(3, 2) * Fraction(10) ** -_places(size) or (apart < _NOISE and size > _SMALL):
                return name
        self._numbers.append((number, answer))
        return answer


def _canonical(value: object, depth: int) -> str | None:
    if value is None or depth > _MAX_DEPTH:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Fraction | Decimal):
        return _number(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, datetime):
        return (value.date() if value.time() == time() and value.tzinfo is None else value).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, dict):
        return _joined("{", [_pair(key, item, depth) for key, item in value.items()], "}", in_order=False)
    if isinstance(value, set | frozenset):
        return _joined("{", [_canonical(item, depth + 1) for item in value], "}", in_order=False)
    if isinstance(value, list | tuple):
        return _joined("[", [_canonical(item, depth + 1) for item in value], "]", in_order=True)
    return repr(value)


def _pair(key: object, item: object, depth: int) -> str | None:
    name, content = _canonical(key, depth + 1), _canonical(item, depth + 1)
    return None if name is None or content is None else f"{name}: {content}"


def _joined(opening: str, items: list[str | None], closing: str, *, in_order: bool) -> str | None:
    known = [item for item in items if item is not None]
    if len(known) < len(items):
        return None
    return opening + ", ".join(known if in_order else sorted(known)) + closing


def _number(value: float | Fraction | Decimal) -> str | None:
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    number = to_number(value)
    if number is None:
        return repr(value)
    if isinstance(value, float) and abs(number) < _NOISE:
        return "0"
    return _digits(number)


def _digits(number: Fraction) -> str:
    if number.denominator != 1:
        number = round(number, _places(abs(number)))
    if number.denominator == 1:
        whole = number.numerator
        return str(whole) if whole.bit_length() < _LONG else hex(whole)
    places = _places(abs(number))
    scaled = abs(round(number * Fraction(10) ** places))
    digits = str(scaled)
    sign = "-" if number < 0 else ""
    if places > 2 * _SIGNIFICANT:
        head = digits.rstrip("0")
        exponent = len(digits) - 1 - places
        return f"{sign}{head[0]}{'.' + head[1:] if head[1:] else ''}e{exponent}"
    digits = digits.zfill(places + 1)
    return f"{sign}{digits[:-places]}.{digits[-places:]}".rstrip("0")


def _places(size: Fraction) -> int:
    """Return how many digits after the point a number of this size keeps."""
    if size == 0:
        return _SIGNIFICANT
    digits = _whole_digits(size) if size >= 1 else 1 - _whole_digits(1 / size)
    return max(_SIGNIFICANT - digits, min(_DECIMALS, _EXACT - digits), 0)


def _whole_digits(size: Fraction) -> int:
    whole = int(size)
    return len(str(whole)) if whole.bit_length() < _LONG else _LONG


def _text(value: str) -> str | None:
    text = " ".join(value.split())
    if text in {"nan", "NaN"}:
        return None
    number = to_number(text)
    if number is not None:
        return _digits(number)
    bare = _ARTICLE.sub("", text.strip(_EDGES).casefold()).strip(_EDGES)
    return bare or text.casefold() or None
