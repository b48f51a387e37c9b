"""The model that is trained: loaded or made on the spot, whole, with LoRA matrices, or on a base in NF4 (QLoRA).

Weights are fp32; a QLoRA base is quantised as `LocalClient(quantization="bnb-nf4")` does it, so that what is trained
on is what runs. Not here: what it computes (`forward.py`), how it is spread over processes, and what is saved of it.

Sources: Hu et al. 2021 (arXiv:2106.09685); Dettmers et al. 2023 (arXiv:2305.14314). A new llama is drawn small:
deviation sqrt(2 / (5 width)) (Nguyen and Salazar 2019, arXiv:1910.05895, section 2.2), what leaves a block divided by
sqrt(2 layers) (GPT-2, section 2.3).
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import torch
from torch import nn

from reasonkit.clients.local.extra import peft_quietly
from reasonkit.clients.local.load import without_bars
from reasonkit.errors import InputError, MissingExtra, ModelNotFound
from reasonkit.train.config import MethodConfig, ModelConfig, TrainConfig
from reasonkit.train.config.groups import FAMILY
from reasonkit.train.sharding import blocks

_CLASSES = {"causal": "AutoModelForCausalLM", "masked": "AutoModelForMaskedLM"}
"""Of transformers, by objective; all others are for `AutoModelForSeq2SeqLM`."""


def build_model(config: TrainConfig, tokenizer: Any, device: torch.device) -> Any:
    """Return the model of a run, the same on every process.

    Args:
        config: the run.
        tokenizer: gives a new model its vocabulary and special tokens.
        device: where a quantised base is put; others stay on the CPU until they are spread.

    Raises:
        ModelNotFound: there is no model in the folder.
        InputError: the model does not go with the objective or the method.
        MissingExtra: a package is not installed.
    """
    torch.manual_seed(config.seed)
    kind = automatic(config.objective)
    if config.model.path is None:
        model = _new(config.model, kind, tokenizer)
    else:
        model = _stored(config, kind, device)
    model.config.use_cache = False
    if config.recompute:
        if not model.supports_gradient_checkpointing:
            raise InputError(
                f"recompute is on, but {type(model).__name__} cannot compute its blocks again; switch it off"
            )
        model.activation_checkpointing_enable({"use_reentrant": False})
    return model if config.method.kind == "full" else adapted(model, config.method)


def check_model(config: TrainConfig) -> Path:
    """Return the folder of the model that is loaded, before anything of it is read.

    Raises:
        ModelNotFound: there is no model in it.
    """
    folder = Path(str(config.model.path)).expanduser()
    if not (folder / "config.json").is_file():
        raise ModelNotFound(f"model.path {str(folder)!r} holds no transformers model: config.json is missing")
    return folder


def rebuilt(config: TrainConfig, folder: Path, device: torch.device) -> Any:
    """Return the model of a run that has begun, for weights to be put in; a new one's sizes lie in a folder."""
    import transformers

    torch.manual_seed(config.seed)
    kind = automatic(config.objective)
    if config.model.path is not None:
        model = _stored(config, kind, device)
    else:
        model = kind.from_config(transformers.AutoConfig.from_pretrained(folder, local_files_only=True))
        model = model.to(torch.float32)
    return model if config.method.kind == "full" else adapted(model, config.method)


def automatic(objective: str) -> Any:
    """Return the automatic class of transformers that an objective's models are loaded with."""
    import transformers

    return getattr(transformers, _CLASSES.get(objective, "AutoModelForSeq2SeqLM"))


def quantised(device: torch.device) -> dict[str, Any]:
    """Return what loading a base in NF4 is told.

    Raises:
        MissingExtra: bitsandbytes or accelerate is not installed.
    """
    import transformers

    for package in ("bitsandbytes", "accelerate"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(f"method.kind='qlora' ({package})", "train")
    settings = transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.bfloat16 if device.type != "cpu" else torch.float32,
    )
    return {"quantization_config": settings, "device_map": {"": str(device)}}


