"""Quick looks at a training network: of measured documents, how many are right token for token.

For: the training log. Stricter than running the episodes (one other word in a thought counts as wrong), and cheap.
Not for: the figures of the model card (evaluate.py runs whole episodes).
"""

from __future__ import annotations

import random

import torch
from tokenizers import Tokenizer

from reasonkit.train.recipes.tiny import contexts
from reasonkit.train.recipes.tiny.batches import padded
from reasonkit.train.recipes.tiny.documents import Document, Segment, cot, encode, pal, react, reading
from reasonkit.train.recipes.tiny.episodes import TASKS, episode
from reasonkit.train.recipes.tiny.network import Network
from reasonkit.train.recipes.tiny.problems import problem


def _context(dice: random.Random, kind: str) -> list[Segment]:
    examples = contexts.task(dice, measured=True, kind=kind)
    last = len(examples) - 1
    return [part for n, e in enumerate(examples) for part in ((e.prompt, False), (e.answer, n == last), ("\n", False))]


def documents(kind: str, count: int) -> list[list[Segment]]:
    """Make measured documents of a kind of task."""
    dice = random.Random(f"probe {kind}")
    if kind in TASKS:
        return [react(episode(dice, measured=True, task=kind)) for _ in range(count)]
    if kind == "unseen_pair":
        return [react(episode(dice, measured=True, task="two", unseen_pair=True)) for _ in range(count)]
    if kind == "reading":
        return [reading(dice, measured=True) for _ in range(count)]
    if kind in ("pal", "pal_chain", "pal_family"):
        task = kind.removeprefix("pal_") if kind != "pal" else ""
        return [pal(problem(dice, measured=True, task=task)) for _ in range(count)]
    if kind == "cot":
        return [cot(problem(dice, measured=True, small=True, steps=3)) for _ in range(count)]
    return [_context(dice, kind) for _ in range(count)]


KINDS = (*TASKS, "unseen_pair", "reading", "pal", "pal_chain", "cot", *contexts.TASKS)


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not followed
def exact(network: Network, tokenizer: Tokenizer, *, count: int = 24) -> dict[str, tuple[float, float]]:
    """Return, per kind of task, the share of documents and of tokens that greedy choice gets right."""
    found: dict[str, tuple[float, float]] = {}
    for kind in KINDS:
        group: list[Document] = [encode(tokenizer, parts) for parts in documents(kind, count)]
        ids, learned = padded([document for document in group if len(document.ids) <= network.shape.context])
        hit = network(ids)[:, :-1].argmax(-1) == ids[:, 1:]
        wanted = learned[:, 1:]
        whole = (hit | ~wanted).all(1).float().mean().item()
        found[kind] = (round(whole, 2), round((hit & wanted).sum().item() / wanted.sum().item(), 3))
    return found
