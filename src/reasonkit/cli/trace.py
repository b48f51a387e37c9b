"""`reasonkit trace`: look at what was recorded, compare it, and make other files of it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from reasonkit.errors import DatasetError, InputError

traces = typer.Typer(help="Look at traces, compare them, and make other files of them.", no_args_is_help=True)

FileWord = Annotated[Path, typer.Argument(help="A trace.", metavar="FILE", show_default=False)]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="A file to write instead of stdout.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@traces.command()
def show(
    file: FileWord,
    episode: Annotated[int | None, typer.Option("--episode", help="Only this one, with all its steps.", min=0)] = None,
    requests: Annotated[bool, typer.Option("--requests", help="Show each request as it was sent.")] = False,
) -> int:
    """Show episodes: what was asked, thought, done and seen, and how it ended."""
    from reasonkit.cli.show_trace import show_trace
    from reasonkit.trace import Trace

    with Trace(file, append=False) as trace:
        show_trace(trace, episode=episode, requests=requests)
    return 0


@traces.command()
def diff(
    first: Annotated[Path, typer.Argument(help="A trace.", metavar="FIRST", show_default=False)],
    second: Annotated[Path, typer.Argument(help="Another.", metavar="SECOND", show_default=False)],
    as_json: JsonOption = False,
) -> int:
    """Say where two traces differ, and exit with 1; 0 if they are the same but for the clock."""
    from reasonkit.cli.show import printable
    from reasonkit.trace import Trace
    from reasonkit.trace.compare import differences

    found = 0
    with Trace(first, append=False) as one, Trace(second, append=False) as other:
        for difference in differences(one, other):
            found += 1
            if as_json:
                print(json.dumps({"episode": difference.episode, "where": difference.where, "diff": difference.lines}))
            else:
                print(difference.where, *map(printable, difference.lines), "", sep="\n")
        episodes = len({*one.episodes, *other.episodes})
    print(f"{found} of {episodes} episodes differ", file=sys.stderr)
    return 1 if found else 0


@traces.command()
def stats(file: FileWord, as_json: JsonOption = False) -> int:
    """Count episodes and their ends, steps, recoveries, tokens and seconds."""
    from reasonkit.cli.show_trace import show_stats
    from reasonkit.trace import Trace
    from reasonkit.trace.stats import stats as counted

    with Trace(file, append=False) as trace:
        found = counted(trace)
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        show_stats(found)
    return 0


@traces.command(name="html")
def html_page(file: FileWord, output: OutputOption = None) -> int:
    """Write one page of HTML that needs nothing else."""
    from reasonkit.trace import Trace
    from reasonkit.trace.page import page

    with Trace(file, append=False) as trace:
        text = page(trace)
    if output is None:
        sys.stdout.buffer.write(text.encode())  # a page is UTF-8, whatever the terminal is
        sys.stdout.buffer.flush()
    else:
        _write(output, text)
    return 0


@traces.command()
def export(
    file: FileWord,
    form: Annotated[Literal["sft", "chat", "demonstrations"], typer.Option("--format", help="Which rows.")],
    correct_only: Annotated[bool, typer.Option("--correct-only", help="Only what agrees with the gold.")] = False,
    gold: Annotated[Path | None, typer.Option("--gold", help="A JSON Lines file: question or id, and answer.")] = None,
    output: OutputOption = None,
) -> int:
    """Make rows to train on, or to show as worked examples; only the model's own words are to be learned."""
    from reasonkit.cli.gold import Gold
    from reasonkit.trace import Trace
    from reasonkit.trace.export import Counts, export

    if gold is not None and not correct_only:
        raise InputError("--gold says what is correct: give --correct-only with it")
    counts = Counts()
    with Trace(file, append=False) as trace:
        known = Gold.read(gold) if gold else Gold()
        if correct_only and gold is None and not any(one.question.gold for one in trace.results()):
            raise DatasetError(f"{file}: holds no gold answers, so none is known to be correct; give --gold FILE")
        keep = known.agrees if correct_only else None
        rows = [json.dumps(row, ensure_ascii=False) + "\n" for row in export(trace, form, counts, keep=keep)]
    if output is None:
        sys.stdout.write("".join(rows))
    else:
        _write(output, "".join(rows))
    print(
        f"{counts.rows} rows; left out: {counts.unanswered} without an answer, {counts.rejected} not correct",
        file=sys.stderr,
    )
    return 0 if counts.rows else 1


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give a file that can be written") from None
    print(f"written to {path}", file=sys.stderr)
