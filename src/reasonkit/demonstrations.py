"""Choosing worked examples for a question: how many, which, in which order, and what was left out and why.

In-context learning depends on all of these (Zhao et al. 2021, arXiv 2102.09690; Liu et al. 2022, arXiv 2101.06804), so
they are part of a run's result. The question that is asked is never among its own examples.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, assert_never, get_args

from reasonkit.errors import InputError
from reasonkit.types import Dropped, Selection

By = Literal["first", "random", "balanced", "bm25", "embeddings"]
Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Turns texts into vectors of one length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How worked examples are chosen.

    Args:
        k: how many at most.
        by: `first`: the first k; `random`: with a seed; `balanced`: as many of each label as can be, at random;
            `bm25` and `embeddings`: those most like the question, the most similar last, next to the question.
        seed: of a random choice.
        label: the field that holds the label, for `balanced`.
        max_tokens: of all examples together, as `count` counts them; None is no bound.

    Raises:
        InputError: k or max_tokens is negative or no whole number, or there is no such way to choose.
    """

    k: int
    by: By = "first"
    seed: int = 0
    label: str = "answer"
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        for count in (self.k, 0 if self.max_tokens is None else self.max_tokens):
            if not isinstance(count, int) or isinstance(count, bool) or count < 0:
                raise InputError(f"k is {self.k!r} and max_tokens {self.max_tokens!r}; give whole numbers, 0 or more")
        if self.by not in get_args(By):
            raise InputError(f"by is {self.by!r}; give one of {', '.join(get_args(By))}")


def choose(
    pool: Sequence[Mapping[str, object]],
    question: str,
    choice: Choice,
    *,
    embed: Embed | None = None,
    count: Callable[[Mapping[str, object]], int] | None = None,
) -> Selection:
    """Choose examples for a question.

    Args:
        pool: the fields of each example; `question` is the one that is compared.
        question: what is asked.
        choice: how to choose.
        embed: for `embeddings`.
        count: tokens of an example as it is shown; None counts words.

    Raises:
        InputError: a field or a function that the choice needs is missing.
    """
    texts = [_text(example) for example in pool]
    asked = _plain(question)
    dropped = [
        Dropped(index=i, reason="it is the question itself") for i, text in enumerate(texts) if _plain(text) == asked
    ]
    itself = {one.index for one in dropped}
    ranked = [i for i in _ranked(pool, texts, question, choice, embed) if i not in itself]
    dropped += [Dropped(index=i, reason=f"k is {choice.k}") for i in ranked[choice.k :]]
    chosen: list[int] = []
    used = 0
    for i in ranked[: choice.k]:
        size = len(" ".join(map(str, pool[i].values())).split()) if count is None else count(pool[i])
        if choice.max_tokens is not None and used + size > choice.max_tokens:
            dropped.append(Dropped(index=i, reason=f"over the budget of {choice.max_tokens} tokens"))
            continue
        used += size
        chosen.append(i)
    if choice.by in ("bm25", "embeddings"):
        chosen.reverse()
    return Selection(by=choice.by, chosen=tuple(chosen), dropped=tuple(dropped))


def _ranked(
    pool: Sequence[Mapping[str, object]], texts: Sequence[str], question: str, choice: Choice, embed: Embed | None
) -> list[int]:
    """Return all indices, the first to be taken first."""
    match choice.by:
        case "first":
            return list(range(len(pool)))
        case "random":
            return random.Random(choice.seed).sample(range(len(pool)), len(pool))
        case "balanced":
            return _balanced(pool, choice)
        case "bm25":
            return _by_bm25(texts, question)
        case "embeddings":
            if embed is None:
                raise InputError("choosing by embeddings needs embed=: a function from texts to vectors")
            *vectors, asked = embed([*texts, question])
            return sorted(range(len(texts)), key=lambda i: -_cosine(vectors[i], asked))
        case _:
            assert_never(choice.by)


def _balanced(pool: Sequence[Mapping[str, object]], choice: Choice) -> list[int]:
    """Deal the labels out in turn, each label's examples in random order."""
    by_label: dict[str, list[int]] = {}
    for i in random.Random(choice.seed).sample(range(len(pool)), len(pool)):
        if choice.label not in pool[i]:
            raise InputError(f"example {i} has no field {choice.label!r}; name the label's field with label=")
        by_label.setdefault(str(pool[i][choice.label]), []).append(i)
    decks = [by_label[label] for label in sorted(by_label)]
    return [deck[turn] for turn in range(max(map(len, decks), default=0)) for deck in decks if turn < len(deck)]


def _by_bm25(texts: Sequence[str], question: str) -> list[int]:
    """Rank by SQLite's BM25 over word stems; those without a common word come last, in order."""
    import sqlite3  # here, because most runs choose nothing and it takes longer to load than this file

    words = list(dict.fromkeys(re.findall(r"\w+", question.lower())))
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute("CREATE VIRTUAL TABLE examples USING fts5(text, tokenize='porter unicode61')")
        base.executemany("INSERT INTO examples(rowid, text) VALUES (?, ?)", enumerate(texts))
        query = " OR ".join(f'"{word}"' for word in words)
        found = base.execute(
            "SELECT rowid FROM examples WHERE examples MATCH ? ORDER BY bm25(examples), rowid", (query or '""',)
        )
        ranked = [row[0] for row in found]
    return ranked + [i for i in range(len(texts)) if i not in set(ranked)]


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    if len(a) != len(b):
        raise InputError(f"embed returned vectors of {len(a)} and {len(b)} numbers; they must be of one length")
    length = (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5
    return sum(x * y for x, y in zip(a, b, strict=True)) / length if length else 0.0


def _text(example: Mapping[str, object]) -> str:
    if "question" not in example:
        raise InputError(f"an example needs a field 'question'; this one has {', '.join(sorted(example)) or 'none'}")
    return str(example["question"])


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
