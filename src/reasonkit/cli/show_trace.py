"""How a trace looks on a terminal: episodes as a table, one episode with its steps, sums."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reasonkit.cli.show import printable
from reasonkit.errors import InputError
from reasonkit.trace import Event, Recording, Trace, written
from reasonkit.trace.chains import text_of
from reasonkit.trace.fold import fold
from reasonkit.trace.stats import Stats, seconds_of
from reasonkit.types import Act, Completion, Execute, Execution, Note, Observation, Refused, Result, Sample, Step

_COLOURS = {"Thought": "cyan", "Action": "yellow", "Observation": "green", "Program": "yellow", "Sample": "magenta"}


def show_trace(trace: Trace, *, episode: int | None, requests: bool) -> None:
    """Print a trace: all its episodes in a table, or one with all that happened."""
    if episode is not None and episode not in trace.episodes:
        raise InputError(f"{trace.path}: no episode {episode}; it has {len(trace.episodes)}")
    console = Console(highlight=False)
    run = trace.run
    if run is not None:
        model = ", ".join(run.client.values())
        console.print(_text(f"{run.strategy}, prompt {run.prompt}, {model}, seed {run.seed}"), style="bold")
        if run.parent:
            console.print(_text(f"forked from {run.parent}"))
    if episode is None and len(trace.episodes) == 1:
        episode = trace.episodes[0]
    if episode is None:
        console.print(_table(trace))
        console.print(_text("one of them with its steps: --episode NUMBER"), style="dim")
        return
    recording = trace.recording(episode)
    if recording.question is None:
        raise InputError(f"{trace.path}: the question of episode {episode} is missing")
    result = fold(recording.question, recording.events.values(), recording.end)
    console.print(_text(f"Question: {recording.question.text}"), style="bold")
    for event in recording.lines():
        if isinstance(event, Event):
            _show_event(console, event, requests=requests)
    _show_end(console, recording, result)


def show_stats(stats: Stats) -> None:
    """Print sums."""
    table = Table(show_header=False, box=None)
    usage = stats.usage
    rows = [
        ("episodes", f"{stats.episodes}, {stats.answered} with an answer"),
        ("ended", _counted(stats.stop_reasons)),
        ("steps", f"{stats.steps}, at most {stats.most_steps} an episode"),
        ("samples", str(stats.samples)),
        ("recoveries", _counted(stats.recoveries)),
        ("not readable", _counted(stats.malformed)),
        ("asked again", str(stats.reasked)),
        ("tools", _counted(stats.tools)),
        ("tools said", _counted(stats.statuses)),
        ("programs", str(stats.programs)),
        ("requests", f"{usage.requests}; {stats.truncated} completions cut, {stats.refused} refused by the budget"),
        (
            "tokens",
            f"{usage.prompt_tokens} prompt ({usage.cached_tokens} cached), {usage.completion_tokens} completion",
        ),
        ("taken over", f"{stats.inherited} outcomes"),
        ("seconds", f"{stats.model_seconds:.1f} model, {stats.tool_seconds:.1f} tools and programs"),
        ("an episode", f"{stats.median_episode_seconds:.2f} s in the median"),
    ]
    for name, value in rows:
        table.add_row(name, _text(value))
    Console(highlight=False).print(table)


def _table(trace: Trace) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("#", "question", "answer", "ended", "steps", "tokens", "s"):
        numeric = column in ("#", "steps", "tokens", "s")
        table.add_column(column, justify="right" if numeric else "left", no_wrap=numeric)
    for number in trace.episodes:
        recording = trace.recording(number)
        if recording.question is None:
            continue
        result = fold(recording.question, recording.events.values(), recording.end)
        tokens = result.usage.prompt_tokens + result.usage.completion_tokens
        table.add_row(
            str(number),
            _text(recording.question.text[:120]),
            _text(result.answer or "-"),
            result.stop_reason if recording.end else "cut off",
            str(len(result.steps) or len(result.samples)),
            str(tokens),
            f"{seconds_of(recording):.1f}",
        )
    return table


def _show_event(console: Console, event: Event, *, requests: bool) -> None:
    if requests and event.request is not None:
        console.rule(f"request at {written(event.place)}", style="dim")
        console.print(_text(text_of(event.request)), style="dim")
        console.rule(style="dim")
    match event.effect, event.outcome:
        case Note(item=Step() as step), _:
            action = None if step.action is None else f"{step.action.tool}[{step.action.argument}]"
            for label, text in (("Thought", step.thought), ("Action", action), ("Observation", step.observation)):
                if text:
                    _labelled(console, label, step.number, text)
            marks = [*step.recovered, *(["asked again"] if step.reasked else []), *filter(None, [step.malformed])]
            if marks:
                console.print(_text(f"  ({', '.join(marks)})"), style="dim")
        case Note(item=Sample() as sample), _:
            _labelled(console, "Sample", None, sample.answer or "no answer")
        case Execute(program=program), Execution() as execution:
            _labelled(console, "Program", None, program)
            error = execution.error
            _labelled(
                console, "Value", None, repr(execution.value) if error is None else f"{error.kind}: {error.message}"
            )
        case _, Refused(reason=reason):
            _labelled(console, "Refused", None, reason)
        case Act(), Observation():
            pass  # its step says it
        case _, Completion(text=text) if requests:
            _labelled(console, "Model", None, text)
        case _:
            pass


def _show_end(console: Console, recording: Recording, result: Result) -> None:
    for vote in result.votes:
        console.print(_text(f"  {vote.count:4} votes: {vote.answer}"))
    ended = result.stop_reason if recording.end else "cut off"
    console.print(_text(f"Answer: {result.answer if result.answer is not None else '-'} ({ended})"), style="bold")
    if result.error is not None:
        console.print(_text(f"{result.error.kind}: {result.error.message}"), style="red")


def _labelled(console: Console, label: str, number: int | None, text: str) -> None:
    line = Text()
    line.append(label if number is None else f"{label} {number}", style=f"bold {_COLOURS.get(label, 'white')}")
    line.append(": ")
    line.append(printable(text))
    console.print(line)


def _text(text: str) -> Text:
    """Return text that is shown as it is: no markup, and no control characters."""
    return Text(printable(text))


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
