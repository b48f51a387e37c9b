"""Runs that several real processes share: the same losses and weights as alone, whichever way they are divided."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from safetensors.torch import load_file  # noqa: E402

from reasonkit.errors import InputError, TrainingFailed  # noqa: E402
from reasonkit.train.material import material  # noqa: E402
from reasonkit.train.run import run  # noqa: E402
from reasonkit.train.sharding import World, blocks, obtained  # noqa: E402
from tests.train.runs import adapting, base, config, losses, rows, settings, together  # noqa: E402

pytestmark = pytest.mark.slow
STEPS = 6


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What one process makes of a whole model, and of an adapter."""
    found = {}
    for kind in ("full", "lora"):
        folder = tmp_path_factory.mktemp(kind)
        rows(folder)
        base(folder)
        run(config(folder, **changes(folder, kind)), World(), material)
        found[kind] = folder
    return found


def changes(folder: Path, kind: str) -> dict[str, Any]:
    shared: dict[str, Any] = {"steps": STEPS, "checkpoint": {"every": 3}, "evaluation": {"rows": 5, "every": 3}}
    return shared if kind == "full" else shared | adapting(folder)


def weights(folder: Path, kind: str) -> dict[str, Any]:
    name = "model.safetensors" if kind == "full" else "adapter_model.safetensors"
    found: dict[str, Any] = load_file(folder / "run" / name)
    return found


def assert_same(folder: Path, alone: Path, kind: str) -> None:
    assert losses(folder / "run") == pytest.approx(losses(alone / "run"), rel=1e-4)
    here, there = weights(folder, kind), weights(alone, kind)
    assert here.keys() == there.keys()
    for name, weight in there.items():
        assert torch.allclose(here[name], weight, atol=2e-4), name


@pytest.mark.parametrize(
    ("sharding", "processes", "kind"),
    [
        ("ddp", 2, "full"),
        ("zero1", 2, "full"),
        ("zero2", 2, "full"),
        ("zero3", 4, "full"),
        ("zero1", 2, "lora"),
        ("zero3", 2, "lora"),
    ],
)
def test_several_processes_learn_what_one_learns(
    tmp_path: Path, alone: dict[str, Path], sharding: str, processes: int, kind: str
) -> None:
    rows(tmp_path)
    (tmp_path / "base").symlink_to(alone[kind] / "base")
    outcome = together(settings(tmp_path, sharding=sharding, **changes(tmp_path, kind)), processes)
    mechanism = {"ddp": "DistributedDataParallel over", "zero1": "ZeroRedundancyOptimizer"}
    assert mechanism.get(sharding, f"fully_shard(reshard_after_forward={sharding == 'zero3'})") in outcome.wrapper
    assert f"{processes} processes" in outcome.wrapper
    assert_same(tmp_path, alone[kind], kind)


@pytest.mark.parametrize(("form", "kind"), [("sharded", "full"), ("gathered", "lora")])
def test_a_run_goes_on_with_another_number_of_processes(
    tmp_path: Path, alone: dict[str, Path], form: str, kind: str
) -> None:
    """Two processes, then four, then one, each with another way of dividing."""
    rows(tmp_path)
    (tmp_path / "base").symlink_to(alone[kind] / "base")
    fields = settings(tmp_path, **changes(tmp_path, kind))
    fields["checkpoint"] |= {"every": 2, "form": form}
    first = together(fields | {"sharding": "zero3"}, 2, stop=_After(2))
    assert (first.steps, first.stopped) == (2, True)
    second = together(fields | {"sharding": "zero1"}, 4, stop=_After(2))
    assert (second.resumed_at, second.steps) == (2, 4)
    shards = {file.name for file in (tmp_path / "run/checkpoints/step-000000004").iterdir()}
    assert ("state.safetensors" in shards) == (form == "gathered")
    last = run(config(tmp_path, **{key: fields[key] for key in fields if key != "output"}), World(), material)
    assert (last.resumed_at, last.steps) == (4, STEPS)
    assert_same(tmp_path, alone[kind], kind)


class _After:
    """Asks to stop after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


def test_muon_and_bf16_learn_the_same_when_divided(tmp_path: Path) -> None:
    """In bf16 sums round otherwise: the losses agree as far as that allows."""
    found = {}
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        rows(folder)
        fields = settings(
            folder, steps=8, precision="bf16", optimizer={"kind": "muon", "lr": 0.01}, checkpoint={"every": 50},
            batch={"tokens": 512, "max_length": 64, "rows": None, "accumulation": 2},
        )  # fmt: skip
        if name == "one":
            run(config(folder, **{key: fields[key] for key in fields if key != "output"}), World(), material)
        else:
            fields["checkpoint"]["verify"] = True  # FSDP2 rounds the weights as it gathers them: a check of its own
            outcome = together(fields | {"sharding": "zero3"}, 2)
            assert "logits differ by" in outcome.verified
        found[name] = losses(folder / "run")
    assert found["two"] == pytest.approx(found["one"], rel=0.03)
    assert found["two"][-1] < found["two"][0] - 0.5


def test_a_process_that_dies_ends_the_run_and_is_named(tmp_path: Path) -> None:
    """The other one waits for it in a sum; it must not wait for ever."""
    fields = settings(tmp_path, steps=6, sharding="ddp", checkpoint={"every": 2})
    fields["data"] = [{"generator": "tests.train.deadly:row"}]
    path = tmp_path / "run.json"
    path.write_text(json.dumps(fields), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "reasonkit", "train", str(path), "--processes", "2"],
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "reasonkit: process 1 ended with SIGKILL; the others were ended" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_refusal_by_the_first_process_ends_all_and_none_waits(tmp_path: Path) -> None:
    rows(tmp_path)
    run(config(tmp_path, steps=1), World(), material)
    with pytest.raises(InputError, match=r"seed is 9 and was 0"):
        together(settings(tmp_path, steps=1, seed=9, sharding="ddp"), 2)


def test_another_wrapper_than_the_one_asked_for_is_an_error() -> None:
    model = torch.nn.Linear(2, 2)
    for sharding in ("ddp", "zero1", "zero2", "zero3"):
        with pytest.raises(TrainingFailed, match=f"sharding='{sharding}' was asked for, but torch gave"):
            obtained(model, [torch.optim.AdamW(model.parameters())], sharding, World(size=2))


def test_the_blocks_of_an_encoder_decoder_are_its_layers() -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 2}
    model = transformers.T5ForConditionalGeneration(transformers.T5Config(vocab_size=32, **sizes))
    assert [type(block).__name__ for block in blocks(model)] == ["T5Block"] * 5


def test_more_processes_need_to_be_told_how_to_divide(tmp_path: Path) -> None:
    rows(tmp_path)
    with pytest.raises(InputError, match="2 processes need a sharding"):
        run(config(tmp_path), World(size=2), material)
