"""Finding the step's action among labels, bare calls, objects and mere mentions.

The order of belief: a call under an `Action` label, or alone on its line, whichever comes first; then a call in a list;
then one that ends a sentence or its line. A call mentioned in the midst of a sentence is no action.
Not here: how a call is spelled (`calls`, `objects`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from reasonkit.steps.calls import Call, Fault, line_end, read_call, tool_pattern, unknown_call
from reasonkit.steps.objects import begins_object, read_object
from reasonkit.steps.surface import SPACE, Label, Surface, content, labels
from reasonkit.types import Recovery

_GAP = re.compile(r"[\s\0]*+(?:[-•][ \t]++)?+")
_LINE = re.compile(r"^[ \t\0]*+(?:[>#]++[ \t\0]*+)?+(?P<list>(?:\d{1,2}[.)]|[-•*])[ \t]++)?+(?=\S)", re.MULTILINE)
_ENDS_LINE = re.compile(r"[ \t\0*_`\"'”’.!;]*+(?:\r?\n|\Z)")
_ENDS_SENTENCE = re.compile(r"[.:!?→>][\"'”’)*_]{0,3}[ \t]{1,3}\Z")


@dataclass(slots=True)
class Found:
    """The step's action, where it begins with its label, and what was overlooked to find it."""

    call: Call
    start: int
    label: Label | None
    tools: tuple[str, ...]
    end: int
    """Where the step ends: at an Observation, or at the text's end."""
    recovered: set[Recovery] = field(default_factory=set)
    words_between: bool = False
    """Whether words stand between the label and the call."""


@dataclass(slots=True)
class _Search:
    surface: Surface
    tools: tuple[str, ...]
    truncated: bool
    end: int

    @property
    def shown(self) -> str:
        return self.surface.shown

    @property
    def cut(self) -> bool:
        return self.truncated and self.end == len(self.shown)

    def read(self, at: int, end: int | None = None) -> Call | Fault | None:
        """Read a call in brackets or as an object at `at`."""
        end = self.end if end is None else end
        if begins_object(self.shown, at, end):
            return read_object(self.surface.text, self.shown, at, end, tools=self.tools, cut=self.cut)
        return read_call(self.surface.text, self.shown, at, end, tools=self.tools, cut=self.cut)


def find_action(shown: Surface, *, tools: tuple[str, ...], truncated: bool, after_action_cue: bool) -> Found | Fault:
    """Find the first action, or say why there is none."""
    search = _Search(shown, tuple(tools), truncated, len(shown.text))
    observations = [label for label in labels(shown.shown, "Observation", 0, search.end) if label.colon]
    search.end = next((label.start for label in observations if not label.inline), search.end)
    limit = next((label.start for label in observations), search.end)
    under = labels(shown.shown, "Action", 0, search.end)
    if after_action_cue:
        under.insert(0, Label(0, 0, "", "", None, colon=True, inline=False))
    bare, broken = _bare(search)
    first: int | None = None
    for place, label in enumerate(under):
        if label.start > limit or (bare is not None and bare.start < label.end):
            break
        result = _labelled(search, label, under[place + 1] if place + 1 < len(under) else None)
        if isinstance(result, Fault):
            return result
        if result is not None and first is not None:
            result.start = first
            result.recovered.add("echoed_cue")
        if result is not None:
            return result
        first = _doubled(search, label, under[place + 1 : place + 2], first)
    found = bare or _listed(search) or _mentioned(search)
    if found is None or (isinstance(found, Found) and found.start > limit):
        return broken or _nothing(search)
    if isinstance(found, Found) and "json_action" not in found.call.recovered:
        found.recovered.add("bare_action")
    return found


def _doubled(search: _Search, label: Label, following: list[Label], first: int | None) -> int | None:
    """Return where the first of several labels in a row begins, if nothing stands between this one and the next."""
    if not following or not label.written or search.shown[label.end : following[0].start].strip(SPACE):
        return None
    return label.start if first is None else first


