"""What a model is measured on: documents of tokens, and which of them count.

The default is made for the purpose: documents of the bundled model's recipe with names, pairs and problems that it was
not trained on, of which the model's own words count. Of a text of one's own every token counts but each window's first.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasonkit.errors import InputError

HELD_OUT = "held-out documents of the bundled model's recipe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Token ids, and which of them are scored: as long as the ids; the first is never."""

    ids: tuple[int, ...]
    counted: tuple[bool, ...]


def held_out(tokenizer: Any, count: int, context: int, *, seed: int = 1) -> list[Document]:
    """Return documents that the bundled model never saw.

    Args:
        tokenizer: a transformers tokenizer.
        count: how many.
        context: tokens that the model reads at most; longer documents are left out.
        seed: of the documents.
    """
    found: list[Document] = []
    dice = random.Random(f"{seed} quantize")
    for number in range(count * 3):
        parts = _measured(dice, number)
        ids, counted = _begin(tokenizer)
        for text, own in parts:
            more = list(tokenizer(text, add_special_tokens=False).input_ids)
            ids += more
            counted += [own] * len(more)
        if len(ids) <= context:
            found.append(Document(ids=tuple(ids), counted=(False, *counted[1:])))
        if len(found) == count:
            break
    if not found:
        raise InputError(f"the model reads {context} tokens, too few for the bundled documents: give --text FILE")
    return found


def documents_of(file: Path, tokenizer: Any, count: int, context: int) -> list[Document]:
    """Return a text as documents: one for each part between empty lines, cut into windows that the model can read.

    Args:
        file: UTF-8 text.
        tokenizer: a transformers tokenizer.
        count: of documents at most, from the beginning.
        context: tokens of a window.

    Raises:
        InputError: the file cannot be read or holds nothing to measure.
    """
    try:
        parts = [part for part in file.read_text(encoding="utf-8").split("\n\n") if part.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: not a readable text: {error}") from None
    found: list[Document] = []
    for part in parts:
        first, _ = _begin(tokenizer)
        rest = list(tokenizer(part, add_special_tokens=False).input_ids)
        width = context - len(first)
        for start in range(0, len(rest), width):
            ids = (*first, *rest[start : start + width])
            if len(ids) > 1:
                found.append(Document(ids=ids, counted=(False, *[True] * (len(ids) - 1))))
    if not found:
        raise InputError(f"{file}: holds no text to measure; give one of a few words at least")
    return found[:count]


def _begin(tokenizer: Any) -> tuple[list[int], list[bool]]:
    first = tokenizer.bos_token_id
    return ([], []) if first is None else ([int(first)], [False])


def _measured(dice: random.Random, number: int) -> Sequence[tuple[str, bool]]:
    from reasonkit.train.recipes.tiny import contexts
    from reasonkit.train.recipes.tiny.documents import cot, joined, pal, react
    from reasonkit.train.recipes.tiny.episodes import episode
    from reasonkit.train.recipes.tiny.problems import problem

    match number % 4:
        case 0 | 1:
            return react(episode(dice, measured=True))
        case 2:
            return pal(problem(dice, measured=True)) if number % 8 == 2 else cot(problem(dice, small=True, steps=3))
        case _:
            task = contexts.task(dice, measured=True)
            return joined([[(one.prompt, False), (one.answer, one.learned)] for one in task], "\n")
