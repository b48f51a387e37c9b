"""The preview: what is learned is told apart with and without colour."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reasonkit.train.config import TrainConfig
from reasonkit.train.config.reading import parsed
from reasonkit.train.preview import LEARNED, preview
from tests.train.letters import Letters


def config(tmp_path: Path, row: dict[str, Any], **changes: Any) -> TrainConfig:
    file = tmp_path / "talks.jsonl"
    file.write_text(json.dumps(row) + "\n")
    return parsed({"output": "x", "data": [{"file": str(file)}], **changes}, "run.toml")


def test_what_is_learned_stands_in_brackets_and_in_colour(tmp_path: Path) -> None:
    row = {"segments": [{"text": "Q: x\nA:", "learn": False}, {"text": " y", "learn": True}]}
    text = preview(config(tmp_path, row), tokenizer=Letters())
    assert "<bos>Q: x\nA:⟦ y<eos>⟧\n" in text.plain
    assert [text.plain[span.start : span.end] for span in text.spans if span.style == LEARNED] == ["⟦ y<eos>⟧"]
    assert "── talks, row 1: 11 tokens, 3 learned ──" in text.plain
    assert "1 steps; step 1: 1 sequences, 11 tokens, 3 labels" in text.plain


def test_an_encoder_decoders_row_shows_input_and_target(tmp_path: Path) -> None:
    made = config(tmp_path, {"input": "in", "target": "out"}, objective="seq2seq", model={"architecture": "t5"})
    assert "input: in<eos>\ntarget: ⟦out<eos>⟧\n" in preview(made, tokenizer=Letters(begins=False, ends=True)).plain


def test_a_hidden_token_shows_what_it_was(tmp_path: Path) -> None:
    made = config(tmp_path, {"text": "abcdefgh"}, objective="masked", model={"architecture": "bert"})
    plain = preview(made, tokenizer=Letters(ends=True)).plain
    assert plain.count("⟦") == 1
    assert " → " in plain


def test_rows_beyond_those_that_are_there_are_not_invented(tmp_path: Path) -> None:
    plain = preview(config(tmp_path, {"text": "ab"}), rows=5, tokenizer=Letters()).plain
    assert plain.count("──") == 2


def test_a_row_cannot_write_to_the_terminal_itself(tmp_path: Path) -> None:
    plain = preview(config(tmp_path, {"text": "a\x1b[31mb\rc\td"}), tokenizer=Letters()).plain
    assert "a\\x1b[31mb\\x0dc\\x09d" in plain
