"""`reasonkit eval`, `compare` and `report`: methods over a dataset, two runs side by side, tables of many."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasonkit.cli.methods import METHODS, MethodOptions
from reasonkit.cli.options import AdapterOption, CapabilitiesOption, ClientOption, ModelOption
from reasonkit.errors import InputError, ReasonkitError

if TYPE_CHECKING:
    from reasonkit.cli.evaluating import ClusterOptions
    from reasonkit.evaluation import Figures
    from reasonkit.runner.budget import Price

_PAGES, _TEXTS = (".html", ".htm"), (".md", ".markdown", ".txt", "")


def evaluation(
    dataset: Annotated[
        str, typer.Argument(help="A file, or bundled:one_hop, two_hop, lookup, arithmetic, claims, choices or dates.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder of the runs: one within it for each method.")],
    method: Annotated[str, typer.Option("--method", help=f"One or more, with commas: {', '.join(METHODS)}.")] = "cot",
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="The file's form: own (question, answer, id), gsm8k, gsm-hard, svamp, asdiv, hotpotqa, fever, aqua "
            "or bigbench.",
        ),
    ] = "own",
    metric: Annotated[str | None, typer.Option("--metric", help="number, exact, choice or label.")] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="What the file calls a column: question=prompt.")
    ] = None,
    client: ClientOption = None,
    model: ModelOption = None,
    capabilities: CapabilitiesOption = None,
    adapter: AdapterOption = None,
    prompt: Annotated[str | None, typer.Option("--prompt", help="A prompt's name or folder, for one method.")] = None,
    pages: Annotated[str | None, typer.Option("--pages", help="Where Search looks: bundled, live or zim:PATH.")] = None,
    max_steps: Annotated[int, typer.Option("--max-steps", help="Turns of act and react.", min=1)] = 7,
    samples: Annotated[int, typer.Option("--samples", help="Chains of thought that vote, at most.", min=1)] = 21,
    temperature: Annotated[float, typer.Option("--temperature", help="Of the votes; all else is greedy.")] = 0.7,
    n: Annotated[int | None, typer.Option("--n", help="So many items, drawn with the seed; else all.", min=1)] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the draw of items, and of samples.")] = 233,
    concurrency: Annotated[int, typer.Option("--concurrency", help="Requests at the same time.", min=1)] = 1,
    engine: Annotated[
        str, typer.Option("--engine", help="local: this process alone; ray: agents on a Ray cluster.")
    ] = "local",
    workers: Annotated[int, typer.Option("--workers", help="With ray: agents, a process each.", min=1)] = 2,
    address: Annotated[
        str | None,
        typer.Option("--address", help="With ray: of a cluster, auto or HOST:PORT; RAY_ADDRESS, or this machine."),
    ] = None,
    gpus: Annotated[float, typer.Option("--gpus", help="With ray: that each worker takes.", min=0.0)] = 0.0,
    price: Annotated[
        str | None, typer.Option("--price", help="US dollars for a million tokens, prompt/completion: 0.15/0.6.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> int:
    """Run methods over a dataset; the same command goes on where it stopped."""
    from reasonkit.cli.evaluating import run
    from reasonkit.evaluation import load_dataset, table
    from reasonkit.evaluation.scoring import ANSWER_TYPES

    names = _methods(method)
    cluster = _cluster(engine, workers=workers, address=address, gpus=gpus)
    if metric is not None and metric not in ANSWER_TYPES:
        raise InputError(f"--metric is {metric!r}; there are: {', '.join(ANSWER_TYPES)}")
    if prompt is not None and (len(names) > 1 or names[0] in ("react-cotsc", "cotsc-react")):
        raise InputError("--prompt is for one method that has one prompt; give one such --method")
    loaded = load_dataset(dataset, kind=kind, metric=metric, columns=_columns(column or [])).sample(n, seed)
    answer_type = ANSWER_TYPES[loaded.metric]

    asked = MethodOptions(
        client=client, model=model, capabilities=capabilities, adapter=adapter, prompt=prompt, pages=pages,
        max_steps=max_steps, samples=samples, temperature=temperature, answer_type=answer_type, seed=seed,
    )  # fmt: skip
    found: list[Figures] = []
    cost, interrupted = _price(price), False
    for name in names:
        try:
            figures = run(name, asked.build, loaded, out / name, concurrency=concurrency, price=cost, cluster=cluster)
        except ReasonkitError:  # what the methods before it came to is not lost
            if found and not as_json:
                print(table(found))
            raise
        interrupted = figures.n < len(loaded.questions)
        if figures.n:
            found.append(figures)
        if interrupted:
            break
    if as_json:
        print(json.dumps([asdict(figures) for figures in found]))
    else:
        print(table(found))
    if interrupted:
        print(f"reasonkit: interrupted at {name}; the same command goes on from there", file=sys.stderr)
        return 130
    return 0 if any(dict(figures.stop_reasons).get("error", 0) < figures.n for figures in found) else 1


def compare(
    first: Annotated[Path, typer.Argument(help="A run's folder, or one that eval made.", metavar="DIR")],
    second: Annotated[Path, typer.Argument(help="Another's.", metavar="DIR")],
    lenient: Annotated[bool, typer.Option("--lenient", help="Answers count as they are read forgivingly.")] = False,
    flips: Annotated[int, typer.Option("--flips", help="How many of the items that flip are shown.", min=0)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: one object a pair of runs.")] = False,
) -> int:
    """Compare two runs over the same items, item by item; or all methods that two folders share."""
    from reasonkit.cli.show import printable
    from reasonkit.evaluation import compare as compared

    for one, other in _pairs(first, second):
        found = compared(one, other, lenient=lenient)
        if as_json:
            print(json.dumps(asdict(found) | {"traces": [str(path) for path in found.traces]}))
        else:
            print(*map(printable, found.lines(flips)), "", sep="\n")
    return 0


def report(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs, or folders that eval made.", metavar="DIR...")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "--output", "-o", help="A file to write: .html makes a page, else Markdown. Or stdout."),
    ] = None,
    price: Annotated[
        str | None, typer.Option("--price", help="US dollars for a million tokens, prompt/completion: 0.15/0.6.")
    ] = None,
    traces: Annotated[
        bool,
        typer.Option(
            "--traces/--no-traces", help="Whether a page also links to a page of each trace, written beside it."
        ),
    ] = True,
) -> int:
    """Put finished runs side by side and beside the papers' figures: one page of HTML with charts, or Markdown."""
    from reasonkit.evaluation.groups import groups
    from reasonkit.evaluation.page import write_page
    from reasonkit.evaluation.report import markdown_of

    if out is not None and out.suffix not in (*_PAGES, *_TEXTS):
        raise InputError(f"--out is {str(out)!r}; a report ends in {', '.join((*_PAGES, *_TEXTS[:-1]))} or nothing")
    named = [folder for folder in runs if out is None or folder != out]  # runs/* finds the last report as well
    found = groups((run for folder in named for run in _runs(folder).values()), price=_price(price))
    if out is not None and out.suffix in _PAGES:
        written = write_page(found, out, traces=traces)
        beside = f"; {len(written)} traces have a page beside them, which it links to" if written else ""
        print(f"written to {out}{beside}", file=sys.stderr)
        return 0
    text = "\n\n".join(map(markdown_of, found)) + "\n"
    if out is None:
        sys.stdout.write(text)
        return 0
    try:
        out.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"{out}: {error.strerror or error}; give a file that can be written") from None
    print(f"written to {out}", file=sys.stderr)
    return 0


