"""Rows as they are trained on, with what is learned told apart: the look before the first step.

What is learned stands in ⟦brackets⟧, so it is told apart without colour too; a masked token shows what stands in its
place and what it was: ⟦<mask> → river⟧. Not here: the command that prints it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from reasonkit.train.batches import Batches
from reasonkit.train.config import TrainConfig
from reasonkit.train.data.vocabulary import Vocabulary
from reasonkit.train.examples import IGNORE, Example

if TYPE_CHECKING:
    from rich.text import Text

OPEN, CLOSE, BECAME = "⟦", "⟧", " → "
LEARNED, TITLE = "bold green", "bold"
Piece = tuple[str, str]
"""A text and its style."""


def preview(config: TrainConfig, rows: int = 3, *, tokenizer: Any = None) -> Text:
    """Return the first rows of each task as they are trained on, and what becomes of all of them.

    Args:
        config: the run.
        rows: of each task.
        tokenizer: the run's; None loads it, or learns it.

    Raises:
        InputError: the data cannot be used; what a run would say before its first step.
    """
    from rich.text import Text

    from reasonkit.train.data.tokenizers import load_tokenizer

    batches = Batches(config, load_tokenizer(config) if tokenizer is None else tokenizer)
    text = Text()
    for source in batches.sources:
        count = rows if source.generator is not None else min(rows, len(source.examples))
        for number in range(count):
            for piece, style in shown(source.example(number), batches.vocabulary, config, number + 1):
                text.append(_visible(piece), style)
    for line in batches.report():
        text.append(line + "\n", TITLE)
    steps = f"{batches.steps:,} steps; step 1: {len(batches.sequences(0)):,} sequences, {batches.tokens(0):,} tokens"
    text.append(f"{steps}, {batches.learned(0):,} labels\n", TITLE)
    return text


def shown(example: Example, vocabulary: Vocabulary, config: TrainConfig, number: int) -> Iterator[Piece]:
    """Yield one row as pieces of text with their styles."""
    pairs = config.objective not in ("causal", "masked")
    yield f"── {example.task}, row {number}: {len(example.input_ids)} tokens, {example.learned} learned ──\n", TITLE
    if config.objective == "masked":
        yield from _masked(example, vocabulary)
    elif pairs:
        yield "input: ", TITLE
        yield vocabulary.text(example.input_ids), ""
        yield "\ntarget: ", TITLE
        yield from _runs(example.labels, example.labels, vocabulary)
    else:
        yield from _runs(example.input_ids, example.labels, vocabulary)
    yield "\n\n", ""


def _visible(text: str) -> str:
    """Return text with control characters shown, so that a row cannot write to the terminal itself."""
    return "".join(char if char == "\n" or char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _runs(ids: tuple[int, ...], labels: tuple[int, ...], vocabulary: Vocabulary) -> Iterator[Piece]:
    for learned, run in groupby(zip(ids, labels, strict=True), key=lambda one: one[1] != IGNORE):
        text = vocabulary.text([token for token, _ in run])
        yield (f"{OPEN}{text}{CLOSE}", LEARNED) if learned else (text, "")


def _masked(example: Example, vocabulary: Vocabulary) -> Iterator[Piece]:
    for learned, run in groupby(zip(example.input_ids, example.labels, strict=True), key=lambda one: one[1] != IGNORE):
        if not learned:
            yield vocabulary.text([token for token, _ in run]), ""
            continue
        for token, label in run:
            yield f"{OPEN}{vocabulary.text([token])}{BECAME}{vocabulary.text([label])}{CLOSE}", LEARNED
