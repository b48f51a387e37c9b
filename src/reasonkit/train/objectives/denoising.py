"""Denoising as BART learns it: sentences change places, spans become one mask each, and the target is the text.

Source: Lewis et al. 2020 (arXiv:1910.13461), section 2.2 and section 5: text infilling of 30 % of the tokens, the
lengths of the spans drawn from a Poisson distribution of mean 3 (a span of none puts a mask where nothing was), and
all sentences permuted.
"""

from __future__ import annotations

import math
import random
from collections.abc import Container, Sequence

RATE, MEAN = 0.3, 3.0


def denoised(
    ids: Sequence[int],
    dice: random.Random,
    *,
    mask: int,
    ends: Container[int],
    rate: float = RATE,
    mean: float = MEAN,
) -> tuple[int, ...]:
    """Return the noisy input of a text; the target is the text itself.

    Args:
        ids: the text's tokens.
        dice: what is drawn with.
        mask: the token that stands for a span.
        ends: tokens that end a sentence.
        rate: share of tokens that are hidden, 0 to 1.
        mean: tokens in a span on average.
    """
    return infilled(permuted(ids, dice, ends=ends), dice, mask=mask, rate=rate, mean=mean)


def permuted(ids: Sequence[int], dice: random.Random, *, ends: Container[int]) -> tuple[int, ...]:
    """Return the sentences in a drawn order."""
    sentences: list[list[int]] = [[]]
    for token in ids:
        sentences[-1].append(token)
        if token in ends:
            sentences.append([])
    dice.shuffle(sentences)
    return tuple(token for sentence in sentences for token in sentence)


def infilled(
    ids: Sequence[int], dice: random.Random, *, mask: int, rate: float = RATE, mean: float = MEAN
) -> tuple[int, ...]:
    """Return the tokens with spans replaced by one mask each; spans do not touch."""
    hidden = min(round(rate * len(ids)), len(ids))
    spans: list[int] = []
    while sum(spans) < hidden:
        spans.append(min(_poisson(mean, dice), hidden - sum(spans)))
    while len(spans) > hidden:  # more empty ones than fit: no text becomes longer than it was
        spans.remove(0)
    kept = len(ids) - hidden
    gaps = sorted(dice.sample(range(kept + 1), min(len(spans), kept + 1)))
    for extra in spans[len(gaps) :]:  # more spans than gaps, at rates over a half: the last ones join others
        spans[dice.randrange(len(gaps))] += extra
    shown: list[int] = []
    place = passed = 0
    for gap, span in zip(gaps, spans, strict=False):
        shown += [*ids[place : place + gap - passed], mask]
        place += gap - passed + span
        passed = gap
    return (*shown, *ids[place:])


def _poisson(mean: float, dice: random.Random) -> int:
    """Draw from a Poisson distribution by multiplying uniform numbers (Knuth's way)."""
    floor, product, count = math.exp(-mean), dice.random(), 0
    while product > floor:
        product *= dice.random()
        count += 1
    return count
