"""LoRA adapters of a local model: several at once, chosen by name for each row, added and removed while it runs.

Not here: training them.

Source: https://huggingface.co/docs/peft (rows with different adapters in one batch: `adapter_names`)
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reasonkit.clients.local.compute import Network
from reasonkit.errors import InputError, MissingExtra, ModelNotFound

MANIFEST_FILE = "reasonkit-adapter.json"
"""Beside an adapter's weights: what it was trained on (see `AdapterManifest`)."""
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
        self._prompts: dict[str, str | None] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(sorted(self._prompts))

    def check(self, name: str, prompt_sha256: str | None) -> None:
        """Refuse an adapter that is not there, or was trained with another prompt.

        Raises:
            InputError: what is the case, and what there is.
        """
        with self._lock:
            if name not in self._prompts:
                there = ", ".join(sorted(self._prompts)) or "none"
                raise InputError(f"there is no adapter {name!r}; there are: {there}")
            trained = self._prompts[name]
        if trained is not None and prompt_sha256 is not None and trained != prompt_sha256:
            raise InputError(
                f"the adapter {name!r} was trained with the prompt {trained[:12]}..., it is asked with "
                f"{prompt_sha256[:12]}...: use the prompt that it was trained with"
            )

    def add(self, name: str, folder: Path) -> None:
        """Load an adapter."""
        try:
            import peft
        except ImportError as error:
            raise MissingExtra("an adapter (peft)", "train") from error
        if not name or name == _BASE or "." in name:
            raise InputError(f"an adapter cannot be named {name!r}: give a name without a dot")
        if name in self.names:
            raise InputError(f"there is an adapter {name!r} already: remove it first")
        try:
            if self._adapted is None:
                self._adapted = peft.PeftModel.from_pretrained(self.model, folder, adapter_name=name)
            else:
                self._adapted.load_adapter(folder, adapter_name=name)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise InputError(f"the adapter in {str(folder)!r} does not fit the model: {error}") from error
        self._adapted.eval()
        with self._lock:
            self._prompts[name] = _trained_prompt(folder)

    def remove(self, name: str) -> None:
        """Unload an adapter."""
        self.check(name, None)
        with self._lock:
            del self._prompts[name]
            last = not self._prompts
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


def _trained_prompt(folder: Path) -> str | None:
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError(f"{str(folder / MANIFEST_FILE)!r} is not JSON: {error}") from error
    value = manifest.get("prompt_sha256") if isinstance(manifest, dict) else None
    if value is not None and not isinstance(value, str):
        raise InputError(f"{str(folder / MANIFEST_FILE)!r}: prompt_sha256 must be a text, it is {value!r}")
    return value
