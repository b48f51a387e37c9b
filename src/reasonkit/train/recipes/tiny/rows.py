"""The recipe's documents as rows of `reasonkit train`, and its tokenizer: what `config.toml` beside this file names.

Not here: how a document is made (`documents.py`), and how the vocabulary is learned (`vocabulary.py`).
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from reasonkit.train.recipes.tiny import vocabulary
from reasonkit.train.recipes.tiny.documents import segments

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def document(seed: int, index: int) -> dict[str, object]:
    """Return a training document as a row with segments; the same seed and index give the same one."""
    return {"segments": [{"text": text, "learn": learn} for text, learn in segments(random.Random(f"{seed} {index}"))]}


def tokenizer(size: int) -> Tokenizer:
    """Learn the recipe's tokenizer of so many tokens, with a beginning token before each text."""
    from tokenizers.processors import TemplateProcessing

    learned = vocabulary.learn(size)
    begin = vocabulary.SPECIAL[1]
    learned.post_processor = TemplateProcessing(
        single=f"{begin} $A", special_tokens=[(begin, learned.token_to_id(begin))]
    )
    return learned
