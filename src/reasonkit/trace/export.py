"""From traces to rows: to train on, or to show as worked examples.

`sft`: a row for each chain, cut into segments; only segments with `"learn": true` are the model's own words, and those
of a turn in which nothing could be read are not learned either. Joined, the segments are the text as it was sent.
`chat`: a row for each completion: the messages as they were sent and what the model said; `"weight"` is 1 on that turn
alone. `demonstrations`: a row for each episode, in the fields that the method's own prompt shows.
Where the run has one prompt, `"prompt_sha256"` is in the rows of the first two: an adapter trained on them carries it.

Not here: what is correct; the caller says which answers are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from reasonkit.errors import TraceError
from reasonkit.trace.chains import Chain, chains
from reasonkit.trace.file import Recording, Trace
from reasonkit.trace.fold import fold
from reasonkit.types import Question, Result

Format = Literal["sft", "chat", "demonstrations"]
Keep = Callable[[Question, str], bool]
"""Says of a question and an answer whether a row is made of them."""


@dataclass(slots=True)
class Counts:
    """What became of the episodes and samples that were looked at."""

    rows: int = 0
    unanswered: int = 0
    """Without an answer, or stopped."""
    rejected: int = 0
    """With an answer that the caller does not keep."""


def export(trace: Trace, form: Format, counts: Counts, *, keep: Keep | None = None) -> Iterator[dict[str, Any]]:
    """Yield rows.

    Args:
        trace: what was recorded.
        form: which rows; see the module.
        counts: is added to.
        keep: which answers; None keeps all.

    Raises:
        TraceError: no demonstrations can be made of what this method records.
    """
    strategy = trace.run.strategy if trace.run else ""
    if form == "demonstrations" and strategy not in _DEMONSTRATIONS:
        known = ", ".join(_DEMONSTRATIONS)
        raise TraceError(f"{trace.path}: demonstrations are made of {known}, not of {strategy!r}")
    asked = {"prompt_sha256": trace.run.prompt_sha256} if trace.run and trace.run.prompt_sha256 else {}
    for number in trace.episodes:
        recording = trace.recording(number)
        if recording.question is None:
            continue
        result = fold(recording.question, recording.events.values(), recording.end)
        for row in _rows(recording, result, strategy, form, counts, keep):
            counts.rows += 1
            yield row if form == "demonstrations" else {**row, **asked}


def _rows(
    recording: Recording, result: Result, strategy: str, form: Format, counts: Counts, keep: Keep | None
) -> Iterator[dict[str, Any]]:
    found = chains(recording)
    led = _led_to_the_answer(found, recording)
    for chain in found:
        answer = chain.sample.answer if chain.sample else result.answer if chain is led else None
        if answer is None or result.stop_reason in ("cancelled", "error"):
            counts.unanswered += 1
        elif keep is not None and not keep(result.question, answer):
            counts.rejected += 1
        elif form == "sft":
            yield {**_about(result.question, answer), "segments": list(_segments(chain))}
        elif form == "chat":
            yield from _chats(chain, result.question, answer)
        else:
            yield _DEMONSTRATIONS[strategy](chain, result)


def _led_to_the_answer(found: list[Chain], recording: Recording) -> Chain | None:
    """Return the last chain of the root flow, unless votes came after it: then a back-off gave it up."""
    votes = max((place[0] for place in recording.events if len(place) > 1), default=-1)
    root = [chain for chain in found if not chain.path]
    return root[-1] if root and root[-1].turns[-1].place[0] > votes else None


def _about(question: Question, answer: str) -> dict[str, Any]:
    return {**({"id": question.id} if question.id else {}), "question": question.text, "answer": answer}


def _segments(chain: Chain) -> Iterator[dict[str, object]]:
    for turn in chain.turns:
        yield {"text": turn.before, "learn": False}
        yield {"text": turn.words, "learn": turn.good}


def _chats(chain: Chain, question: Question, answer: str) -> Iterator[dict[str, Any]]:
    for turn in chain.turns:
        if not turn.good:
            continue
        if isinstance(turn.request, str):
            sent: list[dict[str, object]] = [{"role": "user", "content": turn.request}]
        else:
            sent = [
                {"role": one.role, "content": one.content, **({"weight": 0} if one.role == "assistant" else {})}
                for one in turn.request
            ]
        said = {"role": "assistant", "content": turn.words, "weight": 1}
        yield {**_about(question, answer), "messages": [*sent, said]}


def _turns(chain: Chain, result: Result) -> dict[str, Any]:
    """Return thoughts, actions and observations as the prompt of Act and ReAct shows them."""
    opening = chain.turns[0]
    cue = re.search(r"(?:Thought|Action) 1:\Z", opening.before)
    begin = cue.start() if cue else len(opening.before)
    return {"question": result.question.text, "answer": chain.text[begin:].strip()}


def _rationale(chain: Chain, result: Result) -> dict[str, Any]:
    said = " ".join(turn.words.strip() for turn in chain.turns)
    rationale, _, _ = said.rpartition("The answer is")
    return {"question": result.question.text, "rationale": (rationale or said).strip(), "answer": result.answer}


def _program(chain: Chain, result: Result) -> dict[str, Any]:
    del chain
    return {"question": result.question.text, "program": (result.program or "").rstrip("\n")}


def _answer(chain: Chain, result: Result) -> dict[str, Any]:
    del chain
    return {"question": result.question.text, "answer": result.answer}


_DEMONSTRATIONS: dict[str, Callable[[Chain, Result], dict[str, Any]]] = {
    "act": _turns,
    "cot": _rationale,
    "direct": _answer,
    "pal": _program,
    "react": _turns,
}
