"""From rows to sequences of token ids: reading, prompts, tokens, cuts, mixing and packing. Not here: tensors."""
