"""Causal language modelling: each token is predicted from those before it; what is not the model's own is not learned.

Source: Radford et al. 2018, section 3.1 (the objective); the shift by one place is the model's own affair.
"""

from __future__ import annotations

from collections.abc import Sequence

from reasonkit.train.examples import IGNORE


def causal(ids: Sequence[int], learned: Sequence[bool]) -> tuple[int, ...]:
    """Return the labels of a sequence.

    Args:
        ids: the tokens.
        learned: which of them are learned; the first never is, since nothing stands before it.
    """
    return tuple(
        token if learn and place else IGNORE for place, (token, learn) in enumerate(zip(ids, learned, strict=True))
    )
