"""One sequence to train on, as token ids.

For: what every source of rows ends in, whatever its objective. Not for: batches (`batches.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

IGNORE = -100
"""The label of a token that is not learned: torch's cross-entropy leaves it out."""


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids and what is learned of them.

    Decoder-only and encoder-only: as many labels as ids, `IGNORE` where nothing is learned; a decoder's labels are
    not shifted (the model's loss does that). Encoder-decoder: the labels are what the decoder writes.
    """

    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    task: str

    @property
    def learned(self) -> int:
        """How many labels are learned."""
        return sum(label != IGNORE for label in self.labels)
