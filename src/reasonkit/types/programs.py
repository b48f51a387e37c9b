"""What came of running a program that a model wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramError:
    """What went wrong in a program that a model wrote."""

    kind: Literal[
        "exception",
        "refused",
        "syntax",
        "timeout",
        "memory",
        "output",
        "crash",
        "no_answer",
        "unconvertible",
        "truncated",
        "denied",
    ]
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What came of running a program; also an outcome."""

    value: object = None
    """An exact Python value: bool, int, float, str, None, Fraction, Decimal, date, datetime, or a tuple, list, set,
    frozenset or dict of these."""
    stdout: str = ""
    error: ProgramError | None = None
    seconds: float = 0.0
    """Wall-clock time of the run."""
    enforced: tuple[str, ...] = ()
    """The isolation that was really in force, for example `("policy", "rlimits", "landlock:4", "seccomp")`."""
