"""Scoring a step parser on a corpus of cases: JSON Lines, one case a line, in the format of `tests/conformance`.

Any parser can be scored: what it overlooked to read a step counts apart from what it read.
Not here: the cases themselves.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from reasonkit.errors import DatasetError
from reasonkit.steps.reading import TOOLS, parse_action, parse_step
from reasonkit.types import Action, MalformedKind, ParsedStep, Recovery
from reasonkit.types import Malformed as MalformedStep

CLEAN = "clean"
"""The kind of the cases in which nothing has to be overlooked."""

_KINDS = (*get_args(Recovery), *get_args(MalformedKind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A text and how it is to be read."""

    id: str
    text: str
    step: int
    after: Literal["thought", "action"] = "thought"
    """The cue that the text follows: `Thought i:` or `Action i:`."""
    truncated: bool = False
    tools: tuple[str, ...] = TOOLS
    expected: ParsedStep | MalformedKind

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the case is a case of: its recoveries, its malformed kind, or `clean`."""
        if isinstance(self.expected, ParsedStep):
            return self.expected.recovered or (CLEAN,)
        return (self.expected,)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindScore:
    """How many cases of a kind were read right; a case with three recoveries counts in three kinds."""

    kind: str
    right: int
    cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """A case that was read otherwise than expected."""

    case: Case
    got: ParsedStep | MalformedKind


@dataclass(frozen=True, slots=True, kw_only=True)
class StepScore:
    """What a parser made of a corpus."""

    cases: int
    right: int
    """Cases in which thought, action and recoveries, or the malformed kind, are as expected."""
    read: int
    """Cases in which the action, or that there is none, is as expected, whatever else was said."""
    kinds: tuple[KindScore, ...]
    """In the order of the two closed lists, after `clean`."""
    misses: tuple[Miss, ...]


def score(
    cases: Iterable[Case],
    *,
    parse: Callable[..., ParsedStep | MalformedStep] = parse_step,
    parse_after_action: Callable[..., ParsedStep | MalformedStep] = parse_action,
) -> StepScore:
    """Parse every case and compare.

    Args:
        cases: what `read_cases` gives.
        parse: the parser of what follows `Thought i:`, called like `parse_step`.
        parse_after_action: the parser of what follows `Action i:`, called like `parse_action`.
    """
    total, right, read = 0, 0, 0
    seen: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    misses: list[Miss] = []
    for case in cases:
        parser = parse if case.after == "thought" else parse_after_action
        parsed = parser(case.text, case.step, tools=case.tools, truncated=case.truncated)
        got = parsed if isinstance(parsed, ParsedStep) else parsed.kind
        total += 1
        seen.update(case.kinds)
        read += _action(got) == _action(case.expected)
        if got == case.expected:
            right += 1
            hit.update(case.kinds)
        else:
            misses.append(Miss(case=case, got=got))
    kinds = tuple(KindScore(kind=kind, right=hit[kind], cases=seen[kind]) for kind in (CLEAN, *_KINDS) if seen[kind])
    return StepScore(cases=total, right=right, read=read, kinds=kinds, misses=tuple(misses))


def read_cases(path: Path) -> tuple[Case, ...]:
    """Read a corpus; DatasetError names the line and the field that are wrong."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"the corpus {str(path)!r} cannot be read ({error}): give a file of JSON Lines") from error
    cases = tuple(_case(line, f"{path.name}:{number}") for number, line in enumerate(lines, 1) if line.strip())
    if not cases:
        raise DatasetError(f"{path.name} holds no cases: give a file with one JSON object a line")
    return cases


def _action(read: ParsedStep | str) -> Action | None:
    return read.action if isinstance(read, ParsedStep) else None


def _case(line: str, place: str) -> Case:
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise DatasetError(f"{place}: not JSON ({error}): write one object a line") from error
    if not isinstance(fields, dict):
        raise DatasetError(f"{place}: {type(fields).__name__} instead of an object")
    row = _Row(fields, place)
    after = row.text("after", "thought")
    if after not in ("thought", "action"):
        raise DatasetError(f"{place}: after is {after!r}: write thought or action")
    return Case(
        id=row.text("id"),
        text=row.text("text"),
        step=row.number("step"),
        after="thought" if after == "thought" else "action",
        truncated=fields.get("truncated") is True,
        tools=row.texts("tools", TOOLS),
        expected=row.expected(),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    fields: dict[str, object]
    place: str

    def text(self, name: str, default: str | None = None) -> str:
        value = self.fields.get(name, default)
        if not isinstance(value, str):
            raise DatasetError(f"{self.place}: {name} is {value!r}: write a text")
        return value

    def number(self, name: str) -> int:
        value = self.fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise DatasetError(f"{self.place}: {name} is {value!r}: write a whole number from 1")
        return value

    def texts(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self.fields.get(name, default)
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise DatasetError(f"{self.place}: {name} is {value!r}: write a list of texts")
        return tuple(item for item in value if isinstance(item, str))

    def expected(self) -> ParsedStep | MalformedKind:
        if "malformed" in self.fields:
            name = self.text("malformed")
            kind: MalformedKind | None = next((kind for kind in get_args(MalformedKind) if kind == name), None)
            if kind is None:
                raise DatasetError(f"{self.place}: malformed is {name!r}: write one of {', '.join(_KINDS)}")
            return kind
        names = self.texts("recovered", ())
        unknown = sorted(set(names) - set(get_args(Recovery)))
        if unknown:
            raise DatasetError(f"{self.place}: recovered holds {unknown[0]!r}, which is no recovery")
        recovered: tuple[Recovery, ...] = tuple(name for name in get_args(Recovery) if name in names)
        action = Action(tool=self.text("tool"), argument=self.text("argument"))
        return ParsedStep(thought=self.text("thought"), action=action, recovered=recovered)
