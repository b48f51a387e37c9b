"""One turn of Act or ReAct: as it was written, as it was read, as it happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Recovery = Literal[
    "echoed_cue",
    "leading_text",
    "same_line",
    "other_label",
    "lower_case_verb",
    "wrong_number",
    "no_number",
    "bare_action",
    "blank_line",
    "leading_space",
    "trailing_text",
    "quoted_argument",
    "missing_bracket",
    "other_bracket",
    "spaced_bracket",
    "keyword_argument",
    "action_input",
    "fenced",
    "json_action",
    "emphasis",
    "think_block",
    "several_actions",
    "observation_written",
    "next_step_written",
]
"""What a parser had to overlook to read a step."""

MalformedKind = Literal[
    "empty",
    "no_action",
    "unknown_tool",
    "unbalanced_bracket",
    "no_argument",
    "escaped_argument",
    "truncated",
    "think_only",
]
"""Why no step could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """`Tool[argument]`."""

    tool: str
    argument: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedStep:
    """A thought and the first action after it."""

    thought: str
    action: Action
    recovered: tuple[Recovery, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """A text in which no step could be read."""

    kind: MalformedKind
    span: tuple[int, int]
    """Where in the text the fault stands: first character, one past the last."""
    hint: str
    """What the model would have to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One turn of Act or ReAct as it happened."""

    number: int
    thought: str = ""
    action: Action | None = None
    observation: str | None = None
    recovered: tuple[Recovery, ...] = ()
    reasked: bool = False
    """Whether the model had to be asked again for the action alone."""
    malformed: MalformedKind | None = None

    @property
    def rung(self) -> Literal["accepted", "recovered", "reasked", "invalid"]:
        """How far down the ladder the step was read."""
        if self.malformed is not None:
            return "invalid"
        if self.reasked:
            return "reasked"
        return "recovered" if self.recovered else "accepted"
