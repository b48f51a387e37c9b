"""Training documents: segments of text, of which only the model's own words are learned.

For: the mix of tasks, the exact strings of the prompts that the library sends (reasonkit's ``tiny`` prompts), and which
of a document's words are learned. Not for: making the tasks themselves, or token ids (`reasonkit train` does that).
"""

from __future__ import annotations

import random

from reasonkit.train.recipes.tiny import contexts
from reasonkit.train.recipes.tiny.episodes import Episode, episode, page_of
from reasonkit.train.recipes.tiny.facts import Fact
from reasonkit.train.recipes.tiny.kinds import Relation
from reasonkit.train.recipes.tiny.names import Retry
from reasonkit.train.recipes.tiny.problems import Problem, problem
from reasonkit.train.recipes.tiny.teller import IMPLIED, Teller

MIX = {"react": 48, "reading": 14, "pal": 12, "cot": 12, "direct": 1, "context": 10}
"""Kinds of document and their weights."""

PAD, BOS, EOS = 0, 1, 2

Segment = tuple[str, bool]
"""Text, and whether the model learns to write it."""


def react(made: Episode) -> list[Segment]:
    """Render an episode as the library's ReAct loop does."""
    segments: list[Segment] = [(f"Question: {made.question}\nThought 1:", False)]
    for number, (said, seen) in enumerate(made.turns, 1):
        segments.append((said, number > made.slips))
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
    """Ask up to six questions about one page; some have no answer there."""
    while True:
        teller = Teller(dice, measured=measured)
        try:
            page = page_of(teller)
        except Retry:
            continue
        told = {form for fact in page.facts for form in (fact.relation.phrase, *fact.relation.questions)}
        asked: list[Fact | Relation] = [fact for fact in page.facts if fact.sentence >= 0]
        others = [teller.relation(page.subject.kind) for _ in range(3)]
        for other in others:
            implied = other.value in (*IMPLIED, "date") and not other.key.startswith("loose")
            if not implied and not told.intersection((other.phrase, *other.questions)):
                asked.append(other)
        dice.shuffle(asked)
        segments: list[Segment] = [(" ".join(page.sentences) + "\n", False)]
        for number, item in enumerate(asked[: dice.randint(3, 6)]):
            spoken, thought_of = teller.spoken(page.subject, kind=0.0)
            fact = Fact(relation=item) if isinstance(item, Relation) else item
            question, phrase, answer = teller.ask(fact, spoken)
            phrase = phrase.format(e=thought_of)
            start = phrase[:1].upper() + phrase[1:]
            gap = "\n" if number else ""
            segments.append((f"{gap}Q: {question}\nA:", False))
            found = f" {start} is {answer}. So the answer is {answer}."
            segments.append((f" The text does not tell {phrase}." if isinstance(item, Relation) else found, True))
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
