from __future__ import annotations

import json
from pathlib import Path

import pytest

from reasonkit.clients.card import ModelCard, read_card
from reasonkit.errors import InputError


def write(folder: Path, value: object) -> Path:
    (folder / "reasonkit.json").write_text(json.dumps(value), encoding="utf-8")
    return folder


def test_a_folder_without_a_card_has_an_empty_one(tmp_path: Path) -> None:
    assert read_card(tmp_path) == ModelCard()
    assert read_card(tmp_path / "no" / "such" / "model.gguf") == ModelCard()


def test_a_card_is_read_from_the_folder_and_from_a_file_beside_it(tmp_path: Path) -> None:
    write(tmp_path, {"prompt": "short", "endpoint": "completions", "max_context": 512, "name": "tiny"})
    card = ModelCard(prompt="short", endpoint="completions", max_context=512, name="tiny")
    assert read_card(tmp_path) == card
    assert read_card(str(tmp_path)) == card
    assert read_card(tmp_path / "model.gguf") == card


def test_null_counts_as_absent(tmp_path: Path) -> None:
    assert read_card(write(tmp_path, {"prompt": None, "endpoint": None, "max_context": None})) == ModelCard()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"promt": "short"}, "promt"),
        ({"prompt": 3}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"endpoint": "completion"}, "endpoint"),
        ({"max_context": "512"}, "max_context"),
        ({"max_context": True}, "max_context"),
        ({"max_context": 0}, "max_context"),
        (["prompt"], "object"),
    ],
)
def test_a_card_with_anything_else_is_refused_and_the_key_named(tmp_path: Path, value: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_card(write(tmp_path, value))


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe{}"])
def test_a_broken_card_is_refused_and_the_file_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "reasonkit.json").write_bytes(content)
    with pytest.raises(InputError, match=r"reasonkit\.json"):
        read_card(tmp_path)
