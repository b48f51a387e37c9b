"""The pytest plugin, in pytest runs of its own: record once, pass offline, fail with the difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from reasonkit import CoT, Prompt, ScriptedClient, Trace

pytest_plugins = ["pytester"]
LOADED = (CoT, Prompt, ScriptedClient, Trace)
"""Loaded before the runs inside: pytester forgets the modules that a run has loaded, and the next would see others."""

MODULE = """
from dataclasses import replace
from pathlib import Path

import pytest
from reasonkit import CoT, Prompt, ScriptedClient

class Model(ScriptedClient):
    def _perform(self, request):
        with Path("asked").open("a") as file:
            file.write("x")
        return super()._perform(request)

def model():
    return Model(lambda request: " So it is. The answer is 4.")

PROMPT = Prompt.load("cot/default")

def test_sum(reasonkit_trace):
    assert CoT(model(), prompt=PROMPT)("What is 2 + 2?", trace=reasonkit_trace).answer == "4"

@pytest.mark.parametrize("number", ["1/2", "3"])
def test_more(reasonkit_trace, number):
    agent = CoT(model(), prompt=PROMPT)
    for question in (f"What is {number}?", f"What is twice {number}?"):
        assert agent(question, trace=reasonkit_trace).answer == "4"
"""


@pytest.fixture
def module(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return pytester.makepyfile(test_sums=MODULE)


def run(pytester: pytest.Pytester, *words: str) -> pytest.RunResult:
    """Run pytest; where the entry point is not installed, with the plugin by name."""
    installed = "reasonkit" in _entry_points()
    plugin = () if installed else ("-p", "reasonkit.pytest_plugin")
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio", *plugin, *words)


def _entry_points() -> set[str]:
    from importlib.metadata import entry_points

    return {point.name for point in entry_points(group="pytest11")}


def asked(pytester: pytest.Pytester) -> int:
    file = pytester.path / "asked"
    count = len(file.read_text()) if file.exists() else 0
    file.unlink(missing_ok=True)
    return count


def edit(module: Path, old: str, new: str) -> None:
    text = module.read_text()
    assert old in text
    module.write_text(text.replace(old, new))


def test_what_was_recorded_passes_without_the_model(pytester: pytest.Pytester, module: Path) -> None:
    run(pytester, "--reasonkit-trace=record").assert_outcomes(passed=3)
    assert asked(pytester) == 5
    files = sorted(file.name for file in (pytester.path / "traces" / "test_sums").iterdir())
    assert files == ["test_more[1_2].jsonl", "test_more[3].jsonl", "test_sum.jsonl"]
    result = run(pytester)
    result.assert_outcomes(passed=3)
    assert asked(pytester) == 0
    assert "recordings that nothing asked for" not in result.stdout.str()


def test_without_a_recording_a_test_fails_and_says_how_to_make_one(pytester: pytest.Pytester, module: Path) -> None:
    result = run(pytester)
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines(["*nothing is recorded in *test_sum.jsonl; record it with --reasonkit-trace=record*"])
    assert asked(pytester) == 0


def test_a_changed_prompt_fails_with_the_difference_until_it_is_recorded_again(
    pytester: pytest.Pytester, module: Path
) -> None:
    run(pytester, "--reasonkit-trace=record").assert_outcomes(passed=3)
    asked(pytester)
    edit(module, 'Prompt.load("cot/default")', 'replace(Prompt.load("cot/default"), instruction="Be brief.")')
    result = run(pytester)
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["*+Be brief.*"])
    assert asked(pytester) == 0
    run(pytester, "--reasonkit-trace=auto").assert_outcomes(failed=3)
    run(pytester, "--reasonkit-trace=record").assert_outcomes(passed=3)
    run(pytester).assert_outcomes(passed=3)


def test_auto_records_only_what_has_no_recording(pytester: pytest.Pytester, module: Path) -> None:
    run(pytester, "--reasonkit-trace=auto", "-k", "not test_more").assert_outcomes(passed=1, deselected=2)
    assert asked(pytester) == 1
    run(pytester, "--reasonkit-trace=auto").assert_outcomes(passed=3)
    assert asked(pytester) == 4
    run(pytester, "--reasonkit-trace=auto").assert_outcomes(passed=3)
    assert asked(pytester) == 0


def test_off_asks_and_records_nothing(pytester: pytest.Pytester, module: Path) -> None:
    run(pytester, "--reasonkit-trace=off").assert_outcomes(passed=3)
    assert asked(pytester) == 5
    assert not (pytester.path / "traces").exists()


def test_recordings_that_nothing_asks_for_are_named(pytester: pytest.Pytester, module: Path) -> None:
    run(pytester, "--reasonkit-trace=record").assert_outcomes(passed=3)
    edit(module, "def test_sum(", "def test_addition(")
    edit(module, ', f"What is twice {number}?")', ",)")
    result = run(pytester, "--reasonkit-trace=auto")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "*recordings that nothing asked for*",
            "*test_sum.jsonl: no test has this name",
            "*test_more[[]3].jsonl: test_sums.py::test_more[[]3] did not ask for episode 1",
        ]
    )
    one = run(pytester, "test_sums.py::test_addition")
    one.assert_outcomes(passed=1)
    assert "recordings that nothing asked for" not in one.stdout.str()


def test_a_run_without_the_fixture_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    result = run(pytester)
    result.assert_outcomes(passed=1)
    assert (
        "reasonkit" not in result.stdout.str().split("test session starts")[1].split("plugins:")[-1].partition("\n")[2]
    )
