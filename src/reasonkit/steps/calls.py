"""Reading one call, `Search[argument]` and what models write in its place, at a known position.

Sources: the grammar is that of the ReAct prompts (arXiv 2210.03629, appendix C); the other forms are those that chat
models were seen to write. Not here: which of several calls is the step's action.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from reasonkit.steps.surface import SPACE, content, name_markup
from reasonkit.types import MalformedKind, Recovery

_BRACKETS = {"[": "]", "(": ")", "{": "}", "<": ">", "［": "］", "【": "】", "〔": "〕", "（": "）"}
_QUOTES = {'"': '"”', "“": '”"', "„": "“”", "«": "»", "'": "'", "‘": "’"}
_KEYWORD = re.compile(r"\s*+[^\W\d]\w*+\s*+=\s*+(?=[\"'“‘])")
_SECOND_LINE = re.compile(
    r"[ \t\0*_`]*+(?:\r?\n[ \t\0]*+)++[*_`]*+action[ _]?+(?:input|argument)[*_`]*+[ \t]*+:[*_`]*+[ \t]*+([^\r\n]*+)",
    re.IGNORECASE,
)
_SPACED = re.compile(r"(?: |: ?)(?=[\[({<［【〔（])")
_WORD_AND_BRACKET = re.compile(r"(?<!\w)([^\W\d]\w*+)[*_`]*+ ?\[")


@dataclass(slots=True)
class Call:
    """A call as it was read."""

    tool: str
    argument: tuple[int, int]
    """Where its argument stands, stripped."""
    start: int
    end: int
    recovered: set[Recovery] = field(default_factory=set)
    thought: tuple[int, int] | None = None
    """Where its thought stands, if it is written inside the call."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no call where one was begun."""

    kind: MalformedKind
    start: int
    end: int


@lru_cache(maxsize=64)
def tool_pattern(tools: tuple[str, ...]) -> re.Pattern[str]:
    """Build the pattern that finds the name of one of `tools`, in any case, with the markup round it."""
    names = "|".join(re.escape(name) for name in sorted(tools, key=len, reverse=True)) or r"(?!)"
    return re.compile(rf"(?<!\w)[*_`\"“']{{0,4}}+(?P<tool>{names})(?!\w)[*_`\"]{{0,4}}+", re.IGNORECASE)


def named(word: str, tools: tuple[str, ...]) -> str | None:
    """Return the tool that `word` names, whatever its case; an exact spelling comes first."""
    if word in tools:
        return word
    return next((tool for tool in tools if tool.casefold() == word.casefold()), None)


def read_call(text: str, shown: str, start: int, end: int, *, tools: tuple[str, ...], cut: bool) -> Call | Fault | None:
    """Read the call that begins at `start`; None if nothing like a call begins there.

    Args:
        text: what the model wrote.
        shown: the same, voided.
        start: where the call should begin, white space stripped.
        end: where the step ends.
        tools: the known tools.
        cut: whether the completion was cut at the token limit and `end` is its end, so that a bracket may be missing.
    """
    match = tool_pattern(tools).match(shown, start, end)
    if match is None:
        return None
    tool = named(match["tool"], tools)
    assert tool is not None
    call = Call(tool, (match.end(), match.end()), start, match.end())
    if tool != match["tool"]:
        call.recovered.add("lower_case_verb")
    name_markup(match[0].replace(match["tool"], ""), call.recovered)
    at = match.end()
    gap = _SPACED.match(shown, at, end)
    if gap is not None:
        call.recovered.add("spaced_bracket")
        at = gap.end()
    if shown.startswith("\\", at):
        call.recovered.add("other_bracket")
        at += 1
    if at < end and shown[at] in _BRACKETS:
        return _read_brackets(text, shown, at, end, call, cut=cut)
    second = _SECOND_LINE.match(shown, match.end(), end)
    if second is not None:
        call.recovered.add("action_input")
        call.argument = content(shown, *second.span(1))
        call.end = second.end()
        return _unquoted(text, call)
    return Fault("no_argument", *match.span("tool"))


def unknown_call(shown: str, start: int, end: int) -> tuple[int, int] | None:
    """Find a call of something that is no tool: a word and an opening bracket; return where the word stands."""
    match = _WORD_AND_BRACKET.search(shown, start, end)
    return None if match is None else match.span(1)


def _read_brackets(text: str, shown: str, at: int, end: int, call: Call, *, cut: bool) -> Call | Fault:
    opening = shown[at]
    closing = _BRACKETS[opening]
    if opening != "[":
        call.recovered.add("other_bracket")
    first = at + 1
    stop = line_end(shown, first, end)
    last = matching(shown, first, stop, opening, closing)
    quoted = _quoted_end(shown, first, stop, closing)
    if quoted is not None and (last is None or _is_inside_quotes(shown, first, last)):
        last = shown.index(closing, quoted)
    if last is None:
        if not cut or shown[stop:end].strip(SPACE):
            return Fault("unbalanced_bracket", at, stop)
        call.recovered.add("missing_bracket")
        call.argument, call.end = content(shown, first, stop), stop
        return _unquoted(text, call)
    call.end = last + 1
    if shown[at - 1] == "\\" and last > first and shown[last - 1] == "\\":
        last -= 1
    keyword = _KEYWORD.match(shown, first, last) if opening == "(" else None
    if keyword is not None:
        call.recovered.add("keyword_argument")
        first = keyword.end()
    call.argument = content(shown, first, last)
    return _unquoted(text, call)


def matching(shown: str, first: int, end: int, opening: str, closing: str) -> int | None:
    """Find the bracket that closes the one before `first`."""
    depth = 1
    for match in re.finditer(f"[{re.escape(opening + closing)}]", shown[first:end]):
        depth += 1 if match[0] == opening else -1
        if depth == 0:
            return first + match.start()
    return None


def _quoted_end(shown: str, first: int, end: int, closing: str) -> int | None:
    """Find the quote that ends an argument in quotes: the first one with the closing bracket after it."""
    first, _ = content(shown, first, end)
    if first >= end or shown[first] not in '"“„«':
        return None
    match = re.compile(f"[{_QUOTES[shown[first]]}](?=[ \t]*+{re.escape(closing)})").search(shown, first + 1, end)
    return None if match is None else match.start()


def _is_inside_quotes(shown: str, first: int, place: int) -> bool:
    return sum(shown.count(mark, first, place) for mark in '"“”„«»') % 2 == 1


def _unquoted(text: str, call: Call) -> Call:
    """Take one pair of quotes off the argument, if it is a pair that surrounds it."""
    start, end = call.argument
    if end - start >= 2 and text[end - 1] in _QUOTES.get(text[start], "") and _surrounds(text, start, end):
        call.recovered.add("quoted_argument")
        call.argument = content(text, start + 1, end - 1)
    return call


def _surrounds(text: str, start: int, end: int) -> bool:
    """Tell `"A" and "B"`, where the first quote is closed before the end, from `"a "b" c"`, where it is not."""
    quotes = text[start] + text[end - 1]
    closed = False
    for place in range(start + 1, end - 1):
        if text[place] not in quotes:
            continue
        word_before, word_after = text[place - 1].isalnum(), text[place + 1].isalnum()
        if word_before and word_after:
            continue
        opens = word_after and not word_before
        if opens and closed:
            return False
        if opens:
            return True
        closed = True
    return True


def line_end(shown: str, start: int, end: int) -> int:
    """Return where the line that holds `start` ends, at most `end`."""
    match = re.compile(r"[\r\n]").search(shown, start, end)
    return end if match is None else match.start()
