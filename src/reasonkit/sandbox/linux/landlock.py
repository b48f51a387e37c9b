"""Landlock: an unprivileged process gives up the file system, but for named folders that it may read.

Also no TCP (ABI 4), and no signals or abstract sockets across the fence (ABI 6). Metadata (stat) is not covered by
Landlock. Source: https://docs.kernel.org/userspace-api/landlock.html.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from reasonkit.sandbox.linux.syscalls import syscall

_CREATE_VERSION = 1
_RULE_PATH_BENEATH = 1
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
_FS_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many file system rights each ABI knows, lowest bit first; later ABIs know no more than the fifth."""
_NET_RIGHTS = 0b11
_SCOPES = 0b11


class _Attributes(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def version() -> int:
    """Return the kernel's Landlock ABI.

    Raises:
        OSError: the kernel has no Landlock, or it is switched off.
    """
    return syscall("landlock_create_ruleset", None, 0, _CREATE_VERSION)


def create_ruleset(abi: int, readable: Iterable[str]) -> int:
    """Return the descriptor of a ruleset that denies everything but reading what lies under `readable`.

    Paths that do not exist are left out.

    Raises:
        OSError: the kernel refused.
    """
    attributes = _Attributes(
        fs=(1 << _FS_RIGHTS_BY_ABI[min(abi, 5)]) - 1,
        net=_NET_RIGHTS if abi >= 4 else 0,
        scoped=_SCOPES if abi >= 6 else 0,
    )
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = syscall("landlock_create_ruleset", ctypes.byref(attributes), size, 0)
    for path in readable:
        _add(ruleset, path)
    return ruleset


def _add(ruleset: int, path: str) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        allowed = _READ_FILE | _READ_DIR if Path(path).is_dir() else _READ_FILE
        rule = _PathBeneath(allowed=allowed, parent_fd=parent)
        syscall("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(parent)


def restrict(ruleset: int) -> None:
    """Put the calling thread and all that it starts behind the ruleset, for good. Needs no_new_privs.

    Raises:
        OSError: the kernel refused.
    """
    syscall("landlock_restrict_self", ruleset, 0)
