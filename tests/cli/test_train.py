"""`reasonkit train` in a subprocess: looks before a run, a run of two processes, and what is said when it cannot be."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.train.runs import rows, settings

without_torch = importlib.util.find_spec("torch") is None


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reasonkit", *words], capture_output=True, text=True, timeout=400, check=False
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows(tmp_path)
    path = tmp_path / "run.json"
    path.write_text(json.dumps(settings(tmp_path)), encoding="utf-8")
    return path


def test_without_the_extra_the_pip_line_is_named(file: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        f"from reasonkit.cli import main; sys.exit(main(['train', {str(file)!r}]))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        "reasonkit: reasonkit train (torch, transformers) needs an optional package: pip install 'reasonkit[train]'\n"
    )


def test_the_configuration_is_shown_where_it_differs_and_loads_no_torch(file: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from reasonkit.cli import main\n"
        f"sys.exit(main(['train', {str(file)!r}, '--set', 'optimizer.lr=0.5', '--print-config']))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "optimizer.lr = 0.5  (by default 0.001)" in ran.stdout
    assert not (file.parent / "run").exists()


def test_misuse_is_one_line(file: Path) -> None:
    for words, said in (
        ((), "name a configuration (reasonkit train run.toml), or give --verify FOLDER"),
        ((str(file), "--resume", "--fresh"), "--resume goes on and --fresh begins again: give one of them"),
        ((str(file), "--set", "optimizer.warmpu=1"), "unknown key 'warmpu' in optimizer; did you mean 'warmup'?"),
        ((str(file), "--processes", "2"), "2 processes need a sharding: ddp, zero1, zero2 or zero3"),
    ):
        ran = command("train", *words)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert said in ran.stderr
        assert ran.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(without_torch, reason="torch is not installed")
def test_two_processes_train_and_leave_a_checked_model(file: Path) -> None:
    ran = command(
        "train", str(file), "--processes", "2", "--set", "sharding=zero3", "--set", "checkpoint.verify=true",
        "--set", "evaluation={rows = 5, every = 4}", "--json",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    outcome = json.loads(ran.stdout)
    assert (outcome["steps"], outcome["stopped"]) == (8, False)
    assert "fully_shard(reshard_after_forward=True) over 2 processes" in outcome["wrapper"]
    assert "logits differ by" in outcome["verified"]
    assert "step 8 of 8  loss" in ran.stderr
    assert (file.parent / "run" / "curve.svg").is_file()
    checked = command("train", "--verify", str(file.parent / "run"), "--json")
    assert json.loads(checked.stdout)["difference"] <= json.loads(checked.stdout)["tolerance"]
    (file.parent / "run" / "model.safetensors").unlink()
    assert command("train", "--verify", str(file.parent / "run")).returncode == 1
