"""What a caller wants to know of a program: the answer's place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Expression:
    """The value of an expression after the program has run, such as `solution()`."""

    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """The value of a global variable after the program has run, such as `answer`."""

    name: str


@dataclass(frozen=True, slots=True)
class _Named:
    name: str

    def __repr__(self) -> str:
        return self.name


STDOUT: Final = _Named("STDOUT")
"""What the program prints."""
LAST_EXPRESSION: Final = _Named("LAST_EXPRESSION")
"""The value of the expression that the program ends in, as in a notebook."""

Target: TypeAlias = Expression | Variable | _Named


def as_request(target: Target | str | None) -> dict[str, str]:
    """Return the target as the child reads it; a plain string is an Expression, None is LAST_EXPRESSION."""
    match target:
        case None:
            return {"kind": "last"}
        case str(text) | Expression(text):
            return {"kind": "expression", "text": text}
        case Variable(name):
            return {"kind": "variable", "name": name}
        case _Named("STDOUT"):
            return {"kind": "stdout"}
        case _Named():
            return {"kind": "last"}
    raise TypeError(f"an answer is an Expression, a Variable, STDOUT, LAST_EXPRESSION or a string, not {target!r}")
