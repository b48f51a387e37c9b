"""The commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasonkit.cli.adapters import adapters
from reasonkit.cli.evaluation import compare, evaluation, report
from reasonkit.cli.forget import forget
from reasonkit.cli.options import (
    AdapterOption,
    CapabilitiesOption,
    ClientOption,
    DryRunOption,
    FromStepOption,
    JsonOption,
    ModelOption,
    ObserveOption,
    PagesOption,
    PromptOption,
    QuestionWord,
    ReplayOption,
    SamplesOption,
    SayOption,
    SeedOption,
    StepsOption,
    TemperatureOption,
    TraceOption,
)
from reasonkit.cli.plan import calibrate, plan
from reasonkit.cli.quantize import quantize
from reasonkit.cli.run import Asked, run
from reasonkit.cli.steps import steps
from reasonkit.cli.trace import traces
from reasonkit.cli.train import train
from reasonkit.version import __version__

if TYPE_CHECKING:
    from reasonkit.agents.agent import Agent

app = typer.Typer(
    name="reasonkit",
    help="The prompting methods of the literature, run exactly, fast and in the open.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"reasonkit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)] = False,
) -> None:
    """The prompting methods of the literature, run exactly, fast and in the open."""


@app.command()
def react(
    question: QuestionWord = "",
    client: ClientOption = None,
    model: ModelOption = None,
    capabilities: CapabilitiesOption = None,
    adapter: AdapterOption = None,
    prompt: PromptOption = None,
    pages: PagesOption = None,
    max_steps: StepsOption = 7,
    temperature: TemperatureOption = 0.0,
    seed: SeedOption = 0,
    trace: TraceOption = None,
    replay: ReplayOption = None,
    from_step: FromStepOption = None,
    say: SayOption = None,
    observe: ObserveOption = None,
    as_json: JsonOption = False,
    dry_run: DryRunOption = False,
) -> int:
    """Reason and act: thoughts, searches in an encyclopedia, observations, an answer."""
    from reasonkit.agents.methods import ReAct

    asked = Asked(
        question=question, prompt=prompt, trace=trace, replay=replay, from_step=from_step, say=say, observe=observe,
        as_json=as_json, dry_run=dry_run,
    )  # fmt: skip
    return run(
        ReAct,
        lambda: ReAct(
            client,
            model=model,
            capabilities=capabilities,
            adapter=adapter,
            prompt=prompt,
            pages=pages,
            max_steps=max_steps,
            temperature=temperature,
            seed=seed,
        ),
        asked,
    )


@app.command()
def act(
    question: QuestionWord = "",
    client: ClientOption = None,
    model: ModelOption = None,
    capabilities: CapabilitiesOption = None,
    adapter: AdapterOption = None,
    prompt: PromptOption = None,
    pages: PagesOption = None,
    max_steps: StepsOption = 7,
    temperature: TemperatureOption = 0.0,
    seed: SeedOption = 0,
    trace: TraceOption = None,
    replay: ReplayOption = None,
    from_step: FromStepOption = None,
    say: SayOption = None,
    observe: ObserveOption = None,
    as_json: JsonOption = False,
    dry_run: DryRunOption = False,
) -> int:
    """Act without thoughts: searches in an encyclopedia, observations, an answer."""
    from reasonkit.agents.methods import Act

    asked = Asked(
        question=question, prompt=prompt, trace=trace, replay=replay, from_step=from_step, say=say, observe=observe,
        as_json=as_json, dry_run=dry_run,
    )  # fmt: skip
    return run(
        Act,
        lambda: Act(
            client,
            model=model,
            capabilities=capabilities,
            adapter=adapter,
            prompt=prompt,
            pages=pages,
            max_steps=max_steps,
            temperature=temperature,
            seed=seed,
        ),
        asked,
    )


@app.command()
def ask(
    question: QuestionWord = "",
    client: ClientOption = None,
    model: ModelOption = None,
    capabilities: CapabilitiesOption = None,
    adapter: AdapterOption = None,
    prompt: PromptOption = None,
    temperature: TemperatureOption = 0.0,
    seed: SeedOption = 0,
    trace: TraceOption = None,
    replay: ReplayOption = None,
    as_json: JsonOption = False,
    dry_run: DryRunOption = False,
) -> int:
    """Ask for the answer alone, after worked examples."""
    from reasonkit.agents.methods import Direct

    asked = Asked(question=question, prompt=prompt, trace=trace, replay=replay, as_json=as_json, dry_run=dry_run)
    return run(
        Direct,
        lambda: Direct(
            client,
            model=model,
            capabilities=capabilities,
            adapter=adapter,
            prompt=prompt,
            temperature=temperature,
            seed=seed,
        ),
        asked,
    )


@app.command()
def cot(
    question: QuestionWord = "",
    client: ClientOption = None,
    model: ModelOption = None,
    capabilities: CapabilitiesOption = None,
    adapter: AdapterOption = None,
    prompt: PromptOption = None,
    samples: SamplesOption = 1,
    temperature: TemperatureOption = 0.0,
    seed: SeedOption = 0,
    trace: TraceOption = None,
    replay: ReplayOption = None,
    as_json: JsonOption = False,
    dry_run: DryRunOption = False,
) -> int:
    """Chain of thought: reason in words, then answer; with --samples, the majority of several (self-consistency)."""
    from reasonkit.agents.methods import CoT
    from reasonkit.agents.votes import SelfConsistency

    def build() -> Agent:
        one = CoT(
            client,
            model=model,
            capabilities=capabilities,
            adapter=adapter,
            prompt=prompt,
            temperature=temperature,
            seed=seed,
        )
        return one if samples == 1 else SelfConsistency(one, n=samples, own=True)

    asked = Asked(question=question, prompt=prompt, trace=trace, replay=replay, as_json=as_json, dry_run=dry_run)
    return run(CoT if samples == 1 else SelfConsistency, build, asked)


@app.command()
def pal(
    question: QuestionWord = "",
    client: ClientOption = None,
    model: ModelOption = None,
    capabilities: CapabilitiesOption = None,
    adapter: AdapterOption = None,
    prompt: PromptOption = None,
    samples: SamplesOption = 1,
    repair: Annotated[bool, typer.Option("--repair", help="Show a failing program to the model, once.")] = False,
    show_program: Annotated[bool, typer.Option("--show-program", help="Print the program to stderr.")] = False,
    save_program: Annotated[Path | None, typer.Option("--save-program", help="Write the program to a file.")] = None,
    program: Annotated[Path | None, typer.Option("--program", help="Run this saved program; ask no model.")] = None,
    temperature: TemperatureOption = 0.0,
    seed: SeedOption = 0,
    trace: TraceOption = None,
    replay: ReplayOption = None,
    as_json: JsonOption = False,
    dry_run: DryRunOption = False,
) -> int:
    """Write a program and run it in the sandbox; its value is the answer."""
    from reasonkit.agents.methods import PAL
    from reasonkit.agents.votes import SelfConsistency
    from reasonkit.cli.run import run_program

    if program is not None:
        return run_program(program, as_json=as_json)

    def build() -> Agent:
        one = PAL(
            client,
            model=model,
            capabilities=capabilities,
            adapter=adapter,
            prompt=prompt,
            repair=repair,
            temperature=temperature,
            seed=seed,
        )
        return one if samples == 1 else SelfConsistency(one, n=samples, own=True)

    asked = Asked(
        question=question,
        prompt=prompt,
        trace=trace,
        replay=replay,
        as_json=as_json,
        dry_run=dry_run,
        show_program=show_program,
        save_program=save_program,
    )
    return run(PAL if samples == 1 else SelfConsistency, build, asked)


@app.command()
def doctor(
    address: Annotated[str, typer.Argument(help="An endpoint to probe.", show_default=False)] = "",
    model: ModelOption = None,
    save: Annotated[Path | None, typer.Option("--save", help="Write what was found to a file for the client.")] = None,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Say what isolation this machine offers.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Say what an endpoint, or this machine's sandbox, can be trusted with."""
    from reasonkit.cli.doctor import examine

    return examine(address, model=model, save=save, sandbox=sandbox, as_json=as_json)


app.command(name="eval")(evaluation)
app.command()(compare)
app.command()(report)
app.command()(plan)
app.command()(calibrate)
app.command()(quantize)
app.command()(forget)
app.add_typer(traces, name="trace")
app.command()(train)
app.add_typer(adapters, name="adapters")
app.add_typer(steps, name="steps")
