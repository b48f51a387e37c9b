"""The loop: recorded episodes become rows, rows an adapter, and the adapter answers by its name, measured by item."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("xllamacpp")

from reasonkit import ReAct
from reasonkit.bundled import model_path
from reasonkit.cli import main
from reasonkit.clients.local import LocalClient
from reasonkit.clients.local.manifest import weights_sha256
from reasonkit.errors import InputError
from reasonkit.evaluation import compare, evaluate, load_dataset
from reasonkit.prompts import Prompt
from reasonkit.train.adapters import examine, read_entry
from reasonkit.types import Request, Sampling


@pytest.mark.slow
def test_correct_traces_train_an_adapter_that_is_loaded_by_name_and_compared(tmp_path: Path) -> None:
    drawn = load_dataset("bundled:one_hop").sample(30, seed=1)
    to_learn, held_out = (replace(drawn, questions=part) for part in (drawn.questions[:24], drawn.questions[24:]))
    with ReAct() as agent:
        figures = evaluate(agent, to_learn, tmp_path / "runs", concurrency=4)
    assert figures.right.value > 0
    rows, trace = tmp_path / "rows.jsonl", tmp_path / "runs" / "trace.jsonl"
    assert main(["trace", "export", str(trace), "--format", "sft", "--correct-only", "-o", str(rows)]) == 0
    prompt = Prompt.load("react/tiny")
    exported = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    assert len(exported) == round(figures.right.value * figures.n)
    assert {row["prompt_sha256"] for row in exported} == {prompt.sha256}

    folder = tmp_path / "adapters" / "one-hop"
    config = {
        "output": str(folder), "data": [{"file": str(rows)}], "model": {"path": str(model_path())}, "steps": 4,
        "method": {"kind": "lora", "rank": 4}, "optimizer": {"lr": 1e-3}, "checkpoint": {"verify": False},
    }  # fmt: skip
    (tmp_path / "run.json").write_text(json.dumps(config))
    assert main(["train", str(tmp_path / "run.json")]) == 0
    entry = read_entry(folder)
    assert entry.manifest is not None
    assert (entry.manifest.prompt_sha256, entry.manifest.base_sha256) == (prompt.sha256, weights_sha256(model_path()))
    assert {finding.grade for finding in examine(entry, prompt=prompt)} == {"good"}

    client = LocalClient(model_path(), adapters=tmp_path / "adapters")
    assert client.adapters == ("one-hop",)
    for name, adapter in (("before", None), ("after", "one-hop")):
        evaluate(ReAct(client, prompt="react/tiny", adapter=adapter), held_out, tmp_path / name, concurrency=6)
    found = compare(tmp_path / "before", tmp_path / "after")
    assert found.n == 6
    assert -1 <= found.right.low <= found.right.value <= found.right.high <= 1
    other = Request(prompt="Q:", sampling=Sampling(max_tokens=1), adapter="one-hop", prompt_sha256="b" * 64)
    with pytest.raises(InputError, match=f"{prompt.sha256[:12]}.*bbbbbbbbbbbb"):
        list(client.stream(other))
    client.close()
