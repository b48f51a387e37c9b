"""The first difference between a recording and what is asked now, in words and as a diff."""

from __future__ import annotations

from difflib import unified_diff
from itertools import islice

from reasonkit.trace.events import Completing, Event, Kept, Place, Rendering, written
from reasonkit.types import Act, Execute

_DIFF_LINES = 40


def difference(recorded: Event, asked: Kept, request: Rendering | None) -> str:
    """Say how what is asked now differs from what stands on record at the same place.

    Args:
        recorded: the event on record.
        asked: the effect that the run asks for now.
        request: its rendering, if it is a completion.
    """
    where = f"episode {recorded.episode}, place {written(recorded.place)}"
    then, now = _shown(recorded.effect, recorded.request), _shown(asked, request)
    diff = list(unified_diff(then.splitlines(), now.splitlines(), "recorded", "asked now", lineterm="", n=2))
    if not diff:
        return f"{where}: the same request, but another prompt, cue or sampling:\n{recorded.effect!r}\n{asked!r}"
    more = f"\n... and {len(diff) - _DIFF_LINES} lines more" if len(diff) > _DIFF_LINES else ""
    return (
        f"{where}: this is not what was recorded. Record again, or take back the change:\n"
        + "\n".join(islice(diff, _DIFF_LINES))
        + more
    )


def unrecorded(episode: int, place: Place, asked: Kept, request: Rendering | None) -> str:
    """Say that nothing stands on record where something is asked."""
    return f"episode {episode}, place {written(place)}: nothing is recorded here, but this is asked now:\n" + _shown(
        asked, request
    )


def _shown(effect: Kept, request: Rendering | None) -> str:
    if isinstance(effect, Act):
        return f"{effect.action.tool}[{effect.action.argument}]"
    if isinstance(effect, Execute):
        return effect.program
    if not isinstance(effect, Completing):
        return repr(effect.item)
    if isinstance(request, tuple):
        request = "\n".join(f"<{message.role}>\n{message.content}" for message in request)
    options = f"stop: {list(effect.stop)}\nsampling: {effect.sampling}"
    return f"{request or '(the request of another branch of its group)'}\n{options}"
