"""Running out of memory: give back what is only kept, try once more, and then say what would help."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from reasonkit.clients.local.prefixes import PrefixCache
from reasonkit.errors import OutOfMemory

Result = TypeVar("Result")


def with_memory(prefixes: PrefixCache | None, compute: Callable[[], Result]) -> Result:
    """Compute; out of memory, drop what is cached and not pinned, and compute once more.

    Raises:
        OutOfMemory: it does not fit with an empty cache either.
    """
    try:
        return compute()
    except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
        if not _is_memory(error):
            raise
    if prefixes is not None:
        prefixes.shrink(0)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    try:
        return compute()
    except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
        if not _is_memory(error):
            raise
        raise OutOfMemory(
            "the request does not fit into the device's memory even with an empty cache: shorten it, "
            "lower max_tokens, or load the model in a smaller dtype or quantised"
        ) from error


def _is_memory(error: BaseException) -> bool:
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)
