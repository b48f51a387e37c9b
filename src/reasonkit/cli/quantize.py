"""`reasonkit quantize`: a model in several number formats, in one table, with a picture of the formats."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from reasonkit.errors import InputError


def quantize(
    model: Annotated[
        Path | None, typer.Argument(help="The folder of a model; the bundled one if missing.", show_default=False)
    ] = None,
    text: Annotated[
        Path | None, typer.Option("--text", help="A text to measure on; else documents made for the purpose.")
    ] = None,
    formats: Annotated[
        str | None, typer.Option("--formats", help="With commas: fp32,fp16,bf16,int8,nf4,...; else all of them.")
    ] = None,
    documents: Annotated[int, typer.Option("--documents", help="Documents at most.", min=1)] = 24,
    rounds: Annotated[int, typer.Option("--rounds", help="Of each measurement of speed.", min=1)] = 5,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
    threads: Annotated[
        int | None, typer.Option("--threads", help="Of the arithmetic; torch chooses if missing.", min=1)
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="A folder for the models, the report and the picture.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="An SVG file: each format's bits, range and steps.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Measure a model in other number formats: bytes, what is lost, tokens a second."""
    from reasonkit.bundled import model_path
    from reasonkit.train.quantize.formats import FORMATS, formats_of
    from reasonkit.train.quantize.picture import picture
    from reasonkit.train.quantize.run import Row, save
    from reasonkit.train.quantize.run import quantize as measured

    chosen = formats_of(formats or ",".join(FORMATS))
    if plot is not None and not plot.parent.is_dir():
        raise InputError(f"--plot {str(plot)!r}: there is no such folder; make it first")

    def told(row: Row) -> None:
        if sys.stderr.isatty():
            print(f"{row.format}: {row.reason or 'measured'}", file=sys.stderr)

    report = measured(
        model or model_path(), chosen, text=text, documents=documents, rounds=rounds, device=device, threads=threads,
        out=out, on_row=told,
    )  # fmt: skip
    if out is not None:
        save(report, out)
    if plot is not None:
        try:
            plot.write_text(picture(report.weights, title=report.model), encoding="utf-8")
        except OSError as error:
            raise InputError(f"--plot {str(plot)!r}: {error.strerror or error}") from None
    print(json.dumps(report.plain()) if as_json else report.table())
    return 0
