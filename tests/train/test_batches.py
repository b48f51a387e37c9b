"""Batches of a run: fixed by the configuration, shared by processes, faults said before the first step."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reasonkit.errors import DatasetError, InputError
from reasonkit.train.batches import Batches
from reasonkit.train.config.reading import parsed
from reasonkit.train.data.padding import padded
from reasonkit.train.examples import IGNORE, Example
from tests.train.letters import Letters, ids_of


def rows(seed: int, index: int) -> dict[str, object]:
    """A generator: the longer the index, the longer the answer."""
    dice = random.Random(f"{seed} {index}")
    answer = "a" * dice.randint(1, 20)
    return {"segments": [{"text": f"{seed} {index}?", "learn": False}, {"text": answer, "learn": True}]}


def endless(seed: int, index: int) -> Example:
    return Example((1, 100 + index % 200, 2), (IGNORE, 100 + index % 200, 2), f"from {seed}")


def silent(seed: int, index: int) -> dict[str, object]:
    return {"segments": [{"text": f"{seed} {index}", "learn": False}]}


def wrong(seed: int, index: int) -> int:
    return seed + index


GENERATED: dict[str, Any] = {"generator": f"{__name__}:rows", "rows": 60}


def batches(data: list[dict[str, Any]], *, pools: tuple[int, ...] = (), **changes: Any) -> Batches:
    fields = {"output": "x", "data": data, "batch": {"rows": 6, "max_length": 64}, **changes}
    objective = changes.get("objective", "causal")
    return Batches(
        parsed(fields, "run.toml"), Letters(begins=objective == "causal", ends=objective != "causal"), pools=pools
    )


def lines(path: Path, found: list[Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in found))
    return path


def test_a_pass_takes_each_row_once_and_the_next_pass_in_another_order() -> None:
    made = batches([GENERATED], epochs=2)
    assert made.steps == 20
    first = [row[0].input_ids for step in range(10) for row in made.sequences(step)]
    second = [row[0].input_ids for step in range(10, 20) for row in made.sequences(step)]
    assert len(set(first)) == 60
    assert sorted(first) == sorted(second)
    assert first != second


def test_the_same_configuration_gives_the_same_steps_and_another_seed_others() -> None:
    one, two = batches([GENERATED], seed=3), batches([GENERATED], seed=3)
    assert [two.sequences(step) for step in (7, 2)] == [one.sequences(step) for step in (7, 2)]
    assert batches([GENERATED], seed=4).sequences(2) != one.sequences(2)


@pytest.mark.parametrize("batch", [{"rows": 6}, {"rows": 5, "packing": True}, {"tokens": 200}])
def test_a_step_is_the_same_on_any_number_of_processes(batch: dict[str, Any]) -> None:
    made = batches([GENERATED], batch=batch | {"max_length": 64}, steps=12)
    for step in (0, 11):
        whole = [row.input_ids for sequence in made.sequences(step) for row in sequence]
        for world in (1, 2, 3):
            shared = [
                row.input_ids
                for rank in range(world)
                for sequence in made._slice(step, rank, world)
                for row in sequence
                if row.learned
            ]
            assert shared == whole


def test_a_process_without_a_row_of_its_own_looks_at_one_and_learns_nothing() -> None:
    made = batches([GENERATED | {"rows": 7}])
    assert (made.steps, len(made.sequences(1))) == (2, 1)
    parts = [made._slice(1, rank, 3) for rank in range(3)]
    assert sorted(sequence[0].learned for part in parts for sequence in part)[:2] == [0, 0]
    assert sum(sequence[0].learned for part in parts for sequence in part) == made.learned(1)


@pytest.mark.parametrize("batch", [{"rows": 5, "packing": True}, {"tokens": 200}])
def test_what_was_planned_is_handed_on_to_a_resumed_run(batch: dict[str, Any]) -> None:
    made = batches([GENERATED], batch=batch | {"max_length": 64}, steps=300)
    late = made.sequences(299)
    assert len(made.pools) > 1
    resumed = batches([GENERATED], batch=batch | {"max_length": 64}, steps=300, pools=made.pools)
    assert resumed.sequences(299) == late


def test_every_row_of_a_packed_pass_is_there_once() -> None:
    made = batches([GENERATED], batch={"rows": 4, "packing": True, "max_length": 64})
    seen = Counter(row.input_ids for step in range(made.steps) for sequence in made.sequences(step) for row in sequence)
    assert len(seen) == 60
    assert set(seen.values()) == {1}


def test_tasks_are_mixed_by_weight_and_keep_their_names() -> None:
    data: list[dict[str, Any]] = [
        {"generator": f"{__name__}:rows", "rows": 30, "weight": 3, "name": "many"},
        {"generator": f"{__name__}:endless", "name": "few"},
    ]
    made = batches(data, steps=128, batch={"rows": 8, "max_length": 64})
    tasks = Counter(row[0].task for step in range(128) for row in made.sequences(step))
    assert tasks == {"many": 768, "few": 256}


def test_an_endless_generator_never_repeats_and_follows_the_seed() -> None:
    made = batches([{"generator": f"{__name__}:rows"}], steps=50, seed=5)
    texts = {made.vocabulary.text(row[0].input_ids) for step in range(50) for row in made.sequences(step)}
    assert len(texts) == 300
    assert all(text.startswith("<bos>5 ") for text in texts)


def test_rows_held_out_are_never_trained_on(tmp_path: Path) -> None:
    file = lines(tmp_path / "t.jsonl", [{"input": f"{number}", "target": "t"} for number in range(50)])
    made = batches([{"file": str(file)}], evaluation={"rows": 10}, epochs=3)
    (source,) = made.sources
    held = {one.input_ids for one in source.measured()}
    assert held == {(1, *ids_of(f"{number}t"), 2) for number in range(40, 50)}
    trained = {row[0].input_ids for step in range(made.steps) for row in made.sequences(step)}
    assert len(trained) == 40
    assert not held & trained
    fewer = batches([{"file": str(file), "rows": 5}], evaluation={"rows": 10})
    assert {one.input_ids for one in fewer.sources[0].measured()} == held  # the same at every number of rows


def test_a_generators_held_out_rows_come_from_another_seed() -> None:
    (source,) = batches([GENERATED], evaluation={"rows": 4}, seed=9).sources
    texts = [source.encoder.vocabulary.text(one.input_ids) for one in source.measured()]
    assert [text.partition(" ")[0] for text in texts] == [f"<bos>{9 + 2**32}"] * 4


def test_a_prompts_hash_is_that_of_inference(tmp_path: Path) -> None:
    from reasonkit.prompts import Prompt

    file = lines(tmp_path / "t.jsonl", [{"question": "1+1", "answer": "2"}])
    task: dict[str, Any] = {"file": str(file), "prompt": "direct/tiny"}
    made = batches([task])
    assert made.prompt_sha256() == Prompt.load("direct/tiny").sha256
    assert batches([task, {**GENERATED, "name": "other"}]).prompt_sha256() is None
    assert batches([task, {**task, "name": "again"}]).prompt_sha256() == made.prompt_sha256()


@pytest.mark.parametrize(
    ("found", "changes", "said"),
    [
        ([{"segments": [{"text": "a", "learn": False}]}] * 3, {}, "every label of its 3 rows is masked"),
        ([{"input": "q" * 99, "target": "a"}] * 3, {}, "every row was cut away: 3 of 3 rows have nothing"),
        ([{"input": "q", "target": ""}] * 2, {}, "every label of its 2 rows is masked"),
        ([{"text": ""}], {}, "every label of its 1 rows is masked"),
        ([{"text": "a"}] * 4, {"evaluation": {"rows": 4}}, "of 4 rows 4 are held out, so none is left to train on"),
    ],
)
def test_nothing_to_learn_is_an_error_before_the_first_step(
    tmp_path: Path, found: list[Any], changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        batches([{"file": str(lines(tmp_path / "t.jsonl", found))}], **changes)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"text": "a"}\n{"text": 5}\n', "t.jsonl, line 2: field 'text' must be text"),
        ('{"text": "a"}\n\n{"text": "b"\n', "t.jsonl, line 3: not JSON"),
        ('{"text": "a"}\n[1]\n', "t.jsonl, line 2: not an object"),
    ],
)
def test_an_unreadable_row_is_named_by_file_line_and_field(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "t.jsonl").write_text(text)
    with pytest.raises(DatasetError) as caught:
        batches([{"file": str(tmp_path / "t.jsonl")}])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("generator", "said"),
    [
        ("nowhere.at.all:rows", "'nowhere.at.all:rows': the module cannot be imported"),
        (f"{__name__}:absent", "the module has no function 'absent'"),
        ("rows", "'rows' names no function: write module:function"),
        (f"{__name__}:silent", "silent: every label of its 32 rows is masked"),
        (f"{__name__}:wrong", "wrong(0, 0): a row without a prompt holds one of text"),
    ],
)
def test_a_generator_that_cannot_be_used_is_said(generator: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        batches([{"generator": generator}], steps=3)
    assert said in str(caught.value)


def test_what_was_cut_is_reported(tmp_path: Path) -> None:
    found = [{"input": "q" * 40, "target": "a" * 40}, {"input": "q" * 99, "target": "a"}, {"input": "q", "target": "a"}]
    made = batches([{"file": str(lines(tmp_path / "t.jsonl", found)), "name": "talks"}])
    (line,) = made.report()
    assert line == (
        "talks: 3 rows, 2 sequences, 68 tokens; 25 of them learned; 2 rows cut, 56 tokens lost with it; "
        "1 rows left out, because the cut left nothing to learn"
    )


def test_what_was_cut_of_the_rows_held_out_is_reported_too(tmp_path: Path) -> None:
    found = [{"input": "q", "target": "a"}] * 3 + [{"input": "q", "target": "a" * 99}]
    made = batches([{"file": str(lines(tmp_path / "t.jsonl", found))}], evaluation={"rows": 2})
    assert made.report() == (
        "t: 2 rows, 2 sequences, 8 tokens; 4 of them learned",
        "t, held out: 2 rows, 2 sequences, 68 tokens; 64 of them learned; 1 rows cut, 38 tokens lost with it",
    )


def test_sequences_longer_than_the_models_positions_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama", "max_position_embeddings": 32}')
    with pytest.raises(InputError, match=r"batch\.max_length is 64, but the model in .* has 32 positions"):
        batches([GENERATED], model={"path": str(tmp_path)})


def test_there_is_no_step_after_the_last() -> None:
    made = batches([GENERATED])
    with pytest.raises(InputError, match="there is no step 10: the run has 10"):
        made.sequences(10)


def test_rectangles_are_padded_to_the_multiple_and_pads_are_not_learned() -> None:
    one, two = Example((1, 2, 3), (IGNORE, 2, 3), "t"), Example((4, 5), (IGNORE, 5), "t")
    made = padded([(one,), (two,)], pad=0, pad_to=4, pairs=False, packing=False)
    assert made == {
        "input_ids": [[1, 2, 3, 0], [4, 5, 0, 0]],
        "labels": [[IGNORE, 2, 3, IGNORE], [IGNORE, 5, IGNORE, IGNORE]],
        "attention_mask": [[1, 1, 1, 0], [1, 1, 0, 0]],
    }
    made = padded([(one, two)], pad=0, pad_to=4, pairs=False, packing=True)
    assert made["position_ids"] == [[0, 1, 2, 0, 1, 0, 0, 0]]
    assert made["rows"] == [[1, 1, 1, 2, 2, 0, 0, 0]]
    pair = padded([(Example((1, 2, 3), (7,) * 5, "t"),)], pad=0, pad_to=4, pairs=True, packing=False)
    assert (len(pair["input_ids"][0]), len(pair["labels"][0])) == (4, 8)


def test_the_data_side_loads_no_torch() -> None:
    code = (
        "import sys, reasonkit.train.batches, reasonkit.train.preview, reasonkit.train.config, "
        "reasonkit.train.data.tokenizers, reasonkit.train.objectives\n"
        "print(sorted({'torch', 'transformers', 'tokenizers', 'httpx', 'jinja2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
