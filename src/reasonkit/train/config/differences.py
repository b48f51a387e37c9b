"""Where a configuration differs from our defaults, and where our defaults differ from those of the libraries underneath.

The libraries' defaults are written down here, so that this runs without them; a test compares each with the library.
Versions: torch 2.13, peft 0.21, transformers 5.23.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from reasonkit.train.config.model import TrainConfig

ADAMW, MUON, PEFT, TRAINER = (
    "torch.optim.AdamW",
    "torch.optim.Muon",
    "peft.LoraConfig",
    "transformers.TrainingArguments",
)
UNDERNEATH: dict[str, tuple[str, object]] = {
    "optimizer.lr": (ADAMW, 1e-3),
    "optimizer.betas": (ADAMW, (0.9, 0.999)),
    "optimizer.epsilon": (ADAMW, 1e-8),
    "optimizer.weight_decay": (ADAMW, 0.01),
    "optimizer.schedule": (TRAINER, "linear"),
    "optimizer.warmup": (TRAINER, 0),
    "optimizer.clip": (TRAINER, 1.0),
    "epochs": (TRAINER, 3.0),
    "seed": (TRAINER, 42),
    "batch.rows": (TRAINER, 8),
    "batch.accumulation": (TRAINER, 1),
    "checkpoint.every": (TRAINER, 500),
    "checkpoint.keep": (TRAINER, None),
    "method.rank": (PEFT, 8),
    "method.alpha": (PEFT, 8),
    "method.dropout": (PEFT, 0.0),
    "method.targets": (PEFT, None),
}
"""What the libraries do where nothing is said; peft's targets are by architecture, transformers keeps all checkpoints."""
_WITH_MUON: dict[str, tuple[str, object]] = {"optimizer.lr": (MUON, 1e-3), "optimizer.weight_decay": (MUON, 0.1)}
_EFFECTIVE: dict[str, object] = {"epochs": 1.0, "batch.rows": 8}
"""Settings whose default is None, and what that comes to."""
NONE = ...
"""Where a setting has no default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One setting, as it is, as it is by default, and as the library underneath has it."""

    key: str
    value: object
    ours: object
    """Our default; `...` where the setting has none."""
    underneath: object = NONE
    """The library's default; `...` where it has no such setting."""
    library: str = ""

    @property
    def said(self) -> str:
        """The difference as one line."""
        line = f"{self.key} = {_shown(self.value)}"
        if self.ours is not NONE and self.value != self.ours:
            line += f"  (by default {_shown(self.ours)})"
        if self.library and self.value != self.underneath:
            line += f"  ({self.library}: {_shown(self.underneath)})"
        return line


def differences(config: TrainConfig) -> tuple[Difference, ...]:
    """Return the settings that differ from our default, or whose default differs from the library's.

    Settings that the run does not use are left out: sizes of a new model where one is loaded, LoRA's where all weights
    move.
    """
    found = []
    for key, value, ours in _leaves(config, ""):
        if (key.startswith("model.") and config.model.path is not None and key not in _OF_LOADED) or (
            key.startswith("method.") and key != "method.kind" and config.method.kind == "full"
        ):
            continue
        if key == "epochs" and config.steps is not None:
            continue
        table = UNDERNEATH | (_WITH_MUON if config.optimizer.kind == "muon" else {})
        library, underneath = table.get(key, ("", NONE))
        one = Difference(
            key=key,
            value=_EFFECTIVE[key] if value is None and key in _EFFECTIVE else value,
            ours=_EFFECTIVE.get(key, ours),
            underneath=underneath,
            library=library,
        )
        if one.value != one.ours or (library and one.ours != underneath):
            found.append(one)
    return tuple(found)


_OF_LOADED = {"model.path", "model.tokenizer"}


def _leaves(group: BaseModel, before: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield each setting's dotted key, value and default."""
    for name, field in type(group).model_fields.items():
        value = getattr(group, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, f"{before}{name}.")
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            for number, one in enumerate(value):
                yield from _leaves(one, f"{before}{name}.{number}.")
        else:
            default = field.get_default(call_default_factory=True)
            yield before + name, value, NONE if default is PydanticUndefined else default


def _shown(value: object) -> str:
    return "none" if value is None else str(value) if not isinstance(value, str) else repr(value)
