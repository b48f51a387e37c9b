"""Limits hold and are told apart, and one bad program never harms the next."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from reasonkit.errors import InputError
from reasonkit.sandbox import LAST_EXPRESSION, STDOUT, Expression, Sandbox, Target, Variable


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout_seconds=1.0, memory_bytes=128 << 20, output_bytes=10_000) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def patient() -> Iterator[Sandbox]:
    """For what is not about time, on a machine that may be busy."""
    with Sandbox(timeout_seconds=30.0, memory_bytes=128 << 20, output_bytes=10_000) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def next_program_is_fine(sandbox: Sandbox) -> Iterator[None]:
    yield
    assert sandbox.run("6 * 7").value == 42


def kind(sandbox: Sandbox, program: str, answer: Target | str | None = LAST_EXPRESSION) -> str | None:
    error = sandbox.run(program, answer).error
    return None if error is None else error.kind


@pytest.mark.parametrize(
    "program",
    [
        "while True: pass",
        "10 ** 10 ** 8",
        "import math\nmath.factorial(10 ** 7)",
        "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')",
        "sum(range(10 ** 12))",
        "while True:\n    try:\n        1 / 0\n    except BaseException:\n        pass",
        "[x for x in iter(int, 1) if x]",
        "class L(list):\n    def __len__(self):\n        while True: pass\nlen(L())",
        "def g():\n    try:\n        yield 1\n    finally:\n        while True: pass\nx = g()\nnext(x)\ndel x",
        "sorted(range(10 ** 5), key=lambda k: len([k for _ in range(10 ** 4)]))",
        "class R:\n    def __repr__(self):\n        while True: pass\nrepr(R())",
    ],
)
def test_endless_programs_end_in_a_timeout(program: str, sandbox: Sandbox) -> None:
    started = time.monotonic()
    assert kind(sandbox, program) == "timeout"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "program",
    [
        "bytearray(10 ** 10)",
        "x = []\nwhile True: x.append('a' * 10 ** 6)",
        "'x' * 10 ** 11",
        "[0] * 10 ** 10",
        "d = {}\nfor i in range(10 ** 9): d[i] = str(i) * 50",
        "x = 1 << 10 ** 11",
        "x = 'ab'\nwhile True: x += x",
    ],
)
def test_greed_for_memory_is_told_as_memory(program: str, patient: Sandbox) -> None:
    assert kind(patient, program) == "memory"


def test_memory_within_the_budget_is_given(sandbox: Sandbox) -> None:
    assert sandbox.run("len(bytearray(100 << 20))").value == 100 << 20


def test_a_caught_memory_error_lets_the_program_go_on(sandbox: Sandbox) -> None:
    assert sandbox.run("try:\n    x = bytearray(10 ** 10)\nexcept MemoryError:\n    x = 5\nx").value == 5


@pytest.mark.parametrize(
    "program",
    ["while True: print('flood')", "print('x' * 10 ** 6)", "import sys\nwhile True: sys.stdout.write('y')"],
)
def test_floods_of_output_are_told_as_output(program: str, sandbox: Sandbox) -> None:
    execution = sandbox.run(program)
    assert execution.error is not None
    assert execution.error.kind == "output"
    assert 0 < len(execution.stdout) <= 10_000


def test_output_up_to_the_limit_is_kept(sandbox: Sandbox) -> None:
    assert sandbox.run("print('x' * 9_999)", STDOUT).value == "x" * 9_999 + "\n"


def test_what_was_printed_before_an_error_is_kept(sandbox: Sandbox) -> None:
    execution = sandbox.run("print('first')\n1 / 0")
    assert execution.stdout == "first\n"
    assert execution.error is not None
    assert (execution.error.kind, execution.error.line) == ("exception", 2)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("x = []\nfor _ in range(1000): x = [x]\nx", "unconvertible"),
        ("x = []\nx.append(x)\nx", "unconvertible"),
        ("list(range(10 ** 6))", "unconvertible"),
        ("1 << 10 ** 8", "unconvertible"),
        ("'x' * 10 ** 7", "unconvertible"),
        ("object()", "unconvertible"),
        ("(i for i in [1])", "unconvertible"),
        ("lambda: 1", "unconvertible"),
        ("print", "unconvertible"),
        ("import math\nmath", "unconvertible"),
        ("class H(dict):\n    pass\n{frozenset([1]): H(a=object())}", "unconvertible"),
        ("def f(n): return f(n)\nf(1)", "exception"),
        ("raise MemoryError", "memory"),
        ("f(", "syntax"),
        ("x = 1\x00", "syntax"),
        ("(" * 500 + ")" * 500, "syntax"),
        ("", "no_answer"),
        ("x = 1", "no_answer"),
        ("import socket", "refused"),
        ("open('x')", "refused"),
        ("import time\ntime.sleep(1)", "refused"),
        ("x = iter([1])\nfor i in range(2 * 10 ** 5): x = map(int, x)\nlist(x)", "crash"),
    ],
)
def test_kinds_are_told_apart(program: str, expected: str, patient: Sandbox) -> None:
    assert kind(patient, program) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Expression("solution()"), "no_answer"),
        ("solution()", "no_answer"),
        (Variable("answer"), "no_answer"),
        (STDOUT, "no_answer"),
        ("1 +", "syntax"),
        ("x.__class__.__base__.__subclasses__()", "refused"),
        ("eval('1')", "refused"),
        ("x / 0", "exception"),
    ],
)
def test_an_absent_or_bad_answer_is_told(answer: Target | str, expected: str, sandbox: Sandbox) -> None:
    assert kind(sandbox, "x = 1", answer) == expected


def test_answers_are_read_from_every_place(sandbox: Sandbox) -> None:
    program = "def solution(): return 5\nanswer = 6\nprint('seven')\n8"
    assert sandbox.run(program, "solution()").value == 5
    assert sandbox.run(program, Expression("solution() + answer")).value == 11
    assert sandbox.run(program, Variable("answer")).value == 6
    assert sandbox.run(program, STDOUT).value == "seven\n"
    assert sandbox.run(program, LAST_EXPRESSION).value == 8
    assert sandbox.run(program, None).value == 8


@pytest.mark.parametrize(
    "arguments",
    [
        {"timeout_seconds": 0},
        {"memory_bytes": 5},
        {"workers": 0},
        {"isolation": "some"},
        {"modules": "math"},
        {"output_bytes": -1},
    ],
)
def test_unusable_settings_are_refused_with_their_value(arguments: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(arguments))):
        Sandbox(**arguments)  # type: ignore[arg-type]


def test_modules_are_a_parameter() -> None:
    with Sandbox(modules=("math",)) as sandbox:
        assert sandbox.run("import math\nmath.floor(2.5)").value == 2
        error = sandbox.run("import random").error
        assert error is not None
        assert error.kind == "refused"
        assert "'random'" in error.message
