"""Batches with real tokenizers and models: packed rows stay apart, chats and prompts are marked, each family learns."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from reasonkit.errors import InputError
from reasonkit.train.batches import Batches, tensors
from reasonkit.train.config import load_config
from reasonkit.train.config.reading import parsed
from reasonkit.train.data.encoding import Counts, Encoder
from reasonkit.train.data.padding import padded
from reasonkit.train.data.rows import Marked, Turn
from reasonkit.train.data.tokenizers import learned, load_tokenizer
from reasonkit.train.data.vocabulary import Vocabulary
from reasonkit.train.examples import IGNORE, Example
from reasonkit.train.preview import preview

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.slow

TEXTS = [
    f"The {thing} of {place} is {size}. It lies near the {other}!"
    for thing in ("river", "tower", "old bridge", "market")
    for place in ("Ansel", "Borda", "Corvin")
    for size in ("small", "very long", "tall")
    for other in ("sea", "forest")
]
SIZES = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}


def model_of(kind: str, attention: str) -> Any:
    torch.manual_seed(0)
    if kind == "llama":
        config = transformers.LlamaConfig(**SIZES, attn_implementation=attention)
        return transformers.LlamaForCausalLM(config).train()
    if kind == "gpt2":
        config = transformers.GPT2Config(
            vocab_size=300, n_embd=32, n_layer=2, n_head=4, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
            bos_token_id=1, eos_token_id=2, attn_implementation=attention,
        )  # fmt: skip
        return transformers.GPT2LMHeadModel(config).train()
    config = transformers.BertConfig(
        **SIZES, hidden_dropout_prob=0, attention_probs_dropout_prob=0, attn_implementation=attention
    )
    return transformers.BertForMaskedLM(config).train()


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "bert"])
def test_a_packed_row_gives_the_logits_that_it_gives_alone(kind: str, attention: str) -> None:
    model, dice = model_of(kind, attention), random.Random(0)
    rows = [Example(ids, ids, "t") for ids in (tuple(dice.choices(range(5, 300), k=n)) for n in (7, 5, 9, 2))]
    batch = tensors(
        padded([(rows[0], rows[1], rows[2]), (rows[3],)], pad=0, pad_to=16, pairs=False, packing=True),
        causal=kind != "bert",
    )
    labels = batch.pop("labels")
    with torch.no_grad():
        together = model(**batch).logits
        for place, row, at in ((0, rows[0], 0), (0, rows[1], 7), (0, rows[2], 12), (1, rows[3], 0)):
            alone = model(input_ids=torch.tensor([row.input_ids])).logits[0]
            assert torch.allclose(together[place, at : at + len(row.input_ids)], alone, atol=1e-5)
            assert labels[place, at : at + len(row.input_ids)].tolist() == list(row.labels)


def written(path: Path, found: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(one) + "\n" for one in found))
    return str(path)


@pytest.mark.parametrize(
    ("objective", "architecture"),
    [("causal", "llama"), ("masked", "bert"), ("span_corruption", "t5"), ("denoising", "bart"), ("seq2seq", "t5")],
)
def test_each_objective_trains_from_nothing_on_a_learned_tokenizer(
    tmp_path: Path, objective: str, architecture: str
) -> None:
    found: list[dict[str, Any]] = [{"text": text} for text in TEXTS]
    if objective == "seq2seq":
        found = [{"input": text, "target": text.split()[1]} for text in TEXTS]
    config = parsed(
        {
            "output": "x", "objective": objective, "data": [{"file": written(tmp_path / "t.jsonl", found)}],
            "model": {"architecture": architecture, "vocabulary": 330}, "batch": {"rows": 4, "max_length": 64},
        },
        "run.toml",
    )  # fmt: skip
    tokenizer = load_tokenizer(config)
    made = Batches(config, tokenizer)
    batch = made.batch(0, 0, 1)
    assert len(tokenizer) <= 330
    assert batch["input_ids"].shape[0] == 4
    assert batch["input_ids"].shape[1] % 8 == 0
    assert int(batch["input_ids"].max()) < len(tokenizer)
    assert int((batch["labels"] != IGNORE).sum()) == made.learned(0)
    text = preview(config, 1, tokenizer=tokenizer).plain
    assert "⟦" in text


def test_a_learned_tokenizer_gives_every_text_back_and_is_the_same_again() -> None:
    one, two = (learned(iter(TEXTS), "causal", 400, 64) for _ in range(2))
    for text in ("naïve – 日本語\n\n\tx", TEXTS[0], "<bos> is a name"):
        ids = one(text, add_special_tokens=False).input_ids
        assert one.decode(ids) == text
    assert one.get_vocab() == two.get_vocab()
    assert one("a").input_ids[0] == one.bos_token_id
    with pytest.raises(InputError, match=r"model\.vocabulary is 300, but 256 bytes and 61 special tokens need 317"):
        learned(iter(TEXTS), "span_corruption", 300, 1024)


TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] }}<eos>{% endgeneration %}{% else %}{{ message['content'] }}{% endif %}\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def chatting(template: str) -> Any:
    tokenizer = learned(iter(TEXTS), "causal", 400, 64)
    tokenizer.chat_template = template
    return tokenizer


def test_a_real_chat_template_with_marks_says_what_is_learned() -> None:
    turns = [
        ("user", "Hello.", False),
        ("assistant", "Shown.", False),
        ("user", "And?", False),
        ("assistant", "Said.", True),
    ]
    chat = [Turn(role=role, content=content, learn=learn) for role, content, learn in turns]
    vocabulary = Vocabulary(chatting(TEMPLATE))
    ids, marks = vocabulary.chat(chat, "f")
    assert vocabulary.text([token for token, mark in zip(ids, marks, strict=True) if mark]) == "Said.<eos>"
    assert "<|user|>\nHello." in vocabulary.text(ids)


def test_a_chats_prompt_is_tokenised_as_the_local_client_does_it() -> None:
    from reasonkit.clients.local.text import Texts
    from reasonkit.types import Message

    tokenizer = chatting(TEMPLATE)
    asked = Texts(tokenizer, ends=frozenset(), name="m", thinking=False)
    prompt = asked.prompt_ids((Message(role="user", content="Hello."),))
    turns = [Turn(role="user", content="Hello.", learn=False), Turn(role="assistant", content="Said.", learn=True)]
    ids, _ = Vocabulary(tokenizer).chat(turns, "f")
    assert ids[: len(prompt)] == prompt


def test_a_template_without_marks_is_refused_before_the_first_step(tmp_path: Path) -> None:
    tokenizer = chatting(TEMPLATE.replace("{% generation %}", "").replace("{% endgeneration %}", ""))
    file = written(tmp_path / "t.jsonl", [{"question": "1 + 1?", "answer": "2"}])
    task = {"file": file, "prompt": "direct/tiny", "endpoint": "chat"}
    config = parsed({"output": "x", "data": [task]}, "run.toml")
    with pytest.raises(InputError, match=r"t\.jsonl, line 1: the model's chat template has no {% generation %} marks"):
        Batches(config, tokenizer)


def test_a_prompt_is_tokenised_as_the_local_client_does_it_and_the_answer_goes_on() -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    bare = Tokenizer(models.BPE(unk_token="<unk>"))
    bare.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    bare.decoder = decoders.Metaspace(prepend_scheme="always")
    bare.train_from_iterator(
        [*TEXTS, "0123456789 .\nabcdefghijklmnopqrstuvwxyz"],
        trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>"], show_progress=False),
    )
    spacing = Vocabulary(transformers.PreTrainedTokenizerFast(tokenizer_object=bare, unk_token="<unk>"))
    assert spacing.text(spacing.opening("The river of") + spacing.continuation(" Ansel is")) == "The river of Ansel is"
    assert spacing.text(spacing.opening("The riv") + spacing.continuation("er of")) == "The river of"
    assert spacing.text(spacing.opening("The riv") + spacing.bare("er of")) == "The riv er of"  # what it would be else


def test_the_recipe_of_the_bundled_model_is_a_configuration_of_this_command() -> None:
    from reasonkit.train.recipes.tiny import rows
    from reasonkit.train.recipes.tiny.documents import BOS, EOS, segments

    config = load_config(Path(rows.__file__).with_name("config.toml"))
    bundled = Path(rows.__file__).parents[3] / "bundled" / "model"
    tokenizer = transformers.AutoTokenizer.from_pretrained(bundled)
    made = Batches(config, tokenizer)
    assert made.steps == 2400
    for index in range(40):
        ours = made.sources[0].encoder.encode(made.sources[0].generator.row(index), Counts(), "t")  # type: ignore[union-attr]
        ids, learns = [BOS], [False]
        for part, learn in segments(random.Random(f"{config.seed} {index}")):
            ids += (encoded := tokenizer(part, add_special_tokens=False).input_ids)
            learns += [learn] * len(encoded)
        if len(ids) < config.batch.max_length:
            assert ours[0].input_ids == (*ids, EOS)
            assert [label != IGNORE for label in ours[0].labels] == [*learns, True]
    shapes = [made.batch(step, 0, 2)["input_ids"].shape for step in range(5)]
    assert all(rows * width <= 16384 for rows, width in shapes)
    assert all(width % 32 == 0 for _, width in shapes)


def test_marked_rows_of_a_real_tokenizer_learn_the_models_words_alone() -> None:
    vocabulary = Vocabulary(learned(iter(TEXTS), "causal", 400, 64))

    row = Marked(
        parts=(("The river of", False), (" Ansel is", True), ("\nObservation: x\n", False), ("y", True)), where="f"
    )
    (example,) = Encoder(vocabulary, "causal", 64).encode(row, Counts(), "t")
    learns = [label for label in example.labels if label != IGNORE]
    assert vocabulary.text(learns) == " Ansel isy<eos>"
