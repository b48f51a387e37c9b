"""Going on after a stop or a kill: bit for bit what a run without one gives, or a refusal that says why."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file  # noqa: E402

from reasonkit.errors import InputError  # noqa: E402
from reasonkit.train.journal import Journal, Line, locked, read_losses  # noqa: E402
from reasonkit.train.material import material  # noqa: E402
from reasonkit.train.run import Outcome, run  # noqa: E402
from reasonkit.train.sharding import World  # noqa: E402
from tests.train.runs import adapting, base, config, losses, rows, settings  # noqa: E402


class After:
    """Asks to stop after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


def started(folder: Path, steps: int = 10**9, start: Any = "either", **changes: Any) -> Outcome:
    return run(config(folder, **changes), World(), material, start=start, stop=After(steps))


def bits(folder: Path) -> dict[str, bytes]:
    file = next(one for one in (folder / "run").glob("*.safetensors") if one.name.startswith(("model", "adapter")))
    return {name: tensor.numpy().tobytes() for name, tensor in load_file(file).items()}


@pytest.mark.parametrize("kind", ["full", "lora with dropout", "muon, packed and in parts"])
def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path, kind: str) -> None:
    runs = {}
    for name, stops in (("straight", ()), ("stopped", (3, 2))):
        folder = tmp_path / name
        folder.mkdir()
        rows(folder)
        changes: dict[str, Any] = {}
        if kind.startswith("lora"):
            pytest.importorskip("peft")
            base(folder)
            changes = adapting(folder, dropout=0.3)
        elif kind.startswith("muon"):
            changes = {"optimizer": {"kind": "muon"}, "batch": {"packing": True, "accumulation": 2}}
        for stop in stops:
            assert started(folder, stop, **changes).stopped
        outcome = started(folder, **changes)
        assert outcome.resumed_at == sum(stops)
        runs[name] = (losses(folder / "run"), bits(folder))
    assert runs["stopped"] == runs["straight"]
    assert len(runs["straight"][0]) == 8


@pytest.mark.slow
def test_a_killed_run_goes_on_bit_for_bit_with_the_same_command(tmp_path: Path) -> None:
    """Killed in step 8 of 12, with checkpoints after 5 and 10: steps 6 and 7 are taken again."""
    found = {}
    for name in ("straight", "killed"):
        folder = tmp_path / name
        folder.mkdir()
        fields = settings(folder, steps=12, checkpoint={"every": 5, "verify": True})
        fields["data"] = [{"generator": "tests.train.deadly:once"}]
        path = folder / "run.json"
        path.write_text(json.dumps(fields), encoding="utf-8")
        command = [sys.executable, "-m", "reasonkit", "train", str(path), "--json"]
        if name == "killed":
            mark = folder / "alive"
            mark.touch()
            surroundings = os.environ | {"DIE_ONCE_IN_STEP": "7", "DIE_ONCE_MARK": str(mark)}
            ran = subprocess.run(command, capture_output=True, timeout=400, check=False, env=surroundings)
            assert ran.returncode == -signal.SIGKILL
            assert [line.step for line in read_losses(folder / "run")] == [1, 2, 3, 4, 5, 6, 7]
        done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
        assert done.returncode == 0, done.stderr
        outcome = json.loads(done.stdout)
        assert outcome["resumed_at"] == (5 if name == "killed" else 0)
        assert "logits differ by 0" in outcome["verified"]
        found[name] = (losses(folder / "run"), bits(folder))
    assert found["killed"] == found["straight"]


def test_another_configuration_is_refused_by_its_keys(tmp_path: Path) -> None:
    rows(tmp_path)
    started(tmp_path, 4)
    with pytest.raises(InputError, match=r"optimizer\.lr is 0\.5 and was 0\.003; seed is 7 and was 0; set it back"):
        started(tmp_path, optimizer={"lr": 0.5}, seed=7)
    changed = started(tmp_path, threads=2, checkpoint={"every": 2, "keep": 1, "form": "gathered"}, recompute=True)
    assert (changed.resumed_at, changed.steps) == (4, 8)


def test_the_newest_checkpoints_stay_and_a_half_written_one_is_swept(tmp_path: Path) -> None:
    rows(tmp_path)
    started(tmp_path, 5, checkpoint={"every": 1, "keep": 3})
    folder = tmp_path / "run" / "checkpoints"
    assert sorted(one.name[-1] for one in folder.iterdir()) == ["3", "4", "5"]
    (folder / "step-000000006.partial").mkdir()
    assert started(tmp_path, checkpoint={"every": 1, "keep": 2}).resumed_at == 5
    assert sorted(one.name for one in folder.iterdir()) == ["step-000000007", "step-000000008"]


def test_resume_wants_a_checkpoint_and_fresh_removes_it(tmp_path: Path) -> None:
    rows(tmp_path)
    with pytest.raises(InputError, match="holds no checkpoint to go on from"):
        started(tmp_path, start="resume")
    started(tmp_path, 4)
    assert started(tmp_path, 2, start="resume").resumed_at == 4
    assert started(tmp_path, 2, start="fresh").resumed_at == 0
    assert len(read_losses(tmp_path / "run")) == 2


def test_a_finished_run_does_not_train_again(tmp_path: Path) -> None:
    rows(tmp_path)
    first = started(tmp_path)
    before = bits(tmp_path)
    again = started(tmp_path)
    assert (again.resumed_at, again.steps, again.loss) == (8, 8, first.loss)
    assert bits(tmp_path) == before


@pytest.mark.parametrize("form", ["sharded", "gathered"])
def test_a_broken_checkpoint_is_said_and_not_trained_on(tmp_path: Path, form: str) -> None:
    rows(tmp_path)
    started(tmp_path, 4, checkpoint={"form": form})
    shard = next((tmp_path / "run" / "checkpoints").glob("*/__0_0.distcp" if form == "sharded" else "*/state*"))
    shard.write_bytes(shard.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"checkpoint .* cannot be read|not a safetensors file"):
        started(tmp_path, checkpoint={"form": form})


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    rows(tmp_path)
    with locked(tmp_path / "run"):
        with pytest.raises(InputError, match=f"another run writes there .process {os.getpid()}."):
            started(tmp_path)
    assert started(tmp_path, 1).steps == 1


def test_the_journal_takes_back_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    with Journal(tmp_path, 0) as journal:
        for step in range(1, 6):
            journal.add(Line(step=step, loss=1 / step, lr=0.1, tokens=step, seconds=0.5, held_out=step or None))
    with (tmp_path / "losses.jsonl").open("a") as file:
        file.write('{"step": 6, "lo')
    with Journal(tmp_path, 3) as journal:
        journal.add(Line(step=4, loss=0.5, lr=0.1, tokens=4, seconds=0.5))
    found = read_losses(tmp_path)
    assert [(line.step, line.loss) for line in found] == [(1, 1.0), (2, 0.5), (3, 1 / 3), (4, 0.5)]
    assert (found[2].held_out, found[3].held_out) == (3, None)