def _cluster(engine: str, *, workers: int, address: str | None, gpus: float) -> ClusterOptions | None:
    from reasonkit.cli.evaluating import ClusterOptions

    if engine not in ("local", "ray"):
        raise InputError(f"--engine is {engine!r}; there are: local, ray")
    if engine == "ray":
        return ClusterOptions(workers=workers, address=address, gpus=gpus)
    if (workers, address, gpus) != (2, None, 0.0):
        raise InputError("--workers, --address and --gpus belong to a cluster: give --engine ray with them")
    return None


def _methods(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in METHODS:
            raise InputError(f"--method names {name!r}; there are: {', '.join(METHODS)}")
        if names.count(name) > 1:
            raise InputError(f"--method names {name!r} twice")
    return names


def _columns(pairs: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        ours, sign, there = pair.partition("=")
        if not sign or not there:
            raise InputError(f"--column is {pair!r}; write OURS=THEIRS, for example question=prompt")
        found[ours] = there
    return found


def _price(text: str | None) -> Price | None:
    from reasonkit.runner.budget import Price

    if text is None:
        return None
    prompt, _, completion = text.partition("/")
    try:
        return Price(prompt=float(prompt), completion=float(completion))
    except ValueError:
        raise InputError(f"--price is {text!r}; write PROMPT/COMPLETION, for example 0.15/0.6") from None


def _pairs(first: Path, second: Path) -> list[tuple[Path, Path]]:
    """Return the runs to compare: two single ones, else those whose methods both folders have."""
    ones, others = _runs(first), _runs(second)
    if len(ones) == len(others) == 1:
        return [(next(iter(ones.values())), next(iter(others.values())))]
    shared = [name for name in ones if name in others]
    if not shared:
        raise InputError(
            f"{first} has {', '.join(ones)} and {second} has {', '.join(others)}: no method is in both; "
            "give the folders of two runs"
        )
    return [(ones[name], others[name]) for name in shared]


def _runs(folder: Path) -> dict[str, Path]:
    """Return the runs in a folder by their methods, or the folder itself if it is one."""
    from reasonkit.evaluation.run import SETTINGS

    if (folder / SETTINGS).exists():
        return {folder.name: folder}
    names = {file.parent.name: file.parent for file in sorted(folder.glob(f"*/{SETTINGS}"))}
    found = {name: names.pop(name) for name in METHODS if name in names} | names
    if not found:
        raise InputError(f"{folder}: holds no run; give a folder that eval wrote")
    return found
