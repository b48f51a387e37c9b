"""`reasonkit plan` and `reasonkit calibrate`: will it fit, on what, and how long does it take.

`plan` needs neither torch nor a GPU; `calibrate` needs torch.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from reasonkit.errors import InputError

if TYPE_CHECKING:
    from reasonkit.train.plan import Shape
    from reasonkit.train.plan.chinchilla import Law, Optimum
    from reasonkit.train.plan.states import Sharding

_COMPARED: tuple[Sharding, ...] = ("ddp", "zero1", "zero2", "zero3")


def plan(
    model: Annotated[
        str, typer.Argument(help="A known name (gpt2-xl, llama-7b ...), a config.json or its folder.", show_default=False)
    ] = "",
    parameters: Annotated[
        str | None, typer.Option("--parameters", help="Only their number, for example 7.5e9 or 7.5B.")
    ] = None,
    hidden: Annotated[int | None, typer.Option("--hidden", help="Sizes instead: the width.", min=1)] = None,
    layers: Annotated[int | None, typer.Option("--layers", help="How many.", min=1)] = None,
    heads: Annotated[int | None, typer.Option("--heads", help="Of attention, a layer.", min=1)] = None,
    key_heads: Annotated[int | None, typer.Option("--key-heads", help="As many as heads if missing.", min=1)] = None,
    feed_forward: Annotated[
        int | None, typer.Option("--feed-forward", help="Its width; 8/3 of --hidden if missing.", min=1)
    ] = None,
    vocabulary: Annotated[int, typer.Option("--vocabulary", help="Words, with --hidden.", min=1)] = 32_000,
    method: Annotated[
        Literal["full", "lora", "qlora"], typer.Option("--method", help="What is trained.")
    ] = "full",
    rank: Annotated[int, typer.Option("--rank", help="Of LoRA; 4 to 32 are usual.", min=1)] = 16,
    targets: Annotated[
        str, typer.Option("--targets", help="What LoRA adapts: attention, feed-forward, all, or names: q_proj,v_proj.")
    ] = "attention",
    precision: Annotated[
        Literal["bf16", "fp16", "fp32", "autocast", "pure-bf16"],
        typer.Option("--precision", help="bf16 and fp16 are mixed, with a copy of the weights in fp32; autocast is what reasonkit train calls bf16."),
    ] = "bf16",
    optimizer: Annotated[
        Literal["adam", "adam8bit", "adafactor", "lion", "momentum", "sgd"],
        typer.Option("--optimizer", help="Whose states are held."),
    ] = "adam",
    batch: Annotated[int, typer.Option("--batch", help="Rows a GPU and micro-step.", min=1)] = 1,
    accumulation: Annotated[int, typer.Option("--accumulation", help="Micro-steps a step.", min=1)] = 1,
    sequence: Annotated[int, typer.Option("--sequence", help="Tokens a row.", min=1)] = 2048,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Keep each layer's input alone; compute the rest again.")
    ] = False,
    attention: Annotated[
        Literal["sdpa", "eager"], typer.Option("--attention", help="Fused, or with its scores written out.")
    ] = "sdpa",
    gpus: Annotated[int, typer.Option("--gpus", help="How many share the work.", min=1)] = 1,
    memory: Annotated[str | None, typer.Option("--memory", help="Of one GPU: 80, 80GB or 24GiB.")] = None,
    headroom: Annotated[
        float, typer.Option("--headroom", help="The share of it left for what is not counted.", min=0, max=0.9)
    ] = 0.1,
    sharding: Annotated[
        str,
        typer.Option(
            "--sharding", help="What is compared, with commas: ddp, zero1, zero2, zero3, fsdp, fsdp-kept.",
            show_default="ddp,zero1,zero2,zero3",
        ),
    ] = "",
    law: Annotated[
        Literal["20", "table3", "epoch", "hoffmann"],
        typer.Option("--law", help="How many tokens are best: 20 a parameter, or a fit."),
    ] = "20",
    tokens: Annotated[str | None, typer.Option("--tokens", help="To train on; the best number if missing.")] = None,
    flops: Annotated[
        str | None, typer.Option("--flops", help="A budget: also say the best size for it, or plan that if no model is named.")
    ] = None,
    throughput: Annotated[
        str | None, typer.Option("--throughput", help="FLOPs a second that one GPU really reaches: 400T.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option("--calibration", help="A file of `reasonkit calibrate`; else what ships.")
    ] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw a bar chart into this .svg file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> int:  # fmt: skip
    """Say whether a training run fits, on what, and how long it takes; needs no torch."""
    from reasonkit.cli.amounts import count, size
    from reasonkit.train.plan import Lora, Run, read_calibrations
    from reasonkit.train.plan import plan as planned
    from reasonkit.train.plan.chinchilla import optimum

    if plot is not None and (plot.suffix.lower() != ".svg" or not plot.parent.is_dir()):
        raise InputError(f"--plot {str(plot)!r}: name a .svg file in a folder that is there")
    best = None if flops is None else optimum(count(flops, "--flops"), law)
    sizes = (hidden, layers, heads, key_heads, feed_forward)
    shape = _shape(model, parameters, sizes, vocabulary, best)
    run = Run(
        shape=shape,
        method=method,
        lora=Lora(rank=rank, targets=tuple(name.strip() for name in targets.split(","))),
        precision=precision,
        optimizer=optimizer,
        batch=batch,
        accumulation=accumulation,
        sequence=sequence,
        recompute=recompute,
        attention=attention,
        gpus=gpus,
        memory_bytes=None if memory is None else size(memory, "--memory"),
        headroom=headroom,
    )
    found = planned(
        run,
        _shardings(sharding),
        calibrations=read_calibrations(calibration),
        law=law,
        tokens=None if tokens is None else count(tokens, "--tokens"),
        throughput=None if throughput is None else count(throughput, "--throughput"),
    )
    if plot is not None:
        from reasonkit.train.plan.chart import chart

        _write(plot, chart(found))
    if as_json:
        print(json.dumps(found.as_json() | {"optimum": _optimum(best, law)}))
    else:
        from reasonkit.cli.plan_table import show_plan

        show_plan(found, best, only_one=gpus == 1 and not sharding)
    return 0


def calibrate(
    models: Annotated[
        list[str], typer.Argument(help="Families, known names or config.json files.", metavar="MODEL...")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write, for plan --calibration.")],
    methods: Annotated[
        str, typer.Option("--methods", help="Which, with commas: full, lora-attention, lora-all.")
    ] = "full,lora-attention,lora-all",
    attention: Annotated[
        Literal["sdpa", "eager"], typer.Option("--attention", help="Which code runs the attention.")
    ] = "sdpa",
    device: Annotated[Literal["cpu", "cuda"], typer.Option("--device", help="Where it is measured.")] = "cpu",
) -> int:
    """Measure the activations of small random models of a family, for `reasonkit plan --calibration`."""
    from reasonkit.train.plan import shape_of
    from reasonkit.train.plan.activations import WITHIN, written
    from reasonkit.train.plan.calibrate import FAMILIES
    from reasonkit.train.plan.calibrate import calibrate as measured

    if not output.parent.is_dir():
        raise InputError(f"--output {str(output)!r}: name a file in a folder that is there")
    families = [name if name in FAMILIES else shape_of(name).family for name in models]
    found = []
    for family in dict.fromkeys(families):
        for method in methods.split(","):
            for compute in (2, 4):
                one = measured(
                    family, compute=compute, method=method.strip(), attention=attention, device=device
                )  # fmt: skip
                said = "" if one.error <= WITHIN else ": too far off, plan will not use it"
                print(
                    f"{family}, {method}, {8 * compute} bits: within {one.error:.2%} on held-out shapes{said}",
                    file=sys.stderr,
                )
                found.append(one)
    _write(output, written(found))
    return 0 if all(one.error <= WITHIN for one in found) else 1


def _shape(
    model: str, parameters: str | None, sizes: tuple[int | None, ...], vocabulary: int, best: Optimum | None
) -> Shape:  # fmt: skip
    from reasonkit.cli.amounts import count
    from reasonkit.train.plan import Shape, assumed_shape, shape_of

    given = [bool(model), parameters is not None, any(sizes)]
    if sum(given) > 1:
        raise InputError("a model, --parameters and sizes are three ways to say one thing; give one of them")
    if model:
        return shape_of(model)
    if parameters is not None:
        return assumed_shape(count(parameters, "--parameters"))
    if best is not None and not any(sizes):
        return assumed_shape(best.parameters)
    hidden, layers, heads, key_heads, feed_forward = sizes
    if hidden is None or layers is None or heads is None:
        raise InputError(
            "there is no model: give a name (reasonkit plan gpt2-xl), a config.json, --parameters 7.5e9, or "
            "--hidden, --layers and --heads"
        )
    return Shape(
        name="the sizes given",
        family="llama",
        vocabulary=vocabulary,
        hidden=hidden,
        layers=layers,
        heads=heads,
        key_heads=key_heads or heads,
        head_size=max(1, hidden // heads),
        feed_forward=feed_forward or 8 * hidden // 3,
        gated=True,
    )


def _shardings(text: str) -> tuple[Sharding, ...]:
    from reasonkit.train.plan.states import SHARDINGS

    if not text:
        return _COMPARED
    names = [name.strip() for name in text.split(",")]
    found = tuple(known for name in names for known in SHARDINGS if known == name)
    if len(found) < len(names):
        wrong = next(name for name in names if name not in SHARDINGS)
        raise InputError(f"--sharding names {wrong!r}; there are: {', '.join(SHARDINGS)}")
    return found


def _optimum(best: Optimum | None, law: Law) -> dict[str, object] | None:
    if best is None:
        return None
    return {"law": law, "flops": best.flops, "parameters": best.parameters, "tokens": best.tokens}


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give a file that can be written") from None
    print(f"written to {path}", file=sys.stderr)
