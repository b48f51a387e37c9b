"""`reasonkit quantize`: one model, many formats, one row each; what does not run here has its reason in its row.

Each format starts from the model in fp32 as its folder holds it. Not here: the arithmetic of the measures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasonkit.clients.card import read_card
from reasonkit.clients.local.extra import require_packages
from reasonkit.errors import InputError, MissingExtra, Unsupported
from reasonkit.evaluation.table import markdown_table
from reasonkit.train.quantize.formats import Format

if TYPE_CHECKING:
    from reasonkit.train.quantize.measure import Logits, Quality, Speed
    from reasonkit.train.quantize.texts import Document

_DOES_NOT_RUN = (RuntimeError, NotImplementedError, ImportError, AssertionError, ValueError, TypeError, AttributeError)
"""What the libraries raise where a format has no arithmetic on a machine."""
_SAMPLE = 20_000
"""Weights that are kept for the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A format's figures, or the reason why there are none."""

    format: str
    what: str
    reason: str | None = None
    """Why it does not run here; then nothing else is known."""
    bytes: int | None = None
    """Of all that the model holds; None where weights are only rounded."""
    bytes_per_parameter: float | None = None
    bits_per_weight: float | None = None
    """Of the converted matrices, scales counted in."""
    weight_error: float | None = None
    """Root mean square error of the converted matrices, as a share of their own root mean square."""
    quality: Quality | None = None
    reads: Speed | None = None
    writes: Speed | None = None
    """None where weights are rounded and computed in fp32."""
    saved: str | None = None
    """Where the model was written, or why it was not; None where nobody asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a model comes to in all formats."""

    model: str
    parameters: int
    converted: int
    """Parameters in the matrices that every format converts; the rest stays in fp32 but for fp16 and bf16."""
    device: str
    threads: int
    text: str
    documents: int
    tokens: int
    """That count."""
    rows: tuple[Row, ...]
    weights: tuple[float, ...] = ()
    """Some of the model's weights, for the picture."""

    def plain(self) -> dict[str, Any]:
        """Return it as plain data, without the weights."""
        fields = asdict(self)
        del fields["weights"]
        return fields

    def table(self) -> str:
        """Return it as a Markdown table, with what the figures are of below."""
        names = ["format", "bytes", "bytes/param", "bits/weight", "weight error", "logits error", "KL, nats a token"]
        names += ["perplexity", "loss, less fp32's", "same greedy", "reads, tokens/s", "writes, tokens/s"]
        lines = [names, *(_cells(row) for row in self.rows)]
        notes = [
            f"{self.model}: {self.parameters:,} parameters, {self.converted:,} of them in matrices that are converted.",
            f"Text: {self.text}; {self.documents} documents, {self.tokens:,} tokens count.",
            "In brackets: 95 % intervals of a bootstrap over documents; of speeds, the slowest and the fastest round.",
            f"Computed on {self.device} with {self.threads} threads.",
        ]
        if any(row.quality is not None and row.reads is None for row in self.rows):
            notes.append("~: weights are rounded to the format and computed in fp32: no speed, and the format's bytes.")
        notes += [f"{row.format}: {row.saved}" for row in self.rows if row.saved is not None]
        notes += [f"{row.format} does not run here: {row.reason}" for row in self.rows if row.reason is not None]
        return "\n".join([markdown_table(lines), "", *notes])


