"""A merged model computes what the base does with the adapter beside it, and the report says how nearly."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import peft
import torch

from reasonkit.clients.local.manifest import tokenizer_sha256, weights_sha256, write_manifest
from reasonkit.errors import InputError, ModelNotFound
from reasonkit.train.adapters.merge import merge
from reasonkit.types import AdapterManifest
from tests.clients.tiny_models import Shape, write_transformers

# peft 0.21 asks transformers 5.23 for a property by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
TEXTS = ["Question: which river flows through the town?\nThought 1:", "the painter was born in the town"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_transformers(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import AutoModelForCausalLM

    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    adapted = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    torch.manual_seed(0)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    folder = tmp_path_factory.mktemp("adapters") / "red"
    adapted.save_pretrained(folder)
    write_manifest(
        folder,
        AdapterManifest(
            name="red", base=str(base), base_sha256=weights_sha256(base), tokenizer_sha256=tokenizer_sha256(base),
            rank=4, alpha=8.0, targets=("q_proj", "v_proj"),
        ),
    )  # fmt: skip
    return folder


def test_a_merge_in_full_precision_changes_no_greedy_token_and_says_so(
    base: Path, adapter: Path, tmp_path: Path
) -> None:
    report = merge(adapter, tmp_path / "merged", texts=TEXTS, dtype="float32")
    assert report.greedy_same == report.tokens
    assert 0 < report.max_abs < 1e-4 * report.spread
    assert report.mean_abs <= report.max_abs
    stored = json.loads((tmp_path / "merged" / "reasonkit-merge.json").read_text())
    assert stored["max_abs"] == report.max_abs
    assert stored["manifest"]["base_sha256"] == report.base_sha256 == weights_sha256(base)
    assert tokenizer_sha256(tmp_path / "merged") == tokenizer_sha256(base)
    assert weights_sha256(tmp_path / "merged") != weights_sha256(base)


def test_rounding_the_merged_weights_is_measured_not_hidden(base: Path, adapter: Path, tmp_path: Path) -> None:
    whole = merge(adapter, tmp_path / "whole", model=base, texts=TEXTS, dtype="float32")
    rounded = merge(adapter, tmp_path / "rounded", model=base, texts=TEXTS, dtype="bfloat16")
    assert rounded.dtype == "bfloat16"
    assert rounded.max_abs > 20 * whole.max_abs


def test_the_models_own_greedy_text_is_compared_where_none_is_given(adapter: Path, tmp_path: Path) -> None:
    report = merge(adapter, tmp_path / "merged", dtype="float32")
    assert report.tokens == 201


def test_another_base_is_refused_before_anything_is_written(adapter: Path, tmp_path: Path) -> None:
    other = write_transformers(tmp_path / "other", Shape(seed=1))
    with pytest.raises(InputError, match="trained on"):
        merge(adapter, tmp_path / "merged", model=other, texts=TEXTS)
    assert not (tmp_path / "merged").exists()
    with pytest.raises(ModelNotFound, match="--model"):
        merge(adapter, tmp_path / "merged", model=tmp_path / "nowhere", texts=TEXTS)


def test_a_folder_that_holds_a_model_is_not_written_over(base: Path, adapter: Path, tmp_path: Path) -> None:
    there = shutil.copytree(base, tmp_path / "there")
    with pytest.raises(InputError, match="holds a model already"):
        merge(adapter, there, texts=TEXTS)
