"""Shapes: parameter counts against the models' cards and papers, and against transformers' own classes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.errors import InputError
from reasonkit.train.plan.adapters import Lora, adapted, adapter_parameters
from reasonkit.train.plan.configs import known_configs, shape_of, shape_of_config
from reasonkit.train.plan.shapes import assumed_shape

CARDS = {
    "gpt2": 124_439_808,
    "gpt2-xl": 1_557_611_200,
    "llama-7b": 6_738_415_616,
    "llama-13b": 13_015_864_320,
    "llama-30b": 32_528_943_616,
    "llama-65b": 65_285_660_672,
    "llama-2-70b": 68_976_648_192,
    "llama-3-8b": 8_030_261_248,
    "llama-3.1-405b": 405_853_388_800,
    "llama-3.2-1b": 1_235_814_400,
    "mistral-7b": 7_241_732_096,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-72b": 72_706_203_648,
    "qwen3-8b": 8_190_735_360,
    "tinyllama-1.1b": 1_100_048_384,
    "smollm2-135m": 134_515_008,
    "pythia-70m": 70_426_624,
    "pythia-12b": 11_846_072_320,
    "bloom": 176_247_271_424,
    "t5-small": 60_506_624,
    "t5-11b": 11_307_321_344,
    "flan-t5-base": 247_577_856,
    "flan-t5-xxl": 11_135_332_352,
    "bert-base": 109_514_298,
    "bart-large": 406_291_456,
}


@pytest.mark.parametrize("name", CARDS)
def test_a_known_model_has_the_parameters_that_its_card_names(name: str) -> None:
    assert shape_of(name).parameters == CARDS[name]


def test_gpt_3_has_175_billion_parameters() -> None:
    assert shape_of("gpt-3").parameters == pytest.approx(175e9, rel=0.005)


def test_a_name_may_have_an_owner_and_capitals() -> None:
    assert shape_of("openai-community/GPT2-XL").parameters == shape_of("gpt2-xl").parameters


def test_a_config_file_and_its_folder_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(known_configs()["llama-7b"]))
    for given_as in (tmp_path, tmp_path / "config.json"):
        assert shape_of(str(given_as)).matrices == shape_of("llama-7b").matrices


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "model_type is ''"),
        ({"model_type": "mamba"}, "known are bart, bert"),
        ({"model_type": "llama", "hidden_size": "wide"}, "hidden_size is 'wide'"),
        ({"model_type": "gpt2", "n_embd": 8, "n_head": 2, "n_layer": 0}, "n_layer is 0"),
        (
            {"model_type": "llama", "hidden_size": 96, "num_hidden_layers": 1, "num_attention_heads": 6,
             "num_key_value_heads": 4, "intermediate_size": 8, "vocab_size": 9},
            "6 heads cannot share 4 key heads",
        ),
    ],
)  # fmt: skip
def test_a_config_that_cannot_be_used_names_the_field(config: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        shape_of_config(config, name="mine")


@pytest.mark.parametrize("text", ["not JSON", "[]"])
def test_a_file_that_is_no_config_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json"):
        shape_of(str(tmp_path))


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'gpt2-xl'"):
        shape_of("gpt2-xxl")


@given(st.floats(min_value=2e7, max_value=2e12))
def test_an_assumed_shape_has_about_the_parameters_asked_for(parameters: float) -> None:
    shape = assumed_shape(parameters)
    assert shape.parameters == round(parameters)
    assert sum(matrix.numel * matrix.copies for matrix in shape.matrices) == pytest.approx(parameters, rel=0.1)


def test_lora_on_q_and_v_of_llama_7b_trains_what_its_paper_counts() -> None:
    """Hu et al. 2021: the sum of r (inputs + outputs); rank 8 on q and v."""
    shape = shape_of("llama-7b")
    assert adapter_parameters(shape, Lora(rank=8, targets=("q_proj", "v_proj"))) == 4_194_304


@pytest.mark.parametrize(
    "name", ["llama-7b", "qwen3-8b", "gpt2", "pythia-1b", "bloom", "bert-base", "flan-t5-xl", "bart-base"]
)
def test_attention_and_feed_forward_are_all_linear_maps_and_share_none(name: str) -> None:
    shape = shape_of(name)
    names = {
        group: {matrix.name for matrix in adapted(shape, Lora(rank=4, targets=(group,)))}
        for group in ("attention", "feed-forward", "all")
    }
    assert names["attention"] | names["feed-forward"] == names["all"] == {m.name for m in shape.matrices if m.linear}
    assert not names["attention"] & names["feed-forward"]
    for group in names:
        one, two = (adapter_parameters(shape, Lora(rank=rank, targets=(group,))) for rank in (4, 8))
        assert two == 2 * one


def test_a_target_that_names_nothing_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InputError, match=r"called 'q_prjo'.*q_proj"):
        adapted(shape_of("llama-7b"), Lora(rank=4, targets=("q_prjo",)))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in known_configs() if not name.startswith("flan-t5")])
def test_the_weights_are_those_of_the_class_in_transformers(name: str) -> None:
    """On the meta device. FLAN-T5 is left out: transformers 5 ties its head, the published files hold one of its own."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = dict(known_configs()[name])
    family = str(config.pop("model_type"))
    classes = {
        "bert": transformers.AutoModelForMaskedLM,
        "roberta": transformers.AutoModelForMaskedLM,
        "t5": transformers.AutoModelForSeq2SeqLM,
        "bart": transformers.AutoModelForSeq2SeqLM,
    }
    kind = classes.get(family, transformers.AutoModelForCausalLM)
    with torch.device("meta"):
        model = kind.from_config(transformers.AutoConfig.for_model(family, **config))
    model.tie_weights()
    ours: Counter[tuple[int, ...]] = Counter()
    for matrix in shape_of(name).matrices:
        ours[matrix.size] += matrix.copies
    assert Counter(tuple(weight.shape) for weight in model.parameters()) == ours


def test_every_known_model_is_read() -> None:
    for name in known_configs():
        assert shape_of(name).parameters > 1e7
