"""seccomp: the list of system calls that a program may make; all others fail.

What a Python program needs that computes, reads its libraries and answers over an open descriptor. Nothing that
makes a process, a thread, a socket or a file, changes a limit or a name, or maps memory as executable. The default is EPERM, so
that a library sees an ordinary error; opens for writing and executable mappings get EACCES; clone3 gets ENOSYS (its
arguments cannot be looked at); a foreign architecture or the x32 variant is killed.
Source: https://docs.kernel.org/userspace-api/seccomp_filter.html, linux/bpf_common.h.
"""

from __future__ import annotations

import ctypes
import struct
from typing import NamedTuple

from reasonkit.sandbox.linux.syscalls import AUDIT_ARCHITECTURES, architecture, numbers, syscall

ALLOWED = (
    "read", "write", "readv", "writev", "pread64", "lseek", "close", "poll", "ppoll",
    "fstat", "stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "getdents64", "getcwd",
    "munmap", "mremap", "madvise", "brk", "futex", "sched_yield", "sched_getaffinity",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times", "getrusage",
    "getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getrandom", "exit", "exit_group",
)  # fmt: skip

_EPERM, _EACCES, _ENOSYS = 1, 13, 38
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL_PROCESS = 0x80000000
_SET_MODE_FILTER = 1
_X32_BIT = 0x40000000
_WRITING = 0o3 | 0o100 | 0o1000 | 0o2000 | 0o20000000 | 0o10000000
"""O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND, O_TMPFILE's own bit, O_PATH: alike on both architectures."""
_PROT_EXEC = 4

_LOAD, _RETURN, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT = 0x20, 0x06, 0x15, 0x35, 0x45
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_ARGUMENTS = 0, 4, 16


class Instruction(NamedTuple):
    """One instruction of classic BPF."""

    code: int
    when_true: int
    when_false: int
    k: int


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


class Filter:
    """A filter that is assembled once and installed in many children."""

    def __init__(self, instructions: list[Instruction]) -> None:
        self._bytes = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
        self._buffer = ctypes.create_string_buffer(self._bytes, len(self._bytes))
        self._program = _Program(len(instructions), ctypes.addressof(self._buffer))

    def install(self) -> None:
        """Put the calling thread behind the filter, for good. Needs no_new_privs.

        Raises:
            OSError: the kernel refused.
        """
        syscall("seccomp", _SET_MODE_FILTER, 0, ctypes.byref(self._program))


def build_filter() -> Filter:
    """Return the filter for this architecture.

    Raises:
        OSError: there is no table for this architecture.
    """
    machine = architecture()
    if machine is None:
        raise OSError(_ENOSYS, "seccomp: no table of system calls for this architecture")
    return Filter(assemble(machine, numbers()))


def assemble(machine: str, table: dict[str, int]) -> list[Instruction]:
    """Return the filter's instructions for `machine` with its `table` of numbers."""
    program = [
        Instruction(_LOAD, 0, 0, _OFFSET_ARCHITECTURE),
        Instruction(_JUMP_EQUAL, 1, 0, AUDIT_ARCHITECTURES[machine]),
        _give(_KILL_PROCESS),
        Instruction(_LOAD, 0, 0, _OFFSET_NUMBER),
    ]
    if machine == "x86_64":
        program += [Instruction(_JUMP_AT_LEAST, 0, 1, _X32_BIT), _give(_KILL_PROCESS)]
    for name in ALLOWED:
        if name in table:
            program += [Instruction(_JUMP_EQUAL, 0, 1, table[name]), _give(_ALLOW)]
    for name, argument, forbidden in (
        ("openat", 2, _WRITING),
        ("open", 1, _WRITING),
        ("mmap", 2, _PROT_EXEC),
        ("mprotect", 2, _PROT_EXEC),
    ):
        if name in table:
            program += [
                Instruction(_JUMP_EQUAL, 0, 4, table[name]),
                Instruction(_LOAD, 0, 0, _OFFSET_ARGUMENTS + 8 * argument),
                Instruction(_JUMP_ANY_BIT, 0, 1, forbidden),
                _give(_ERRNO | _EACCES),
                _give(_ALLOW),
            ]
    program += [Instruction(_JUMP_EQUAL, 0, 1, table["clone3"]), _give(_ERRNO | _ENOSYS), _give(_ERRNO | _EPERM)]
    return program


def _give(verdict: int) -> Instruction:
    return Instruction(_RETURN, 0, 0, verdict)
