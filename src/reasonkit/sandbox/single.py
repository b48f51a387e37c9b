"""A process for one program, where there is no fork: the policy, a process of its own, and limits where there are any.

What Windows gets, and any system without `os.fork`. There is no wall of the kernel's here, and `enforced` says so.
Not here: the zygote that other systems get (zygote.py).
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from reasonkit.sandbox import image
from reasonkit.sandbox.child import lock, reporter
from reasonkit.sandbox.program import Machine
from reasonkit.sandbox.protocol import FAILED, HELLO, RUN, Closed, pack, read_frame, write_all

_POSSIBLE = frozenset({"policy", "rlimits"})


def serve_once() -> None:
    """Set up as the host says over standard input, run the one program that comes, answer and end."""
    reader, writer = os.dup(0), os.dup(1)
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (reader, writer):
            msvcrt.setmode(descriptor, os.O_BINARY)
    try:
        _, content = read_frame(reader)
        settings: dict[str, Any] = json.loads(content)
        settings["layers"] = sorted(_POSSIBLE & set(settings["layers"]) - _without_limits())
        try:
            prepared = image.prepare(settings)
        except (OSError, ImportError, RuntimeError) as error:
            write_all(writer, pack(FAILED, str(error).encode()))
            return
        machine = Machine(
            modules=frozenset(settings["modules"]),
            installed=prepared.installed,
            output_bytes=settings["output_bytes"],
            heavy=settings["heavy"],
            report=reporter(lambda: writer),
            policed="policy" in settings["layers"],
        )
        machine.prepare(prepared.loaded)
        enforced, missing = lock(prepared.locks)
        machine.settle()
        greeting = {"enforced": enforced, "missing": [*prepared.missing, *missing]}
        write_all(writer, pack(HELLO, json.dumps(greeting).encode()))
        kind, content = read_frame(reader)
        if kind == RUN:
            machine.run(json.loads(content))
    except (Closed, BrokenPipeError, ConnectionError):
        return


def _without_limits() -> set[str]:
    try:
        import resource  # noqa: F401 - whether there is one
    except ImportError:
        return {"rlimits"}
    return set()
