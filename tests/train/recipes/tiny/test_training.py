"""The network, its training and its export, on a network small enough to train in a second."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from reasonkit.train.recipes.tiny import vocabulary  # noqa: E402
from reasonkit.train.recipes.tiny.batches import batches, padded, rounded  # noqa: E402
from reasonkit.train.recipes.tiny.documents import Document, document  # noqa: E402
from reasonkit.train.recipes.tiny.network import PLAIN_LENGTH, Network, Shape  # noqa: E402
from reasonkit.train.recipes.tiny.train import Plan, Worker, rate_at  # noqa: E402

SMALL = Shape(vocabulary=400, width=32, layers=2, heads=2, inner=64)


@pytest.fixture(scope="module")
def tokenizer():  # type: ignore[no-untyped-def]
    return vocabulary.learn(SMALL.vocabulary, documents=150)


@pytest.fixture
def folder(tmp_path: Path, tokenizer) -> Path:  # type: ignore[no-untyped-def]
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_a_name_has_the_same_tokens_after_a_space_and_after_a_bracket(tokenizer) -> None:  # type: ignore[no-untyped-def]
    for name in ("Danbury", "Ruth Marsh", "The Silver Orchard", "X-Ray", "1859"):
        bare = tokenizer.encode(name).ids
        assert tokenizer.encode(f"Search[{name}]").ids[-len(bare) - 1 : -1] == bare
        assert tokenizer.encode(f"and {name}").ids[-len(bare) :] == bare


def test_any_text_survives_the_tokenizer(tokenizer) -> None:  # type: ignore[no-untyped-def]
    for text in ("Zürich – 12,345 °C\n\n  'x'  ", "東京", "a\tb"):
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


@pytest.mark.parametrize("length", [40, PLAIN_LENGTH + 8])
def test_a_position_sees_nothing_that_comes_after_it(length: int) -> None:
    network = Network(SMALL, bfloat16=False)
    network.initialise(1)
    ids = torch.randint(3, 400, (2, length))
    changed = ids.clone()
    changed[:, length // 2 :] = torch.randint(3, 400, (2, length - length // 2))
    before, after = network(ids)[:, : length // 2], network(changed)[:, : length // 2]
    assert torch.allclose(before, after, atol=1e-5)


@pytest.mark.parametrize("length", [40, PLAIN_LENGTH + 8])
def test_the_network_is_the_llama_of_transformers(length: int) -> None:
    transformers = pytest.importorskip("transformers")
    from reasonkit.train.recipes.tiny.export import configuration

    network = Network(SMALL, bfloat16=False)
    network.initialise(2)
    config = transformers.LlamaConfig(**{k: v for k, v in configuration(SMALL).items() if k != "architectures"})
    other = transformers.LlamaForCausalLM(config).float().eval()
    other.load_state_dict(network.state_dict() | {"lm_head.weight": network.model.embed_tokens.weight})
    ids = torch.randint(3, 400, (2, length))
    assert torch.allclose(network(ids), other(ids).logits, atol=1e-4)


def test_a_batch_is_padded_to_few_lengths_and_never_learns_padding() -> None:
    documents = [Document(ids=(1, *range(3, 3 + n), 2), learned=(False, *[True] * n, True)) for n in (3, 40)]
    ids, learned = padded(documents)
    assert ids.shape == (2, 64) == learned.shape
    assert not learned[ids == 0].any()
    assert [rounded(n) for n in (1, 32, 33)] == [32, 32, 64]


def test_batches_are_the_same_for_the_same_seed_and_fresh_in_the_next_pool(tokenizer) -> None:  # type: ignore[no-untyped-def]
    first, again, later = (next(batches(tokenizer, 1, pool, 4096, 1024))[0] for pool in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first[:1, :20], later[:1, :20])


def test_the_learning_rate_warms_up_and_falls_with_the_spent_share() -> None:
    assert rate_at(0.0, 0) < 0.02
    assert rate_at(0.0, 100) == pytest.approx(1.0)
    assert rate_at(0.5, 1000) == pytest.approx(0.51)
    assert rate_at(1.0, 1000) == pytest.approx(0.02)


def plan(folder: Path, **changes: object) -> Plan:
    settings: dict[str, object] = {"folder": folder, "minutes": 1.0, "workers": 2, "batch_tokens": 2048}
    return Plan(**(settings | changes))  # type: ignore[arg-type]


@pytest.mark.slow
def test_training_lowers_the_loss_and_resumes_where_it_stopped(folder: Path) -> None:
    worker = Worker(plan(folder), 0, SMALL)
    source = batches(worker.tokenizer, 5, 0, 2048, 1024)
    losses = [worker.advance(*next(source), budget=60.0) for _ in range(60)]
    assert sum(losses[-5:]) < 0.87 * sum(losses[:5])
    worker.pool, worker.elapsed = 3, 12.5
    worker.save()
    resumed = Worker(plan(folder), 0, SMALL)
    assert (resumed.step, resumed.pool, resumed.tokens, resumed.elapsed) == (60, 3, worker.tokens, 12.5)
    ids, learned = next(source)
    assert resumed.advance(ids, learned, 60.0) == pytest.approx(worker.advance(ids, learned, 60.0), rel=1e-4)
    for name, weight in worker.network.state_dict().items():
        assert torch.allclose(resumed.network.state_dict()[name], weight, atol=1e-5), name


def test_a_document_is_a_function_of_seed_and_number(tokenizer) -> None:  # type: ignore[no-untyped-def]
    found = [document(tokenizer, 4, number) for number in range(6)]
    assert found == [document(tokenizer, 4, number) for number in range(6)]
    assert len({each.ids for each in found}) == 6
    assert document(tokenizer, 5, 0) != found[0]
    assert all(len(each.ids) == len(each.learned) and any(each.learned) for each in found)


def test_training_can_go_on_from_exported_weights(exported: Path, folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    following = tmp_path / "following"
    following.mkdir()
    (following / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    worker = Worker(plan(following, start=exported / "model.safetensors"), 0, SMALL)
    for name, weight in load_file(exported / "model.safetensors").items():
        assert torch.equal(worker.network.state_dict()[name], weight.float())


@pytest.mark.slow
def test_a_run_that_is_told_to_stop_writes_a_checkpoint_and_ends(folder: Path) -> None:
    worker = Worker(plan(folder, workers=1, minutes=5.0), 0, SMALL)
    worker.stop()
    worker.run()
    assert worker.checkpoint.exists()
    assert not (folder / "worker0.jsonl").exists()


@pytest.mark.slow
def test_two_workers_meet_half_way(folder: Path) -> None:
    first, second = Worker(plan(folder), 0, SMALL), Worker(plan(folder, seed=9), 1, SMALL)
    before = [worker.network.state_dict()["model.norm.weight"].clone() for worker in (first, second)]
    with torch.no_grad():
        second.network.model.norm.weight += 1.0
    first.average()
    second.average()
    first.average()
    assert torch.allclose(second.network.model.norm.weight, before[0] + 0.5)
    assert torch.allclose(first.network.model.norm.weight, before[0] + 0.5)


@pytest.fixture
def exported(folder: Path, tmp_path: Path) -> Path:
    from reasonkit.train.recipes.tiny.export import export

    for number in range(2):
        worker = Worker(plan(folder), number, SMALL)
        worker.network.initialise(number)
        worker.save()
    export(folder, tmp_path / "model", SMALL)
    return tmp_path / "model"


def test_the_export_is_the_mean_of_the_workers_rounded_once(exported: Path, folder: Path) -> None:
    from safetensors.torch import load_file

    saved = load_file(exported / "model.safetensors")
    states = [torch.load(folder / f"worker{n}.pt", weights_only=True)["network"] for n in range(2)]
    for name, weight in saved.items():
        assert weight.dtype == torch.float16
        assert torch.equal(weight, ((states[0][name] + states[1][name]) / 2).half())


def test_the_card_names_the_prompt_and_the_endpoint(exported: Path) -> None:
    from reasonkit.clients.card import read_card

    card = read_card(exported)
    assert (card.prompt, card.endpoint, card.max_context) == ("tiny", "completions", 1024)


def test_transformers_and_llama_cpp_read_the_same_tokens(exported: Path) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("xllamacpp")
    from reasonkit.clients.gguf import GGUFClient

    tokenizer = transformers.AutoTokenizer.from_pretrained(exported)
    client = GGUFClient(exported)
    try:
        for text in ("Who wrote The Old River's 3 Songs (novel)?", "12,345 km – Zürich", "a\n\n    b = 3", "東京 "):
            with_beginning = tokenizer(text).input_ids
            assert with_beginning[0] == 1
            assert client.count_tokens(text) == len(with_beginning) - 1
    finally:
        client.close()


def test_the_gguf_holds_the_same_values_as_the_safetensors(exported: Path) -> None:
    gguf = pytest.importorskip("gguf")
    from safetensors.torch import load_file

    from reasonkit.train.recipes.tiny.export import gguf_name, neighbours

    tensors = {tensor.name: tensor.data for tensor in gguf.GGUFReader(exported / "reasonkit-tiny.gguf").tensors}
    for name, weight in load_file(exported / "model.safetensors").items():
        wanted = neighbours(weight, SMALL.heads) if name.endswith(("q_proj.weight", "k_proj.weight")) else weight
        found = torch.from_numpy(tensors[gguf_name(name)].copy()).reshape(wanted.shape)
        assert torch.equal(found.half(), wanted), name
    assert json.loads((exported / "config.json").read_text())["tie_word_embeddings"] is True
