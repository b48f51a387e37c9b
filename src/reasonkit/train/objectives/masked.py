"""Masked language modelling: some tokens are hidden, and an encoder says what they were.

Source: Devlin et al. 2019 (arXiv:1810.04805), section 3.1 and appendix A.1: 15 % of the tokens are chosen; of these 80 %
become the mask, 10 % a random token, 10 % stay as they are. As there, the number of chosen tokens is fixed by the
length, so no sequence has nothing to learn. Not here: whole words (tokens are chosen one by one).
"""

from __future__ import annotations

import random
from collections.abc import Container, Sequence

from reasonkit.train.examples import IGNORE

RATE, HIDDEN, REPLACED = 0.15, 0.8, 0.1


def masked(
    ids: Sequence[int],
    dice: random.Random,
    *,
    mask: int,
    vocabulary: Sequence[int],
    special: Container[int] = (),
    rate: float = RATE,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the tokens with some hidden, and the labels: the chosen tokens, `IGNORE` elsewhere.

    Args:
        ids: the tokens.
        dice: what is drawn with.
        mask: the token that hides another.
        vocabulary: tokens that a random one is drawn from.
        special: tokens that are never chosen.
        rate: share of tokens that are chosen, 0 to 1; at least one is.
    """
    places = [place for place, token in enumerate(ids) if token not in special]
    chosen = dice.sample(places, min(len(places), max(1, round(rate * len(places)))))
    shown, labels = list(ids), [IGNORE] * len(ids)
    for place in chosen:
        labels[place] = ids[place]
        drawn = dice.random()
        if drawn < HIDDEN:
            shown[place] = mask
        elif drawn < HIDDEN + REPLACED:
            shown[place] = dice.choice(vocabulary)
    return tuple(shown), tuple(labels)
