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


def test_the_demo_shows_one_run_of_each_method_on_what_its_seed_draws(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the bundled model runs on the extra `gguf`")
    demo = [sys.executable, str(Path(__file__).parents[1] / "examples" / "demo.py"), "--seed", "11", "--folder"]
    shown = []
    for folder in ("first", "again"):
        (tmp_path / folder).mkdir()
        ran = subprocess.run([*demo, str(tmp_path / folder)], capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stderr
        shown.append(ran.stdout.partition("\nThe runs are recorded")[0])
        assert {path.name for path in (tmp_path / folder).glob("*.jsonl")} == {"react.jsonl", "pal.jsonl", "cot.jsonl"}
    assert shown[0] == shown[1]
    assert shown[0].startswith("drawn with seed 11")
    for method in ("ReAct", "PAL", "CoT"):
        assert shown[0].count(f"\n{method}: ") == 1
    assert shown[0].count("  Answer: ") == 3
    assert shown[0].count("(right)") + shown[0].count("(wrong: it is ") == 3
    assert "  Observation: " in shown[0]
    assert "def solution():" in shown[0]
    assert "The answer is" in shown[0]
