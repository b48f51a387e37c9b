"""Turn a finished run into the files that ship: safetensors for transformers, GGUF for llama.cpp, the tokenizer.

For: what `reasonkit train` has saved of this recipe, a Llama with a tied embedding, its weights rounded once to float16,
in both formats. The sizes are those in the run's ``config.json``. Not for: quantisation, or other models.

Sources: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md for the keys; llama.cpp pairs the rotary halves of
q and k as neighbours, so their rows are put in that order.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reasonkit.errors import InputError
from reasonkit.train.recipes.tiny.documents import BOS, EOS, PAD
from reasonkit.train.recipes.tiny.vocabulary import SPECIAL

NAME = "reasonkit-tiny"
FINISHED = "manifest.json"
"""What a run writes last."""

PARTS = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes of the model."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    inner: int
    context: int
    rope_theta: float
    epsilon: float


def shape_of(source: Path) -> Shape:
    """Return the sizes that a saved model's ``config.json`` tells.

    Raises:
        InputError: it is not a model of the kind that this writes.
    """
    facts = json.loads((source / "config.json").read_text(encoding="utf-8"))
    wanted = {"model_type": "llama", "tie_word_embeddings": True, "num_key_value_heads": facts["num_attention_heads"]}
    if differs := [f"{key} is {facts.get(key)!r}" for key, value in wanted.items() if facts.get(key) != value]:
        raise InputError(f"{str(source)!r} is no model of this recipe: {', '.join(differs)}")
    return Shape(
        vocabulary=facts["vocab_size"], width=facts["hidden_size"], layers=facts["num_hidden_layers"],
        heads=facts["num_attention_heads"], inner=facts["intermediate_size"],
        context=facts["max_position_embeddings"], rope_theta=facts["rope_parameters"]["rope_theta"],
        epsilon=facts["rms_norm_eps"],
    )  # fmt: skip


def rounded(source: Path) -> dict[str, Tensor]:
    """Return a run's weights, rounded to float16; names as transformers has them, the tied head left out."""
    from safetensors.torch import load_file

    found = load_file(source / "model.safetensors")
    return {name: weight.to(torch.float16) for name, weight in found.items() if name != "lm_head.weight"}


def configuration(shape: Shape) -> dict[str, object]:
    """Return ``config.json``."""
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "vocab_size": shape.vocabulary, "hidden_size": shape.width, "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads, "num_key_value_heads": shape.heads,
        "head_dim": shape.width // shape.heads, "max_position_embeddings": shape.context,
        "rms_norm_eps": shape.epsilon, "rope_theta": shape.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.rope_theta},
        "tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False, "dtype": "float16",
        "bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD, "initializer_range": 0.04,
    }  # fmt: skip


def write_json(path: Path, value: object) -> None:
    """Write a value as indented JSON."""
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def write_transformers(target: Path, weights: dict[str, Tensor], shape: Shape, tokenizer: dict[str, object]) -> None:
    """Write the files that ``AutoModelForCausalLM`` and ``AutoTokenizer`` load."""
    from safetensors.torch import save_file

    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    (target / "model.safetensors").chmod(0o644)
    write_json(target / "config.json", configuration(shape))
    write_json(target / "generation_config.json", {"bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD})
    begins = {"SpecialToken": {"id": SPECIAL[BOS], "type_id": 0}}
    sequence = {"Sequence": {"id": "A", "type_id": 0}}
    processed = dict(tokenizer)
    processed["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [begins, sequence],
        "pair": [begins, sequence, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {SPECIAL[BOS]: {"id": SPECIAL[BOS], "ids": [BOS], "tokens": [SPECIAL[BOS]]}},
    }
    (target / "tokenizer.json").write_text(json.dumps(processed, ensure_ascii=False), encoding="utf-8")
    write_json(
        target / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": SPECIAL[BOS], "eos_token": SPECIAL[EOS],
            "pad_token": SPECIAL[PAD], "model_max_length": shape.context, "clean_up_tokenization_spaces": False,
        },
    )  # fmt: skip


def neighbours(matrix: Tensor, heads: int) -> Tensor:
    """Reorder the rows of q or k from rotary halves to rotary neighbours; matrix is (width, width)."""
    width = matrix.shape[0]
    return matrix.view(heads, 2, width // heads // 2, -1).transpose(1, 2).reshape(matrix.shape)


def write_gguf(path: Path, weights: dict[str, Tensor], shape: Shape, tokenizer: dict[str, object]) -> None:
    """Write the same weights as GGUF, matrices in float16, scales in float32."""
    from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType, TokenType

    model = tokenizer["model"]
    assert isinstance(model, dict)
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    writer = GGUFWriter(str(path), "llama")
    writer.add_name(NAME)
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_freq_base(shape.rope_theta)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if token in SPECIAL else TokenType.NORMAL for token in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_pad_token_id(PAD)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    for name, weight in weights.items():
        rotated = name.endswith(("q_proj.weight", "k_proj.weight"))
        ordered = neighbours(weight, shape.heads) if rotated else weight
        array = ordered.numpy() if weight.dim() > 1 else ordered.float().numpy()
        kind = GGMLQuantizationType.F16 if weight.dim() > 1 else GGMLQuantizationType.F32
        writer.add_tensor(gguf_name(name), np.ascontiguousarray(array), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gguf_name(name: str) -> str:
    """Return GGUF's name of a tensor: ``model.layers.0.mlp.up_proj.weight`` is ``blk.0.ffn_up.weight``."""
    fixed = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    if name in fixed:
        return fixed[name]
    _, _, number, rest = name.split(".", 3)
    return f"blk.{number}.{PARTS[rest.removesuffix('.weight')]}.weight"


def export(source: Path, target: Path) -> None:
    """Write everything that ships, from a finished run; the target changes whole or not at all.

    Args:
        source: the run's folder.
        target: is made, or holds an earlier export.

    Raises:
        InputError: the run is not finished, is of another model, or the target holds other files.
    """
    if not (source / FINISHED).is_file():
        raise InputError(f"{str(source)!r} holds no finished run: {FINISHED} is missing; train to the end first")
    shape, weights = shape_of(source), rounded(source)
    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    partial, old = (target.with_name(f"{target.name}.{state}") for state in ("partial", "old"))
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    write_transformers(partial, weights, shape, tokenizer)
    write_gguf(partial / f"{NAME}.gguf", weights, shape, tokenizer)
    card = {"name": NAME, "prompt": "tiny", "endpoint": "completions", "max_context": shape.context}
    write_json(partial / "reasonkit.json", card)
    if target.exists():
        written = {path.name for path in partial.iterdir()}
        if others := sorted(path.name for path in target.iterdir() if path.name not in written):
            raise InputError(f"{str(target)!r} holds {others[0]!r}, which is no part of the model; give another folder")
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)