def _labelled(search: _Search, label: Label, following: Label | None) -> Found | Fault | None:
    """Read what stands under one label; None if that is no call at all, so that the next label may be looked at."""
    shown = search.shown
    gap = _GAP.match(shown, label.end, search.end)
    at = search.end if gap is None else gap.end()
    stop = search.end if following is None else max(at, following.start)
    last = line_end(shown, at, stop)
    result = search.read(at)
    if isinstance(result, Call):
        return Found(result, label.start, label, search.tools, search.end)
    if not label.colon:
        return None
    if result is None or result.kind == "no_argument":
        if following is not None and last == stop:
            return None
        inline = _first_call(search, at, last)
        if isinstance(inline, Call):
            return Found(inline, label.start, label, search.tools, search.end, {"leading_text"}, words_between=True)
    if result is None and "\n" not in shown[label.end : at]:
        unknown = unknown_call(shown, at, last)
        return None if unknown is None else Fault("unknown_tool", *unknown)
    if result is not None and result.kind == "no_argument" and search.cut and not shown[last : search.end].strip(SPACE):
        return Fault("truncated", result.start, result.end)
    return result


def _first_call(search: _Search, start: int, end: int) -> Call | Fault | None:
    """Read the first call in a line after words."""
    for match in tool_pattern(search.tools).finditer(search.shown, start, end):
        if search.shown.startswith("[", match.end()):
            return search.read(match.start())
    return None


def _bare(search: _Search) -> tuple[Found | Fault | None, Fault | None]:
    """Find the first call alone at the start of a line; and the first object that is broken."""
    broken: Fault | None = None
    for line in _LINE.finditer(search.shown, 0, search.end):
        at = line.end()
        if line["list"] is None and begins_object(search.shown, at, search.end):
            if broken is not None:
                continue
            result = search.read(at)
        elif line["list"] is None and _is_call(search, at):
            result = search.read(at)
            if isinstance(result, Fault):
                return result, None
        else:
            continue
        if isinstance(result, Call):
            return Found(result, line.start(), None, search.tools, search.end), None
        broken = broken or result
    return None, broken if broken is not None and broken.kind != "no_action" else None


def _is_call(search: _Search, at: int) -> bool:
    """Tell a call from a sentence that begins with a tool's name."""
    match = tool_pattern(search.tools).match(search.shown, at, search.end)
    if match is None:
        return False
    if search.shown.startswith(("[", " [", ": [", ":[", "\\["), match.end()):
        return True
    if match["tool"] not in search.tools or not search.shown.startswith(("(", "{", "<", "［", "【"), match.end()):
        return False
    result = search.read(at)
    return isinstance(result, Call) and _ENDS_LINE.match(search.shown, result.end, search.end) is not None


def _listed(search: _Search) -> Found | Fault | None:
    """Read the first call in a list or a plan."""
    for line in _LINE.finditer(search.shown, 0, search.end):
        if line["list"] is not None and _is_call(search, line.end()):
            result = search.read(line.end())
            return (
                Found(result, line.start(), None, search.tools, search.end, {"emphasis"})
                if isinstance(result, Call)
                else result
            )
    return None


def _mentioned(search: _Search) -> Found | Fault | None:
    """Read the first exactly spelled call in a line that begins after a sentence, or ends its line."""
    after = 0
    for match in tool_pattern(search.tools).finditer(search.shown, 0, search.end):
        if match.start() < after or match["tool"] not in search.tools or not search.shown.startswith("[", match.end()):
            continue
        result = search.read(match.start())
        if not isinstance(result, Call):
            return result
        before = search.shown[max(0, match.start() - 8) : match.start()]
        if _ENDS_LINE.match(search.shown, result.end, search.end) or _ENDS_SENTENCE.search(before):
            return Found(result, match.start(), None, search.tools, search.end, {"same_line"})
        after = result.end
    return None


def _nothing(search: _Search) -> Fault:
    """Say why the text holds no action at all."""
    shown, text = search.shown, search.surface.text
    start, end = content(shown, 0, search.end)
    if not text.strip():
        return Fault("empty", 0, len(text))
    if start == end and search.end == len(text):
        return Fault("think_only" if search.surface.think else "no_action", *content(text, 0, len(text)))
    if search.cut:
        return Fault("truncated", start, end)
    for line in _LINE.finditer(shown, 0, search.end):
        unknown = unknown_call(shown, line.end(), line_end(shown, line.end(), search.end))
        if unknown is not None and not shown[line.end() : unknown[0]].strip("*_`"):
            return Fault("unknown_tool", *unknown)
    return Fault("no_action", start, end)
