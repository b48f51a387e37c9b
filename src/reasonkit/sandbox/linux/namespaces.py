"""Namespaces: a process with no network, no view of other processes and a file system that cannot be written.

Best effort: containers often forbid `unshare`, and some systems let it succeed and then deny what is inside. So it
is tried in a throw-away process first, and only what is seen to hold is claimed.
Source: namespaces(7), user_namespaces(7), mount_setattr(2).
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from reasonkit.sandbox.linux.syscalls import syscall

KINDS = {
    "user": 0x10000000,
    "net": 0x40000000,
    "pid": 0x20000000,
    "mnt": 0x00020000,
    "ipc": 0x08000000,
    "uts": 0x04000000,
}

_AT_RECURSIVE = 0x8000
_PRIVATE = 1 << 18
_READ_ONLY, _NO_SUID, _NO_DEVICES, _NO_EXEC = 1, 2, 4, 8


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def identities() -> dict[str, str]:
    """Return which namespaces this process is in, by kind; unreadable ones are left out."""
    found = {}
    for kind in KINDS:
        # The pid namespace of the next child is another link than that of the process.
        link = "pid_for_children" if kind == "pid" else kind
        try:
            found[kind] = str(Path(f"/proc/self/ns/{link}").readlink())
        except OSError:
            continue
    return found


def probe() -> str | None:
    """Try in a child whether namespaces can be entered and used.

    Returns:
        None where they can, else why not.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            enter()
            freeze_mounts()
            os.write(writer, b"+")
        except OSError as error:
            os.write(writer, str(error).encode()[:500])
        finally:
            os._exit(0)
    os.close(writer)
    said = os.read(reader, 500)
    os.close(reader)
    os.waitpid(pid, 0)
    return None if said == b"+" else said.decode(errors="replace") or "the probe died"


def enter() -> None:
    """Enter new namespaces of every kind; the next child is the first process of the new pid namespace.

    Raises:
        OSError: the kernel, a container or a security module refused.
    """
    uid, gid = os.getuid(), os.getgid()
    syscall("unshare", sum(KINDS.values()))
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path(f"/proc/self/{name}").write_text(text)


def freeze_mounts() -> None:
    """Make every mount read-only, without set-uid, devices or executables. Call after the last library is loaded.

    Raises:
        OSError: the kernel refused, or is older than 5.12.
    """
    attributes = _MountAttributes(set=_READ_ONLY | _NO_SUID | _NO_DEVICES | _NO_EXEC, propagation=_PRIVATE)
    syscall("mount_setattr", -1, b"/", _AT_RECURSIVE, ctypes.byref(attributes), ctypes.sizeof(attributes))
