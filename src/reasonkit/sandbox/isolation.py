"""What isolation there is on this machine, and what is missing.

`python -m reasonkit.sandbox.isolation` is not a program; `reasonkit doctor --sandbox` prints what stands here.
"""

from __future__ import annotations

import platform
import sys
import warnings
from dataclasses import dataclass

LAYERS = frozenset({"policy", "rlimits", "capabilities", "landlock", "seccomp", "namespaces"})

REQUIRED = ("policy", "rlimits", "landlock", "seccomp")
"""What `isolation="required"` asks for. Namespaces are depth beyond it: common containers forbid them, and Landlock and
seccomp hold without."""

_LABELS = {
    "policy": "policy",
    "rlimits": "rlimits",
    "capabilities": "no-capabilities",
    "landlock": "landlock",
    "seccomp": "seccomp",
    "namespaces": "namespaces",
}


class IsolationWarning(UserWarning):
    """A layer of the sandbox is missing on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """What is in force."""

    enforced: tuple[str, ...]
    """As in every Execution."""
    missing: tuple[tuple[str, str], ...]
    """Layers that are not, each with the reason."""
    platform: str

    @property
    def level(self) -> str:
        """Return "full", "required" (only namespaces or the like are missing) or "reduced" (the kernel is no wall here)."""
        if not self.missing:
            return "full"
        return "reduced" if any(layer in REQUIRED for layer, _ in self.missing) else "required"

    def __str__(self) -> str:
        lines = [f"isolation: {self.level} on {self.platform}", f"in force: {', '.join(self.enforced) or 'nothing'}"]
        return "\n".join(lines + [f"missing: {reason}" for _, reason in self.missing])


def local_isolation(enforced: tuple[str, ...], reasons: tuple[str, ...]) -> Isolation:
    """Return what a zygote's words come to.

    Args:
        enforced: what holds, as the zygote and its first child say.
        reasons: why the rest does not, each `layer: reason`.
    """
    labels = {entry.partition(":")[0] for entry in enforced}
    missing = []
    for layer in sorted(LAYERS):
        told = [reason for reason in reasons if reason.partition(":")[0] == layer]
        if _LABELS[layer] not in labels or told:
            missing.append((layer, "; ".join(told) or f"{layer}: not on {sys.platform}"))
    return Isolation(
        enforced=enforced,
        missing=tuple(missing),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
    )


_warned: set[tuple[str, ...]] = set()


def warn_once(reasons: tuple[str, ...]) -> None:
    """Say once per process that layers are missing."""
    if reasons not in _warned:
        _warned.add(reasons)
        warnings.warn(f"the sandbox runs with less isolation: {'; '.join(reasons)}", IsolationWarning, stacklevel=5)
