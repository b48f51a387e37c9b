"""The host's end of processes for one program each, where there is no fork.

Has the same face as a `Worker`, so the sandbox above does not know the difference. The next process is started as soon
as one is used up. Not here: the process itself (single.py).
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Mapping
from typing import Any

from reasonkit.errors import SandboxUnavailable
from reasonkit.sandbox.protocol import (
    ABORT,
    DIED,
    DONE,
    HELLO,
    MAX_FRAME_BYTES,
    OVERSIZE,
    RERUN,
    RUN,
    TIMEOUT,
    Closed,
    pack,
    read_frame,
)
from reasonkit.sandbox.worker import START_SECONDS, Gone, Outcome, boot_command


class SpawningWorker:
    """One process for each program.

    Args:
        settings: what the process is told.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._ended_by: int | None = None
        self.enforced: tuple[str, ...] = ()
        self.missing: tuple[str, ...] = ()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> bool:
        """Start the next program's process, if none waits; return whether it was started now.

        Raises:
            SandboxUnavailable: it could not be started.
        """
        if self._process is not None:
            return False
        self._launch()
        try:
            kind, content = self._guarded_read(START_SECONDS)
        except Closed as error:
            self.kill()
            raise SandboxUnavailable("the sandbox's process died at its start") from error
        if kind != HELLO:
            self.kill()
            raise SandboxUnavailable(f"the sandbox could not be set up: {content.decode(errors='replace')}")
        greeting = json.loads(content)
        self.enforced, self.missing = tuple(greeting["enforced"]), tuple(greeting["missing"])
        return True

    def _launch(self) -> None:
        try:
            self._process = subprocess.Popen(
                boot_command(self._settings["paths"], "-"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env={},
            )
        except OSError as error:
            raise SandboxUnavailable(f"the sandbox's process could not be started: {error}") from error
        self._send(pack(HELLO, json.dumps(self._settings).encode()))

    def run(self, request: bytes, timeout_seconds: float) -> Outcome:
        """Run one program in the waiting process, and start the next.

        Raises:
            Gone: the process ended before it was given the program.
        """
        started = time.monotonic()
        if not self._send(pack(RUN, request)):
            self.kill()
            raise Gone("the process has ended")
        try:
            kind, content = self._guarded_read(timeout_seconds)
        except Closed:
            kind, content = self._cause()
        self.kill()
        if kind not in {DONE, RERUN, TIMEOUT, ABORT, OVERSIZE, DIED}:
            kind, content = DIED, b"crash: the process said something that was not asked"
        return Outcome(kind=kind, content=content, seconds=time.monotonic() - started)

    def _send(self, data: bytes) -> bool:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
        except OSError:
            return False
        return True

    def _guarded_read(self, seconds: float) -> tuple[int, bytes]:
        """Read one frame; the process is killed when the time is up."""
        assert self._process is not None
        assert self._process.stdout is not None
        self._ended_by = None
        timer = threading.Timer(seconds, self._end, (TIMEOUT,))
        timer.daemon = True
        timer.start()
        try:
            return read_frame(self._process.stdout.fileno(), MAX_FRAME_BYTES)
        except OverflowError:
            return OVERSIZE, b""
        finally:
            timer.cancel()

    def _end(self, kind: int) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            self._ended_by = kind
            process.kill()

    def _cause(self) -> tuple[int, bytes]:
        assert self._process is not None
        code = self._process.wait()
        if self._ended_by is not None:
            return self._ended_by, b""
        return DIED, f"crash: the interpreter left with status {code}".encode()

    def abort(self) -> None:
        """End the program that runs now, if one does."""
        self._end(ABORT)

    def kill(self) -> None:
        """End the waiting process, if there is one, and reap it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    def forget(self) -> None:
        """Nothing is shared with a forked process: there are no forks where this is used."""
        self._process = None
