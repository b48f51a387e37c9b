"""The process that children are forked from: libraries loaded, one thread, one or two children waiting, locked.

It never runs a program. It hands each program to a waiting child, keeps its time, and says itself how a child ended
that did not answer. It ends when its channel to the host closes, and everything that it started ends with it.
Not here: what a child does (child.py), who talks to the zygote (worker.py).
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import select
import signal
import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from reasonkit.sandbox import image
from reasonkit.sandbox.child import Locks, reporter, run_child
from reasonkit.sandbox.program import Machine
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
    Closed,
    Inbox,
    pack,
    read_frame,
    write_all,
)

STANDBY = 2
"""Children that wait: one may be used while the next is made."""


@dataclass(slots=True)
class _Child:
    pid: int
    channel: int
    ready: bool = False


def serve(control: int) -> None:
    """Set up as the host says, then fork a child for every program until the host goes."""
    try:
        _, content = read_frame(control)
        settings = json.loads(content)
        try:
            prepared = image.prepare(settings)
        except image.Launched as launched:
            os.close(control)
            _, status = os.waitpid(launched.pid, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
        except (OSError, ImportError, RuntimeError) as error:
            write_all(control, pack(FAILED, str(error).encode()))
            return
        _Server(control, settings, prepared).loop()
    except (Closed, BrokenPipeError, ConnectionError):
        return


class _Server:
    def __init__(self, control: int, settings: dict[str, Any], prepared: image.Prepared) -> None:
        self._control = control
        self._timeout = float(settings["timeout_seconds"])
        self._locks: Locks = prepared.locks
        self._channel = -1
        self._machine = Machine(
            modules=frozenset(settings["modules"]),
            installed=prepared.installed,
            output_bytes=settings["output_bytes"],
            heavy=settings["heavy"],
            report=reporter(lambda: self._channel),
            policed="policy" in settings["layers"],
        )
        self._machine.prepare(prepared.loaded)
        self._machine.rehearse()
        self._standby: deque[_Child] = deque()
        self._inbox = Inbox(MAX_FRAME_BYTES)
        self._missing = prepared.missing
        gc.collect()
        gc.freeze()

    def loop(self) -> None:
        """Serve until the host closes the channel."""
        self._fill()
        first = self._standby[0]
        enforced, missing = self._greet(first)
        greeting = {"enforced": enforced, "missing": [*self._missing, *missing]}
        write_all(self._control, pack(HELLO, json.dumps(greeting).encode()))
        try:
            while True:
                frame = self._next_frame()
                if frame[0] == RUN:
                    self._run(frame[1])
                    self._fill()
        except Closed:
            return
        finally:
            for child in self._standby:
                self._end(child)

    def _next_frame(self) -> tuple[int, bytes]:
        while (frame := self._inbox.take()) is None:
            self._receive()
        return frame

    def _receive(self) -> None:
        data = os.read(self._control, 1 << 16)
        if not data:
            raise Closed
        if not self._inbox.feed(data):
            raise Closed

    # Children

    def _fill(self) -> None:
        while len(self._standby) < STANDBY:
            self._standby.append(self._fork())

    def _fork(self) -> _Child:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            channel = theirs.detach()
            self._channel = channel
            image.enter_child({channel, self._locks.ruleset})
            run_child(channel, self._locks, self._machine)
        theirs.close()
        return _Child(pid, ours.detach())

    def _greet(self, child: _Child) -> tuple[list[str], list[str]]:
        """Wait until a child is locked; return what it says holds, and what does not."""
        _, content = read_frame(child.channel)
        child.ready = True
        enforced, missing = json.loads(content)
        return enforced, missing

    def _end(self, child: _Child) -> int:
        """Kill a child, reap it and return its status."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
        os.close(child.channel)
        return os.waitpid(child.pid, 0)[1]

    # Runs

    def _run(self, content: bytes) -> None:
        number = ANSWER.unpack_from(content)[0]
        started = time.monotonic()
        try:
            if not self._standby:
                self._fill()
            child = self._standby.popleft()
            if not child.ready:
                self._greet(child)
            started = time.monotonic()
            with contextlib.suppress(BrokenPipeError, ConnectionError):
                write_all(child.channel, pack(RUN, content[ANSWER.size :]))
        except (OSError, Closed) as error:
            write_all(self._control, pack(FAILED, f"no child could be made: {error or 'it died'}".encode()))
            return
        kind, said = self._wait(child, number, started + self._timeout)
        seconds = time.monotonic() - started
        if kind == DIED:
            said = _cause(self._reap(child)).encode()
            write_all(self._control, pack(kind, ANSWER.pack(number, seconds) + said))
            return
        write_all(self._control, pack(kind, ANSWER.pack(number, seconds) + said))
        self._end(child)

    def _reap(self, child: _Child) -> int:
        """Return how a child ended that has closed its channel; one that lives on is killed."""
        for _ in range(200):
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
                os.close(child.channel)
                return status
            time.sleep(0.005)
        return self._end(child)

    def _wait(self, child: _Child, number: int, deadline: float) -> tuple[int, bytes]:
        poll = select.poll()
        poll.register(child.channel, select.POLLIN)
        poll.register(self._control, select.POLLIN)
        inbox = Inbox(MAX_FRAME_BYTES)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return TIMEOUT, b""
            for descriptor, _ in poll.poll(math.ceil(left * 1000)):
                if descriptor == self._control:
                    self._receive()
                    if self._is_aborted(number):
                        return ABORT, b""
                    continue
                try:
                    data = os.read(descriptor, 1 << 16)
                except ConnectionError:
                    data = b""
                if not data:
                    return DIED, b""
                if not inbox.feed(data):
                    return OVERSIZE, b""
                frame = inbox.take()
                if frame is not None:
                    return frame if frame[0] in {DONE, RERUN} else (DIED, b"")

    def _is_aborted(self, number: int) -> bool:
        """Whether the host has asked to stop this run; while one runs it asks for nothing else."""
        aborted = False
        while (frame := self._inbox.take()) is not None:
            aborted |= frame[0] == ABORT and ANSWER.unpack_from(frame[1])[0] == number
        return aborted


def _cause(status: int) -> str:
    """Return how a child ended, as `kind: message`."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name
        if number == signal.SIGXCPU:
            return "timeout: the processor time is spent"
        if number == signal.SIGKILL:
            return "memory: the system killed the program, as it does when memory runs out"
        return f"crash: the interpreter died of {name}"
    return f"crash: the interpreter left with status {os.waitstatus_to_exitcode(status)}"
