"""The configuration of a run: read, refused with the nearest name, overridden, compared with what lies underneath."""

from __future__ import annotations

import dataclasses
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from reasonkit.errors import InputError
from reasonkit.train.config import TrainConfig, differences, load_config, written
from reasonkit.train.config.differences import _WITH_MUON, ADAMW, MUON, PEFT, TRAINER, UNDERNEATH
from reasonkit.train.config.reading import parsed

LEAST: dict[str, Any] = {"output": "runs/a", "data": [{"file": "a.jsonl"}]}


def made(**changes: Any) -> TrainConfig:
    return parsed(LEAST | changes, "run.toml")


def refused(**changes: Any) -> str:
    with pytest.raises(InputError) as caught:
        made(**changes)
    return str(caught.value)


def test_a_file_of_toml_or_json_is_read(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('output = "o"\n[[data]]\nfile = "a.jsonl"\n[optimizer]\nlr = 1e-4\n')
    (tmp_path / "run.json").write_text('{"output": "o", "data": [{"file": "a.jsonl"}], "optimizer": {"lr": 1e-4}}')
    assert load_config(tmp_path / "run.toml") == load_config(tmp_path / "run.json")
    assert load_config(tmp_path / "run.toml").optimizer.lr == 1e-4


def test_an_unknown_key_is_refused_with_the_nearest_known_one() -> None:
    assert refused(outptu="x") == "run.toml: unknown key 'outptu'; did you mean 'output'?"
    assert "unknown key 'learning_rat' in optimizer; there are: betas" in refused(optimizer={"learning_rat": 1})
    assert "unknown key 'promt' in data.0; did you mean 'prompt'?" in refused(data=[{"file": "a", "promt": "x"}])
    assert "unknown key 'packin' in batch; did you mean 'packing'?" in refused(batch={"packin": True})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optimizer": {"lr": -1}}, "optimizer.lr is -1: input should be greater than 0"),
        ({"precision": "fp16"}, "precision is 'fp16': input should be 'fp32' or 'bf16'"),
        ({"steps": 5, "epochs": 1}, "give steps or epochs, not both"),
        ({"data": [{}]}, "data.0: a task has either a file or a generator"),
        ({"data": []}, "data is []: tuple should have at least 1 item"),
        ({"data": [{"generator": "m:f"}]}, "the generator 'f' has no end: give steps, or rows of the task"),
        ({"data": [{"generator": "m:f", "prompt": "p"}]}, "prompt and columns are for files"),
        ({"data": [{"file": "a", "columns": {"question": "q"}}]}, "columns name what a prompt uses: give a prompt"),
        ({"data": [{"file": "x/a"}, {"file": "y/a"}]}, "two tasks are called 'a': give one a name"),
        ({"data": [{"file": "a", "split": "held_out"}]}, "is held out, but evaluation.rows is 0"),
        (
            {"data": [{"file": "a", "split": "held_out"}], "evaluation": {"rows": 4}},
            "every task is held out: there is none to train on",
        ),
        ({"objective": "masked"}, "a new llama (decoder) learns causal, not masked"),
        ({"model": {"architecture": "t5"}}, "learns seq2seq or span_corruption or denoising, not causal"),
        ({"method": {"kind": "lora"}}, "lora adapts a model that is there: give model.path"),
        ({"model": {"width": 100, "heads": 3}}, "width 100 is no multiple of heads 3"),
        ({"batch": {"max_length": 2048}}, "batch.max_length 2048 is over model.context 1024"),
        ({"batch": {"rows": 4, "tokens": 4096}}, "give rows or tokens, not both"),
        ({"batch": {"tokens": 100}}, "tokens 100 does not hold one sequence of max_length 512"),
        ({"batch": {"rows": 2}, "processes": 4, "sharding": "ddp"}, "2 rows a step do not go round 4 processes"),
        ({"processes": 2}, "2 processes need a sharding: ddp, zero1, zero2 or zero3"),
        (
            {"model": {"architecture": "bart"}, "objective": "denoising", "batch": {"packing": True}},
            "packing is for causal and masked, not denoising",
        ),
    ],
)
def test_what_cannot_be_is_said_by_key_and_value(changes: dict[str, Any], said: str) -> None:
    assert said in refused(**changes)


def test_all_faults_are_named_at_once() -> None:
    said = refused(optimizer={"lr": 0}, precison="bf16", batch={"rows": 0})
    assert "optimizer.lr" in said
    assert "precison" in said
    assert "batch.rows" in said


