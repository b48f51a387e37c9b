"""From rows to sequences for one objective, and what was cut, counted.

A text longer than a sequence goes on in the next one, so nothing of it is lost. Anything else is cut at its end; a row
of which nothing learned is left is left out. All of it is counted, and a source of which no row is left is an error.
Not here: which sequences share a batch.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from reasonkit.errors import InputError
from reasonkit.train.config import Objective
from reasonkit.train.data.rows import Chat, Marked, Row, Text
from reasonkit.train.data.vocabulary import Vocabulary
from reasonkit.train.examples import IGNORE, Example
from reasonkit.train.objectives import causal, corrupted, denoised, hidden_and_spans, longest, masked


@dataclass(slots=True)
class Counts:
    """What became of a task's rows."""

    rows: int = 0
    examples: int = 0
    """Sequences that were made of them."""
    tokens: int = 0
    """Of both sides where a target is learned from an input."""
    learned: int = 0
    """Those that are learned; of masked, span corruption and denoising: tokens of the text."""
    divided: int = 0
    """Texts that go on over several sequences."""
    cut: int = 0
    """Rows whose end was cut."""
    cut_tokens: int = 0
    lost: int = 0
    """Rows of which the cut left nothing that is learned."""
    unlearned: int = 0
    """Rows in which nothing was to be learned."""

    def said(self, task: str) -> str:
        """Return the counts as one line."""
        parts = [f"{task}: {self.rows:,} rows, {self.examples:,} sequences, {self.tokens:,} tokens"]
        parts += [f"{self.learned:,} of them learned"] if self.learned != self.tokens else []
        parts += [f"{self.divided:,} texts go on over several sequences"] if self.divided else []
        parts += [f"{self.cut:,} rows cut, {self.cut_tokens:,} tokens lost with it"] if self.cut else []
        parts += [f"{self.lost:,} rows left out, because the cut left nothing to learn"] if self.lost else []
        parts += [f"{self.unlearned:,} rows left out, because nothing in them is learned"] if self.unlearned else []
        return "; ".join(parts)


