"""From a folder to a model that is ready to compute, or an error that says what is missing.

Not here: adapters, and anything after loading.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from safetensors import SafetensorError
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from reasonkit.clients.local.compute import Loaded
from reasonkit.errors import InputError, MissingExtra, ModelNotFound, Unsupported

DType = Literal["auto", "float32", "bfloat16", "float16"]
Quantization = Literal["bnb-int8", "bnb-nf4", "torchao-int8"]
QUANTIZATIONS: tuple[Quantization, ...] = ("bnb-int8", "bnb-nf4", "torchao-int8")
_PACKAGES = {"bnb-int8": "bitsandbytes", "bnb-nf4": "bitsandbytes", "torchao-int8": "torchao"}


def load(
    model: Any,
    *,
    tokenizer: Any = None,
    device: str = "auto",
    dtype: DType = "auto",
    quantization: Quantization | None = None,
    max_context: int | None = None,
) -> Loaded:
    """Load a model.

    Args:
        model: the folder of a model, or a transformers model object.
        tokenizer: the folder of a tokenizer, or a tokenizer object; by default that of the model's folder.
        device: "auto" is the first GPU, else the CPU.
        dtype: "auto" is as stored on a GPU, and fp32 on a CPU.
        quantization: how weights are made smaller.
        max_context: tokens that will be used at most; within it sliding windows may come to cover everything.

    Raises:
        ModelNotFound: there is no model in the folder.
        InputError: a combination that does not work here; the message says what does.
    """
    where = torch.device(_device(device))
    if isinstance(model, (str, Path)):
        folder = _folder(Path(model).expanduser())
        name = folder.name
        options = _options(where, dtype, quantization)
        config = _read(transformers.AutoConfig, folder, "configuration")
        network = _read(_class(config, folder), folder, "model", config=config, **options)
        if quantization is None and not getattr(network, "is_quantized", False):
            network = network.to(where)
        tokenizer = folder if tokenizer is None else tokenizer
    else:
        if dtype != "auto" or quantization is not None:
            raise InputError("dtype and quantization are for a folder; a model object is used as it is")
        network, name = model, str(getattr(model, "name_or_path", "") or type(model).__name__)
        where = next(network.parameters()).device if device == "auto" else where
        network = network.to(where)
    words = _tokenizer(tokenizer)
    network.eval()
    return _loaded(network, words, name, where, max_context)


def load_encoder(
    model: Any, *, tokenizer: Any = None, device: str = "auto", dtype: DType = "auto"
) -> tuple[Any, Any, torch.device, int | None]:
    """Load an encoder-only model, or the encoder of an encoder-decoder; return it, its tokenizer, device and limit."""
    where = torch.device(_device(device))
    if isinstance(model, (str, Path)):
        folder = _folder(Path(model).expanduser())
        network = _read(transformers.AutoModel, folder, "model", **_options(where, dtype, None))
        tokenizer = folder if tokenizer is None else tokenizer
    else:
        network = model
    words = _tokenizer(tokenizer)
    if getattr(network.config, "is_encoder_decoder", False):
        network = network.get_encoder()
    limit = getattr(network.config, "max_position_embeddings", None)
    if limit is not None and network.config.model_type in ("roberta", "xlm-roberta", "camembert"):
        limit -= network.config.pad_token_id + 1  # their positions begin after the padding's
    return network.to(where).eval(), words, where, limit


def _tokenizer(tokenizer: Any) -> Any:
    if tokenizer is None:
        raise InputError("a model object comes without its tokenizer: pass tokenizer=")
    if isinstance(tokenizer, (str, Path)):
        folder = _folder(Path(tokenizer).expanduser(), "tokenizer_config.json")
        return _read(transformers.AutoTokenizer, folder, "tokenizer")
    return tokenizer


def _device(device: str) -> str:
    if device != "auto":
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise InputError(f"device={device!r}, but torch sees no CUDA device here: use device='cpu'")
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def _folder(folder: Path, wanted: str = "config.json") -> Path:
    if not folder.is_dir():
        raise ModelNotFound(f"there is no model folder at {str(folder)!r}")
    if not (folder / wanted).is_file():
        raise ModelNotFound(f"the folder {str(folder)!r} holds no transformers model: {wanted} is missing")
    return folder


def _read(kind: Any, folder: Path, what: str, **options: Any) -> Any:
    """Load with one of the library's automatic classes, from the disk alone, without its progress bar."""
    with without_bars():
        try:
            return kind.from_pretrained(folder, local_files_only=True, **options)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise InputError(f"the {what} in {str(folder)!r} cannot be loaded: {error}") from error


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep the library's progress bars off the terminal."""
    bars = transformers.logging.is_progress_bar_enabled()
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        if bars:
            transformers.logging.enable_progress_bar()


