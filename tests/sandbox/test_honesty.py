"""Honest programs run unchanged: the same value, output and error as in plain CPython, or nothing at all is claimed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from reasonkit.sandbox import STDOUT, Sandbox
from tests.sandbox.corpus import Case, Seen, read_cases, run_plain

CASES = read_cases("honest")
KINDS = sorted({case.kind for case in CASES})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout_seconds=30) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def plain() -> dict[Case, Seen]:
    return dict(zip(CASES, run_plain(CASES), strict=True))


def shown(case: Case, sandbox: Sandbox) -> Seen:
    execution = sandbox.run(case.program, STDOUT if case.answer == "$stdout" else case.answer)
    error = execution.error
    if error is not None and error.kind == "no_answer" and case.answer == "$stdout":
        error = None
    return Seen(
        value=None if case.answer == "$stdout" else execution.value,
        stdout=execution.stdout,
        error=None if error is None else error.message,
        line=None if error is None else error.line,
    )


def differences(expected: Seen, seen: Seen) -> list[str]:
    """What differs; the file that CPython names in an ImportError is none of the program's doing."""
    found = []
    if repr(expected.value) != repr(seen.value) and (
        expected.value != seen.value or type(expected.value) is not type(seen.value)
    ):
        found.append(f"value {seen.value!r}, not {expected.value!r}")
    if expected.stdout != seen.stdout:
        found.append(f"stdout {seen.stdout!r}, not {expected.stdout!r}")
    without_file = [text and re.sub(r" \((/|unknown).*\)$", "", text) for text in (expected.error, seen.error)]
    if without_file[0] != without_file[1]:
        found.append(f"error {seen.error!r}, not {expected.error!r}")
    elif expected.line != seen.line:
        found.append(f"line {seen.line}, not {expected.line}")
    return found


@pytest.mark.parametrize(
    "kind", [f"{kind}-{count}-programs" for kind, count in sorted(Counter(c.kind for c in CASES).items())]
)
def test_honest_programs_run_as_in_plain_cpython(kind: str, sandbox: Sandbox, plain: dict[Case, Seen]) -> None:
    wrong = {}
    for case in CASES:
        if case.kind == kind.partition("-")[0] and (found := differences(plain[case], shown(case, sandbox))):
            wrong[str(case)] = found
    assert not wrong


def test_the_corpus_has_at_least_three_hundred_programs() -> None:
    assert len({case.program for case in CASES}) >= 300
    assert len({str(case) for case in CASES}) == len(CASES)


def test_recursion_goes_as_deep_as_in_a_script(sandbox: Sandbox) -> None:
    program = (
        "depth = 0\ndef f(n):\n    global depth\n    depth = n\n    f(n + 1)\n"
        "try:\n    f(1)\nexcept RecursionError:\n    pass\ndepth"
    )
    assert sandbox.run(program).value == 999
