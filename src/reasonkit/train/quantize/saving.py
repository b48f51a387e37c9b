"""Models in other formats as files that other programs load: transformers' folders, and GGUF for llama.cpp.

A GGUF file is made from one that lies beside the weights: its matrices are put into the format, embeddings, norms and
everything that is told of the model stay as they are. Not here: making GGUF from safetensors, which llama.cpp's own
converters do for each architecture.

Source of the file's form: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import Any

from reasonkit.clients.card import CARD_FILE
from reasonkit.clients.local.manifest import TOKENIZER_FILES
from reasonkit.errors import InputError
from reasonkit.train.quantize.formats import Format

_PLAIN = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
_GGUF = {"q8_0": "Q8_0", "q5_0": "Q5_0", "q4_0": "Q4_0"}
_KEPT = ("token_embd", "output", "norm")
"""Parts of the names of tensors that stay as they are."""


def save_model(model: Path, form: Format, out: Path) -> str:
    """Write a model in a format into a folder of the format's name; return the path, or why there is none.

    Args:
        model: the folder of the model.
        form: the format.
        out: where the folder is made.

    Raises:
        InputError: the folder holds something already, or cannot be written.
    """
    target = out / form.name
    if target.exists() and any(target.iterdir()):
        raise InputError(f"{target}: holds something already; give another folder")
    if form.package == "torchao" or form.name == "int8-tensor":
        return "not written: no program reads a file of this format"
    if form.name in _GGUF:
        sources = sorted(model.glob("*.gguf"))
        if len(sources) != 1:
            return f"not written: it is made from a GGUF file, and {str(model)!r} holds {len(sources)}"
        target.mkdir(parents=True, exist_ok=True)
        file = target / f"{sources[0].stem}-{form.name}.gguf"
        _requantise(sources[0], file, _GGUF[form.name])
    else:
        target.mkdir(parents=True, exist_ok=True)
        _transformers(model, form, target)
        for name in TOKENIZER_FILES:
            if (model / name).is_file():
                shutil.copyfile(model / name, target / name)
    if (model / CARD_FILE).is_file():
        shutil.copyfile(model / CARD_FILE, target / CARD_FILE)
    return str(target)


def _transformers(model: Path, form: Format, target: Path) -> None:
    import torch
    import transformers

    from reasonkit.clients.local.load import load, without_bars
    from reasonkit.train.quantize.convert import quiet

    with quiet(), without_bars():
        if form.name in _PLAIN:
            network = load(model, device="cpu", dtype="float32").model.to(getattr(torch, _PLAIN[form.name]))
        else:
            how = (
                transformers.BitsAndBytesConfig(load_in_8bit=True)
                if form.name == "int8"
                else transformers.BitsAndBytesConfig(
                    load_in_4bit=True,
                    bnb_4bit_quant_type=form.name.partition("-")[0],
                    bnb_4bit_use_double_quant=form.name.endswith("-dq"),
                    bnb_4bit_compute_dtype=torch.float32,
                )
            )
            network = transformers.AutoModelForCausalLM.from_pretrained(
                model, local_files_only=True, dtype=torch.float32, quantization_config=how, device_map={"": "cpu"}
            )
        network.save_pretrained(target)


def _requantise(source: Path, file: Path, kind: str) -> None:
    gguf: Any = importlib.import_module("gguf")
    form = gguf.GGMLQuantizationType[kind]
    block = gguf.GGML_QUANT_SIZES[form][0]
    reader = gguf.GGUFReader(source)
    architecture = reader.fields[gguf.Keys.General.ARCHITECTURE].contents()
    writer = gguf.GGUFWriter(file, architecture)
    own = (gguf.Keys.General.ARCHITECTURE, gguf.Keys.General.FILE_TYPE)
    for name, field in reader.fields.items():
        if name in own or name.startswith("GGUF."):
            continue
        inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), field.types[0], sub_type=inner)
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{kind}"])
    for tensor in reader.tensors:
        kept = any(part in tensor.name for part in _KEPT if not (part == "output" and "attn_output" in tensor.name))
        if kept or len(tensor.shape) < 2 or tensor.shape[0] % block:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            continue
        whole = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, gguf.quants.quantize(whole, form), raw_dtype=form)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
