"""The first difference between a recording and what is asked now, in words and as a diff, with the nearest recording."""

from __future__ import annotations

from difflib import SequenceMatcher, unified_diff
from itertools import islice

from reasonkit.trace.events import Completing, Event, Kept, Place, Rendering, written
from reasonkit.trace.file import Recording, Trace
from reasonkit.types import Act, Execute, Question

_DIFF_LINES = 40


def difference(recorded: Event, asked: Kept, request: Rendering | None, recording: Recording) -> str:
    """Say how what is asked now differs from what stands on record at the same place.

    Args:
        recorded: the event on record.
        asked: the effect that the run asks for now.
        request: its rendering, if it is a completion.
        recording: the whole episode; another place in it may be nearer.
    """
    where = f"episode {recorded.episode}, place {written(recorded.place)}"
    then, now = shown(recorded.effect, recorded.request), shown(asked, request)
    if then == now:
        return f"{where}: the same request, but another prompt, cue or grammar:\n{recorded.effect!r}\n{asked!r}"
    said = f"{where}: this is not what was recorded. Record again, or take back the change:\n{_diff(then, now)}"
    near = _nearest(recording, asked, request)
    if near is None or near.place == recorded.place:
        return said
    return f"{said}\n{_elsewhere(near, now)}"


def another_question(trace: Trace, episode: int, recorded: Question | None, asked: Question) -> str:
    """Say that an episode of a trace is about something else, or that there is no such episode."""
    where = "the trace" if trace.path is None else str(trace.path)
    if recorded is None:
        count = len(trace.episodes)
        return (
            f"{where}: more is asked than is on record: it holds {count} question{'' if count == 1 else 's'}, and number "
            f"{episode + 1} is {asked.text!r}; give the questions of the recording, or record them all"
        )
    return (
        f"episode {episode} of the trace is about {recorded.text!r}, not about {asked.text!r}; "
        "give the same questions in the same order, or another file"
    )


def unrecorded(episode: int, place: Place, asked: Kept, request: Rendering | None, recording: Recording) -> str:
    """Say that nothing stands on record where something is asked."""
    now = shown(asked, request)
    said = f"episode {episode}, place {written(place)}: nothing is recorded here, but this is asked now:\n{now}"
    near = _nearest(recording, asked, request)
    return said if near is None else f"{said}\n{_elsewhere(near, now)}"


def _elsewhere(near: Event, now: str) -> str:
    then = shown(near.effect, near.request)
    where = f"The nearest recording stands at place {written(near.place)}"
    return f"{where}, and is the same." if then == now else f"{where}:\n{_diff(then, now)}"


def _nearest(recording: Recording, asked: Kept, request: Rendering | None) -> Event | None:
    """Return the recorded event of the same kind that shares most lines with what is asked."""
    matcher: SequenceMatcher[str] = SequenceMatcher(autojunk=False)
    matcher.set_seq2(shown(asked, request).splitlines())
    nearest, best = None, 0.0
    for _, event in sorted(recording.events.items()):
        if type(event.effect) is not type(asked) or (isinstance(asked, Completing) and event.request is None):
            continue
        matcher.set_seq1(shown(event.effect, event.request).splitlines())
        if (ratio := matcher.quick_ratio()) > best:
            nearest, best = event, ratio
    return nearest


def _diff(then: str, now: str) -> str:
    diff = list(unified_diff(then.splitlines(), now.splitlines(), "recorded", "asked now", lineterm="", n=2))
    more = f"\n... and {len(diff) - _DIFF_LINES} lines more" if len(diff) > _DIFF_LINES else ""
    return "\n".join(islice(diff, _DIFF_LINES)) + more


def shown(effect: Kept, request: Rendering | None) -> str:
    """Return what is asked as text, for a diff."""
    if isinstance(effect, Act):
        return f"{effect.action.tool}[{effect.action.argument}]"
    if isinstance(effect, Execute):
        return effect.program if effect.answer is None else f"{effect.program}\nanswer: {effect.answer}"
    if not isinstance(effect, Completing):
        return repr(effect.item)
    if isinstance(request, tuple):
        request = "\n".join(f"<{message.role}>\n{message.content}" for message in request)
    options = f"stop: {list(effect.stop)}\nsampling: {effect.sampling}"
    return f"{request or '(the request of another branch of its group)'}\n{options}"
