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
    "11_local_two_adapters.py": "'loud': ' painter!'",
    "12_train_and_load.py": "McNemar's exact test: p = ",
}
TRAIN = {"11_local_two_adapters.py", "12_train_and_load.py"}
"""Those that train: they need the extra `train`, take minutes, and tell on stderr how far they are."""


@pytest.mark.parametrize(
    "example",
    [pytest.param(one, marks=pytest.mark.slow) if one.name in TRAIN else one for one in EXAMPLES],
    ids=lambda path: path.stem,
)
def test_an_example_runs(example: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the bundled model runs on the extra `gguf`")
    if example.name in TRAIN:
        pytest.importorskip("peft", reason="it trains an adapter with the extra `train`")
    seconds = 1200 if example.name in TRAIN else 120
    ran = subprocess.run([sys.executable, str(example)], capture_output=True, text=True, timeout=seconds)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == "" or example.name in TRAIN
    assert SAYS.get(example.name, "") in ran.stdout
    assert ran.stdout


def test_numbered_examples_are_short() -> None:
    for example in EXAMPLES:
        if example.name[0].isdigit():
            assert len(example.read_text(encoding="utf-8").splitlines()) < 40, example
