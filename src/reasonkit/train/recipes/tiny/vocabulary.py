"""The tokenizer: byte-level BPE with single digits, learned from the recipe's own documents.

For: a vocabulary that llama.cpp knows as ``smollm`` (single digits, then GPT-2's byte level). Capitalised words are
never merged with the space before them, so that a name has the same tokens after a space and after a bracket: exact
copying is then copying of tokens. Not for: any text that ships with the library; none is read.
"""

from __future__ import annotations

import random

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from reasonkit.train.recipes.tiny.documents import segments

SPECIAL = ("<pad>", "<bos>", "<eos>")


def learn(size: int, *, documents: int = 6000, seed: int = 7) -> Tokenizer:
    """Learn a vocabulary of ``size`` tokens from a seed."""
    dice = random.Random(seed)
    texts = ["".join(text for text, _ in segments(dice)) for _ in range(documents)]
    tokenizer = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False)
    apart = pre_tokenizers.Split(Regex(r" (?=\p{Lu})"), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, apart, bytes_])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, bytes_])
    return tokenizer
