"""What stands where in a model's turn: think blocks, code fences, and the labels Thought, Action and Observation.

Everything works on one string of the text's own length in which what is stepped over is NUL, so that every position
is a position in the text. All patterns take time linear in the text: no repeat can be entered in two ways.
Not here: what a label or a call means for the step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reasonkit.types import Recovery

SPACE = " \t\r\n\f\v\xa0\0"
"""What may stand between the parts of a step without meaning; NUL stands for what is stepped over."""

_THINK = re.compile(r"<(/?)(?:think|thinking)>", re.IGNORECASE)
_LINE_END = re.compile(r"[ \t]*+(?:\r?\n|\Z)")
_WHITE = re.compile(r"\s*+")
_FENCE = re.compile(r"^[ \t\0]*+(?:`{3,}+|~{3,}+)[ \t]*+[\w+-]*+[ \t]*+(?:\r?\n|\Z)", re.MULTILINE)
_BEFORE = r"^[ \t\0]*+[*_#>`~ \t\0]*+(?:(?:\d{1,2}[.)]|[-•])[ \t]++[*_`]*+)?+"
_AFTER = r"[ \t*_]*+(?:[#(]?(?P<number>\d{1,6})\)?)?+[ \t*_`]*+"


def _at_line_start(word: str) -> re.Pattern[str]:
    return re.compile(
        rf"{_BEFORE}(?P<word>{word}){_AFTER}(?P<mark>[:\uff1a]|[-=]>|[.)=→–—-])?+[*_`]*+", re.MULTILINE | re.IGNORECASE
    )


def _in_line(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w\"'*`])[*_`]*+(?P<word>{word})[ \t]*+(?P<number>\d{{1,6}})[ \t*_`]*+(?P<mark>:)[*_`]*+")


_PATTERNS = {
    "Thought": (_at_line_start("thoughts?"), _in_line("Thought")),
    "Action": (_at_line_start(r"(?:(?:next|my|the)[ \t]++)?+actions?+(?:[ \t]++step)?+"), _in_line("Action")),
    "Observation": (_at_line_start("observations?"), _in_line("Observation")),
}


@dataclass(frozen=True, slots=True)
class Label:
    """A label as it was written: `Action 1:` with the markup around it."""

    start: int
    end: int
    written: str
    """The label with its markup."""
    lead: str
    """What of it stands before its word: markup, a list's mark."""
    number: str | None
    colon: bool
    """Whether it is sure to be a label: it has a colon, or a number and nothing else on its line."""
    inline: bool
    """Whether words stand before it on its line."""


@dataclass(frozen=True, slots=True)
class Surface:
    """A text, and what of it is to be read."""

    text: str
    shown: str
    """The text with think blocks and the lines of code fences voided."""
    think: tuple[int, ...]
    """Where the voided think blocks begin."""
    fences: tuple[int, ...]
    """Where the voided fence lines begin."""


def surface(text: str) -> Surface:
    """Void the think blocks and the fence lines of `text`."""
    thinking = list(_think_blocks(text))
    shown = _voided(text, thinking)
    fences = [match.span() for match in _FENCE.finditer(shown)]
    return Surface(
        text, _voided(shown, fences), tuple(start for start, _ in thinking), tuple(start for start, _ in fences)
    )


def labels(shown: str, word: str, start: int, end: int) -> list[Label]:
    """Find the labels `word` (Thought, Action or Observation) between `start` and `end`, in order.

    At the start of a line any spelling counts; within a line only the exact word with a number and a colon, and
    Observation only after the end of a sentence or a call: a thought may say "as in Observation 1:".
    """
    at_line_start, in_line = _PATTERNS[word]
    found = [_label(match, inline=False) for match in at_line_start.finditer(shown, start, end)]
    taken = {label.end for label in found}
    found += [_label(match, inline=True) for match in in_line.finditer(shown, start, end) if match.end() not in taken]
    if word == "Observation":
        found = [label for label in found if not label.inline or _after_end(shown, label.start)]
    return sorted(found, key=lambda label: label.end)


def newlines(gap: str) -> int:
    """Count the line ends in `gap`; CR LF is one."""
    return gap.replace("\r\n", "\n").replace("\r", "\n").count("\n")


def content(shown: str, start: int, end: int) -> tuple[int, int]:
    """Shrink a span to what is left when the white space round it is stripped."""
    while start < end and (shown[start] in SPACE or shown[start].isspace()):
        start += 1
    while end > start and (shown[end - 1] in SPACE or shown[end - 1].isspace()):
        end -= 1
    return start, end


def name_markup(written: str, names: set[Recovery]) -> None:
    """Name the markup in what stands round a label or a call."""
    if "`" in written or "~~~" in written:
        names.add("fenced")
    if any(mark in written for mark in "*_#>-•\"“'") or any(digit.isdigit() for digit in written):
        names.add("emphasis")


def _after_end(shown: str, place: int) -> bool:
    before = shown[max(0, place - 16) : place].rstrip(SPACE + "*_`\"'”’")
    return not before or before[-1] in ".!?:;)]}>…"


def _label(match: re.Match[str], *, inline: bool) -> Label:
    if match["mark"] is not None:
        colon = match["mark"] in ":\uff1a"
    else:
        colon = match["number"] is not None and _LINE_END.match(match.string, match.end()) is not None
    lead = match[0][: match.start("word") - match.start()]
    return Label(match.start(), match.end(), match[0], lead, match["number"], colon=colon, inline=inline)


def _think_blocks(text: str) -> Iterator[tuple[int, int]]:
    """Find the spans to step over; a lone end tag ends a block that the prompt opened, a lone start tag never ends."""
    opened: int | None = None
    closed = 0
    leading = True
    for tag in _THINK.finditer(text):
        if not tag[1]:
            opened = tag.start() if opened is None else opened
            continue
        start = closed if opened is None else opened
        end = tag.end()
        leading = leading and not text[closed:start].strip()
        if leading:
            start, end = closed, _WHITE.match(text, end).end()  # type: ignore[union-attr]  # matches everywhere
        yield start, end
        opened, closed = None, end
    if opened is not None:
        yield opened, len(text)


def _voided(text: str, spans: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    position = 0
    for start, end in spans:
        parts += [text[position:start], "\0" * (end - start)]
        position = end
    parts.append(text[position:])
    return "".join(parts)
