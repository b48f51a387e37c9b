"""What a converted model says, beside what the whole one said, and how fast: divergence, perplexity, tokens a second.

The divergence is KL(whole || converted), in nats, of the next token's distribution, over the tokens that count.
Intervals are of a bootstrap over documents, since tokens of one document are not independent. Not here: the report.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from reasonkit.evaluation import Interval
from reasonkit.train.quantize.texts import Document

Logits = list[Tensor]
"""For each document (counted tokens, vocabulary), in fp32: the logits before each counted token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Tokens a second, over several rounds."""

    median: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How far a model is from the whole one, on a text."""

    kl: Interval
    """Nats a token."""
    perplexity: float
    loss_difference: Interval
    """Nats a token: the converted model's loss less the whole one's; exp of it is the ratio of perplexities."""
    logits_error: float
    """Root of the mean square difference of the logits, as a share of their own spread."""
    same_greedy: float
    """Share of tokens before which both would write the same."""


def logits_of(model: Any, documents: Sequence[Document]) -> Logits:
    """Return the logits that a model gives before each counted token."""
    found = []
    with torch.inference_mode():
        for document in documents:
            ids = torch.tensor([document.ids], device=model.device)
            logits = model(input_ids=ids, use_cache=False).logits[0, :-1].float().cpu()
            found.append(logits[torch.tensor(document.counted[1:])])
    return found


def quality(whole: Logits, here: Logits, documents: Sequence[Document]) -> Quality:
    """Compare the logits of two models over the same documents."""
    divergences, losses, extra, counts = [], [], [], []
    same, off, spread = 0, 0.0, 0.0
    for one, other, document in zip(whole, here, documents, strict=True):
        wanted = torch.tensor([token for token, counts_ in zip(document.ids, document.counted, strict=True) if counts_])
        p, q = functional.log_softmax(one, -1), functional.log_softmax(other, -1)
        before, after = functional.nll_loss(p, wanted, reduction="sum"), functional.nll_loss(q, wanted, reduction="sum")
        divergences.append(float((p.exp() * (p - q)).sum()))
        losses.append(float(after))
        extra.append(float(after - before))
        counts.append(len(wanted))
        same += int((one.argmax(-1) == other.argmax(-1)).sum())
        off += float((one - other).double().square().sum())
        spread += float((one - one.mean(-1, keepdim=True)).double().square().sum())
    total = sum(counts)
    return Quality(
        kl=ratio(divergences, counts),
        perplexity=math.exp(sum(losses) / total),
        loss_difference=ratio(extra, counts),
        logits_error=math.sqrt(off / spread) if spread else 0.0,
        same_greedy=same / total,
    )


def ratio(sums: Sequence[float], counts: Sequence[int], *, draws: int = 1000, seed: int = 0) -> Interval:
    """Return the sum of some over the sum of others, with the interval of a bootstrap over the pairs; n is of pairs."""
    dice, pairs = random.Random(seed), list(zip(sums, counts, strict=True))
    found = []
    for _ in range(draws):
        drawn = dice.choices(pairs, k=len(pairs))
        found.append(sum(one for one, _ in drawn) / sum(count for _, count in drawn))
    found.sort()
    return Interval(
        value=sum(sums) / sum(counts),
        low=found[round(0.025 * (draws - 1))],
        high=found[round(0.975 * (draws - 1))],
        n=len(pairs),
    )


def reading_speed(model: Any, documents: Sequence[Document], rounds: int) -> Speed:
    """Measure how fast a model reads: all tokens of a few documents, one after another."""
    rows = [torch.tensor([document.ids], device=model.device) for document in documents[:8]]

    def read() -> float:
        began = _now()
        for row in rows:
            model(input_ids=row, use_cache=False)
        return sum(row.shape[1] for row in rows) / (_now() - began)

    return _rounds(read, rounds)


def writing_speed(model: Any, document: Document, rounds: int, tokens: int = 32) -> Speed:
    """Measure how fast a model writes: one greedy token after another, after a document's beginning."""
    begin = torch.tensor([document.ids[: max(1, len(document.ids) // 2)]], device=model.device)

    def write() -> float:
        out = model(input_ids=begin, use_cache=True)
        began = _now()
        for _ in range(tokens):
            out = model(input_ids=out.logits[:, -1:].argmax(-1), past_key_values=out.past_key_values, use_cache=True)
        return tokens / (_now() - began)

    return _rounds(write, rounds)


def _rounds(measured: Callable[[], float], rounds: int) -> Speed:
    with torch.inference_mode():
        measured()
        speeds = [measured() for _ in range(rounds)]
    return Speed(median=median(speeds), low=min(speeds), high=max(speeds), rounds=rounds)


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
