"""Span corruption: spans of tokens become sentinels in the input, and the target says what each stood for.

Source: Raffel et al. 2020 (arXiv:1910.10683), section 3.1.4 and figure 2: 15 % of the tokens in spans of 3 on average; no
two spans touch, a text begins outside of one and ends in one, as in T5's own code. The paper's target ends with one more sentinel; the public code's
lengths (568 tokens become 512 and 114) do without it: `closing` says which.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

from reasonkit.errors import InputError

RATE, MEAN = 0.15, 3.0


def hidden_and_spans(tokens: int, *, rate: float = RATE, mean: float = MEAN) -> tuple[int, int]:
    """Return how many tokens of a text are hidden, and in how many spans.

    Args:
        tokens: length of the text, 2 or more.
        rate: share that is hidden, 0 to 1.
        mean: tokens in a span on average, 1 or more.
    """
    hidden = min(max(round(tokens * rate), 1), tokens - 1)
    return hidden, min(max(round(hidden / mean), 1), hidden, tokens - hidden)


def lengths(tokens: int, *, rate: float = RATE, mean: float = MEAN, closing: bool = False) -> tuple[int, int]:
    """Return the lengths of input and target, each with its end token, that a text of so many tokens gives."""
    hidden, spans = hidden_and_spans(tokens, rate=rate, mean=mean)
    return tokens - hidden + spans + 1, hidden + spans + closing + 1


def longest(inputs: int, *, rate: float = RATE, mean: float = MEAN) -> int:
    """Return the length of the longest text whose input, with its end token, has at most so many tokens (4 or more)."""
    tokens = 2
    while lengths(tokens + 1, rate=rate, mean=mean)[0] <= inputs:
        tokens += 1
    return tokens


def corrupted(
    ids: Sequence[int],
    dice: random.Random,
    *,
    sentinels: Sequence[int],
    rate: float = RATE,
    mean: float = MEAN,
    closing: bool = False,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return input and target of a text, without end tokens.

    Args:
        ids: the text's tokens, 2 or more, none of them a sentinel.
        dice: what is drawn with.
        sentinels: one stands for each span, the first for the first.
        rate: share of tokens that are hidden, 0 to 1.
        mean: tokens in a span on average, 1 or more.
        closing: whether one more sentinel ends the target.

    Raises:
        InputError: the text has fewer than 2 tokens, or more spans than there are sentinels.
    """
    if len(ids) < 2:
        raise InputError(f"a text of {len(ids)} tokens has no span to hide: give 2 or more")
    hidden, spans = hidden_and_spans(len(ids), rate=rate, mean=mean)
    if spans + closing > len(sentinels):
        raise InputError(f"{len(ids)} tokens need {spans + closing} sentinels, but the vocabulary has {len(sentinels)}")
    inputs: list[int] = []
    targets: list[int] = []
    place = 0
    for number, (kept, gone) in enumerate(
        zip(_parts(len(ids) - hidden, spans, dice), _parts(hidden, spans, dice), strict=True)
    ):
        inputs += [*ids[place : place + kept], sentinels[number]]
        targets += [sentinels[number], *ids[place + kept : place + kept + gone]]
        place += kept + gone
    if closing:
        targets.append(sentinels[spans])
    return tuple(inputs), tuple(targets)


def _parts(total: int, count: int, dice: random.Random) -> list[int]:
    """Cut a total into so many parts of 1 or more, each way as likely as any other."""
    cuts = [0, *sorted(dice.sample(range(1, total), count - 1)), total]
    return [end - start for start, end in itertools.pairwise(cuts)]
