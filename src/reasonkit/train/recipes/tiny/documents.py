"""Training documents: segments of text, of which only the model's own words are learned.

For: the mix of tasks, the exact strings of the prompts that the library sends (reasonkit's ``tiny`` prompts), and the
step from text to token ids with a loss mask. Not for: making the tasks themselves.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reasonkit.train.recipes.tiny import contexts
from reasonkit.train.recipes.tiny.episodes import Episode, Teller, episode
from reasonkit.train.recipes.tiny.kinds import kinds
from reasonkit.train.recipes.tiny.names import Retry
from reasonkit.train.recipes.tiny.problems import Problem, problem

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MIX = {"react": 48, "reading": 10, "pal": 14, "cot": 12, "direct": 2, "context": 14}
"""Kinds of document and their weights."""

PAD, BOS, EOS = 0, 1, 2

Segment = tuple[str, bool]
"""Text, and whether the model learns to write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Token ids with the mask of those that are learned."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]


def react(made: Episode) -> list[Segment]:
    """Render an episode as the library's ReAct loop does."""
    segments: list[Segment] = [(f"Question: {made.question}\nThought 1:", False)]
    for number, (said, seen) in enumerate(made.turns, 1):
        segments.append((said, True))
        if seen:
            segments.append((f"\nObservation {number}: {seen}\nThought {number + 1}:", False))
    return segments


def pal(made: Problem) -> list[Segment]:
    """Render a problem with its program."""
    return [(f"Q: {made.question}\ndef solution():", False), (made.program, True)]


def cot(made: Problem) -> list[Segment]:
    """Render a problem with its rationale."""
    return [(f"Q: {made.question}\nA:", False), (f" {made.rationale} The answer is {made.answer}.", True)]


def direct(made: Problem) -> list[Segment]:
    """Render a problem with its bare answer."""
    return [(f"Q: {made.question}\nAnswer:", False), (f" {made.answer}", True)]


def reading(dice: random.Random, *, measured: bool = False) -> list[Segment]:
    """Ask up to four questions about one page."""
    while True:
        teller = Teller(dice, measured=measured)
        try:
            subject = teller.names.entity(dice.choice(list(kinds())))
            page = teller.writer.page(subject)
        except Retry:
            continue
        facts = [fact for fact in page.facts if fact.sentence >= 0]
        dice.shuffle(facts)
        segments: list[Segment] = [(" ".join(page.sentences) + "\n", False)]
        for number, fact in enumerate(facts[: dice.randint(2, 5)]):
            question, phrase, answer = teller.ask(fact, teller.spoken(subject))
            phrase = phrase.format(e=subject.mention)
            start = phrase[:1].upper() + phrase[1:]
            gap = "\n" if number else ""
            segments.append((f"{gap}Q: {question}\nA:", False))
            segments.append((f" {start} is {answer}. So the answer is {answer}.", True))
        return segments


def joined(parts: list[list[Segment]], gap: str) -> list[Segment]:
    """Join shown examples with a gap that is not learned."""
    out: list[Segment] = []
    for number, part in enumerate(parts):
        if number:
            out.append((gap, False))
        out += part
    return out


def segments(dice: random.Random, kind: str = "") -> list[Segment]:
    """Make one training document."""
    kind = kind or dice.choices(list(MIX), list(MIX.values()))[0]
    if kind == "react":
        shown = 2 if dice.random() < 0.05 else 1
        return joined([react(episode(dice)) for _ in range(shown)], "\n\n")
    if kind == "reading":
        return reading(dice)
    if kind == "context":
        parts = [[(e.prompt, False), (e.answer, e.learned)] for e in contexts.task(dice)]
        return joined(parts, "\n\n" if dice.random() < 0.3 else "\n")
    count = dice.choices((1, 2, 3), (7, 2, 1))[0]
    if kind == "pal":
        return joined([pal(problem(dice, small=dice.random() < 0.3)) for _ in range(count)], "\n\n")
    if kind == "cot":
        return joined([cot(problem(dice, small=True, steps=3)) for _ in range(count)], "\n\n")
    return joined([direct(problem(dice, small=True, steps=1)) for _ in range(count)], "\n\n")


def encode(tokenizer: Tokenizer, parts: list[Segment]) -> Document:
    """Turn segments into ids: a beginning token, the segments, and an end token that is learned."""
    ids, learned = [BOS], [False]
    for encoding, (_, learn) in zip(
        tokenizer.encode_batch([text for text, _ in parts], add_special_tokens=False), parts, strict=True
    ):
        ids += encoding.ids
        learned += [learn] * len(encoding.ids)
    return Document(ids=(*ids, EOS), learned=(*learned, True))
