"""The options that several commands share, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

QuestionWord = Annotated[str, typer.Argument(help="What is asked. Not needed with --replay.", show_default=False)]
ClientOption = Annotated[
    str | None,
    typer.Option(
        "--client",
        help="What to ask: http://HOST:PORT/v1, openai:MODEL, gguf:PATH or local:PATH; the bundled model if missing.",
    ),
]
ModelOption = Annotated[str | None, typer.Option("--model", help="The model's name on a server.")]
CapabilitiesOption = Annotated[
    Path | None,
    typer.Option("--capabilities", help="Of a server: the file that `reasonkit doctor URL --save FILE` wrote."),
]
PromptOption = Annotated[str | None, typer.Option("--prompt", help="A prompt's name or folder.")]
TraceOption = Annotated[Path | None, typer.Option("--trace", help="A file to record the run in, or to go on with.")]
ReplayOption = Annotated[Path | None, typer.Option("--replay", help="Run this trace again; nothing is asked.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print the exact first request; send nothing.")]
TemperatureOption = Annotated[float, typer.Option("--temperature", help="0 is greedy.", min=0.0)]
SeedOption = Annotated[int, typer.Option("--seed", help="Of what is drawn.")]
PagesOption = Annotated[
    str | None,
    typer.Option("--pages", help="Where Search looks: bundled, live, live:LANGUAGE, zim:PATH or cache:FILE:NAME."),
]
FromStepOption = Annotated[
    int | None,
    typer.Option("--from-step", help="With --replay: take the run over up to this step, and go on from there.", min=1),
]
SayOption = Annotated[str | None, typer.Option("--say", help="With --from-step: what the model says at that step.")]
ObserveOption = Annotated[
    str | None, typer.Option("--observe", help="With --from-step: what the tool says at that step.")
]
AdapterOption = Annotated[
    Path | None,
    typer.Option(
        "--adapter", help="A LoRA adapter of a local: model: its folder, or its name in the model's adapters."
    ),
]
SamplesOption = Annotated[
    int, typer.Option("--samples", help="Samples that vote; above 1 it needs a temperature.", min=1)
]
StepsOption = Annotated[int, typer.Option("--max-steps", help="Turns before it ends without an answer.", min=1)]
