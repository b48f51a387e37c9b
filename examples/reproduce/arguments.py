"""What the recipes have in common: their arguments, and the run with its table."""

import argparse
from dataclasses import replace
from pathlib import Path

from reasonkit import Agent
from reasonkit.errors import ReasonkitError
from reasonkit.evaluation import Dataset, Tally, evaluate, load_dataset, markdown


def parser(description: str | None, *, n: int | None, out: str) -> argparse.ArgumentParser:
    """Return the arguments that every recipe takes.

    Args:
        description: the recipe's docstring.
        n: how many items the paper's code draws; None takes all.
        out: the run's folder, if none is named.
    """
    found = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("dataset", type=Path, help="the file as its repository ships it")
    found.add_argument("--client", required=True, help="what to ask: http://HOST:PORT/v1, gguf:PATH or local:PATH")
    found.add_argument("--model", help="the model's name on a server")
    found.add_argument("--prompts", type=Path, help="the originals' file; else our own prompt in the same form")
    found.add_argument("--n", type=int, default=n, help=f"items, drawn with seed 233 (default: {n or 'all'})")
    found.add_argument("--concurrency", type=int, default=8, help="requests at the same time (default: 8)")
    found.add_argument("--out", type=Path, default=Path(out), help=f"the run's folder (default: {out})")
    return found


def drawn(asked: argparse.Namespace, kind: str, *, first: int | None = None) -> Dataset:
    """Return the items that the paper's code draws: a shuffle with seed 233, then the first n.

    Args:
        asked: the arguments.
        kind: the form of the file.
        first: so many rows of the file are shuffled; None takes them all.
    """
    dataset = load_dataset(asked.dataset, kind=kind)
    return replace(dataset, questions=dataset.questions[:first]).sample(asked.n, 233)


def run(agent: Agent, dataset: Dataset, asked: argparse.Namespace, method: str) -> None:
    """Run, or go on with a run that stopped; print the table beside the paper's figure."""
    tally = Tally()
    with agent:
        evaluate(agent, dataset, asked.out, method=method, concurrency=asked.concurrency, tally=tally)
    print(markdown([asked.out]))
    if tally.failed:
        raise SystemExit(
            f"\n{tally.failed} of {tally.n} items failed, the first with {tally.first_error}\n"
            "The same command asks them again."
        )
    print(f"\nThe charts: reasonkit report {asked.out} --out report.html")


def told(main: object) -> None:
    """Run a recipe; what is wrong with its files or its server is one line."""
    assert callable(main)
    try:
        main()
    except ReasonkitError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit("interrupted; the same command goes on from there") from None
