"""System calls that Python 3.11 has no door to, and their numbers.

Sources: linux/arch/x86/entry/syscalls/syscall_64.tbl and linux/include/uapi/asm-generic/unistd.h (aarch64);
prctl(2), capset(2), landlock(7), seccomp(2). Not here: any decision about what to allow.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys

X86_64 = {
    "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8, "mmap": 9,
    "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15,
    "pread64": 17, "readv": 19, "writev": 20, "access": 21, "sched_yield": 24, "mremap": 25, "madvise": 28,
    "nanosleep": 35, "getpid": 39, "socket": 41, "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "exit": 60,
    "kill": 62, "getcwd": 79, "gettimeofday": 96, "getrusage": 98, "times": 100, "getuid": 102, "getgid": 104,
    "geteuid": 107, "getegid": 108, "capset": 126, "sigaltstack": 131, "prctl": 157, "gettid": 186, "time": 201,
    "futex": 202, "sched_getaffinity": 204, "getdents64": 217, "clock_gettime": 228, "clock_getres": 229,
    "clock_nanosleep": 230, "exit_group": 231, "openat": 257, "newfstatat": 262, "unshare": 272, "faccessat": 269,
    "seccomp": 317, "getrandom": 318, "statx": 332, "clone3": 435, "faccessat2": 439, "mount_setattr": 442,
    "landlock_create_ruleset": 444, "landlock_add_rule": 445, "landlock_restrict_self": 446,
}  # fmt: skip

AARCH64 = {
    "getcwd": 17, "faccessat": 48, "openat": 56, "close": 57, "getdents64": 61, "lseek": 62, "read": 63, "write": 64,
    "readv": 65, "writev": 66, "pread64": 67, "ppoll": 73, "newfstatat": 79, "fstat": 80, "capset": 91, "exit": 93,
    "exit_group": 94, "unshare": 97, "futex": 98, "nanosleep": 101, "clock_gettime": 113, "clock_getres": 114,
    "clock_nanosleep": 115, "sched_getaffinity": 123, "sched_yield": 124, "kill": 129, "sigaltstack": 132,
    "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "times": 153, "getrusage": 165, "prctl": 167,
    "gettimeofday": 169, "getpid": 172, "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177, "gettid": 178,
    "socket": 198, "brk": 214, "munmap": 215, "mremap": 216, "clone": 220, "execve": 221, "mmap": 222,
    "mprotect": 226, "madvise": 233, "seccomp": 277, "getrandom": 278, "statx": 291, "clone3": 435,
    "faccessat2": 439, "mount_setattr": 442, "landlock_create_ruleset": 444, "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}  # fmt: skip

AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39


def architecture() -> str | None:
    """Return "x86_64" or "aarch64" for a 64-bit process on Linux there, None anywhere else."""
    if sys.platform != "linux" or sys.maxsize <= 1 << 32 or sys.byteorder != "little":
        return None
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    return machine if machine in AUDIT_ARCHITECTURES else None


@functools.cache
def numbers() -> dict[str, int]:
    """Return this architecture's system call numbers; empty where there is no table."""
    return {"x86_64": X86_64, "aarch64": AARCH64}.get(architecture() or "", {})


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def syscall(name: str, *arguments: object) -> int:
    """Make a system call.

    Raises:
        OSError: the kernel refused, or this architecture has no number for it (ENOSYS).
    """
    number = numbers().get(name)
    if number is None:
        raise OSError(38, f"no number is known for the system call {name} on this architecture")
    widened = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    ctypes.set_errno(0)
    outcome = _libc().syscall(ctypes.c_long(number), *widened)
    if outcome == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return int(outcome)


def prctl(option: int, argument: int = 0) -> int:
    """Call prctl with one argument."""
    return syscall("prctl", option, argument, 0, 0, 0)


def drop_capabilities() -> None:
    """Give up every capability for good, inside a user namespace as outside.

    Raises:
        OSError: the kernel refused.
    """
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # past the last one, or none left to drop with
            break
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    syscall("capset", ctypes.byref(header), ctypes.byref(nothing))
