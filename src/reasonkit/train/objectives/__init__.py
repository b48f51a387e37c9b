"""What a model learns from a sequence: pure functions over token ids, with the dice given.

`causal` for decoders, `masked` for encoders, `span_corruption`, `denoising` and pairs of input and target for
encoder-decoders. Not here: text, tokenizers, padding, tensors.
"""

from reasonkit.train.objectives.causal import causal
from reasonkit.train.objectives.denoising import denoised
from reasonkit.train.objectives.masked import masked
from reasonkit.train.objectives.spans import corrupted, hidden_and_spans, lengths, longest

__all__ = ["causal", "corrupted", "denoised", "hidden_and_spans", "lengths", "longest", "masked"]
