"""`reasonkit steps`: parsers of steps, scored on a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reasonkit.cli.options import JsonOption

steps = typer.Typer(help="Parsers of steps.", no_args_is_help=True)


@steps.callback()
def _steps() -> None:
    """Score parsers of steps."""


@steps.command()
def score(
    file: Annotated[Path, typer.Argument(help="A corpus of cases, one JSON object a line.")],
    as_json: JsonOption = False,
) -> int:
    """Score the parser of steps on a corpus, by kind."""
    from reasonkit.cli.doctor import scored

    return scored(file, as_json=as_json)
