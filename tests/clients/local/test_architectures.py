"""Other architectures, made on the spot: each must write what transformers' own `generate` writes."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from reasonkit.clients.local import LocalClient
from reasonkit.errors import ContextOverflow, Unsupported
from reasonkit.types import Completion, Reply, Request, Sampling
from tests.clients.tiny_models import vocabulary, write_tokenizer

PROMPTS = ("Question: which river?\nThought 1:", "abc " * 12, "Question: which river?\nThought 1: more", "x")
VOCABULARY = len(vocabulary(120)[0])
IDS = {"vocab_size": VOCABULARY, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
SMALL = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256,
}  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return folder


def made(name: str, **options: Any) -> Any:
    """Make a model of a class with random weights, wide enough that its text varies."""
    import transformers

    torch.manual_seed(0)
    model = getattr(transformers, name)(getattr(transformers, name).config_class(**{**IDS, **options}))
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def ask(client: LocalClient, request: Request) -> tuple[Completion, ...]:
    *_, reply = client.stream(request)
    assert isinstance(reply, Reply)
    return reply.completions


def generated(model: Any, tokenizer: Any, prompt: str, tokens: int) -> str:
    ids = tokenizer(prompt, return_tensors="pt")
    with torch.no_grad():
        out = model.generate(
            input_ids=ids.input_ids, attention_mask=ids.attention_mask, max_new_tokens=tokens, do_sample=False
        )
    begun = 1 if model.config.is_encoder_decoder else ids.input_ids.shape[1]
    return str(tokenizer.decode(out[0, begun:], skip_special_tokens=True))


DECODERS = [
    ("GPT2LMHeadModel", {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 256}, True),
    ("Qwen3ForCausalLM", {**SMALL, "head_dim": 8}, True),
    ("GPTNeoXForCausalLM", {**SMALL}, True),
    ("OPTForCausalLM", {**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 32}, None),
    ("BloomForCausalLM", {"hidden_size": 32, "n_layer": 3, "n_head": 4}, None),
    ("MistralForCausalLM", {**SMALL, "sliding_window": 8}, False),
    ("MistralForCausalLM", {**SMALL, "sliding_window": 512}, True),
    ("Gemma2ForCausalLM", {**SMALL, "head_dim": 8, "sliding_window": 8}, False),
    ("MambaForCausalLM", {"hidden_size": 32, "num_hidden_layers": 2}, False),
]


@pytest.mark.parametrize(("name", "options", "shared"), DECODERS, ids=[f"{one[0]}-{one[2]}" for one in DECODERS])
def test_text_is_that_of_generate_whatever_the_cache_of_the_model(
    tokenizer: Path, name: str, options: dict[str, Any], shared: bool | None
) -> None:
    from transformers import AutoTokenizer

    model = made(name, **options)
    words = AutoTokenizer.from_pretrained(tokenizer)
    expected = {prompt: generated(model, words, prompt, 16) for prompt in PROMPTS}
    client = LocalClient(model, tokenizer=tokenizer, max_context=200)
    if shared is not None:
        assert (client._worker._batch is not None) == shared
    said: dict[str, str] = {}

    def work(prompt: str) -> None:
        said[prompt] = ask(client, Request(prompt=prompt, sampling=Sampling(max_tokens=16)))[0].text

    for _ in range(2):  # the second time from the cache, where there is one
        threads = [threading.Thread(target=work, args=(prompt,)) for prompt in PROMPTS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert said == expected
    drawn = Request(prompt=PROMPTS[0], sampling=Sampling(temperature=1.0, max_tokens=8), seeds=(1, 2, 3))
    together = [completion.text for completion in ask(client, drawn)]
    assert together == [ask(client, replace(drawn, seeds=(seed,)))[0].text for seed in (1, 2, 3)]
    client.close()


ENCODER_DECODERS = [
    ("T5ForConditionalGeneration", {"d_model": 32, "d_ff": 48, "d_kv": 8, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0}),
    ("BartForConditionalGeneration", {
        "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
        "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "max_position_embeddings": 64,
        "decoder_start_token_id": 2, "forced_eos_token_id": None,
    }),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), ENCODER_DECODERS, ids=[one[0] for one in ENCODER_DECODERS])
def test_an_encoder_decoder_writes_what_generate_writes_and_encodes_once(
    tokenizer: Path, name: str, options: dict[str, Any]
) -> None:
    from transformers import AutoTokenizer

    model = made(name, **options)
    words = AutoTokenizer.from_pretrained(tokenizer)
    client = LocalClient(model, tokenizer=tokenizer, max_context=60)
    for prompt in PROMPTS[:2]:
        expected = generated(model, words, prompt, 12)
        assert ask(client, Request(prompt=prompt, sampling=Sampling(max_tokens=12)))[0].text == expected
    encoded: list[int] = []
    hook = model.get_encoder().register_forward_hook(lambda *_: encoded.append(1))
    drawn = Request(prompt=PROMPTS[0], sampling=Sampling(temperature=1.0, max_tokens=8), seeds=(1, 2, 3))
    together = [completion.text for completion in ask(client, drawn)]
    assert len(encoded) == 1
    hook.remove()
    assert together == [ask(client, replace(drawn, seeds=(seed,)))[0].text for seed in (1, 2, 3)]
    assert len(set(together)) > 1
    with pytest.raises(ContextOverflow):
        ask(client, Request(prompt="word " * 100, sampling=Sampling(max_tokens=8)))
    client.close()


def test_an_encoder_writes_no_text_and_the_error_says_what_it_is_good_for(tokenizer: Path, tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(tokenizer, tmp_path / "bert")
    made("BertModel", **SMALL).save_pretrained(folder)
    with pytest.raises(Unsupported, match="Embedder"):
        LocalClient(folder)