def test_overrides_reach_every_key(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('output = "o"\n[[data]]\nfile = "a.jsonl"\n')
    config = load_config(
        tmp_path / "run.toml",
        ["optimizer.lr=1e-4", "data.0.weight=2", "output=runs/b", "batch.packing=true", "optimizer.betas=[0.9, 0.98]"],
    )
    assert config.optimizer.lr == 1e-4
    assert config.data[0].weight == 2
    assert config.output == Path("runs/b")
    assert config.batch.packing
    assert config.optimizer.betas == (0.9, 0.98)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("optimizer.lr", "write key=value"),
        ("data.1.weight=2", "there is no '1'"),
        ("data.x.weight=2", "there is no 'x'"),
        ("optimiser.lr=1", "unknown key 'optimiser'; did you mean 'optimizer'?"),
        ("output.folder=x", "there is no 'folder'"),
    ],
)
def test_an_override_that_leads_nowhere_is_refused(tmp_path: Path, override: str, said: str) -> None:
    (tmp_path / "run.toml").write_text('output = "o"\n[[data]]\nfile = "a.jsonl"\n')
    with pytest.raises(InputError) as caught:
        load_config(tmp_path / "run.toml", [override])
    assert said in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("output = \n")
    (tmp_path / "run.json").write_text("[1]")
    with pytest.raises(InputError, match=r"run\.toml: not TOML"):
        load_config(tmp_path / "run.toml")
    with pytest.raises(InputError, match=r"run\.json: holds no keys and values"):
        load_config(tmp_path / "run.json")
    with pytest.raises(InputError, match=r"none\.toml: cannot be read"):
        load_config(tmp_path / "none.toml")


def test_a_configuration_written_down_reads_back_the_same() -> None:
    config = made(steps=7, optimizer={"kind": "muon", "clip": None}, model={"tokenizer": "m:f"})
    assert parsed(json.loads(json.dumps(written(config))), "again") == config


def test_differences_name_what_is_changed_and_where_our_default_is_another() -> None:
    said = {one.key: one.said for one in differences(made(optimizer={"lr": 0.01}, batch={"rows": 8}))}
    assert said["optimizer.lr"] == "optimizer.lr = 0.01  (by default 0.001)  (torch.optim.AdamW: 0.001)"
    assert said["optimizer.betas"] == "optimizer.betas = (0.9, 0.95)  (torch.optim.AdamW: (0.9, 0.999))"
    assert said["output"] == "output = runs/a"
    assert said["checkpoint.keep"].endswith("(transformers.TrainingArguments: none)")
    assert "batch.rows" not in said  # 8 by default, here and there
    assert "batch.accumulation" not in said
    assert not [key for key in said if key.startswith("method.")]  # all weights move: LoRA's settings are not used


def test_differences_of_lora_name_pefts_defaults_and_of_muon_torchs() -> None:
    lora = made(method={"kind": "lora", "rank": 4}, model={"path": "m"}, optimizer={"kind": "muon"})
    said = {one.key: one.said for one in differences(lora)}
    assert said["method.rank"] == "method.rank = 4  (by default 8)  (peft.LoraConfig: 8)"
    assert said["method.alpha"] == "method.alpha = 16.0  (peft.LoraConfig: 8)"
    assert said["optimizer.weight_decay"] == "optimizer.weight_decay = 0.0  (torch.optim.Muon: 0.1)"
    assert "model.width" not in said


@pytest.mark.slow
def test_the_defaults_underneath_are_those_of_the_libraries() -> None:
    torch = pytest.importorskip("torch")
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")

    def signed(kind: Any) -> dict[str, object]:
        return {name: one.default for name, one in inspect.signature(kind).parameters.items()}

    fields = {one.name: one.default for one in dataclasses.fields(transformers.TrainingArguments)}
    lora, adamw, muon = peft.LoraConfig(), signed(torch.optim.AdamW), signed(torch.optim.Muon)
    theirs = {
        ("optimizer.lr", ADAMW): adamw["lr"],
        ("optimizer.betas", ADAMW): adamw["betas"],
        ("optimizer.epsilon", ADAMW): adamw["eps"],
        ("optimizer.weight_decay", ADAMW): adamw["weight_decay"],
        ("optimizer.lr", MUON): muon["lr"],
        ("optimizer.weight_decay", MUON): muon["weight_decay"],
        ("optimizer.schedule", TRAINER): getattr(fields["lr_scheduler_type"], "value", fields["lr_scheduler_type"]),
        ("optimizer.warmup", TRAINER): fields["warmup_steps"],
        ("optimizer.clip", TRAINER): fields["max_grad_norm"],
        ("epochs", TRAINER): fields["num_train_epochs"],
        ("seed", TRAINER): fields["seed"],
        ("batch.rows", TRAINER): fields["per_device_train_batch_size"],
        ("batch.accumulation", TRAINER): fields["gradient_accumulation_steps"],
        ("checkpoint.every", TRAINER): fields["save_steps"],
        ("checkpoint.keep", TRAINER): fields["save_total_limit"],
        ("method.rank", PEFT): lora.r,
        ("method.alpha", PEFT): lora.lora_alpha,
        ("method.dropout", PEFT): lora.lora_dropout,
        ("method.targets", PEFT): lora.target_modules,
    }
    said = [*UNDERNEATH.items(), *_WITH_MUON.items()]
    assert {(key, library): value for key, (library, value) in said} == theirs
