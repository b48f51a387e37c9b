"""Measuring how many bytes of activations a family of models keeps: small random models, a fit, and a score.

A shape is measured at two depths; the difference is what a layer keeps, the rest stands outside. Half of the shapes
below are held out, here, before anything is fitted: a calibration's error is the largest one on them. On a CPU the
storages that autograd saves are counted; on a GPU the rise of `torch.cuda.memory_allocated` over the forward pass (that
path was written without a GPU at hand). Not here: the peak of a whole step. Needs torch and transformers, and PEFT for
LoRA.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from reasonkit.errors import InputError, MissingExtra
from reasonkit.train.plan.activations import Attention, Calibration, Factors
from reasonkit.train.plan.configs import shape_of_config
from reasonkit.train.plan.shapes import Shape

if TYPE_CHECKING:
    import torch

METHODS = ("full", "lora-attention", "lora-all")
FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "gpt2", "gpt_neox", "bert", "roberta")
"""Those whose layers are all alike, so that a layer's bytes are one figure."""
_SHALLOW, _DEEP = 2, 4
_MASKED = frozenset({"bert", "roberta"})
_GROUPED = frozenset({"llama", "mistral", "qwen2", "qwen3"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """One measurement: widths of a model, and of a step."""

    heads: int
    head_size: int
    key_heads: int
    hidden: int
    """Only where a family's queries may have another width; else it is heads times head_size."""
    feed_forward: int
    vocabulary: int
    batch: int
    sequence: int
    rank: int


def _sizes(rows: str) -> tuple[Sizes, ...]:
    names = [field.name for field in fields(Sizes)]
    return tuple(Sizes(**dict(zip(names, map(int, row.split()), strict=True))) for row in rows.strip().splitlines())


FITTED = _sizes("""
4 16 4 64 160 200 2 64 4
4 16 2 96 256 300 4 32 8
2 32 1 64 128 500 1 128 16
8 16 2 64 384 250 2 96 4
6 16 3 192 160 400 3 64 2
4 32 4 96 512 600 2 48 32
8 8 4 128 96 350 2 160 6
3 32 3 144 320 450 1 192 12
10 16 5 80 448 150 2 80 24
12 8 6 192 224 550 3 40 3
""")
HELD_OUT = _sizes("""
8 32 4 256 704 1000 2 128 8
5 16 1 120 272 700 3 72 16
16 16 8 128 640 320 1 256 4
6 32 2 240 416 900 2 144 20
""")


def calibrate(
    family: str, *, compute: int = 2, method: str = "full", attention: Attention = "sdpa", device: str = "cpu",
    on_measured: Callable[[str], None] = lambda _: None,
) -> Calibration:  # fmt: skip
    """Measure small random models of a family, fit, and score the fit on shapes that were held out.

    Args:
        family: a `model_type` of `FAMILIES`.
        compute: bytes of the numbers computed with: 2 (bf16) or 4 (fp32).
        method: `full`, `lora-attention` or `lora-all`.
        attention: which code runs it.
        device: `cpu` or `cuda`.
        on_measured: told after each shape.

    Raises:
        InputError: the family, the method or the device is not there.
        MissingExtra: torch, transformers or PEFT is not installed.
    """
    if family not in FAMILIES or method not in METHODS or compute not in (2, 4):
        raise InputError(
            f"cannot calibrate {family}, {method}, {compute} bytes; families: {', '.join(FAMILIES)}; "
            f"methods: {', '.join(METHODS)}; bytes: 2 or 4"
        )
    torch = _torch()
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("no CUDA device is at hand; calibrate with --device cpu")
    import transformers

    def measured(sizes: Sizes) -> tuple[Shape, float, float]:
        shallow, deep = (
            measure(family, sizes, layers, compute=compute, method=method, attention=attention, device=device)
            for layers in (_SHALLOW, _DEEP)
        )
        on_measured(f"{family} {method} {8 * compute} bits: {sizes}")
        tokens = sizes.batch * sizes.sequence
        layer = (deep - shallow) / (_DEEP - _SHALLOW) / tokens
        return shape_for(family, sizes, _DEEP), layer, shallow / tokens - _SHALLOW * layer

    seen = [measured(sizes) for sizes in FITTED]
    ranks = [sizes.rank if method != "full" else 0 for sizes in FITTED]
    rows = [
        (
            shape.hidden, shape.query, shape.query * (sizes.batch == 1), shape.key, shape.feed_forward, shape.heads,
            shape.heads * sizes.sequence, rank, 1,
        )
        for (shape, _, _), sizes, rank in zip(seen, FITTED, ranks, strict=True)
    ]  # fmt: skip
    inside = _solve(rows, [layer for _, layer, _ in seen])
    around = [
        (shape.hidden, shape.vocabulary, shape.head_size / sizes.batch, 1)
        for (shape, _, _), sizes in zip(seen, FITTED, strict=True)
    ]
    outside = _solve(around, [rest for _, _, rest in seen])
    figures = (round(value, 4) + 0.0 for value in (*inside, *outside))  # + 0.0: never a negative zero
    factors = Factors(**dict(zip((field.name for field in fields(Factors)), figures, strict=True)))
    error = 0.0
    for sizes in HELD_OUT:
        shape, layer, rest = measured(sizes)
        rank = sizes.rank if method != "full" else 0
        real = _DEEP * layer + rest
        planned = _DEEP * factors.layer(shape, sizes.batch, sizes.sequence, rank) + factors.outside(shape, sizes.batch)
        error = max(error, abs(planned - real) / real)
    return Calibration(
        family=family,
        attention=attention,
        compute=compute,
        method=method,
        device=device if device == "cpu" else torch.cuda.get_device_name(),
        versions=f"torch {torch.__version__.partition('+')[0]}, transformers {transformers.__version__}",
        error=round(error, 6),
        factors=factors,
    )


def shape_for(family: str, sizes: Sizes, layers: int) -> Shape:
    """Return the shape of a model that is measured."""
    return shape_of_config(_config(family, sizes, layers), name=family)


def measure(
    family: str, sizes: Sizes, layers: int, *, compute: int, method: str, attention: str, device: str = "cpu"
) -> int:
    """Return the bytes that one forward pass of a random model keeps for its backward pass."""
    model = build(family, sizes, layers, compute=compute, method=method, attention=attention).to(device).train()
    library = _torch()
    tokens = library.randint(0, sizes.vocabulary, (sizes.batch, sizes.sequence), device=device)
    if device != "cpu":
        return _on_device(library, model, tokens)
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    found: dict[int, int] = {}
    alive = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage.nbytes()
            alive.append(storage)  # so that no later one gets its address
        return tensor.detach()  # an output that is saved as it is would hold its own graph for ever

    with library.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model(input_ids=tokens, labels=tokens)
    return sum(found.values())


def build(family: str, sizes: Sizes, layers: int, *, compute: int, method: str, attention: str) -> Any:
    """Return a random model of transformers, with adapters if the method has them."""
    torch = _torch()
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

    fields_of_config = dict(_config(family, sizes, layers))
    config = AutoConfig.for_model(
        fields_of_config.pop("model_type"), **fields_of_config, attn_implementation=attention, use_cache=False
    )
    kind = AutoModelForMaskedLM if family in _MASKED else AutoModelForCausalLM
    model = kind.from_config(config).to(torch.bfloat16 if compute == 2 else torch.float32)
    if method == "full":
        return model
    try:
        import peft
    except ImportError:
        raise MissingExtra("calibrating LoRA", "train") from None
    from reasonkit.train.plan.adapters import Lora, adapted

    lora = Lora(rank=sizes.rank, targets=(method.removeprefix("lora-"),))
    names = adapted(shape_for(family, sizes, layers), lora)
    ends = sorted({matrix.name if "." in matrix.name else f".{matrix.name}" for matrix in names})
    targets = [
        name
        for name, module in model.named_modules()
        if any(name.endswith(end) for end in ends) and hasattr(module, "weight")
    ]
    settings = peft.LoraConfig(r=sizes.rank, target_modules=targets, fan_in_fan_out=family == "gpt2")
    return peft.get_peft_model(model, settings)


def _on_device(torch: Any, model: Any, tokens: torch.Tensor) -> int:
    """Measure on a GPU: a first pass warms up what libraries keep, a second one is counted."""
    model(input_ids=tokens, labels=tokens).loss.backward()
    model.zero_grad(set_to_none=True)
    gc.collect()
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    out = model(input_ids=tokens, labels=tokens)
    logits = out.logits.untyped_storage().nbytes()
    after = torch.cuda.memory_allocated()
    return int(after - before - logits)


def _config(family: str, sizes: Sizes, layers: int) -> dict[str, Any]:
    hidden = sizes.hidden if family in _GROUPED else sizes.heads * sizes.head_size
    common = {"model_type": family, "vocab_size": sizes.vocabulary}
    if family == "gpt2":
        return common | {
            "n_embd": hidden, "n_layer": layers, "n_head": sizes.heads, "n_inner": sizes.feed_forward,
            "n_positions": sizes.sequence, "bos_token_id": 0, "eos_token_id": 0, "loss_type": "ForCausalLM",
        }  # fmt: skip
    common |= {
        "hidden_size": hidden,
        "intermediate_size": sizes.feed_forward,
        "num_hidden_layers": layers,
        "num_attention_heads": sizes.heads,
        "max_position_embeddings": sizes.sequence + 2,
    }
    if family in _GROUPED:
        common |= {"num_key_value_heads": sizes.key_heads, "head_dim": sizes.head_size}
    elif family in _MASKED:
        common |= {"type_vocab_size": 2}
    return common | {"tie_word_embeddings": family in _MASKED}


def _solve(rows: Sequence[Sequence[float]], values: Sequence[float]) -> Iterator[float]:
    """Return the least-squares solution, the smallest where several are as good."""
    torch = _torch()
    matrix = torch.tensor(rows, dtype=torch.float64)
    right = torch.tensor(values, dtype=torch.float64)
    return iter((torch.linalg.pinv(matrix, rtol=1e-10) @ right).tolist())


def _torch() -> Any:
    try:
        import torch
        import transformers  # noqa: F401 - both are needed, and said at once
    except ImportError:
        raise MissingExtra("reasonkit calibrate", "train") from None
    return torch


__all__ = ["FAMILIES", "FITTED", "HELD_OUT", "METHODS", "Sizes", "build", "calibrate", "measure", "shape_for"]
