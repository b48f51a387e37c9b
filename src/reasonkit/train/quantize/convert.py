"""Putting a model's matrices into a format, in place, and counting what they take then.

All formats convert the same matrices: those of `torch.nn.Linear` but the output's head, as the libraries do it; for
fp16 and bf16 everything is converted. What has no arithmetic here is rounded, and computed in fp32.
"""

from __future__ import annotations

import importlib
import logging
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from reasonkit.train.quantize.formats import Format

GGUF = {"q8_0": "Q8_0", "q5_0": "Q5_0", "q4_0": "Q4_0"}


def matrices(model: Any) -> dict[str, nn.Linear]:
    """Return the matrices that formats convert, by name."""
    head = model.get_output_embeddings()
    return {name: one for name, one in model.named_modules() if isinstance(one, nn.Linear) and one is not head}


def convert(model: Any, form: Format) -> float:
    """Convert a model in fp32; return the bits that each of the matrices' numbers takes, scales counted in.

    Raises:
        MissingExtra: the format's package is not installed.
        RuntimeError, NotImplementedError, ImportError, AssertionError, ValueError: it does not run on this machine.
    """
    form.require()
    found = matrices(model)
    count = sum(one.weight.numel() for one in found.values())
    match form.name:
        case "fp32":
            return 32.0
        case "fp16" | "bf16":
            model.to(torch.float16 if form.name == "fp16" else torch.bfloat16)
            return 16.0
        case "int8-tensor":
            return _rounded(found, _int8) / count
        case name if name in GGUF:
            return _rounded(found, lambda weight: _blocks(weight, GGUF[name])) / count
        case name if form.package == "torchao":
            return _torchao(model, name, found) / count
        case name:
            with quiet():
                return _bitsandbytes(model, name, found) / count


def held_bytes(model: Any) -> int:
    """Return the bytes of everything that a model holds, scales and tables counted in, shared storages once."""
    seen: dict[int, int] = {}
    for one in (*model.parameters(), *model.buffers()):
        for part in _parts(one):
            storage = part.untyped_storage()
            seen[storage.data_ptr()] = storage.nbytes()
    return sum(seen.values())


def plain(weight: Any) -> Tensor:
    """Return a converted matrix as the numbers that it stands for, in fp32."""
    if hasattr(weight, "quant_state") and weight.quant_state is not None:
        functional = importlib.import_module("bitsandbytes.functional")
        return functional.dequantize_4bit(weight.data, weight.quant_state).float()
    if getattr(weight, "SCB", None) is not None:
        return weight.CB.float() * weight.SCB[:, None] / 127
    if hasattr(weight, "qdata"):
        return weight.dequantize().float()
    return weight.detach().float()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep remarks of bitsandbytes away that no caller can do anything about: missing kernels, casts of inputs."""
    loggers = [
        logging.getLogger(name) for name in ("bitsandbytes.backends.cpu.ops", "bitsandbytes.autograd._functions")
    ]
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "MatMul8bitLt: inputs will be cast", UserWarning)
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="bitsandbytes")
            yield
    finally:
        for one, level in zip(loggers, before, strict=True):
            one.setLevel(level)


def _parts(value: Any) -> Iterator[Tensor]:
    """Yield the plain tensors that a parameter is made of."""
    if hasattr(value, "qdata"):  # torchao
        yield from (getattr(value, name) for name in ("qdata", "scale", "zero_point") if hasattr(value, name))
        return
    yield value.data
    if getattr(value, "SCB", None) is not None:
        yield value.SCB
    state = getattr(value, "quant_state", None)
    while state is not None:
        yield from (one for one in (state.absmax, state.code, state.offset) if isinstance(one, Tensor))
        state = state.state2 if state.nested else None


def _scales_bits(value: Any) -> int:
    """Return the bits of a matrix of bitsandbytes: its numbers and scales, without the tables that all have alike."""
    bits = value.data.nbytes * 8
    if getattr(value, "SCB", None) is not None:
        return int(bits + value.SCB.nbytes * 8)
    state = value.quant_state
    while state is not None:
        bits += state.absmax.nbytes * 8
        state = state.state2 if state.nested else None
    return int(bits)


def _rounded(found: dict[str, nn.Linear], store: Callable[[Tensor], tuple[Tensor, int]]) -> float:
    """Round matrices to a format and leave them in fp32; return the bits that the format would take."""
    bits = 0
    for one in found.values():
        kept, taken = store(one.weight.detach())
        one.weight.data = kept.to(one.weight.dtype)
        bits += taken
    return bits


def _int8(weight: Tensor) -> tuple[Tensor, int]:
    """Round to whole numbers from -127 to 127 times one scale."""
    scale = weight.abs().max().clamp(min=torch.finfo(torch.float32).tiny) / 127
    return torch.round(weight / scale).clamp(-127, 127) * scale, weight.numel() * 8 + 32


def _blocks(weight: Tensor, kind: str) -> tuple[Tensor, int]:
    """Round to one of llama.cpp's formats; rows whose length is no multiple of a block stay in 16 bits, as there."""
    gguf = importlib.import_module("gguf")
    form = gguf.GGMLQuantizationType[kind]
    if weight.shape[1] % gguf.GGML_QUANT_SIZES[form][0]:
        return weight.half().float(), weight.numel() * 16
    stored = gguf.quants.quantize(weight.float().numpy(), form)
    return torch.from_numpy(gguf.quants.dequantize(stored, form).copy()), stored.nbytes * 8


def _torchao(model: Any, name: str, found: dict[str, nn.Linear]) -> float:
    library = importlib.import_module("torchao.quantization")
    how = {
        "torchao-int8": "Int8WeightOnlyConfig",
        "torchao-int8-dynamic": "Int8DynamicActivationInt8WeightConfig",
        "torchao-fp8": "Float8WeightOnlyConfig",
        "torchao-int4": "Int4WeightOnlyConfig",
    }[name]
    library.quantize_(model, getattr(library, how)(), lambda _, path: path in found)
    return sum(part.nbytes * 8 for one in found.values() for part in _parts(one.weight))


def _bitsandbytes(model: Any, name: str, found: dict[str, nn.Linear]) -> float:
    library = importlib.import_module("bitsandbytes").nn
    bits = 0
    for path, one in found.items():
        inputs, outputs, bias = one.in_features, one.out_features, one.bias is not None
        if name == "int8":
            made = library.Linear8bitLt(inputs, outputs, bias=bias, has_fp16_weights=False, threshold=6.0)
            made.weight = library.Int8Params(one.weight.data, requires_grad=False, has_fp16_weights=False)
        else:
            double, kind = name == "nf4-dq", name.partition("-")[0]
            made = library.Linear4bit(
                inputs, outputs, bias=bias, compute_dtype=torch.float32, compress_statistics=double, quant_type=kind
            )
            made.weight = library.Params4bit(
                one.weight.data, requires_grad=False, compress_statistics=double, quant_type=kind
            )
        if bias:
            made.bias = one.bias
        made = made.to(one.weight.device).eval()
        parent, _, last = path.rpartition(".")
        setattr(model.get_submodule(parent), last, made)
        bits += _scales_bits(made.weight)
    return bits


def weight_error(model: Any, reference: dict[str, Tensor]) -> float:
    """Return the root of the mean square error of the matrices, as a share of the root of their own mean square."""
    off = whole = 0.0
    for name, weight in reference.items():
        off += float((plain(model.get_submodule(name).weight).view_as(weight) - weight).double().square().sum())
        whole += float(weight.double().square().sum())
    return math.sqrt(off / whole) if whole else 0.0
