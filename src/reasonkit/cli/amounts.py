"""Amounts as people write them: 7.5B parameters, 80GB of memory, 400T FLOPs. Not for: units of other things."""

from __future__ import annotations

import math
import re

from reasonkit.errors import InputError

_COUNTS = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12, "P": 1e15}
_BYTES = {"": 1e9, "B": 1.0, "MB": 1e6, "GB": 1e9, "TB": 1e12, "MIB": 2.0**20, "GIB": 2.0**30, "TIB": 2.0**40}


def count(text: str, option: str) -> float:
    """Read a count: 7.5e9, 7.5B, 125M.

    Raises:
        InputError: it is none, or not over 0.
    """
    return _read(text, option, _COUNTS, "7.5e9 or 7.5B")


def size(text: str, option: str) -> float:
    """Read a size in bytes: 80 and 80GB are 80e9 bytes, 24GiB is 24 times 2^30.

    Raises:
        InputError: it is none, or not over 0.
    """
    return _read(text, option, _BYTES, "80, 80GB or 24GiB")


def _read(text: str, option: str, units: dict[str, float], example: str) -> float:
    found = re.fullmatch(r"\s*([0-9][0-9_,]*\.?[0-9]*(?:e[+-]?[0-9]+)?|\.[0-9]+)\s*([a-z]*)\s*", text, re.IGNORECASE)
    unit = units.get(found[2].upper()) if found else None
    value = math.nan if found is None or unit is None else float(found[1].replace("_", "").replace(",", "")) * unit
    if not 0 < value < math.inf:
        raise InputError(f"{option} is {text!r}; write a number over 0, for example {example}")
    return value
