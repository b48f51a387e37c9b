"""The registry: a folder with a folder for each adapter, whose name is the adapter's.

Each holds what PEFT writes (`adapter_config.json`, `adapter_model.safetensors`) and the manifest. Needs no torch.

Source of PEFT's files: https://huggingface.co/docs/peft (checkpoint format)
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reasonkit.clients.local.manifest import read_manifest
from reasonkit.errors import InputError, ModelNotFound
from reasonkit.types import AdapterManifest

CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"


class PeftConfig(BaseModel):
    """What is read of PEFT's own file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    peft_type: str
    base_model_name_or_path: str | None = None
    r: Annotated[int, Field(ge=1)]
    lora_alpha: float
    target_modules: list[str] | str | None = None
    modules_to_save: list[str] | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """The adapted matrices' names, in order; or the one pattern that chooses them."""
        named = self.target_modules or []
        return (named,) if isinstance(named, str) else tuple(sorted(named))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An adapter of a registry."""

    name: str
    """Of its folder; a client asks for it by that."""
    folder: Path
    config: PeftConfig
    manifest: AdapterManifest | None
    """None for an adapter that other programs wrote; nothing can be checked of it."""
    bytes: int
    """Of its weights."""

    def described(self) -> dict[str, object]:
        """Return what is known of it, as plain data."""
        known = None if self.manifest is None else {**asdict(self.manifest), "metrics": dict(self.manifest.metrics)}
        return {
            "name": self.name,
            "folder": str(self.folder),
            "bytes": self.bytes,
            "rank": self.config.r,
            "alpha": self.config.lora_alpha,
            "targets": list(self.config.targets),
            "manifest": known,
        }


def read_registry(folder: Path) -> tuple[Entry, ...]:
    """Return the adapters of a folder, by their names; or the one that the folder itself is.

    Raises:
        ModelNotFound: there is none.
        InputError: a file of one of them is broken.
    """
    if (folder / CONFIG_FILE).is_file():
        return (read_entry(folder),)
    found = tuple(read_entry(file.parent) for file in sorted(folder.glob(f"*/{CONFIG_FILE}")))
    if not found:
        raise ModelNotFound(f"{str(folder)!r} is no adapter and holds none: no {CONFIG_FILE} there or one below")
    return found


def read_entry(folder: Path) -> Entry:
    """Return one adapter.

    Raises:
        ModelNotFound: the folder holds none.
        InputError: its configuration or its manifest is broken.
    """
    path = folder / CONFIG_FILE
    try:
        config = PeftConfig.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ModelNotFound(f"{str(folder)!r} is no adapter: {CONFIG_FILE} is missing") from None
    except (OSError, ValueError) as error:
        if isinstance(error, ValidationError):
            faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise InputError(f"{path}: not the configuration of a LoRA adapter: {faults}") from None
        raise InputError(f"{path}: cannot be read: {error}") from None
    weights = folder / WEIGHTS_FILE
    return Entry(
        name=folder.resolve().name,
        folder=folder,
        config=config,
        manifest=read_manifest(folder),
        bytes=weights.stat().st_size if weights.is_file() else 0,
    )
