"""The check of what was saved: whole files pass, and every kind of loss is found by a process that never saw the model."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from reasonkit.errors import InputError, VerificationFailed  # noqa: E402
from reasonkit.train.checker import Checker  # noqa: E402
from reasonkit.train.checkpoints import checkpoints  # noqa: E402
from reasonkit.train.material import material  # noqa: E402
from reasonkit.train.run import run  # noqa: E402
from reasonkit.train.sharding import World  # noqa: E402
from reasonkit.train.verify import verify  # noqa: E402
from tests.train.runs import adapting, base, config, rows  # noqa: E402

pytestmark = pytest.mark.slow
"""Each run here starts a process that loads the libraries."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A finished model and a finished adapter, checked as they were saved."""
    pytest.importorskip("peft")
    found = {}
    for kind in ("full", "lora"):
        folder = tmp_path_factory.mktemp(kind)
        rows(folder)
        base(folder)
        changes: dict[str, Any] = adapting(folder) if kind == "lora" else {}
        outcome = run(config(folder, **changes, checkpoint={"verify": True}), World(), material)
        assert outcome.verified is not None
        assert "logits differ by 0" in outcome.verified
        found[kind] = folder / "run"
    return found


@pytest.fixture
def copied(made: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    return {kind: Path(shutil.copytree(folder, tmp_path / kind)) for kind, folder in made.items()}


def changed(file: Path, change: Any) -> None:
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, metadata={"format": "pt"})


def lowered(tensors: dict[str, Any]) -> None:
    """Halve one matrix."""
    name = max(tensors, key=lambda one: tensors[one].numel())
    tensors[name] = tensors[name] / 2


def test_what_was_saved_passes_again_later(made: dict[str, Path]) -> None:
    for folder in made.values():
        assert verify(folder).difference == 0
        for checkpoint in checkpoints(folder / "checkpoints"):
            assert verify(checkpoint).difference == 0


def test_a_changed_weight_is_found(copied: dict[str, Path]) -> None:
    for kind, name in (("full", "model.safetensors"), ("lora", "adapter_model.safetensors")):
        changed(copied[kind] / name, lowered)
        with pytest.raises(VerificationFailed, match=r"differ by .* from those of the model in memory"):
            verify(copied[kind])


def test_a_missing_tensor_is_found_by_its_name(copied: dict[str, Path]) -> None:
    def without(part: str) -> Any:
        return lambda tensors: tensors.pop(next(name for name in tensors if part in name))

    changed(copied["full"] / "model.safetensors", without("down_proj"))
    with pytest.raises(VerificationFailed, match=r"not whole: 1 weights do not fit, .*down_proj"):
        verify(copied["full"])
    changed(copied["lora"] / "adapter_model.safetensors", without("lora_B"))
    with pytest.raises(VerificationFailed, match=r"not whole: 27 tensors for 28 places, .*lora_B"):
        verify(copied["lora"])


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_a_lost_shard_is_found(copied: dict[str, Path], kind: str) -> None:
    newest = checkpoints(copied[kind] / "checkpoints")[-1]
    for shard in newest.glob("*.distcp"):
        shard.unlink()
    with pytest.raises(VerificationFailed, match="cannot be read"):
        verify(newest)


def test_a_folder_with_nothing_to_check_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds nothing to check"):
        verify(tmp_path)


def test_the_fresh_process_finds_faults_too_and_its_end_is_one(copied: dict[str, Path]) -> None:
    with Checker([]) as checker:
        assert checker.check(copied["full"]).difference == 0
        changed(copied["full"] / "model.safetensors", lowered)
        with pytest.raises(VerificationFailed, match=r"does not read back: .* differ by"):
            checker.check(copied["full"])
        assert checker.check(copied["lora"]).difference == 0
        os.kill(checker._process.pid, signal.SIGKILL)
        with pytest.raises(VerificationFailed, match="the process that checks has ended"):
            checker.check(copied["lora"])
