"""The recipe as runs of `reasonkit train`, on a model small enough to train in seconds, and what is exported of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")
pytest.importorskip("transformers")

from reasonkit.bundled import model_path  # noqa: E402
from reasonkit.errors import InputError  # noqa: E402
from reasonkit.train.config import TrainConfig, load_config  # noqa: E402
from reasonkit.train.journal import read_losses  # noqa: E402
from reasonkit.train.material import material  # noqa: E402
from reasonkit.train.recipes.tiny import rows, vocabulary  # noqa: E402
from reasonkit.train.recipes.tiny.export import export, gguf_name, neighbours, shape_of  # noqa: E402
from reasonkit.train.run import run  # noqa: E402
from reasonkit.train.sharding import World  # noqa: E402

RECIPE = Path(rows.__file__).parent
HERE = World(rank=0, size=1, device=torch.device("cpu"))


def config(output: Path, name: str = "config.toml", **changes: object) -> TrainConfig:
    """The recipe's configuration, with a model and steps of a test's size."""
    settings: dict[str, object] = {
        "output": output, "processes": 1, "sharding": "none", "batch.tokens": 2048, "evaluation.rows": 4,
        "optimizer.warmup": 5, "checkpoint.verify": False,
    }  # fmt: skip
    if name == "config.toml":
        settings |= {"model.width": 32, "model.layers": 2, "model.heads": 2, "model.inner": 64,
                     "model.vocabulary": 400, "model.tokenizer": output.parent / "tokenizer.json"}  # fmt: skip
    else:
        settings |= {"model.path": model_path()}
    return load_config(RECIPE / name, [f"{key}={_toml(value)}" for key, value in (settings | changes).items()])


def _toml(value: object) -> str:
    return json.dumps(str(value) if isinstance(value, Path) else value)


@pytest.fixture(scope="module")
def tokenizer():  # type: ignore[no-untyped-def]
    return vocabulary.learn(400, documents=150)


@pytest.fixture(scope="module")
def trained(tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("recipe")
    tokenizer.save(str(folder / "tokenizer.json"))
    return run(config(folder / "run", steps=60), HERE, material).output


@pytest.fixture(scope="module")
def exported(trained: Path) -> Path:
    target = trained.parent / "model"
    export(trained, target)
    return target


def test_a_name_has_the_same_tokens_after_a_space_and_after_a_bracket(tokenizer) -> None:  # type: ignore[no-untyped-def]
    for name in ("Danbury", "Ruth Marsh", "The Silver Orchard", "X-Ray", "1859"):
        bare = tokenizer.encode(name).ids
        assert tokenizer.encode(f"Search[{name}]").ids[-len(bare) - 1 : -1] == bare
        assert tokenizer.encode(f"and {name}").ids[-len(bare) :] == bare


def test_any_text_survives_the_tokenizer(tokenizer) -> None:  # type: ignore[no-untyped-def]
    for text in ("Zürich – 12,345 °C\n\n  'x'  ", "東京", "a\tb"):
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_a_row_is_a_function_of_seed_and_number() -> None:
    found = [rows.document(4, number) for number in range(6)]
    assert found == [rows.document(4, number) for number in range(6)]
    assert len({str(each) for each in found}) == 6
    assert rows.document(5, 0) != found[0]


def test_going_on_keeps_the_data_and_the_batches_and_takes_fresh_documents() -> None:
    first, further = (load_config(RECIPE / name) for name in ("config.toml", "further.toml"))
    assert (first.data, first.batch, first.method) == (further.data, further.batch, further.method)
    assert first.seed != further.seed
    assert first.output != further.output
    assert further.optimizer == first.optimizer.model_copy(update={"lr": 0.003})
    assert further.model.path is not None
    assert Path(model_path()).as_posix().endswith(further.model.path.as_posix().removeprefix("src/"))


def test_the_recipes_sizes_are_those_of_the_model_that_ships() -> None:
    sizes, ships = load_config(RECIPE / "config.toml").model, shape_of(Path(model_path()))
    assert (sizes.vocabulary, sizes.width, sizes.layers, sizes.heads, sizes.inner, sizes.context) == (
        ships.vocabulary, ships.width, ships.layers, ships.heads, ships.inner, ships.context,
    )  # fmt: skip


@pytest.mark.slow
def test_training_lowers_the_loss(trained: Path) -> None:
    losses = [line.loss for line in read_losses(trained)]
    assert sum(losses[-5:]) < 0.87 * sum(losses[:5])


@pytest.mark.slow
def test_going_on_begins_with_the_loss_of_the_model_that_ships(tmp_path: Path) -> None:
    output = run(config(tmp_path / "further", "further.toml", steps=2, **{"evaluation.rows": 0}), HERE, material).output
    assert all(line.loss < 0.2 for line in read_losses(output))  # nothing learned gives 7.6
    export(output, tmp_path / "model")
    assert shape_of(tmp_path / "model") == shape_of(Path(model_path()))
    learned, shipped = (json.loads((Path(folder) / "tokenizer.json").read_text(encoding="utf-8"))["model"]
                        for folder in (tmp_path / "model", model_path()))  # fmt: skip
    assert learned == shipped


@pytest.mark.slow
def test_the_export_is_what_was_trained_rounded_once(exported: Path, trained: Path) -> None:
    from safetensors.torch import load_file

    saved, whole = load_file(exported / "model.safetensors"), load_file(trained / "model.safetensors")
    assert set(saved) == set(whole) - {"lm_head.weight"}
    for name, weight in saved.items():
        assert weight.dtype == torch.float16
        assert torch.equal(weight, whole[name].half())


@pytest.mark.slow
def test_an_export_takes_the_place_of_an_earlier_one_and_of_nothing_else(exported: Path, trained: Path) -> None:
    before = {path.name: path.read_bytes() for path in exported.iterdir()}
    (exported / "model.safetensors").write_bytes(b"half")
    export(trained, exported)
    assert {path.name: path.read_bytes() for path in exported.iterdir()} == before
    assert not [path for path in exported.parent.iterdir() if path.name.startswith("model.")]
    (exported / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds 'notes\.txt', which is no part of the model"):
        export(trained, exported)
    (exported / "notes.txt").unlink()


def test_a_run_that_is_not_finished_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no finished run"):
        export(tmp_path, tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_the_card_names_the_prompt_and_the_endpoint(exported: Path) -> None:
    from reasonkit.clients.card import read_card

    card = read_card(exported)
    assert (card.prompt, card.endpoint, card.max_context) == ("tiny", "completions", 1024)


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_gguf_holds_the_same_values_as_the_safetensors(exported: Path) -> None:
    gguf = pytest.importorskip("gguf")
    from safetensors.torch import load_file

    heads = shape_of(exported).heads
    tensors = {tensor.name: tensor.data for tensor in gguf.GGUFReader(exported / "reasonkit-tiny.gguf").tensors}
    for name, weight in load_file(exported / "model.safetensors").items():
        wanted = neighbours(weight, heads) if name.endswith(("q_proj.weight", "k_proj.weight")) else weight
        found = torch.from_numpy(tensors[gguf_name(name)].copy()).reshape(wanted.shape)
        assert torch.equal(found.half(), wanted), name
    assert json.loads((exported / "config.json").read_text())["tie_word_embeddings"] is True
