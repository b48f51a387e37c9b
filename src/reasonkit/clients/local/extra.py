"""The checks that stand before everything here that needs torch or PEFT."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from reasonkit.errors import MissingExtra


def require_extra() -> None:
    """Import torch and transformers.

    Raises:
        MissingExtra: one of them is not installed; the message holds the pip line.
    """
    try:
        import torch  # noqa: F401  (imported to see whether it is there)
        import transformers  # noqa: F401  (as above)
    except ImportError as error:
        raise MissingExtra("a local transformers model", "local") from error


def require_packages(what: str, extra: str, *packages: str) -> None:
    """Find packages without importing them.

    Args:
        what: they are needed for, as the message says.
        extra: brings them.
        *packages: by the names that are imported.

    Raises:
        MissingExtra: one of them is not installed; the message names it, and holds the pip line.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise MissingExtra(f"{what} ({', '.join(missing)})", extra)


@contextmanager
def peft_quietly(what: str) -> Iterator[Any]:
    """Hand out PEFT; while it is used, two remarks that no caller can do anything about are not made.

    PEFT 0.21 asks transformers 5.23 for a property by its old name, and bitsandbytes 0.50, which PEFT imports where it
    is installed, misses a package of kernels that it does without.

    Args:
        what: it is needed for, as the message says.

    Raises:
        MissingExtra: it is not installed; the message holds the pip line.
    """
    kernels = logging.getLogger("bitsandbytes.backends.cpu.ops")
    before = kernels.level
    kernels.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".is_gradient_checkpointing. is deprecated", FutureWarning)
            try:
                import peft
            except ImportError as error:
                raise MissingExtra(f"{what} (peft)", "train") from error
            yield peft
    finally:
        kernels.setLevel(before)
