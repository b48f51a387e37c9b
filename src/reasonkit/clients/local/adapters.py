"""LoRA adapters of a local model: several at once, chosen by name for each row, added and removed while it runs.

Not here: training them.

Source: https://huggingface.co/docs/peft (rows with different adapters in one batch: `adapter_names`)
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reasonkit.clients.local.compute import Network
from reasonkit.clients.local.extra import peft_quietly
from reasonkit.clients.local.manifest import check_prompt
from reasonkit.errors import InputError, ModelNotFound
from reasonkit.types import AdapterManifest

_BASE = "__base__"
"""The library's own word for rows without an adapter."""


def find_adapters(adapters: Mapping[str, Path | str] | Path | str | None) -> dict[str, Path]:
    """Return adapters by name: as they are named, or an adapter's folder, or a folder of such folders.

    Raises:
        ModelNotFound: there is no adapter where one is said to be.
    """
    if adapters is None:
        return {}
    if isinstance(adapters, Mapping):
        return {name: _folder(Path(path)) for name, path in adapters.items()}
    folder = Path(adapters).expanduser()
    if (folder / "adapter_config.json").is_file():
        return {folder.name: folder}
    found = {one.parent.name: one.parent for one in sorted(folder.glob("*/adapter_config.json"))}
    if not found:
        raise ModelNotFound(f"{str(folder)!r} is no adapter and holds none: no adapter_config.json there or one below")
    return found


class AdaptedNetwork(Network):
    """A model with adapters; changed only by the thread that computes, read by all."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self._adapted: Any = None
        self._manifests: dict[str, AdapterManifest | None] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(sorted(self._manifests))

    def check(self, name: str, prompt_sha256: str | None) -> None:
        """Refuse an adapter that is not there, or was trained with another prompt.

        Raises:
            InputError: what is the case, and what there is.
        """
        with self._lock:
            if name not in self._manifests:
                there = ", ".join(sorted(self._manifests)) or "none"
                raise InputError(f"there is no adapter {name!r}; there are: {there}")
            manifest = self._manifests[name]
        if manifest is not None:
            check_prompt(name, manifest, prompt_sha256)

    def add(self, name: str, folder: Path, manifest: AdapterManifest | None) -> None:
        """Load an adapter, whose manifest was found to fit the model."""
        if not name or name == _BASE or "." in name:
            raise InputError(f"an adapter cannot be named {name!r}: give a name without a dot")
        if name in self.names:
            raise InputError(f"there is an adapter {name!r} already: remove it first")
        try:
            with peft_quietly("an adapter") as peft:
                if self._adapted is None:
                    self._adapted = peft.PeftModel.from_pretrained(self.model, folder, adapter_name=name)
                else:
                    self._adapted.load_adapter(folder, adapter_name=name)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise InputError(f"the adapter in {str(folder)!r} does not fit the model: {error}") from error
        self._adapted.eval()
        with self._lock:
            self._manifests[name] = manifest

    def remove(self, name: str) -> None:
        """Unload an adapter."""
        self.check(name, None)
        with self._lock:
            del self._manifests[name]
            last = not self._manifests
        if last:
            self.model = self._adapted.unload()
            self._adapted = None
        else:
            self._adapted.delete_adapter(name)

    def forward(self, adapters: Sequence[str | None], **inputs: Any) -> Any:
        with self._chosen(adapters):
            return self.model(**inputs)

    def encode(self, adapters: Sequence[str | None], **inputs: Any) -> Any:
        with self._chosen(adapters):
            return self.model.get_encoder()(**inputs)

    def _chosen(self, adapters: Sequence[str | None]) -> Any:
        import contextlib

        if self._adapted is None:
            assert not any(adapters)
            return contextlib.nullcontext()
        # The library's own forward does the same; it has no public form that reaches an encoder alone.
        names = [name or _BASE for name in adapters]
        return self._adapted.base_model._enable_peft_forward_hooks(adapter_names=names)  # noqa: SLF001


def _folder(folder: Path) -> Path:
    folder = folder.expanduser()
    if not (folder / "adapter_config.json").is_file():
        raise ModelNotFound(f"{str(folder)!r} is no adapter: adapter_config.json is missing")
    return folder
