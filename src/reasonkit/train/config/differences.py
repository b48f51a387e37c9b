"""Where a configuration differs from our defaults, and where ours differ from those of the libraries underneath."""

from __future__ import annotations

from dataclasses import dataclass

from reasonkit.train.config.model import TrainConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One setting, as it is, as it is by default, and as the library underneath has it."""

    key: str
    value: object
    ours: object
    """Our default; `...` where the setting has none."""
    underneath: object = None
    """The library's default; None where it has no such setting."""
    library: str = ""


def differences(config: TrainConfig) -> tuple[Difference, ...]:
    """Return the settings that differ from our default, or whose default differs from the library's."""
    raise NotImplementedError(config)
