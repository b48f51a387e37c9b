"""From what happens to results, and from one run to its continuation in the same file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from reasonkit.agents.recipe import Recipe
from reasonkit.clients.protocol import Client
from reasonkit.errors import TraceError
from reasonkit.tools.protocol import Toolset
from reasonkit.trace import End, Event, Opened, Run, Seen, Trace, fold
from reasonkit.trace.lines import options_json
from reasonkit.types import Question, Result
from reasonkit.version import __version__

TraceLike: TypeAlias = str | Path | Trace | None
"""Where a run is recorded: a file, a trace that the caller opened and closes, or nowhere."""


@contextmanager
def opened(trace: TraceLike) -> Iterator[Trace]:
    """Open a trace for one call; the caller's own is left open."""
    if isinstance(trace, Trace):
        yield trace
    else:
        with Trace(trace) as file:
            yield file


class Folding:
    """Makes results of what happens, and forgets each episode at its end."""

    def __init__(self, trace: Trace) -> None:
        self._path = None if trace.path is None else str(trace.path)
        self._open: dict[int, tuple[Question, list[Event]]] = {}

    def take(self, seen: Seen) -> Iterator[tuple[int, Result]]:
        """Take something that happened; yield the episode and its result if it is over."""
        if isinstance(seen, Opened):
            self._open[seen.episode] = (seen.question, [])
        elif isinstance(seen, Event):
            self._open[seen.episode][1].append(seen)
        elif isinstance(seen, End):
            question, events = self._open.pop(seen.episode)
            yield seen.episode, fold(question, events, seen, trace=self._path)


def head(
    recipe: Recipe, client: Client, *, tools: Toolset | None, adapter: str | None, seed: int, parent: str | None
) -> Run:
    """Return the first line of a trace: what runs, with what."""
    capabilities = client.capabilities
    return Run(
        strategy=recipe.name,
        options=recipe.described_options(),
        parts={name: part.described() for name, part in recipe.parts.items()},
        prompt=recipe.prompt.name if recipe.prompt else None,
        prompt_sha256=recipe.prompt.sha256 if recipe.prompt else None,
        client={**client.describe(), **({"adapter": adapter} if adapter else {})},
        endpoint=capabilities.endpoint,
        prefill=capabilities.prefill,
        tools=tools.names if tools else (),
        seed=seed,
        parent=parent,
        library=f"reasonkit {__version__}",
    )


def same_settings(recorded: Run, now: Run, path: Path | None) -> None:
    """Refuse to go on with a run that was begun with other settings."""

    def settings(run: Run) -> dict[str, object]:
        client = {name: value for name, value in run.client.items() if name != "base_url"}
        return {
            "strategy": run.strategy, "options": options_json(run.options),
            "parts": options_json(run.parts), "prompt": run.prompt_sha256,
            "client": client, "endpoint": run.endpoint, "tools": run.tools, "seed": run.seed,
        }  # fmt: skip

    then, here = settings(recorded), settings(now)
    for name, value in then.items():
        if value != here[name]:
            raise TraceError(
                f"{path}: this trace was begun with another {name}: {value} then, {here[name]} now; "
                "give another file to record in, or the same settings to go on"
            )
