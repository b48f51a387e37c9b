"""What is to stay out of a file is replaced before it is written: a function on text, applied to every text of a line.

Texts that are the library's own words (hashes, names of strategies and prompts, why a run stopped) stay. Log
probabilities are dropped: their tokens are pieces of text too short for a pattern to be found in. Keys are never part
of a line, with or without a function.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

from reasonkit.errors import InputError
from reasonkit.types import TokenLogprob

T = TypeVar("T")
Redact: TypeAlias = Callable[[str], str]

_OURS: Final = frozenset(
    [
        "transcript_sha256",
        "prompt",
        "prompt_sha256",
        "strategy",
        "parts",
        "tools",
        "endpoint",
        "library",
        "role",
        "finish",
        "status",
        "kind",
        "limit",
        "stop_reason",
        "recovered",
        "malformed",
        "enforced",
        "grammar",
        "by",
    ]
)
"""Fields that hold the library's own words, by name."""


def redacted(value: T, redact: Redact) -> T:
    """Return a line, or a part of one, with every text replaced by what `redact` makes of it.

    Raises:
        InputError: `redact` returned something else than text.
    """
    made: T = _redacted(value, redact)
    return made


def _redacted(value: Any, redact: Redact) -> Any:
    if isinstance(value, str):
        made = redact(value)
        if not isinstance(made, str):
            raise InputError(f"redact= returned {made!r}; it is given a text and returns a text")
        return made
    if isinstance(value, (tuple, list, set, frozenset)):
        return type(value)(_redacted(item, redact) for item in value if not isinstance(item, TokenLogprob))
    if isinstance(value, Mapping):
        return {name: item if name in _OURS else _redacted(item, redact) for name, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.name not in _OURS]
        return dataclasses.replace(value, **{name: _redacted(getattr(value, name), redact) for name in names})
    return value
