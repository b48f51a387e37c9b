"""FLOPs and time of training.

6 N a token for full training: 2 forward, 4 backward (Kaplan et al. 2020, arXiv 2001.08361; Hoffmann et al. 2022,
arXiv 2203.15556). 8 N with full recomputation, which runs the forward pass twice. About 4 N with LoRA: the frozen
weights need no gradients of their own. Attention's scores add 12 L h s a token of training (Chowdhery et al. 2022,
arXiv 2204.02311, appendix B), in the same proportions.
"""

from __future__ import annotations

from typing import Literal

from reasonkit.train.plan.shapes import Shape

Method = Literal["full", "lora", "qlora"]
METHODS: tuple[Method, ...] = ("full", "lora", "qlora")


def passes(method: Method, *, recompute: bool) -> int:
    """Return how many forward passes a step is worth: 3 in full, 2 with frozen weights, 1 more if all is computed twice."""
    return (3 if method == "full" else 2) + recompute


def flops_a_token(
    shape: Shape, *, sequence: int, method: Method = "full", recompute: bool = False, attention: bool = True
) -> float:
    """Return the FLOPs of training on one token.

    Args:
        shape: the model.
        sequence: tokens of a row; the scores of the attention grow with it.
        method: what is trained.
        recompute: whether activations are computed again in the backward pass.
        attention: whether the scores count; False gives the bare 6 N, 8 N and 4 N.
    """
    forward = 2.0 * shape.parameters
    if attention:
        forward += 4.0 * (shape.layers + shape.decoder_layers) * shape.query * sequence
    return passes(method, recompute=recompute) * forward


def seconds(flops: float, *, throughput: float, gpus: int) -> float:
    """Return how long so many FLOPs take.

    Args:
        flops: of the whole run.
        throughput: FLOPs a second that one GPU really reaches; 30 to 50 % of its data sheet is usual.
        gpus: how many.
    """
    return flops / (throughput * gpus)
