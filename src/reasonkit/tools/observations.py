"""The observations that every kind of tool has in common: a cut text, a refusal, a tool that does not exist.

Not for what one tool has to say: that is in the tool's own file.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Final, Literal

from reasonkit.errors import InputError, ToolError
from reasonkit.types import Observation

LEAST_CHARS: Final = 80
"""The smallest limit that leaves room for some text beside the marker."""
_REFUSAL_CHARS: Final = 300


def checked_limit(max_chars: int | None) -> int | None:
    """Return the limit of an observation's length, or refuse one that no text fits in.

    Args:
        max_chars: characters, at least 80; None for no limit.

    Raises:
        InputError: the limit is below 80, or no whole number.
    """
    if max_chars is None:
        return None
    if not isinstance(max_chars, int) or isinstance(max_chars, bool) or max_chars < LEAST_CHARS:
        raise InputError(f"max_chars is {max_chars!r}: give at least {LEAST_CHARS}, or None for no limit")
    return max_chars


def observed(text: str, max_chars: int | None, status: Literal["ok", "missing", "error"] = "ok") -> Observation:
    """Make an observation of `text`; past `max_chars` characters it is cut between words and says so at its end."""
    if max_chars is None or len(text) <= max_chars:
        return Observation(text=text, status=status)
    marker = f" [... cut: {len(text)} characters in all]"
    kept = text[: max_chars - len(marker)]
    space = kept.rfind(" ", len(kept) * 3 // 4)
    return Observation(text=(kept if space < 0 else kept[:space]).rstrip() + marker, status=status, shortened=True)


def shown(returned: object, max_chars: int | None) -> Observation:
    """Make an observation of what a tool's function returned.

    Text is shown as it is, lists and dicts as JSON, anything else as `str` has it; None as "Done." An Observation is
    taken over, and cut where it is too long.
    """
    if isinstance(returned, Observation):
        cut = observed(returned.text, max_chars)
        return replace(returned, text=cut.text, shortened=True) if cut.shortened else returned
    if returned is None:
        return Observation(text="Done.")
    if isinstance(returned, dict | list | tuple):
        return observed(json.dumps(returned, ensure_ascii=False, default=str), max_chars)
    return observed(str(returned).rstrip(), max_chars)


def refused(error: ToolError) -> Observation:
    """Make an observation of a tool's own refusal, on one line and short."""
    text = " ".join(str(error).split()) or "The tool refused, and did not say why."
    return Observation(
        text=text if len(text) <= _REFUSAL_CHARS else text[: _REFUSAL_CHARS - 4].rstrip() + " ...", status="error"
    )


def unknown_tool(name: str, names: Sequence[str]) -> Observation:
    """Make the observation for a tool that does not exist: which do, and which of them is spelt most like it.

    Args:
        name: what the model wrote before the bracket.
        names: the tools that there are, Finish left out.
    """
    known = [*names, "Finish"]
    folded = {each.casefold(): each for each in known}
    nearest = get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    hint = f" Did you mean {folded[nearest[0]]}?" if nearest else ""
    return Observation(text=f"There is no tool {name!r}. Tools: {', '.join(known)}.{hint}", status="error")