def _stored(config: TrainConfig, kind: Any, device: torch.device) -> Any:
    import transformers

    folder = check_model(config)
    found = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    both = bool(getattr(found, "is_encoder_decoder", False))
    if both != (config.objective not in _CLASSES):
        family = "an encoder-decoder" if both else "no encoder-decoder"
        fits = "seq2seq, span_corruption or denoising" if both else "causal or masked"
        raise InputError(
            f"the model in {str(folder)!r} is {family}: objective must be {fits}, not {config.objective!r}"
        )
    options: dict[str, Any] = {"dtype": torch.float32}
    if config.method.kind == "qlora":
        options |= quantised(device)
    with without_bars():
        try:
            model, report = kind.from_pretrained(folder, local_files_only=True, output_loading_info=True, **options)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise InputError(
                f"the model in {str(folder)!r} cannot be loaded for {config.objective!r}: {error}"
            ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise InputError(
            f"the model in {str(folder)!r} lacks {len(missing)} weights that {config.objective!r} needs, the first "
            f"{missing[0]!r}: it is a model for something else"
        )
    return model


def _new(sizes: ModelConfig, kind: Any, tokenizer: Any) -> Any:
    """Return a new model with drawn weights."""
    import transformers

    specials = _specials(tokenizer, both=FAMILY[sizes.architecture] == "encoder-decoder")
    config = transformers.AutoConfig.for_model(sizes.architecture, **_sizes(sizes), **specials)
    model = kind.from_config(config).to(torch.float32)
    if sizes.architecture == "llama":
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if name.endswith(("o_proj.weight", "down_proj.weight")):
                    weight.div_(math.sqrt(2 * sizes.layers))
    return model


def _specials(tokenizer: Any, *, both: bool) -> dict[str, Any]:
    """Return the size of the vocabulary and its special tokens; a decoder that reads begins with the padding's."""
    start = {"decoder_start_token_id": tokenizer.pad_token_id} if both else {}
    return start | {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }


def _sizes(sizes: ModelConfig) -> dict[str, Any]:
    """Return the sizes by the names that each architecture has for them."""
    width, layers, heads = sizes.width, sizes.layers, sizes.heads
    inner = sizes.inner or (math.ceil(8 * width / 3 / 32) * 32 if sizes.architecture == "llama" else 4 * width)
    tied = {"tie_word_embeddings": sizes.tie_embeddings}
    match sizes.architecture:
        case "llama":
            return tied | {
                "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads,
                "num_key_value_heads": sizes.kv_heads or heads, "intermediate_size": inner,
                "max_position_embeddings": sizes.context, "initializer_range": math.sqrt(2 / (5 * width)),
            }  # fmt: skip
        case "gpt2":
            return tied | {
                "n_embd": width, "n_layer": layers, "n_head": heads, "n_inner": inner, "n_positions": sizes.context,
                "embd_pdrop": 0.0, "attn_pdrop": 0.0, "resid_pdrop": 0.0,
            }  # fmt: skip
        case "bert":
            return tied | {
                "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads,
                "intermediate_size": inner, "max_position_embeddings": sizes.context,
                "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
            }  # fmt: skip
        case "t5":
            return tied | {
                "d_model": width, "num_layers": layers, "num_decoder_layers": layers, "num_heads": heads,
                "d_kv": width // heads, "d_ff": inner, "dropout_rate": 0.0,
            }  # fmt: skip
        case "bart":
            return tied | {
                "d_model": width, "encoder_layers": layers, "decoder_layers": layers,
                "encoder_attention_heads": heads, "decoder_attention_heads": heads,
                "encoder_ffn_dim": inner, "decoder_ffn_dim": inner, "max_position_embeddings": sizes.context,
                "dropout": 0.0, "forced_eos_token_id": None,
            }  # fmt: skip


def adapted(model: Any, method: MethodConfig) -> Any:
    """Return the model with LoRA matrices beside its own, which no longer move."""
    with peft_quietly(f"method.kind={method.kind!r}") as peft:
        settings = peft.LoraConfig(
            r=method.rank, lora_alpha=method.alpha, lora_dropout=method.dropout, target_modules=targets(model, method),
            fan_in_fan_out=any(type(one).__name__ == "Conv1D" for one in model.modules()),
        )  # fmt: skip
        for weight in model.parameters():
            weight.requires_grad_(False)
        return peft.get_peft_model(model, settings)


def targets(model: nn.Module, method: MethodConfig) -> list[str]:
    """Return the last names of the matrices that are adapted: those in the blocks' attention, or all in the blocks.

    Raises:
        InputError: there is none.
    """
    inside = {id(one) for block in blocks(model) for one in block.modules()}
    found = set()
    for name, module in model.named_modules():
        if id(module) in inside and type(module).__name__ in ("Linear", "Linear4bit", "Conv1D"):
            attention = any("attention" in part.lower() or "attn" in part.lower() for part in name.split("."))
            if attention or method.targets == "all":
                found.add(name)
    if not found:
        raise InputError(
            f"{type(model).__name__} has no matrix in a block that method.targets={method.targets!r} means"
        )
    last = {name.rpartition(".")[2] for name in found}
    others = {name for name, one in model.named_modules() if type(one).__name__ in ("Linear", "Linear4bit", "Conv1D")}
    clear = all(name in found for name in others if name.rpartition(".")[2] in last)
    return sorted(last) if clear else sorted(found)
