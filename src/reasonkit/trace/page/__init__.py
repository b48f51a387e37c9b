"""A trace as one page of HTML that needs nothing else: no server, no network, no other file.

Model text, observations and titles are hostile. They stand in the page as data, JSON in which no tag can end, and the
script puts them into the document as text, never as markup. A content security policy allows the page's own script and
style, by their hashes, and nothing from anywhere. Each prompt is kept once: what a request shares with the one before
is said by length. `page.html`, `page.css` and `page.js` stand beside this file.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from reasonkit.trace.events import Completing, Event, Kept, Place, Rendering, path_text, written
from reasonkit.trace.file import Recording, Trace
from reasonkit.trace.fold import fold
from reasonkit.trace.stats import seconds_of
from reasonkit.types import (
    Act,
    Completion,
    Execute,
    Execution,
    Note,
    Observation,
    Refused,
    Result,
    Sample,
    Selection,
    Step,
)


def page(trace: Trace) -> str:
    """Return the page of a trace."""
    style, script, frame = (_part(name) for name in ("page.css", "page.js", "page.html"))
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    title = trace.path.name if trace.path else "trace"
    parts = {
        "policy": policy,
        "title": html.escape(title),
        "style": style,
        "script": script,
        "data": _data(trace, title),
    }
    pieces = frame.split("@@")  # markup and names in turn; what is put in is never looked at again
    return "".join(parts.get(piece, piece) for piece in pieces)


def _part(name: str) -> str:
    return files("reasonkit.trace.page").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _data(trace: Trace, title: str) -> str:
    requests = _Requests()
    data = {
        "title": title,
        "run": _run(trace),
        "episodes": [_episode(number, trace.recording(number), requests) for number in trace.episodes],
        "requests": requests.kept,
    }
    text = json.dumps(data, separators=(",", ":"))  # ASCII: lone surrogates and odd line ends are escaped
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _run(trace: Trace) -> list[tuple[str, str]]:
    run = trace.run
    if run is None:
        return []
    said = {
        "strategy": run.strategy, "prompt": run.prompt, "model": ", ".join(run.client.values()),
        "endpoint": run.endpoint, "tools": ", ".join(run.tools), "seed": run.seed, "forked from": run.parent,
        "library": run.library,
    }  # fmt: skip
    return [(name, str(value)) for name, value in said.items() if value not in (None, "")]


class _Requests:
    """Every request once: how many characters it shares with an earlier one, and the rest."""

    def __init__(self) -> None:
        self.kept: list[tuple[int, int, str]] = []
        self._texts: dict[int, str] = {}
        self._first: int | None = None

    def add(self, request: Rendering, before: int | None) -> int:
        """Return the number of a request; `before` is the episode's last one."""
        text = _readable(request)
        base = before if before is not None else self._first
        shared = 0 if base is None else _shared(self._texts[base], text)
        number = len(self.kept)
        self.kept.append((-1 if base is None else base, shared, text[shared:]))
        self._texts[number] = text
        if self._first is None:
            self._first = number
        elif before is not None and before != self._first:
            self._texts.pop(before, None)  # the next of the episode goes on from this one
        return number


def _shared(a: str, b: str) -> int:
    """Return how many characters two texts begin with alike."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _readable(request: Rendering) -> str:
    if isinstance(request, str):
        return request
    return "".join(f"<{turn.role}>\n{turn.content}\n" for turn in request)


def _episode(number: int, recording: Recording, requests: _Requests) -> dict[str, Any]:
    if recording.question is None:
        return {"number": number, "question": "(missing)", "items": []}
    result = fold(recording.question, recording.events.values(), recording.end)
    return {
        "number": number,
        "id": recording.question.id,
        "question": recording.question.text,
        "gold": list(recording.question.gold),
        "answer": result.answer,
        "stop": result.stop_reason if recording.end else "cut off",
        "error": None if result.error is None else f"{result.error.kind}: {result.error.message}",
        "votes": [[vote.answer, vote.count] for vote in result.votes],
        "abstained": result.abstained,
        "tokens": _tokens(result),
        "seconds": round(seconds_of(recording), 2),
        "size": _size(result),
        "items": list(_items(recording, requests)),
    }


def _size(result: Result) -> str:
    return ", ".join(
        f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"
        for items, noun in ((result.steps, "step"), (result.samples, "sample"))
        if items
    )


def _tokens(result: Result) -> list[int]:
    return [result.usage.prompt_tokens, result.usage.completion_tokens]


def _items(recording: Recording, requests: _Requests) -> Iterator[dict[str, Any]]:
    """Yield what an episode shows; what a step is made of stands inside it."""
    last: int | None = None
    sent: dict[Kept, int] = {}
    pending: dict[Place, list[dict[str, Any]]] = {}
    for place, event in sorted(recording.events.items()):
        item: dict[str, Any] = {"place": written(place), "path": path_text(place), "seconds": round(event.seconds, 3)}
        if event.inherited:
            item["inherited"] = True
        if event.request is not None:
            last = item["request"] = sent[event.effect] = requests.add(event.request, last)
        elif event.effect in sent:  # another branch of a merged request
            item["request"] = sent[event.effect]
        item |= _what(event)
        if item["kind"] == "step":
            item["raw"] = pending.pop(place[:-1], [])
            yield item
        elif item["kind"] in ("complete", "act"):
            pending.setdefault(place[:-1], []).append(item)
        else:
            yield from pending.pop(place[:-1], [])
            yield item
    for left in pending.values():
        yield from left


def _what(event: Event) -> dict[str, Any]:
    match event.effect:
        case Act(action=action):
            asked = {"kind": "act", "tool": action.tool, "argument": action.argument}
        case Execute(program=program):
            asked = {"kind": "program", "program": program}
        case Note(item=Step() as step):
            return _step(step)
        case Note(item=Sample() as sample):
            return {"kind": "sample", "answer": sample.answer, "text": sample.text, "stop": sample.stop_reason}
        case Note(item=Selection() as selection):
            return {"kind": "note", "text": f"examples chosen by {selection.by}: {list(selection.chosen)}"}
        case Completing(cue=cue):
            asked = {"kind": "complete", "cue": cue}
    return asked | _outcome(event)


def _step(step: Step) -> dict[str, Any]:
    marks = [*step.recovered, *(["asked again"] if step.reasked else []), *([step.malformed] if step.malformed else [])]
    return {
        "kind": "step",
        "number": step.number,
        "thought": step.thought,
        "action": None if step.action is None else f"{step.action.tool}[{step.action.argument}]",
        "observation": step.observation,
        "marks": marks,
    }


def _outcome(event: Event) -> dict[str, Any]:
    match event.outcome:
        case Completion() as said:
            usage = said.usage
            return {
                "said": said.text,
                "cut": said.truncated,
                "tokens": [usage.prompt_tokens, usage.completion_tokens],
                "notices": list(said.notices),
            }
        case Observation(text=text, status=status):
            return {"said": text, "status": status}
        case Execution(error=None) as execution:
            return {"said": repr(execution.value), "stdout": execution.stdout, "enforced": list(execution.enforced)}
        case Execution(error=error) as execution if error is not None:
            return {"said": f"{error.kind}: {error.message}", "stdout": execution.stdout, "status": "error"}
        case Refused(reason=reason):
            return {"said": reason, "status": "refused"}
    return {}
