"""What stands round an action that was found: the thought, the label, the gaps, and what comes after.

Every oddity is named here once; nothing is decided about the action itself.
"""

from __future__ import annotations

import re

from reasonkit.steps.actions import Found
from reasonkit.steps.calls import tool_pattern
from reasonkit.steps.surface import Label, Surface, content, labels, name_markup, newlines
from reasonkit.types import Recovery

_MARKUP = str.maketrans("", "", "*_`\0")
_JOIN = re.compile(r"(?:[\W_]++|(?:and|then|or)\b|\d{1,2}[.)])*+\Z", re.IGNORECASE)
_CLOSING = re.compile(r"[\s\0*_`]*+")


def read_thought(shown: Surface, found: Found, step: int) -> tuple[int, int]:
    """Return where the thought stands, and name what surrounds it."""
    names, end = found.recovered, found.start
    start = stop = 0
    echoes = [label for label in labels(shown.shown, "Thought", 0, end) if label.colon]
    for place, echo in enumerate(echoes):
        words = bool(_stripped(shown, start, echo.start))
        if words and (start or _is_later(echo, step)):
            names.add("next_step_written")
            break
        if words:
            names.add("leading_text")
        names.add("echoed_cue")
        if echo.number is not None and int(echo.number) != step:
            names.add("wrong_number")
        name_label(echo, names)
        start = echo.end
        stop = echoes[place + 1].start if place + 1 < len(echoes) else end
    else:
        stop = end
    if "next_step_written" in names:
        stop = echo.start
    thought = _last_piece(shown, *content(shown.shown, start, stop))
    if thought[0] < thought[1]:
        _name_lines(newlines(shown.shown[start : thought[0]]), 0, found)
    first_word, words_end = content(shown.shown, start, end)
    if first_word == words_end:
        words_end = start
    if found.label is not None or start < words_end:
        _name_gap_before(shown, found, words_end)
    elif newlines(shown.shown[start:end]) > 1:
        names.add("blank_line")
    if thought[0] == thought[1] and found.call.thought is not None:
        return content(shown.text, *found.call.thought)
    return thought


def read_words_before(shown: Surface, found: Found) -> None:
    """Name what stands between the cue `Action i:` and the action, where the action alone was asked for."""
    names = found.recovered
    if found.label is not None and found.label.written:
        names.add("echoed_cue")
    if _stripped(shown, 0, found.start):
        names.add("leading_text")
    elif found.start:
        _name_lines(newlines(shown.shown[: found.start]), 0, found)
    if found.label is None:
        names.discard("bare_action")
        names.add("leading_text")


def read_label(shown: Surface, found: Found, step: int) -> None:
    """Name what is odd about the label, and about the gap between it and the call."""
    label, names = found.label, found.recovered
    if label is None:
        name_markup(shown.shown[found.start : found.call.start], names)
        return
    if label.written:
        if label.number is None:
            names.add("no_number")
        elif int(label.number) != step:
            names.add("wrong_number")
        plain = label.written[len(label.lead) :].translate(_MARKUP).rstrip()
        form = "Action:" if label.number is None else f"Action {int(label.number)}:"
        if plain != form:
            names.add("other_label")
        name_label(label, names)
    if found.words_between:
        return
    gap = shown.shown[label.end : found.call.start].replace("\0", "")
    name_markup(gap, names)
    if newlines(gap):
        _name_lines(newlines(gap), 0, found)
    elif gap != " " and (gap or label.colon) and (gap or label.written):
        names.add("leading_space")


def read_tail(shown: Surface, found: Found) -> None:
    """Name what stands after the action: words, further actions, the next step, an observation."""
    names, start, end = found.recovered, found.call.end, found.end
    if end < len(shown.text):
        names.add("observation_written")
    inline = next((label for label in labels(shown.shown, "Observation", start, end) if label.colon), None)
    if inline is not None:
        names.add("observation_written")
        end = found.end = inline.start
    thoughts = [label.start for label in labels(shown.shown, "Thought", start, end) if label.colon]
    actions = [label.start for label in labels(shown.shown, "Action", start, end) if label.colon]
    calls = [
        match.start()
        for match in tool_pattern(found.tools).finditer(shown.shown, start, end)
        if shown.shown.startswith(("[", " [", "("), match.end())
    ]
    if thoughts:
        names.add("next_step_written")
    if actions or calls:
        names.add("several_actions")
    rest = shown.shown[start : min([end, *thoughts[:1], *actions[:1], *calls[:1]])]
    closing = _CLOSING.match(rest)
    assert closing is not None
    name_markup(closing[0], names)
    words = rest[closing.end() :]
    if words and not ((thoughts or actions or calls) and _JOIN.match(words)):
        names.add("trailing_text")


def name_label(label: Label, names: set[Recovery]) -> None:
    """Name the markup of a label; its number and its own mark are none."""
    name_markup(label.lead, names)
    name_markup("".join(mark for mark in label.written[len(label.lead) :] if mark in "*_`"), names)


def _is_later(echo: Label, step: int) -> bool:
    return echo.number is not None and int(echo.number) != step


def _stripped(shown: Surface, start: int, end: int) -> str:
    first, last = content(shown.shown, start, end)
    return shown.shown[first:last]


def _last_piece(shown: Surface, start: int, end: int) -> tuple[int, int]:
    """Leave out think blocks in the midst of a thought: keep what stands after the last one."""
    void = shown.shown.rfind("\0", start, end) if shown.think else -1
    return content(shown.shown, void + 1, end) if void >= start else (start, end)


def _name_lines(count: int, allowed: int, found: Found) -> None:
    if count > allowed + 1:
        found.recovered.add("blank_line")
    elif count > allowed:
        found.recovered.add("leading_space")


def _name_gap_before(shown: Surface, found: Found, thought_end: int) -> None:
    """Name the gap between the thought and the line of the action; in the form it is one line end."""
    gap = shown.shown[thought_end : found.start]
    count = newlines(gap)
    if count > 1:
        found.recovered.add("blank_line")
    elif count == 0 and "same_line" not in found.recovered:
        found.recovered.add("same_line")
    written = found.label.written if found.label is not None else shown.shown[found.start : found.call.start]
    line = (gap.rpartition("\n")[2] + written).replace("\0", "") if count else ""
    if line[:1].isspace():
        found.recovered.add("leading_space")
