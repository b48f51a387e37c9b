"""Models whose tensors divide evenly, and models whose tensors do not."""

from __future__ import annotations

from typing import Any

MODELS: dict[str, dict[str, Any]] = {
    "even": {"model_type": "llama", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 128},
    "uneven": {"model_type": "llama", "hidden_size": 30, "intermediate_size": 53, "num_hidden_layers": 3,
               "num_attention_heads": 5, "num_key_value_heads": 1, "vocab_size": 101, "tie_word_embeddings": True},
    "gpt2": {"model_type": "gpt2", "n_embd": 27, "n_layer": 2, "n_head": 3, "n_positions": 33, "vocab_size": 97,
             "bos_token_id": 0, "eos_token_id": 0, "loss_type": "ForCausalLM"},
}  # fmt: skip
