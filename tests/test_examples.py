"""Every example runs as a newcomer runs it: in its own process, offline, with the bundled model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
SAYS = {
    "demo.py": "bundled encyclopedia, one hop",
    "07_own_tool.py": "answer: 464000",
    "08_own_strategy.py": "Take the train. (5 requests)",
    "09_replay_in_tests.py": "-Answer in one word.\n+Answer briefly.",
    "10_evaluate_and_compare.py": "12 items: both right",
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(example: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the bundled model runs on the extra `gguf`")
    ran = subprocess.run([sys.executable, str(example)], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert SAYS.get(example.name, "") in ran.stdout
    assert ran.stdout


def test_numbered_examples_are_short() -> None:
    for example in EXAMPLES:
        if example.name[0].isdigit():
            assert len(example.read_text(encoding="utf-8").splitlines()) < 40, example
