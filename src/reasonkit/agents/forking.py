"""Fork: a recorded run up to a step, then on with another model, prompt, tool or answer, in a trace of its own.

The outcomes before the step are taken over, whatever the agent would ask now; each is marked as `inherited`. What the
new trace holds is what this agent asks, so that it replays like any other.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reasonkit.errors import InputError, TraceError
from reasonkit.runner.budget import Budget
from reasonkit.trace import Fork, Trace, taken_over
from reasonkit.types import Result

if TYPE_CHECKING:
    from reasonkit.agents.agent import Agent


def fork(
    agent: Agent,
    path: str | Path,
    *,
    step: int,
    trace: str | Path | None = None,
    episode: int | None = None,
    completion: str | None = None,
    observation: str | None = None,
    budget: Budget | None = None,
) -> list[Result]:
    """Go on from a step of a recorded run; see `Agent.fork`."""
    with Trace(path, append=False) as parent:
        if parent.run is None or not parent.episodes:
            raise TraceError(f"{path}: there is no episode to fork")
        if episode is not None and episode not in parent.episodes:
            raise TraceError(f"{path}: no episode {episode}; it has {len(parent.episodes)}")
        recordings = [parent.recording(number) for number in parent.episodes if episode in (None, number)]
    taken = [taken_over(one, step, completion=completion, observation=observation) for one in recordings]
    where = f"step={step}" if episode is None else f"episode={episode}&step={step}"
    came = Fork(parent=f"{path}#{where}", events=dict(enumerate(taken)))
    with Trace(trace) as file:
        if file.run is not None and file.run.parent != came.parent:
            raise InputError(f"{trace}: holds another run already; give a new file to record the fork in")
        return agent.forked([one.question for one in recordings if one.question is not None], file, came, budget)
