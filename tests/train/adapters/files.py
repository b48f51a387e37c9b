"""Small adapters and models as files, written without torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

from reasonkit.clients.local.manifest import tokenizer_sha256, weights_sha256, write_manifest
from reasonkit.types import AdapterManifest

Shapes = Mapping[str, tuple[int, ...]]


def write_safetensors(file: Path, shapes: Shapes, *, fill: bytes = b"\x01") -> Path:
    """Write tensors of float32 whose bytes are all alike."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name, shape in shapes.items():
        size = 4
        for count in shape:
            size *= count
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, start + size]}
        start += size
    written = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(written)) + written + fill * start)
    return file


def write_model(folder: Path, *, fill: bytes = b"\x01") -> Path:
    """Write a model's files: a configuration, weights and a tokenizer that no library would load."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    write_safetensors(folder / "model.safetensors", {"embed": (4, 2), "layer.q_proj.weight": (2, 2)}, fill=fill)
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"a": 0}}, "padding": None}))
    return folder


def write_adapter(folder: Path, base: Path, *, rank: int = 4, prompt_sha256: str | None = None) -> Path:
    """Write an adapter's files, as PEFT and the training write them."""
    folder.mkdir(parents=True)
    config = {
        "peft_type": "LORA", "base_model_name_or_path": str(base), "r": rank, "lora_alpha": 8,
        "target_modules": ["v_proj", "q_proj"],
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config))
    pair = {"layer.q_proj.lora_A.weight": (rank, 2), "layer.q_proj.lora_B.weight": (2, rank)}
    write_safetensors(folder / "adapter_model.safetensors", pair)
    write_manifest(
        folder,
        AdapterManifest(
            name=folder.name,
            base=str(base),
            base_sha256=weights_sha256(base),
            tokenizer_sha256=tokenizer_sha256(base),
            prompt_sha256=prompt_sha256,
            rank=rank,
            alpha=8.0,
            targets=("q_proj", "v_proj"),
            metrics=(("loss", 0.25),),
        ),
    )
    return folder
