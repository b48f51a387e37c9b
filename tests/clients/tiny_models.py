"""Random Llama models of a few hundred kilobytes, made on the spot, the same weights as GGUF and as safetensors.

Byte-level BPE with single digits, which llama.cpp knows as `smollm`. The weights are drawn wide, so that the best two
tokens are far apart and greedy text is the same wherever it is computed.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

PAD, BOS, EOS = 0, 1, 2
SPECIALS = ("<pad>", "<s>", "</s>")
CORPUS = (
    "Question: which river flows through the town where the painter was born? Thought 1: I need to search the painter, "
    "find the town, then find the river. Action 1: Search[the painter] Observation 1: the painter was born in the town. "
    "Thought 2: the river is in the town. Action 2: Lookup[river] Action 3: Finish[the river] Answer: yes and no or "
) * 2
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A Llama's shape."""

    hidden: int = 64
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    intermediate: int = 96
    context: int = 512
    merges: int = 120
    seed: int = 0

    @property
    def head_dim(self) -> int:
        return self.hidden // self.heads

    @property
    def vocabulary(self) -> int:
        return len(vocabulary(self.merges)[0])


@cache
def byte_letters() -> tuple[str, ...]:
    """The letter that stands for each byte in a byte-level vocabulary (as GPT-2 has it)."""
    shown = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    table = {byte: chr(byte) for byte in shown} | {byte: chr(256 + rank) for rank, byte in enumerate(hidden)}
    return tuple(table[byte] for byte in range(256))


@cache
def vocabulary(merges: int) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Learn byte-pair merges from the corpus; return all tokens and the merges."""
    letters = byte_letters()
    words = Counter(
        tuple(letters[byte] for byte in (" " * (rank > 0) + word).encode()) for rank, word in enumerate(CORPUS.split())
    )
    words = Counter(
        {word: count for word, count in words.items() if all(part.isalpha() or part == letters[32] for part in word)}
    )
    learnt: list[tuple[str, str]] = []
    for _ in range(merges):
        pairs: Counter[tuple[str, str]] = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                pairs[pair] += count
        if not pairs:
            break
        best = max(sorted(pairs), key=lambda pair: pairs[pair])
        learnt.append(best)
        merged: Counter[tuple[str, ...]] = Counter()
        for word, count in words.items():
            merged[_merge(word, best)] += count
        words = merged
    tokens = (*SPECIALS, *letters, *dict.fromkeys(left + right for left, right in learnt))
    return tokens, tuple(learnt)


def _merge(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    out: list[str] = []
    for part in word:
        if out and (out[-1], part) == pair:
            out[-1] += part
        else:
            out.append(part)
    return tuple(out)


def weights(shape: Shape) -> dict[str, Array]:
    """Draw the weights; the names are those of transformers."""
    random = np.random.default_rng(shape.seed)

    def draw(*size: int, scale: float) -> Array:
        return random.normal(0.0, scale, size).astype(np.float32)

    d, kv = shape.hidden, shape.kv_heads * shape.head_dim
    wide = 1.5 / d**0.5
    out: dict[str, Array] = {"model.embed_tokens.weight": draw(shape.vocabulary, d, scale=1.0)}
    for layer in range(shape.layers):
        at = f"model.layers.{layer}."
        out |= {
            at + "input_layernorm.weight": np.ones(d, np.float32),
            at + "self_attn.q_proj.weight": draw(d, d, scale=wide),
            at + "self_attn.k_proj.weight": draw(kv, d, scale=wide),
            at + "self_attn.v_proj.weight": draw(kv, d, scale=wide),
            at + "self_attn.o_proj.weight": draw(d, d, scale=wide),
            at + "post_attention_layernorm.weight": np.ones(d, np.float32),
            at + "mlp.gate_proj.weight": draw(shape.intermediate, d, scale=wide),
            at + "mlp.up_proj.weight": draw(shape.intermediate, d, scale=wide),
            at + "mlp.down_proj.weight": draw(d, shape.intermediate, scale=wide),
        }
    out["model.norm.weight"] = np.ones(d, np.float32)
    out["lm_head.weight"] = draw(shape.vocabulary, d, scale=0.5)
    return out


def write_gguf(
    path: Path,
    shape: Shape = Shape(),
    *,
    chat_template: str | None = None,
    architecture: str = "llama",
    quantized: bool = False,
) -> Path:
    """Write the model as one GGUF file, in fp32 or in Q8_0."""
    import gguf

    tokens, merges = vocabulary(shape.merges)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name("tiny random")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.intermediate)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(list(tokens))
    writer.add_token_types([3] * len(SPECIALS) + [1] * (len(tokens) - len(SPECIALS)))
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_pad_token_id(PAD)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_add_bos_token(True)
    if chat_template is not None:
        writer.add_chat_template(chat_template)
    for name, tensor in weights(shape).items():
        value: Any = _permuted(name, tensor, shape)
        if quantized and value.ndim == 2:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(_gguf_name(name), gguf.quantize(value, kind), raw_dtype=kind)
        else:
            writer.add_tensor(_gguf_name(name), value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _permuted(name: str, tensor: Array, shape: Shape) -> Array:
    """Reorder the rows of q and k: llama.cpp rotates neighbours, transformers rotates halves."""
    if "q_proj" in name or "k_proj" in name:
        heads = shape.heads if "q_proj" in name else shape.kv_heads
        parts = tensor.reshape(heads, 2, shape.head_dim // 2, tensor.shape[1])
        return np.ascontiguousarray(parts.swapaxes(1, 2).reshape(tensor.shape))
    return tensor


def _gguf_name(name: str) -> str:
    for old, new in {
        "model.embed_tokens": "token_embd",
        "model.norm": "output_norm",
        "lm_head": "output",
        "model.layers": "blk",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }.items():
        name = name.replace(old, new)
    return name


def write_transformers(folder: Path, shape: Shape = Shape(), *, chat_template: str | None = None) -> Path:
    """Write the model as a folder that `AutoModelForCausalLM` and `AutoTokenizer` load."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights(shape), folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.intermediate,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
        "tie_word_embeddings": False,
        "vocab_size": shape.vocabulary,
        "pad_token_id": PAD,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write_tokenizer(folder, shape.merges, chat_template=chat_template)
    return folder


def write_tokenizer(folder: Path, merges: int = 120, *, chat_template: str | None = None) -> None:
    """Write `tokenizer.json` and its configuration."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    tokens, learnt = vocabulary(merges)
    tokenizer = Tokenizer(models.BPE({token: rank for rank, token in enumerate(tokens)}, list(learnt)))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIALS))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", BOS)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings: dict[str, object] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<pad>",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "clean_up_tokenization_spaces": False,
    }
    if chat_template is not None:
        settings["chat_template"] = chat_template
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
