"""Reading a call written as a JSON object, `{"action": "Search", "action_input": "..."}`, and its kin.

The object is never decoded: an argument must stand in the text letter by letter, so one with escapes is refused, and
an object in Python's quotes or cut at the token limit is read as far as it goes.
Not here: calls in brackets (`calls`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from reasonkit.steps.calls import Call, Fault, matching, named, read_call
from reasonkit.steps.surface import content

_TOOL_KEYS = frozenset({"action", "tool", "tool_name", "name", "function"})
_INPUT_KEYS = frozenset(
    {"action_input", "actioninput", "input", "tool_input", "argument", "arguments", "args", "parameters"}
)
_OTHER_KEYS = frozenset({"thought", "thoughts", "reasoning", "observation", "id", "type", "step"})
_BEGIN = re.compile(r"(?:<tool_call>\s*+)?+\[?\{")
_END = re.compile(r"\]?(?:\s*+</tool_call>)?+")
_STRING = r"\"(?:[^\"\\\r\n]|\\.)*+\"|'(?:[^'\\\r\n]|\\.)*+'"
_PAIR = re.compile(rf"[\"'](?P<key>\w++)[\"']\s*+:\s*+(?P<value>{_STRING}|-?+\d[\d.eE+-]*+|true|false|null)?+")
_OPEN_STRING = re.compile(r"[\"']\w++[\"']\s*+:\s*+[\"'](?P<value>[^\"'\\\r\n]*+)\s*+\Z")


def begins_object(shown: str, start: int, end: int) -> bool:
    """Tell whether an object, or a list or tag round one, begins at `start`."""
    return _BEGIN.match(shown, start, end) is not None


def read_object(text: str, shown: str, start: int, end: int, *, tools: tuple[str, ...], cut: bool) -> Call | Fault:
    """Read the object that begins at `start`.

    Args:
        text: what the model wrote.
        shown: the same, voided.
        start: where the object, or the list or tag round it, begins.
        end: where the step ends.
        tools: the known tools.
        cut: whether the completion was cut at the token limit and `end` is its end, so that the end may be missing.
    """
    begin = _BEGIN.match(shown, start, end)
    if begin is None:
        return Fault("no_action", start, start)
    closed = matching(shown, begin.end(), end, "{", "}")
    stop = end if closed is None else closed + 1
    pairs = list(_PAIR.finditer(shown, begin.end(), stop))
    chosen = _chosen(pairs, tools)
    if chosen is None:
        return Fault("truncated" if closed is None and cut else "no_action", start, stop)
    tool, first, last = chosen
    written = shown[first:last].strip()
    name = named(written, tools)
    if name is None:
        call = read_call(text, shown, first, last, tools=tools, cut=False)
        if not isinstance(call, Call):
            return call or Fault("unknown_tool", first, last)
    else:
        call = Call(name, (stop, stop), start, stop)
        if name != written:
            call.recovered.add("lower_case_verb")
        value = _input(pairs, tool, tools)
        if value is None and closed is None and cut:
            left_open = _OPEN_STRING.search(shown, tool.end(), end)
            value = None if left_open is None else left_open.span("value")
        if value is None:
            return Fault("truncated" if closed is None and cut else "no_argument", start, stop)
        if "\\" in shown[slice(*value)]:
            return Fault("escaped_argument", *value)
        call.argument = content(shown, *value)
    if closed is None and not cut:
        return Fault("unbalanced_bracket", start, stop)
    if closed is None:
        call.recovered.add("missing_bracket")
    call.recovered.add("json_action")
    call.start, call.end = start, stop if closed is None else _END.match(shown, stop).end()  # type: ignore[union-attr]  # it matches everywhere
    call.thought = next((_inside(pair) for pair in pairs if pair["key"].casefold() in ("thought", "thoughts")), None)
    return call


def _chosen(pairs: Sequence[re.Match[str]], tools: tuple[str, ...]) -> tuple[re.Match[str], int, int] | None:
    """Find the pair that names the tool, and where the name stands: `"action": "Search"`, or `"Search": "..."`."""
    for pair in pairs:
        span = _inside(pair)
        if pair["key"].casefold() in _TOOL_KEYS and span is not None and not pair["value"][0].isdigit():
            return pair, *span
    for pair in pairs:
        if named(pair["key"], tools) is not None and pair["value"] is not None:
            return pair, *pair.span("key")
    return None


def _input(pairs: Sequence[re.Match[str]], tool: re.Match[str], tools: tuple[str, ...]) -> tuple[int, int] | None:
    """Find the argument: the value of a known key, or the only value inside or beside it."""
    if named(tool["key"], tools) is not None:
        return _inside(tool)
    for place, pair in enumerate(pairs):
        if pair is not tool and pair["key"].casefold() in _INPUT_KEYS:
            nested = pair if pair["value"] is not None or place + 1 == len(pairs) else pairs[place + 1]
            return _inside(nested)
    left = [pair for pair in pairs if pair is not tool and pair["key"].casefold() not in _OTHER_KEYS]
    return _inside(left[0]) if len(left) == 1 else None


def _inside(pair: re.Match[str]) -> tuple[int, int] | None:
    """Return where the pair's value stands, without its quotes."""
    if pair["value"] is None:
        return None
    first, last = pair.span("value")
    return (first + 1, last - 1) if pair["value"][0] in "\"'" else (first, last)
