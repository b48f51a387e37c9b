"""Draw a token from logits: greedy, or with a temperature and a nucleus, by one number between 0 and 1.

A row brings its own random numbers, so that what it draws does not depend on the rows beside it. Temperature comes
before the nucleus. Not here: where logits come from.

Source of the nucleus: Holtzman et al., https://arxiv.org/abs/1904.09751
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def draw(logits: torch.Tensor, *, temperature: float, top_p: float, chance: float) -> int:
    """Return a token.

    Args:
        logits: (vocabulary,), any floating type.
        temperature: 0 is greedy.
        top_p: the share of probability that the nucleus must reach; 1 keeps all tokens.
        chance: at least 0 and below 1; the token is the one in whose part of the distribution it falls.
    """
    if temperature == 0.0:
        return int(logits.argmax())
    shares = (logits.double() / temperature).softmax(0)
    if top_p >= 1.0:
        return _fall(shares, chance)
    ordered, tokens = shares.sort(descending=True, stable=True)
    before = ordered.cumsum(0) - ordered
    kept = int((before < top_p).sum())
    return int(tokens[_fall(ordered[: max(1, kept)], chance)])


def _fall(shares: torch.Tensor, chance: float) -> int:
    edges = shares.cumsum(0)
    index = int((edges <= chance * float(edges[-1])).sum())
    return min(index, len(shares) - 1)
