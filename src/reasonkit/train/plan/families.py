"""Which weights each family of models has: names, sizes and number, as transformers 5 builds them.

Each function is one family. Tests compare every one with the real class on torch's meta device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from reasonkit.train.plan.shapes import Matrix

if TYPE_CHECKING:
    from reasonkit.train.plan.shapes import Shape

ATTENTION = {
    "llama": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "mistral": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "qwen2": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "qwen3": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "assumed": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "gpt2": ("attn.c_attn", "attn.c_proj"),
    "gpt_neox": ("query_key_value", "attention.dense"),
    "bloom": ("query_key_value", "self_attention.dense"),
    "bert": ("self.query", "self.key", "self.value", "attention.output.dense"),
    "roberta": ("self.query", "self.key", "self.value", "attention.output.dense"),
    "t5": ("Attention.q", "Attention.k", "Attention.v", "Attention.o"),
    "bart": ("q_proj", "k_proj", "v_proj", "out_proj"),
}
"""How the linear maps of the attention end, by family; all other linear maps are the feed-forward's."""


def llama(shape: Shape, *, bias: bool = False, head_norms: bool = False) -> Iterator[Matrix]:
    """Yield the weights of Llama and Mistral; Qwen 2 has biases on q, k and v, Qwen 3 norms of each head."""
    n, h, f = shape.layers, shape.hidden, shape.feed_forward
    yield Matrix(name="embed_tokens", size=(shape.vocabulary, h))
    for name, width in (("q_proj", shape.query), ("k_proj", shape.key), ("v_proj", shape.key)):
        yield from _linear(f"self_attn.{name}", h, width, n, bias=bias)
    yield from _linear("self_attn.o_proj", shape.query, h, n, bias=False)
    if head_norms:
        yield Matrix(name="self_attn.q_norm", size=(shape.head_size,), copies=n)
        yield Matrix(name="self_attn.k_norm", size=(shape.head_size,), copies=n)
    for name in ("gate_proj", "up_proj"):
        yield from _linear(f"mlp.{name}", h, f, n, bias=False)
    yield from _linear("mlp.down_proj", f, h, n, bias=False)
    yield Matrix(name="input_layernorm", size=(h,), copies=n)
    yield Matrix(name="post_attention_layernorm", size=(h,), copies=n)
    yield Matrix(name="norm", size=(h,))
    yield from _head(shape, "lm_head")


def gpt2(shape: Shape) -> Iterator[Matrix]:
    """Yield the weights of GPT-2, whose `Conv1D` stores inputs first."""
    n, h = shape.layers, shape.hidden
    yield Matrix(name="wte", size=(shape.vocabulary, h))
    yield Matrix(name="wpe", size=(shape.positions, h))
    for name in ("ln_1", "ln_2"):
        yield from _norm(name, h, n)
    for name, inputs, outputs in (
        ("attn.c_attn", h, 3 * h),
        ("attn.c_proj", h, h),
        ("mlp.c_fc", h, shape.feed_forward),
        ("mlp.c_proj", shape.feed_forward, h),
    ):
        yield Matrix(name=name, size=(inputs, outputs), copies=n, linear=True, sides=(inputs, outputs))
        yield Matrix(name=f"{name}.bias", size=(outputs,), copies=n)
    yield from _norm("ln_f", h, 1)
    yield from _head(shape, "lm_head")


def gpt_neox(shape: Shape) -> Iterator[Matrix]:
    """Yield the weights of GPT-NeoX and Pythia."""
    n, h = shape.layers, shape.hidden
    yield Matrix(name="embed_in", size=(shape.vocabulary, h))
    yield from _fused(shape, "attention.query_key_value", "attention.dense")
    for name in ("input_layernorm", "post_attention_layernorm"):
        yield from _norm(name, h, n)
    yield from _norm("final_layer_norm", h, 1)
    yield from _head(shape, "embed_out")


def bloom(shape: Shape) -> Iterator[Matrix]:
    """Yield the weights of BLOOM: ALiBi, so no positions, and a norm after the embedding."""
    n, h = shape.layers, shape.hidden
    yield Matrix(name="word_embeddings", size=(shape.vocabulary, h))
    yield from _norm("word_embeddings_layernorm", h, 1)
    yield from _fused(shape, "self_attention.query_key_value", "self_attention.dense")
    for name in ("input_layernorm", "post_attention_layernorm"):
        yield from _norm(name, h, n)
    yield from _norm("ln_f", h, 1)
    yield from _head(shape, "lm_head")


