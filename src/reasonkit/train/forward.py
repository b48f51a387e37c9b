"""What a model gives for a batch: its summed loss, and itself held still to be measured.

Not here: making a model (`models.py`), and gradients (`loop.py`).
"""

from __future__ import annotations

import inspect
from typing import Any

from torch import Tensor, nn

from reasonkit.train.examples import IGNORE
from reasonkit.train.sharding import bare


def losses(model: nn.Module, part: dict[str, Tensor]) -> Tensor:
    """Return the summed cross-entropy of the labels that are learned, in fp32.

    Where a model can leave logits out, those of places at which no row learns anything are: a prompt costs none.

    Args:
        model: as it is spread over the processes.
        part: input_ids and labels (batch, time), and what else the forward pass takes.
    """
    inputs, labels = forwarded(model, part)
    if "logits_to_keep" in inspect.signature(_inner(model).forward).parameters:
        kept = (labels != IGNORE).any(dim=0).nonzero().flatten()  # (places,)
        kept = kept if len(kept) else kept.new_zeros(1)
        inputs["logits_to_keep"], labels = kept, labels[:, kept]
    logits = model(**inputs).logits  # (batch, time or places, vocabulary)
    return nn.functional.cross_entropy(
        logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORE, reduction="sum"
    )


def forwarded(model: nn.Module, part: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
    """Return what the forward pass takes, and the label that belongs to each of its logits."""
    inputs = {name: tensor for name, tensor in part.items() if name != "labels"}
    labels = part["labels"]
    inner = _inner(model)
    if inner.config.is_encoder_decoder:
        if "decoder_input_ids" not in inputs:
            inputs["decoder_input_ids"] = inner.prepare_decoder_input_ids_from_labels(labels=labels)
        return inputs, labels
    if type(inner).__name__.endswith("ForMaskedLM"):
        return inputs, labels
    return inputs, nn.functional.pad(labels[:, 1:], (0, 1), value=IGNORE)  # a decoder's logits are of the next token


def _inner(model: nn.Module) -> Any:
    """Return transformers' own model, without wrappers and adapters."""
    found: Any = bare(model)
    return found.get_base_model() if hasattr(found, "get_base_model") else found


def still(model: nn.Module) -> None:
    """Switch off what is random in training, to measure.

    A matrix in NF4 stays as in training: on a CPU with AVX-512 bitsandbytes 0.50 repacks it for inference, where it
    rounds otherwise and from where no gradient comes back.
    """
    model.eval()
    for module in model.modules():
        if type(module).__name__ == "Linear4bit":
            module.training = True
