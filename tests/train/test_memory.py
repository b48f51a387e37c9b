"""What training gives back: memory that is free but held."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from reasonkit.train.memory import trim

LIBRARY = ctypes.CDLL(None)
BLOCK, COUNT = 100_000, 1_000


def held() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not hasattr(LIBRARY, "malloc_trim"), reason="glibc alone keeps what is freed")
def test_every_twenty_steps_freed_memory_goes_back_to_the_system() -> None:
    LIBRARY.malloc.restype, LIBRARY.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
    LIBRARY.free.argtypes = (ctypes.c_void_p,)
    blocks = [LIBRARY.malloc(BLOCK) for _ in range(COUNT)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK)
    for block in blocks[:-1]:  # the last one stands above the others, so they stay
        LIBRARY.free(block)
    before = held()
    trim(18)
    assert held() > before - BLOCK * COUNT // 2
    trim(19)
    assert held() < before - BLOCK * COUNT // 2
    LIBRARY.free(blocks[-1])
