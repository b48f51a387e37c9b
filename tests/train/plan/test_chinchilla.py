"""Tokens, FLOPs and time against the papers' figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.errors import InputError
from reasonkit.train.plan.chinchilla import EPOCH, HOFFMANN, LAWS, TABLE_3, Law, optimal_tokens, optimum
from reasonkit.train.plan.compute import METHODS, flops_a_token, passes, seconds
from reasonkit.train.plan.configs import shape_of


def test_70_billion_parameters_deserve_1_4_trillion_tokens() -> None:
    """Hoffmann et al. 2022: Chinchilla itself."""
    assert optimal_tokens(70e9) == 1.4e12


@pytest.mark.parametrize(("parameters", "tokens"), TABLE_3)
def test_table_3_of_hoffmann_is_met_exactly_and_by_20_a_parameter_nearly(parameters: float, tokens: float) -> None:
    assert optimal_tokens(parameters, "table3") == pytest.approx(tokens)
    assert optimal_tokens(parameters) == pytest.approx(tokens, rel=0.11)


@pytest.mark.parametrize(
    ("law", "parameters", "tokens", "ratio"),
    [("epoch", 72.3e9, 1.33e12, 18.4), ("hoffmann", 32.2e9, 2.98e12, 93)],
)
def test_the_fits_at_gophers_budget(law: Law, parameters: float, tokens: float, ratio: float) -> None:
    """5.76e23 FLOPs: Besiroglu et al. 2024, and Hoffmann's constants as printed."""
    best = optimum(5.76e23, law)
    assert best.parameters == pytest.approx(parameters, rel=0.002)
    assert best.tokens == pytest.approx(tokens, rel=0.003)
    assert best.tokens / best.parameters == pytest.approx(ratio, rel=0.01)


def test_the_losses_of_chinchilla() -> None:
    assert round(EPOCH.loss(70e9, 1.4e12), 4) == 1.9739
    assert round(HOFFMANN.loss(70e9, 1.4e12), 4) == 1.9366


@pytest.mark.parametrize("law", LAWS)
@given(exponent=st.floats(19.5, 25.5))
def test_the_best_size_deserves_the_tokens_that_its_budget_leaves(law: Law, exponent: float) -> None:
    best = optimum(10**exponent, law)
    assert 6 * best.parameters * best.tokens == pytest.approx(best.flops)
    assert optimal_tokens(best.parameters, law) == pytest.approx(best.tokens, rel=1e-6)


@pytest.mark.parametrize("fit", [EPOCH, HOFFMANN])
@given(exponent=st.floats(18, 26), factor=st.floats(1.05, 3))
def test_no_other_split_of_a_budget_has_a_lower_loss(fit: object, exponent: float, factor: float) -> None:
    assert isinstance(fit, type(EPOCH))
    flops = 10**exponent
    best = fit.parameters(flops)
    lowest = fit.loss(best, flops / (6 * best))
    for other in (best * factor, best / factor):
        assert fit.loss(other, flops / (6 * other)) > lowest


@pytest.mark.parametrize(
    "call", [lambda: optimal_tokens(1e6, "table3"), lambda: optimum(1e10, "table3"), lambda: optimum(0)]
)
def test_what_a_law_does_not_cover_is_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(InputError):
        call()


@pytest.mark.parametrize(
    ("method", "recompute", "factor"), [("full", False, 6), ("full", True, 8), ("lora", False, 4), ("qlora", False, 4)]
)  # fmt: skip
def test_flops_are_6_8_or_4_a_parameter(method: str, recompute: bool, factor: int) -> None:
    """Kaplan et al. 2020; full recomputation; LoRA's frozen weights."""
    shape = shape_of("gpt2")
    bare = flops_a_token(shape, sequence=1024, method=method, recompute=recompute, attention=False)  # type: ignore[arg-type]
    assert bare == factor * shape.parameters


def test_attention_adds_12_l_h_s_a_token() -> None:
    shape = shape_of("llama-7b")
    with_scores, bare = (flops_a_token(shape, sequence=4096, attention=counted) for counted in (True, False))
    assert with_scores - bare == 12 * 32 * 4096 * 4096


def test_every_method_costs_a_forward_pass_more_when_activations_are_recomputed() -> None:
    for method in METHODS:
        assert passes(method, recompute=True) == passes(method, recompute=False) + 1


def test_chinchilla_takes_5_88e23_flops_and_so_many_days() -> None:
    """70e9 parameters, 1.4e12 tokens; on 1,000 GPUs at 400 TFLOP/s 17 days."""
    flops = 6 * 70e9 * 1.4e12
    assert flops == pytest.approx(5.88e23)
    assert seconds(flops, throughput=400e12, gpus=1000) / 86_400 == pytest.approx(17.0, rel=0.01)