def quantize(
    model: Path,
    formats: Sequence[Format],
    *,
    text: Path | None = None,
    documents: int = 24,
    rounds: int = 5,
    device: str = "cpu",
    threads: int | None = None,
    out: Path | None = None,
    on_row: Callable[[Row], None] | None = None,
) -> Report:
    """Measure a model in several formats.

    Args:
        model: the folder of a decoder-only transformers model.
        formats: the first is fp32, which the others are measured against.
        text: what to measure on; None takes documents made for the purpose.
        documents: how many at most.
        rounds: of each measurement of speed.
        device: "cpu", or "cuda".
        threads: of the arithmetic on a CPU; None takes torch's own choice.
        out: a folder to write the model into, in each format that a program reads; None writes none.
        on_row: called with each row as it comes.

    Raises:
        ModelNotFound: there is no model in the folder.
        MissingExtra: the extra `train` is not installed.
        InputError: the text cannot be used.
        Unsupported: the model is not decoder-only, or holds no matrices that formats convert.
    """
    require_packages("reasonkit quantize", "train", "torch", "transformers")
    import torch

    from reasonkit.train.quantize.convert import matrices
    from reasonkit.train.quantize.measure import logits_of
    from reasonkit.train.quantize.saving import save_model
    from reasonkit.train.quantize.texts import HELD_OUT, documents_of, held_out

    if threads is not None:
        torch.set_num_threads(threads)
    loaded = _load(model, device)
    if loaded.encoder_decoder:
        raise Unsupported(f"{str(model)!r} is an encoder-decoder; quantize measures models that continue a text")
    context = min(loaded.limit or 2048, 2048)
    chosen = (
        held_out(loaded.tokenizer, documents, context)
        if text is None
        else documents_of(text, loaded.tokenizer, documents, context)
    )
    reference = {name: one.weight.detach().clone() for name, one in matrices(loaded.model).items()}
    if not reference:
        raise Unsupported(
            f"{str(model)!r} holds no torch.nn.Linear, which is what formats convert; GPT-2's Conv1D is none"
        )
    whole = logits_of(loaded.model, chosen)
    parameters = sum(one.numel() for one in loaded.model.parameters())
    rows = []
    for form in formats:
        row = _row(form, model, device, chosen, whole, reference, parameters, rounds)
        if out is not None and row.reason is None:
            row = replace(row, saved=save_model(model, form, out))
        rows.append(row)
        if on_row is not None:
            on_row(row)
    weights = torch.cat([one.flatten() for one in reference.values()]) if reference else torch.zeros(0)
    return Report(
        model=read_card(model).name or loaded.name,
        parameters=parameters,
        converted=sum(one.numel() for one in reference.values()),
        device=str(loaded.device),
        threads=torch.get_num_threads(),
        text=HELD_OUT if text is None else str(text),
        documents=len(chosen),
        tokens=sum(sum(document.counted) for document in chosen),
        rows=tuple(rows),
        weights=tuple(weights[:: max(1, len(weights) // _SAMPLE)].tolist()),
    )


def _row(
    form: Format,
    model: Path,
    device: str,
    documents: list[Document],
    whole: Logits,
    reference: dict[str, Any],
    parameters: int,
    rounds: int,
) -> Row:
    from reasonkit.train.quantize.convert import convert, held_bytes, quiet, weight_error
    from reasonkit.train.quantize.measure import logits_of, quality, reading_speed, writing_speed

    network = _load(model, device).model
    try:
        with quiet():
            bits = convert(network, form)
            off, held = weight_error(network, reference), held_bytes(network)  # the first pass may repack weights
            logits = logits_of(network, documents)
            reads = reading_speed(network, documents, rounds) if form.computed else None
            writes = writing_speed(network, documents[0], rounds) if form.computed else None
    except MissingExtra as error:
        return Row(format=form.name, what=form.what, reason=str(error))
    except _DOES_NOT_RUN as error:
        return Row(format=form.name, what=form.what, reason=" ".join(f"{type(error).__name__}: {error}".split())[:300])
    converted = sum(weight.numel() for weight in reference.values())
    taken = held if form.computed else round(converted * bits / 8 + 4 * (parameters - converted))
    return Row(
        format=form.name,
        what=form.what,
        bytes=taken,
        bytes_per_parameter=taken / parameters,
        bits_per_weight=bits,
        weight_error=off,
        quality=quality(whole, logits, documents),
        reads=reads,
        writes=writes,
    )


def save(report: Report, out: Path) -> None:
    """Write a report and its picture into a folder."""
    from reasonkit.train.quantize.picture import picture

    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.json").write_text(json.dumps(report.plain(), indent=2) + "\n", encoding="utf-8")
        (out / "report.md").write_text(report.table() + "\n", encoding="utf-8")
        (out / "formats.svg").write_text(picture(report.weights, title=f"{report.model}"), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{out}: {error.strerror or error}; give a folder that can be written") from None


def _load(model: Path, device: str) -> Any:
    from reasonkit.clients.local.load import load

    return load(model, device=device, dtype="float32")


def _cells(row: Row) -> list[str]:
    if row.quality is None:
        return [row.format, *["-"] * 11]
    found, mark = row.quality, "" if row.reads else "~"
    kl, extra = found.kl, found.loss_difference
    return [
        row.format,
        f"{mark}{row.bytes:,}",
        f"{mark}{row.bytes_per_parameter:.2f}",
        f"{row.bits_per_weight:.3f}",
        f"{row.weight_error:.2g}",
        f"{found.logits_error:.2g}",
        f"{kl.value:.2g} [{kl.low:.2g}, {kl.high:.2g}]",
        f"{found.perplexity:.4f}",
        f"{extra.value:+.2g} [{extra.low:+.2g}, {extra.high:+.2g}]",
        f"{found.same_greedy:.1%}",
        _speed(row.reads),
        _speed(row.writes),
    ]


def _speed(speed: Speed | None) -> str:
    return "-" if speed is None else f"{speed.median:.0f} [{speed.low:.0f}, {speed.high:.0f}]"