def _class(config: Any, folder: Path) -> Any:
    if getattr(config, "is_encoder_decoder", False):
        return transformers.AutoModelForSeq2SeqLM
    writing = set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    if writing & set(getattr(config, "architectures", None) or writing):
        return transformers.AutoModelForCausalLM
    raise Unsupported(
        f"the model in {str(folder)!r} ({config.model_type}) writes no text; an encoder can be used as an Embedder"
    )


def _options(where: torch.device, dtype: DType, quantization: Quantization | None) -> dict[str, Any]:
    """Return what loading is told; refuse before anything is loaded what cannot work."""
    if dtype not in ("auto", "float32", "bfloat16", "float16"):
        raise InputError(f"dtype={dtype!r} is not one of auto, float32, bfloat16, float16")
    kept = "auto" if where.type != "cpu" else torch.float32
    options: dict[str, Any] = {"dtype": kept if dtype == "auto" else getattr(torch, dtype)}
    if quantization is None:
        return options
    if quantization not in QUANTIZATIONS:
        raise InputError(
            f"quantization={quantization!r} does not work on {where.type}; these do: {', '.join(QUANTIZATIONS)}"
        )
    for package in (_PACKAGES[quantization], "accelerate"):
        if importlib.util.find_spec(package) is None:
            extra = "torchao" if package == "torchao" else "train"
            raise MissingExtra(f"quantization={quantization!r} ({package})", extra)
    if quantization == "torchao-int8":
        options["quantization_config"] = transformers.TorchAoConfig(
            importlib.import_module("torchao.quantization").Int8WeightOnlyConfig()
        )
    elif quantization == "bnb-int8":
        options["quantization_config"] = transformers.BitsAndBytesConfig(load_in_8bit=True)
    else:
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=torch.bfloat16 if where.type != "cpu" else torch.float32,
        )
    options["device_map"] = {"": str(where)}
    return options


def _loaded(network: Any, tokenizer: Any, name: str, where: torch.device, max_context: int | None) -> Loaded:
    config = network.config.get_text_config() if hasattr(network.config, "get_text_config") else network.config
    limit = next(
        (
            int(value)
            for key in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")
            if isinstance(value := getattr(config, key, None), int) and value > 0
        ),
        None,
    )
    encoder_decoder = bool(getattr(network.config, "is_encoder_decoder", False))
    start = getattr(network.generation_config, "decoder_start_token_id", None)
    if start is None:
        start = getattr(network.config, "decoder_start_token_id", None) or 0
    layers = 0
    if not encoder_decoder:
        layers = _plain_layers(
            config, min(one for one in (limit, max_context) if one) if limit or max_context else None
        )
    return Loaded(
        model=network,
        tokenizer=tokenizer,
        name=name,
        device=where,
        ends=_ends(network, tokenizer),
        limit=limit,
        layers=layers,
        encoder_decoder=encoder_decoder,
        shared_buffers=layers > 0 and "logits_to_keep" in inspect.signature(network.forward).parameters,
        start=int(start),
        memory="past_key_values"
        if "past_key_values" in inspect.signature(network.forward).parameters
        else "cache_params",
    )


def _plain_layers(config: Any, most: int | None) -> int:
    """Return the number of layers if each keeps keys and values of all tokens in sight, else 0."""
    layers = DynamicCache(config=config).layers
    for layer in layers:
        if type(layer) is DynamicSlidingWindowLayer and most is not None and most <= layer.sliding_window:
            continue
        if type(layer) is not DynamicLayer:
            return 0
    return len(layers)


def _ends(network: Any, tokenizer: Any) -> frozenset[int]:
    ends: set[int] = set()
    for one in (
        getattr(network.generation_config, "eos_token_id", None),
        getattr(network.config, "eos_token_id", None),
        getattr(tokenizer, "eos_token_id", None),
    ):
        ends.update([one] if isinstance(one, int) else one or [])
    return frozenset(ends)
