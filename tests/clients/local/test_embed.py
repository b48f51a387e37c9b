from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from reasonkit.clients.local import Embedder
from reasonkit.errors import ClientClosed, ContextOverflow, InputError, ModelNotFound
from tests.clients.tiny_models import vocabulary, write_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary(120)[0]), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=64, pad_token_id=0,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    write_tokenizer(folder)
    return folder


@pytest.fixture(scope="module")
def embedder(folder: Path) -> Embedder:
    return Embedder(folder, batch_size=3)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("abc river", max_size=30), max_size=8))
def test_a_text_has_one_vector_of_length_one_whatever_stands_beside_it(embedder: Embedder, texts: list[str]) -> None:
    together = embedder.embed(texts)
    assert len(together) == len(texts)
    for text, vector in zip(texts, together, strict=True):
        assert vector == pytest.approx(embedder.embed([text])[0], abs=1e-5)
        assert sum(value * value for value in vector) == pytest.approx(1.0, abs=1e-4)


def test_the_vector_is_the_mean_of_the_last_states(embedder: Embedder, folder: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    model: Any = AutoModel.from_pretrained(folder)
    with torch.no_grad():
        states = model(**AutoTokenizer.from_pretrained(folder)("which river?", return_tensors="pt")).last_hidden_state
    mean = states[0].mean(0)
    assert embedder.embed(["which river?"])[0] == pytest.approx((mean / mean.norm()).tolist(), abs=1e-5)


def test_a_text_that_is_too_long_is_an_error_and_not_cut(embedder: Embedder) -> None:
    with pytest.raises(ContextOverflow) as caught:
        embedder.embed(["short", "word " * 100])
    assert caught.value.limit == 64


def test_bad_input_and_a_closed_embedder_are_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        Embedder(tmp_path)
    with pytest.raises(InputError, match="batch_size"):
        Embedder(folder, batch_size=0)
    embedder = Embedder(folder)
    embedder.close()
    with pytest.raises(ClientClosed):
        embedder.embed(["x"])
