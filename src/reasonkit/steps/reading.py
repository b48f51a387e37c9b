"""parse_step: from what a model wrote after `Thought i:` to a thought and one action, or to what is wrong with it.

The form is ReAct's (arXiv 2210.03629): a thought, a line end, `Action i: Tool[argument]`. Everything that has to be
overlooked to read a step is named in `recovered`; what cannot be read without a guess is Malformed. Any text gives a
value, in time linear in its length.
Not here: asking again, counting, and running the action (the strategies' affair).
"""

from __future__ import annotations

import re
from typing import get_args

from reasonkit.steps.actions import Found, find_action
from reasonkit.steps.calls import Fault
from reasonkit.steps.surface import Surface, surface
from reasonkit.steps.surroundings import read_label, read_tail, read_thought, read_words_before
from reasonkit.types import Action, Malformed, MalformedKind, ParsedStep, Recovery

TOOLS = ("Search", "Lookup", "Finish")
"""The actions of ReAct over an encyclopedia."""

_FORM = re.compile(
    r" ?(?P<thought>[^\x00-\x1f\x7f-\xa0\u2028\u2029<\[({`~\\［【〔（]+)\n"
    r"Action (?P<number>\d+): (?P<tool>\w+)\[(?P<argument>[^\x00-\x1f\x7f-\xa0\u2028\u2029<\[\](){}`~\\\"'“”„«»‘’]+)\]\n?"
)
"""A step in exactly the form, without a character that could mean anything else."""
_LABEL = re.compile("thought|action|observation", re.IGNORECASE)
_ORDER: tuple[Recovery, ...] = get_args(Recovery)
_HINTS: dict[MalformedKind, str] = {
    "empty": "nothing was written; write a thought, then a line `Action {step}: ` with one of {tools}",
    "no_action": "there is no action; end the step with a line `Action {step}: ` and one of {tools}",
    "unknown_tool": "there is no such action; use one of {tools}",
    "unbalanced_bracket": "the bracket of the action is not closed on its line; write one of {tools}",
    "no_argument": "the action has no argument in square brackets; write one of {tools}",
    "escaped_argument": "the argument holds escapes; write one of {tools} with the plain text in brackets",
    "truncated": "the text was cut before the action; think shorter, then write one of {tools}",
    "think_only": "only the thinking was written; after it write `Action {step}: ` and one of {tools}",
}


def parse_step(
    text: str, step: int, *, tools: tuple[str, ...] = TOOLS, truncated: bool = False
) -> ParsedStep | Malformed:
    """Read the step that a model wrote after the cue `Thought {step}:`.

    Args:
        text: what the model wrote; it may repeat the cue.
        step: the number of the step, from 1.
        tools: the names of the actions, as they are to be spelled.
        truncated: whether the completion ended at the token limit; only then may the last bracket be missing.

    Returns:
        The thought and the first action, both stripped parts of `text`, with what was overlooked in the order of
        `Recovery`; or why there is no action.
    """
    return _as_written(text, step, tools) or search_step(text, step, tools=tools, truncated=truncated)


def _as_written(text: str, step: int, tools: tuple[str, ...]) -> ParsedStep | None:
    """Read a step that is in the form beyond doubt, as most are: in a tenth of the time of a search."""
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    thought, number, tool, argument = form.groups()
    if number != str(step) or tool not in tools or _LABEL.search(thought) or _LABEL.search(argument):
        return None
    if thought != thought.strip() or argument != argument.strip():
        return None
    return ParsedStep(thought=thought, action=Action(tool=tool, argument=argument))


def search_step(
    text: str, step: int, *, tools: tuple[str, ...] = TOOLS, truncated: bool = False
) -> ParsedStep | Malformed:
    """Read a step that may be written in any way; the arguments are those of `parse_step`."""
    shown = surface(text)
    found = find_action(shown, tools=tools, truncated=truncated, after_action_cue=False)
    if isinstance(found, Fault):
        return _malformed(found, step, tools)
    thought = read_thought(shown, found, step)
    return _parsed(shown, found, thought, step)


def parse_action(
    text: str, step: int, *, tools: tuple[str, ...] = TOOLS, truncated: bool = False
) -> ParsedStep | Malformed:
    """Read the action that a model wrote after the cue `Action {step}:`, when it was asked for the action alone.

    The arguments are those of `parse_step`. The thought of the result is empty: words before the action are named
    `leading_text` and dropped.
    """
    shown = surface(text)
    found = find_action(shown, tools=tools, truncated=truncated, after_action_cue=True)
    if isinstance(found, Fault):
        return _malformed(found, step, tools)
    read_words_before(shown, found)
    return _parsed(shown, found, (0, 0), step)


def _parsed(shown: Surface, found: Found, thought: tuple[int, int], step: int) -> ParsedStep:
    call = found.call
    read_label(shown, found, step)
    read_tail(shown, found)
    if any(block < found.end for block in shown.think):
        found.recovered.add("think_block")
    if any(fence < found.end and not thought[0] <= fence < thought[1] for fence in shown.fences):
        found.recovered.add("fenced")
    read = (shown.text[slice(*thought)], shown.text[slice(*call.argument)])
    if shown.text.count("\0", 0, found.end) > sum(part.count("\0") for part in read):
        found.recovered.add("leading_space")
    names = found.recovered | call.recovered
    return ParsedStep(
        thought=read[0],
        action=Action(tool=call.tool, argument=read[1]),
        recovered=tuple(name for name in _ORDER if name in names),
    )


def _malformed(fault: Fault, step: int, tools: tuple[str, ...]) -> Malformed:
    shown = ", ".join(f"{tool}[...]" for tool in tools)
    hint = _HINTS[fault.kind].format(step=step, tools=shown)
    return Malformed(kind=fault.kind, span=(fault.start, max(fault.start, fault.end)), hint=hint)
