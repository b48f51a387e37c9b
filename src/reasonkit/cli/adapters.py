"""`reasonkit adapters`: look at a folder of LoRA adapters, examine them, merge one into its base."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from reasonkit.errors import InputError

adapters = typer.Typer(help="Look at LoRA adapters, examine them, and merge one.", no_args_is_help=True)

FolderWord = Annotated[
    Path, typer.Argument(help="An adapter, or a folder with several.", metavar="FOLDER", show_default=False)
]
ModelOption = Annotated[Path | None, typer.Option("--model", help="The base's folder; else the manifest's.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@adapters.command(name="list")
def listed(folder: FolderWord = Path("adapters"), as_json: JsonOption = False) -> int:
    """List adapters: rank, targets, base, prompt and figures."""
    from reasonkit.evaluation.table import markdown_table
    from reasonkit.train.adapters import read_registry

    entries = read_registry(folder)
    if as_json:
        print(json.dumps([entry.described() for entry in entries], ensure_ascii=False))
        return 0
    rows = [["name", "rank", "alpha", "targets", "bytes", "base", "base sha256", "prompt sha256", "metrics"]]
    for entry in entries:
        known = entry.manifest
        rows.append(
            [
                entry.name,
                str(entry.config.r),
                f"{entry.config.lora_alpha:g}",
                " ".join(entry.config.targets),
                str(entry.bytes),
                (known.base if known else entry.config.base_model_name_or_path) or "unknown",
                known.base_sha256[:12] if known else "unknown",
                (known.prompt_sha256 or "any")[:12] if known else "unknown",
                ", ".join(f"{name} {value:.4g}" for name, value in known.metrics) if known else "",
            ]
        )
    print(markdown_table(rows))
    return 0


@adapters.command()
def show(
    folder: FolderWord,
    name: Annotated[str | None, typer.Argument(help="One of several.", show_default=False)] = None,
) -> int:
    """Show all that is known of an adapter, as JSON."""
    from reasonkit.train.adapters import read_registry

    entries = read_registry(folder)
    chosen = [entry for entry in entries if name in (None, entry.name)]
    if not chosen:
        raise InputError(f"{folder}: there is no adapter {name!r}; there are: {', '.join(one.name for one in entries)}")
    for entry in chosen:
        print(json.dumps(entry.described(), indent=2, ensure_ascii=False))
    return 0


@adapters.command()
def check(
    folder: FolderWord,
    model: ModelOption = None,
    prompt: Annotated[str | None, typer.Option("--prompt", help="The prompt it will be asked with.")] = None,
    as_json: JsonOption = False,
) -> int:
    """Say whether adapters are whole and go with a model and a prompt; 1 if one does not."""
    from reasonkit.prompts import Prompt
    from reasonkit.train.adapters import examine, read_registry

    asked = None if prompt is None else Prompt.load(prompt)
    found = {entry.name: examine(entry, model=model, prompt=asked) for entry in read_registry(folder)}
    if as_json:
        print(json.dumps({name: [asdict(one) for one in findings] for name, findings in found.items()}))
    else:
        for name, findings in found.items():
            print(f"{name}:", *findings, sep="\n")
    return 1 if any(one.grade == "fault" for findings in found.values() for one in findings) else 0


@adapters.command()
def merge(
    folder: Annotated[Path, typer.Argument(help="The adapter.", metavar="FOLDER", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The folder of the merged model.")],
    model: ModelOption = None,
    text: Annotated[
        Path | None, typer.Option("--text", help="A text that both compute; else what the model writes.")
    ] = None,
    dtype: Annotated[
        Literal["stored", "float32", "bfloat16", "float16"],
        typer.Option("--dtype", help="Of the merged weights; `stored` is the base's."),
    ] = "stored",
    as_json: JsonOption = False,
) -> int:
    """Merge an adapter into its base, and measure on what was saved how the logits differ."""
    from reasonkit.train.adapters.merge import merge as merged

    try:
        texts = () if text is None else tuple(text.read_text(encoding="utf-8").split("\n\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{text}: not a readable text: {error}") from None
    report = merged(folder, out, model=model, texts=[one for one in texts if one.strip()], dtype=dtype)
    print(json.dumps(asdict(report)) if as_json else "\n".join(report.lines()))
    return 0