class Encoder:
    """Rows into sequences, for one tokenizer, objective and length.

    Args:
        vocabulary: the tokenizer.
        objective: what is learned.
        max_length: tokens of a sequence at most; of an encoder-decoder: of each side.

    Raises:
        InputError: the tokenizer lacks a token that the objective needs.
    """

    def __init__(self, vocabulary: Vocabulary, objective: Objective, max_length: int) -> None:
        self.vocabulary, self.objective, self.max_length = vocabulary, objective, max_length
        if objective in ("masked", "denoising") and vocabulary.mask is None:
            raise InputError(f"{objective} needs a mask token, and this tokenizer has none: take another tokenizer")
        if objective == "span_corruption":
            need = hidden_and_spans(longest(max_length))[1]
            if len(vocabulary.sentinels) < need:
                raise InputError(
                    f"span corruption of {max_length} tokens needs {need} sentinels (<extra_id_0> and on), and this "
                    f"tokenizer has {len(vocabulary.sentinels)}: lower batch.max_length or take another tokenizer"
                )

    def encode(self, row: Row | Example, counts: Counts, task: str) -> list[Example]:
        """Return a row's sequences; those that are corrupted have no labels yet.

        Args:
            row: what was read; an `Example` with labels is only cut to length.
            counts: is added to.
            task: the task's name.

        Raises:
            InputError: the objective cannot learn from a row of this form.
        """
        counts.rows += 1
        if isinstance(row, Example):
            labels = (IGNORE, *row.labels[1:]) if row.labels and self.objective == "causal" else row.labels
            made = [Example(row.input_ids, labels, task)]
            if not row.labels and self.objective not in ("causal", "seq2seq"):
                made = list(self._pieces(list(row.input_ids), counts, task))
        elif isinstance(row, Text):
            if self.objective == "seq2seq":
                raise InputError(f"{row.where}: seq2seq learns a target from an input; a text alone has none")
            made = list(self._pieces(self.vocabulary.bare(row.text), counts, task)) if row.text.strip() else []
        elif self.objective == "causal":
            ids, learned = self._chat(row) if isinstance(row, Chat) else self._marked(row)
            made = [Example(tuple(ids), causal(ids, learned), task)]
        elif self.objective == "seq2seq" and isinstance(row, Marked):
            made = list(self._pairs(row, task))
        else:
            reads = "input and target, or segments" if self.objective == "seq2seq" else "text alone"
            raise InputError(f"{row.where}: {self.objective} learns from rows with {reads}")
        cut = [self._cut(one) if one.labels else one for one in made]
        over = sum(map(self._size, made)) - sum(map(self._size, cut))
        counts.cut += over > 0
        counts.cut_tokens += over
        kept = [one for one in cut if one.learned or self._is_corrupted(one)]
        if not kept:
            counts.lost += any(one.learned for one in made)
            counts.unlearned += not any(one.learned for one in made)
        counts.examples += len(kept)
        counts.tokens += sum(map(self._size, kept))
        counts.learned += sum(len(one.input_ids) if self._is_corrupted(one) else one.learned for one in kept)
        return kept

    def drawn(self, example: Example, dice: random.Random) -> Example:
        """Return a sequence as it is trained on this time: corrupted where the objective corrupts."""
        if not self._is_corrupted(example):
            return example
        vocabulary, ids = self.vocabulary, example.input_ids
        before, after = vocabulary.affixes
        if self.objective == "masked":
            assert vocabulary.mask is not None
            shown, labels = masked(
                ids, dice, mask=vocabulary.mask, vocabulary=vocabulary.words, special=vocabulary.special
            )
            labels = (*([IGNORE] * len(before)), *labels, *([IGNORE] * len(after)))
            return Example((*before, *shown, *after), labels, example.task)
        if self.objective == "span_corruption":
            shown, target = corrupted(ids, dice, sentinels=vocabulary.sentinels)
        else:
            assert vocabulary.mask is not None
            shown = denoised(ids, dice, mask=vocabulary.mask, ends=vocabulary.sentence_ends)
            target = ids
        return Example((*before, *shown, *after), (*before, *target, *after), example.task)

    def _is_corrupted(self, example: Example) -> bool:
        return not example.labels and self.objective not in ("causal", "seq2seq")

    def _pieces(self, ids: list[int], counts: Counts, task: str) -> Iterator[Example]:
        before, after = self.vocabulary.affixes
        if self.objective == "causal":
            ids += [] if self.vocabulary.eos is None else [self.vocabulary.eos]
            room = self.max_length - len(before)
        elif self.objective == "span_corruption":
            room = longest(self.max_length - len(before) - len(after) + 1)
        else:
            room = self.max_length - len(before) - len(after)
        counts.divided += len(ids) > room
        for start in range(0, len(ids), room):
            piece = ids[start : start + room]
            if len(piece) < 2 and self.objective == "span_corruption":
                counts.cut += 1  # one token has no span to hide
                counts.cut_tokens += 1
            elif self.objective != "causal":
                yield Example(tuple(piece), (), task)
            else:
                whole = [*before, *piece]
                yield Example(tuple(whole), causal(whole, [place >= len(before) for place in range(len(whole))]), task)

    def _chat(self, row: Chat) -> tuple[list[int], list[bool]]:
        return self.vocabulary.chat(row.turns, row.where)

    def _marked(self, row: Marked) -> tuple[list[int], list[bool]]:
        """Tokenise each run of parts that are alike; a model that ends with its own words learns to end there."""
        ids: list[int] = []
        learned: list[bool] = []
        for number, (text, learn) in enumerate(_joined(row.parts)):
            if number == 0:
                ids = self.vocabulary.opening("" if learn else text)
                learned = [False] * len(ids)
            if number or learn:
                more = self.vocabulary.continuation(text)
                ids, learned = ids + more, learned + [learn] * len(more)
        if learned and learned[-1] and self.vocabulary.eos is not None:
            ids, learned = [*ids, self.vocabulary.eos], [*learned, True]
        return ids, learned

    def _pairs(self, row: Marked, task: str) -> Iterator[Example]:
        """Yield a pair for each part that is learned: all before it is the input."""
        before = ""
        for text, learn in _joined(row.parts):
            if learn:
                yield Example(tuple(self.vocabulary.whole(before)), tuple(self.vocabulary.whole(text)), task)
            before += text

    def _size(self, example: Example) -> int:
        return len(example.input_ids) + (len(example.labels) if self.objective == "seq2seq" else 0)

    def _cut(self, example: Example) -> Example:
        pairs = self.objective == "seq2seq"
        ids, labels = example.input_ids, example.labels
        if not pairs and len(ids) != len(labels):
            raise InputError(f"{example.task}: a sequence of {len(ids)} tokens has {len(labels)} labels; give as many")
        end = self.vocabulary.affixes[1] if pairs else ()
        return Example(self._short(ids, end), self._short(labels, ()), example.task)

    def _short(self, ids: tuple[int, ...], end: tuple[int, ...]) -> tuple[int, ...]:
        """Cut a sequence; an encoder's input keeps its end tokens, a cut target does not end."""
        if len(ids) <= self.max_length:
            return ids
        return ids[: self.max_length - len(end)] + end


def _joined(parts: tuple[tuple[str, bool], ...]) -> list[tuple[str, bool]]:
    """Join neighbours that are alike: what is not learned in one piece was sent in one piece."""
    runs: list[tuple[str, bool]] = []
    for text, learn in parts:
        if not text:
            continue
        if runs and runs[-1][1] == learn:
            runs[-1] = (runs[-1][0] + text, learn)
        else:
            runs.append((text, learn))
    return runs
