"""Nothing gets out. Each hostile program is judged by evidence, not by what the sandbox says of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from reasonkit.sandbox import Sandbox, Variable
from reasonkit.sandbox.isolation import LAYERS
from tests.sandbox.arena import Arena, arena
from tests.sandbox.corpus import Case, read_cases
from tests.sandbox.users import run_as_ordinary_user

CASES = read_cases("attacks")
COUNTS = sorted(Counter(case.kind for case in CASES).items())
LABELS = [f"{kind}-{count}-programs" for kind, count in COUNTS]

CONTROL = (
    "import math, json, decimal, random, re, copy, numbers, datetime, warnings, sys\n"
    "from fractions import Fraction\n"
    "warnings.warn('x')\n"
    "seen = [len('ab'), math.sqrt(4), Fraction(1, 2) + Fraction(1, 3), decimal.getcontext().prec, sys.getrecursionlimit(),\n"
    "        json.dumps({'a': 1}), 'answer' in globals(), 'poison' in globals(), copy.copy([1]), isinstance('', numbers.Integral),\n"
    "        datetime.datetime(2024, 1, 1).year, sys.get_int_max_str_digits(), bool(re.match('a', 'a'))]\n"
    "print('ok')\n"
    "seen"
)


@pytest.fixture(scope="module")
def target() -> Iterator[Arena]:
    with arena() as target:
        yield target


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout_seconds=5) as sandbox:
        yield sandbox


def attack(case: Case, sandbox: Sandbox, target: Arena) -> list[str]:
    execution = sandbox.run(target.arm(case.program), Variable("leak"))
    return target.evidence(execution, 0.2 if "VICTIMPID" in case.program else None)


def of_kind(label: str) -> list[Case]:
    return [case for case in CASES if case.kind == label.partition("-")[0]]


@pytest.mark.parametrize("label", LABELS)
def test_nothing_gets_out(label: str, sandbox: Sandbox, target: Arena) -> None:
    got_out = {str(case): found for case in of_kind(label) if (found := attack(case, sandbox, target))}
    assert not got_out


def test_the_suite_has_at_least_two_hundred_programs() -> None:
    assert len({case.program for case in CASES}) >= 200
    assert len({str(case) for case in CASES}) == len(CASES)


def test_no_program_poisons_the_next(sandbox: Sandbox, target: Arena) -> None:
    expected = sandbox.run(CONTROL)
    assert expected.error is None
    for case in CASES:
        if case.kind == "state":
            sandbox.run(target.arm(case.program), Variable("leak"))
            seen = sandbox.run(CONTROL)
            assert (seen.value, seen.stdout, seen.error) == (expected.value, "ok\n", None), str(case)


def test_a_refusal_cannot_be_caught(sandbox: Sandbox) -> None:
    execution = sandbox.run("try:\n    eval('1')\nexcept BaseException:\n    pass\nfinally:\n    print('on')\n5")
    assert execution.error is not None
    assert execution.error.kind == "refused"
    assert execution.error.line == 2
    assert execution.value is None
    assert execution.stdout == ""


def test_a_child_cannot_tell_the_zygotes_lies() -> None:
    from reasonkit.sandbox.host import _read_reply

    for content in (
        b"",
        b"[]",
        b'{"value": {"$": "eval", "v": "1"}, "stdout": ""}',
        b'{"stdout": "", "error": ["timeout", "x", null]}',
    ):
        value, stdout, error = _read_reply(content)
        assert (value, stdout) == (None, "")
        assert error is not None
        assert error.kind == "unconvertible"


# Each layer alone, so that none hides the absence of another. SECURITY.md prints the whole table.

KINDS = tuple(kind for kind, _ in COUNTS)
STOPS = {
    ("policy",): KINDS,
    ("landlock",): tuple(kind for kind in KINDS if kind not in {"files", "network", "processes"}),
    ("seccomp",): ("network", "processes"),
    ("namespaces",): ("processes",),
    ("landlock", "seccomp", "rlimits"): KINDS,
}
"""Layers, and the classes that they stop by themselves. Landlock knows neither chmod nor sockets that are not TCP, and
signals only from ABI 6 on; seccomp lets files be read; namespaces keep the file system readable."""

HARMLESS_ALONE = {"forged", "state"}
"""Classes that aim at the sandbox's own word and at the next program: without a sandbox there is nothing to see."""
WITHOUT_EFFECT = {
    "evaluators: sympy autowrap",
    "evaluators: dataclass annotation keys",
    "format_strings: format globals",
    "format_strings: template subclass",
    "imports: gc objects",
    "modules: copy weakref",
    "syntax: decorator of a class",
}
"""Attempts that plain CPython stops too; kept because another version may not."""


def with_layers(*layers: str) -> Sandbox:
    assert set(layers) <= LAYERS
    sandbox = Sandbox(timeout_seconds=5)
    sandbox._layers = frozenset(layers)
    return sandbox


@pytest.mark.slow
@pytest.mark.parametrize("layers", STOPS, ids="+".join)
def test_these_layers_alone_stop_what_they_are_for(layers: tuple[str, ...], target: Arena) -> None:
    with with_layers(*layers) as sandbox:
        if (
            "landlock" in layers
            and next((entry for entry in sandbox.describe_isolation().enforced if entry.startswith("landlock")), "")
            < "landlock:6"
        ):
            pytest.skip("this kernel's Landlock does not scope signals")
        got_out = {
            str(case): found
            for kind in STOPS[layers]
            for case in of_kind(kind)
            if (found := attack(case, sandbox, target))
        }
    assert not got_out


@pytest.mark.slow
def test_without_any_layer_every_attack_gets_out(target: Arena) -> None:
    """The control: an attack that plain CPython stops anyway would prove nothing above."""
    with with_layers() as sandbox:
        harmless = {
            str(case) for case in CASES if case.kind not in HARMLESS_ALONE and not attack(case, sandbox, target)
        }
    assert harmless <= WITHOUT_EFFECT


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="dropping to another user takes root")
def test_nothing_gets_out_for_an_ordinary_user() -> None:
    code = """
        from reasonkit.sandbox import Sandbox, Variable
        from tests.sandbox.arena import arena
        from tests.sandbox.corpus import read_cases
        with arena() as target, Sandbox(isolation="required") as sandbox:
            for case in read_cases("attacks"):
                execution = sandbox.run(target.arm(case.program), Variable("leak"))
                found = target.evidence(execution, 0.2 if "VICTIMPID" in case.program else None)
                assert not found, f"{case} {found}"
        print("held")
    """
    assert run_as_ordinary_user(code) == "held\n"
