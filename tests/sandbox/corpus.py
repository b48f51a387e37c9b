"""The programs of the tests: read from their files, and run in plain CPython for comparison.

A file holds many programs; each begins with `#% name | answer`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    kind: str
    name: str
    answer: str | None
    program: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


def read_cases(folder: str) -> list[Case]:
    """Return every program of a folder, by file and place."""
    cases = []
    for path in sorted((HERE / folder).glob("*.txt")):
        for chunk in path.read_text().split("#% ")[1:]:
            head, _, program = chunk.partition("\n")
            name, _, answer = head.partition(" | ")
            cases.append(Case(kind=path.stem, name=name, answer=None if answer == "None" else answer, program=program))
    return cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came of a program."""

    value: object
    stdout: str
    error: str | None
    line: int | None


def run_plain(cases: list[Case]) -> list[Seen]:
    """Run every program in plain CPython: each forked from one fresh interpreter, no policy, no limits."""
    root = HERE.parent.parent / "src"
    done = subprocess.run(
        [sys.executable, "-I", str(HERE / "plain.py"), str(root)],
        input=json.dumps([[case.program, case.answer] for case in cases]),
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={"PATH": os.environ.get("PATH", "")},
    )
    from reasonkit.values import decode_value

    return [
        Seen(value=decode_value(value), stdout=stdout, error=error, line=line)
        for value, stdout, error, line in json.loads(done.stdout)
    ]
