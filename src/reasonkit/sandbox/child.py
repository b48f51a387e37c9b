"""The process that runs one program: it gives up its rights, proves it, waits, runs, answers, ends.

Every lock is tried after it is set: a forbidden open, socket and fork must fail, else the layer is not claimed.
Order matters: limits, no_new_privs, Landlock, seccomp. Not here: the program itself (program.py).
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from reasonkit.sandbox.linux import landlock, syscalls
from reasonkit.sandbox.linux.seccomp import Filter
from reasonkit.sandbox.program import Machine
from reasonkit.sandbox.protocol import HELLO, RUN, Closed, pack, read_frame, write_all

NO_FILES = 16
"""Descriptors that a child may hold: its channel, and a library being read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locks:
    """What the zygote has prepared for its children to lock themselves with."""

    cpu_seconds: int
    memory_bytes: int
    """Address space, the image's own included."""
    rlimits: bool
    landlock_abi: int
    """0 where there is none."""
    ruleset: int
    """Descriptor of the Landlock ruleset; -1 where there is none."""
    filter: Filter | None
    inherited: tuple[str, ...]
    """What is in force already, from the zygote: namespaces, capabilities, the policy."""


def run_child(channel: int, locks: Locks, machine: Machine) -> NoReturn:
    """Lock this process, say what holds, run the program that comes, answer and end."""
    try:
        os.setsid()
        enforced, missing = lock(locks)
        machine.settle()
        write_all(channel, pack(HELLO, json.dumps([enforced, missing]).encode()))
        kind, content = read_frame(channel)
        if kind == RUN:
            machine.run(json.loads(content))
    except (Closed, BrokenPipeError, ConnectionError):
        pass
    finally:
        os._exit(0)


def reporter(channel: Callable[[], int]) -> Callable[[int, bytes], NoReturn]:
    """Return what sends an outcome and ends the process."""

    def report(kind: int, content: bytes) -> NoReturn:
        try:
            write_all(channel(), pack(kind, content))
        finally:
            os._exit(0)

    return report


def lock(locks: Locks) -> tuple[list[str], list[str]]:
    """Set and try every lock.

    Returns:
        What is in force, and why the rest is not.
    """
    enforced, missing = list(locks.inherited), []
    for layer, set_up in (("rlimits", _limit), ("landlock", _landlock), ("seccomp", _seccomp)):
        try:
            said = set_up(locks)
        except OSError as error:
            missing.append(f"{layer}: {error}")
            continue
        if said is not None:
            enforced.append(said)
    return enforced, missing


def _limit(locks: Locks) -> str | None:
    if not locks.rlimits:
        return None
    import resource

    wanted = [
        (resource.RLIMIT_CPU, locks.cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, NO_FILES),
        (resource.RLIMIT_CORE, 0),
    ]
    if hasattr(resource, "RLIMIT_NPROC"):
        wanted.append((resource.RLIMIT_NPROC, 0))
    if sys.platform == "linux":
        wanted.append((resource.RLIMIT_AS, locks.memory_bytes))
    for name, limit in wanted:
        try:
            resource.setrlimit(name, (limit, limit))
        except ValueError as error:  # a lower hard limit stands already
            if resource.getrlimit(name)[1] > limit:
                raise OSError(str(error)) from error
    return "rlimits"


def _landlock(locks: Locks) -> str | None:
    if locks.ruleset < 0:
        return None
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    landlock.restrict(locks.ruleset)
    os.close(locks.ruleset)
    try:
        os.close(os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    except PermissionError:
        return f"landlock:{locks.landlock_abi}"
    raise OSError("a folder outside the allowed ones could still be opened")


def _seccomp(locks: Locks) -> str | None:
    if locks.filter is None:
        return None
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    locks.filter.install()
    for attempt in (_try_socket, _try_fork, _try_write):
        try:
            attempt()
        except PermissionError:
            continue
        raise OSError(f"{attempt.__name__.removeprefix('_try_')} still works")
    return "seccomp"


def _try_socket() -> None:
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).close()


def _try_fork() -> None:
    # By the bare system call: os.fork would run the hooks of a fork that must not happen.
    name = "fork" if "fork" in syscalls.numbers() else "clone"
    pid = syscalls.syscall(name, 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _try_write() -> None:
    os.close(os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC))
