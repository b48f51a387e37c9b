"""The host's end of one zygote: start it, hand it programs, kill it when it is silent, replace it when it is gone.

Used by one thread at a time; `abort` alone may come from another. Not here: how many there are (host.py).
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasonkit.errors import SandboxUnavailable
from reasonkit.sandbox.protocol import (
    ABORT,
    ANSWER,
    DIED,
    DONE,
    FAILED,
    HELLO,
    MAX_FRAME_BYTES,
    OVERSIZE,
    RERUN,
    RUN,
    TIMEOUT,
    Inbox,
    pack,
)

START_SECONDS = 60.0
"""How long a zygote may take to load its libraries, on a machine that is busy."""
GRACE_SECONDS = 10.0
"""How long after a program's deadline a zygote may be silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a zygote says of one run."""

    kind: int
    content: bytes
    seconds: float


class Gone(Exception):
    """The zygote has died or is silent; the program may be given to another."""


class Worker:
    """One zygote.

    Args:
        settings: what the zygote is told; see `settings_for`.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._inbox = Inbox(MAX_FRAME_BYTES)
        self._number = 0
        self.enforced: tuple[str, ...] = ()
        self.missing: tuple[str, ...] = ()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> bool:
        """Start the zygote, if it does not run; return whether it was started now.

        Raises:
            SandboxUnavailable: it could not be started.
        """
        if self._process is not None:
            return False
        ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                boot_command(self._settings["paths"], str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                env={},
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise SandboxUnavailable(f"the sandbox's process could not be started: {error}") from error
        finally:
            theirs.close()
        self._socket = ours
        self._inbox = Inbox(MAX_FRAME_BYTES)
        try:
            ours.sendall(pack(HELLO, json.dumps(self._settings).encode()))
            kind, content = self._receive(time.monotonic() + START_SECONDS)
        except (Gone, OSError) as error:
            said = self._last_words()
            raise SandboxUnavailable(f"the sandbox's process died at its start: {said or error}") from error
        if kind != HELLO:
            self.kill()
            raise SandboxUnavailable(f"the sandbox could not be set up: {content.decode(errors='replace')}")
        assert self._process.stderr is not None
        self._process.stderr.close()
        greeting = json.loads(content)
        self.enforced = tuple(greeting["enforced"])
        self.missing = tuple(greeting["missing"])
        return True

    def run(self, request: bytes, timeout_seconds: float) -> Outcome:
        """Run one program.

        Raises:
            Gone: the zygote died or was silent for too long; it has been killed.
            SandboxUnavailable: the zygote cannot make children.
        """
        assert self._socket is not None
        self._number = (self._number + 1) & 0xFFFFFFFF
        try:
            self._socket.settimeout(GRACE_SECONDS + timeout_seconds)
            self._socket.sendall(pack(RUN, ANSWER.pack(self._number, 0.0) + request))
            kind, content = self._receive(time.monotonic() + timeout_seconds + GRACE_SECONDS)
        except (Gone, OSError) as error:
            self.kill()
            raise Gone(str(error)) from error
        except BaseException:
            self.kill()  # an interrupt in the middle of a run: what comes next could not be told apart
            raise
        if kind == FAILED:
            self.kill()
            raise SandboxUnavailable(content.decode(errors="replace"))
        number, seconds = ANSWER.unpack_from(content)
        if number != self._number or kind not in {DONE, DIED, TIMEOUT, ABORT, OVERSIZE, RERUN}:
            self.kill()
            raise Gone("the zygote answered something that was not asked")
        return Outcome(kind=kind, content=content[ANSWER.size :], seconds=seconds)

    def abort(self) -> None:
        """End the program that runs now, if one does."""
        connection = self._socket
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.send(pack(ABORT, ANSWER.pack(self._number, 0.0)))

    def _receive(self, deadline: float) -> tuple[int, bytes]:
        assert self._socket is not None
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while (frame := self._inbox.take()) is None:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise Gone("no word from the zygote")
            data = self._socket.recv(1 << 16)
            if not data or not self._inbox.feed(data):
                raise Gone("the zygote has ended")
        return frame

    def _last_words(self) -> str:
        """Kill the zygote and return what it wrote to its standard error."""
        process = self._process
        if process is None or process.stderr is None:
            return ""
        process.kill()
        words = process.stderr.read().decode(errors="replace").strip()
        self.kill()
        return words[-1000:]

    def kill(self) -> None:
        """End the zygote and all that it started, and reap it. Does nothing where there is none."""
        process, self._process = self._process, None
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()

    def forget(self) -> None:
        """Let go of a zygote that belongs to the process that this one was forked from."""
        process, self._process = self._process, None
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()
        if process is not None:
            process.returncode = 0  # it is no child of ours: there is nothing to wait for


def boot_command(packages: list[str], channel: str) -> list[str]:
    """Return the command that starts a bare interpreter on the sandbox's own first lines.

    Raises:
        SandboxUnavailable: this process does not know its interpreter.
    """
    if not sys.executable:
        raise SandboxUnavailable("the sandbox needs a Python interpreter to start, and sys.executable is empty")
    here = Path(__file__).resolve().parent
    return [sys.executable, "-I", "-S", str(here / "boot.py"), str(here.parent.parent), channel, *packages]


def package_folders(modules: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Find the third-party packages that a zygote needs.

    Returns:
        The folders to import from, and the packages' own paths, which children may read.
    """
    folders: dict[str, None] = {}
    readable: dict[str, None] = {}
    for top in dict.fromkeys(["RestrictedPython", *(name.partition(".")[0] for name in modules), *_COMPANIONS]):
        if top in sys.stdlib_module_names:
            continue
        spec = importlib.util.find_spec(top)
        if spec is None or spec.origin in {None, "built-in", "frozen"}:
            continue
        origin = Path(str(spec.origin)).resolve()
        own = origin.parent if spec.submodule_search_locations else origin
        folders[str(own.parent)] = None
        readable[str(own)] = None
        readable[f"{own}.libs"] = None
    return list(folders), list(readable)


_COMPANIONS = ("six", "mpmath", "tzdata", "gmpy2")
"""Packages that the listed ones import."""