def bert(shape: Shape) -> Iterator[Matrix]:
    """Yield the weights of BERT and RoBERTa with their masked-language head, without the pooler."""
    n, h, f = shape.layers, shape.hidden, shape.feed_forward
    yield Matrix(name="word_embeddings", size=(shape.vocabulary, h))
    yield Matrix(name="position_embeddings", size=(shape.positions, h))
    yield Matrix(name="token_type_embeddings", size=(shape.token_types, h))
    yield from _norm("embeddings.LayerNorm", h, 1)
    for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
        yield from _linear(name, h, h, n, bias=True)
    yield from _norm("attention.output.LayerNorm", h, n)
    yield from _linear("intermediate.dense", h, f, n, bias=True)
    yield from _linear("output.dense", f, h, n, bias=True)
    yield from _norm("output.LayerNorm", h, n)
    yield Matrix(name="head.dense", size=(h, h))
    yield Matrix(name="head.dense.bias", size=(h,))
    yield from _norm("head.norm", h, 1)
    yield Matrix(name="head.bias", size=(shape.vocabulary,))
    yield from _head(shape, "head.decoder")


def t5(shape: Shape) -> Iterator[Matrix]:
    """Yield the weights of T5 and FLAN-T5."""
    h, f = shape.hidden, shape.feed_forward
    yield Matrix(name="shared", size=(shape.vocabulary, h))
    for side, n, attentions in (
        ("encoder", shape.layers, ("SelfAttention",)),
        ("decoder", shape.decoder_layers, ("SelfAttention", "EncDecAttention")),
    ):
        for attention in attentions:
            for name in ("q", "k", "v"):
                yield from _linear(f"{side}.{attention}.{name}", h, shape.query, n, bias=False)
            yield from _linear(f"{side}.{attention}.o", shape.query, h, n, bias=False)
            yield Matrix(name=f"{side}.{attention}.layer_norm", size=(h,), copies=n)
        yield Matrix(name=f"{side}.relative_attention_bias", size=(shape.buckets, shape.heads))
        for name in ("wi_0", "wi_1") if shape.gated else ("wi",):
            yield from _linear(f"{side}.DenseReluDense.{name}", h, f, n, bias=False)
        yield from _linear(f"{side}.DenseReluDense.wo", f, h, n, bias=False)
        yield Matrix(name=f"{side}.DenseReluDense.layer_norm", size=(h,), copies=n)
        yield Matrix(name=f"{side}.final_layer_norm", size=(h,))
    yield from _head(shape, "lm_head")


def bart(shape: Shape) -> Iterator[Matrix]:
    """Yield the weights of BART; two positions are kept for what the first version counted."""
    h, f = shape.hidden, shape.feed_forward
    yield Matrix(name="shared", size=(shape.vocabulary, h))
    for side, n, attentions in (
        ("encoder", shape.layers, ("self_attn",)),
        ("decoder", shape.decoder_layers, ("self_attn", "encoder_attn")),
    ):
        yield Matrix(name=f"{side}.embed_positions", size=(shape.positions + 2, h))
        for attention in attentions:
            for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
                yield from _linear(f"{side}.{attention}.{name}", h, h, n, bias=True)
            yield from _norm(f"{side}.{attention}_layer_norm", h, n)
        yield from _linear(f"{side}.fc1", h, f, n, bias=True)
        yield from _linear(f"{side}.fc2", f, h, n, bias=True)
        yield from _norm(f"{side}.final_layer_norm", h, n)
        yield from _norm(f"{side}.layernorm_embedding", h, 1)
    yield from _head(shape, "lm_head")


def _linear(name: str, inputs: int, outputs: int, copies: int, *, bias: bool) -> Iterator[Matrix]:
    yield Matrix(name=name, size=(outputs, inputs), copies=copies, linear=True, sides=(inputs, outputs))
    if bias:
        yield Matrix(name=f"{name}.bias", size=(outputs,), copies=copies)


def _norm(name: str, width: int, copies: int) -> Iterator[Matrix]:
    yield Matrix(name=f"{name}.weight", size=(width,), copies=copies)
    yield Matrix(name=f"{name}.bias", size=(width,), copies=copies)


def _fused(shape: Shape, attention: str, dense: str) -> Iterator[Matrix]:
    n, h, f = shape.layers, shape.hidden, shape.feed_forward
    yield from _linear(attention, h, 3 * h, n, bias=True)
    yield from _linear(dense, h, h, n, bias=True)
    yield from _linear("mlp.dense_h_to_4h", h, f, n, bias=True)
    yield from _linear("mlp.dense_4h_to_h", f, h, n, bias=True)


def _head(shape: Shape, name: str) -> Iterator[Matrix]:
    if not shape.tied:
        yield Matrix(name=name, size=(shape.vocabulary, shape.hidden))


FAMILIES: dict[str, Callable[[Shape], Iterator[Matrix]]] = {
    "llama": llama,
    "mistral": llama,
    "qwen2": lambda shape: llama(shape, bias=True),
    "qwen3": lambda shape: llama(shape, head_norms=True),
    "gpt2": gpt2,
    "gpt_neox": gpt_neox,
    "bloom": bloom,
    "bert": bert,
    "roberta": bert,
    "t5": t5,
    "bart": bart,
}
