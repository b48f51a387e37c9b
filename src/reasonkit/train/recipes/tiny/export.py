"""Turn checkpoints into the files that ship: safetensors for transformers, GGUF for llama.cpp, the tokenizer.

For: one set of weights, the mean over the workers, rounded once to float16, in both formats. The head is the
embedding's own matrix in both. Not for: quantisation.

Sources: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md for the keys; llama.cpp pairs the rotary halves of
q and k as neighbours, so their rows are put in that order.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reasonkit.train.recipes.tiny.documents import BOS, EOS, PAD
from reasonkit.train.recipes.tiny.network import Shape
from reasonkit.train.recipes.tiny.vocabulary import SPECIAL

NAME = "reasonkit-tiny"

PARTS = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def averaged(folder: Path) -> dict[str, Tensor]:
    """Return the mean of the workers' checkpoints, rounded to float16; names as transformers has them."""
    states = [torch.load(path, weights_only=True)["network"] for path in sorted(folder.glob("worker*.pt"))]
    return {name: torch.stack([state[name] for state in states]).mean(0).half() for name in states[0]}


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


def export(folder: Path, target: Path, shape: Shape) -> None:
    """Write everything that ships, from the checkpoints in ``folder``, into ``target``."""
    target.mkdir(parents=True, exist_ok=True)
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    weights = averaged(folder)
    write_transformers(target, weights, shape, tokenizer)
    write_gguf(target / f"{NAME}.gguf", weights, shape, tokenizer)
    card = {"name": NAME, "prompt": "tiny", "endpoint": "completions", "max_context": shape.context}
    write_json(target / "reasonkit.json", card)
