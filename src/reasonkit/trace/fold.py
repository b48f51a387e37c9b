"""One function makes Results, of live events in any order and of a file."""

from __future__ import annotations

from collections.abc import Iterable

from reasonkit.trace.events import End, Event, Place
from reasonkit.types import Answer, Completion, Note, Question, Result, Sample, Selection, Step, Usage


def fold(question: Question, events: Iterable[Event], end: End | None, *, trace: str | None = None) -> Result:
    """Return what became of one episode.

    Args:
        question: what it is about.
        events: what happened, in any order.
        end: how it ended; None is a run that was cut off.
        trace: the file's name, for the result to carry.
    """
    notes: list[tuple[Place, Step | Sample | Selection]] = []
    usage = Usage()
    for event in events:
        if isinstance(event.effect, Note):
            notes.append((event.place, event.effect.item))
        elif isinstance(event.outcome, Completion) and not event.inherited:
            usage += event.outcome.usage
    notes.sort(key=lambda noted: noted[0])
    answer = (end.answer if end else None) or Answer(text=None)
    return Result(
        question=question,
        answer=answer.text,
        stop_reason=end.stop_reason if end else "cancelled",
        steps=tuple(item for _, item in notes if isinstance(item, Step)),
        samples=tuple(item for _, item in notes if isinstance(item, Sample)),
        usage=usage,
        error=end.error if end else None,
        lenient=answer.lenient,
        votes=answer.votes,
        abstained=answer.abstained,
        saved=answer.saved,
        program=answer.program,
        execution=answer.execution,
        selection=next((item for _, item in notes if isinstance(item, Selection)), None),
        trace=trace,
    )
