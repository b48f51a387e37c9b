"""Peaks, verdicts and charts: what must hold whatever the figures are, and the figures of the seed's text."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonkit.errors import InputError
from reasonkit.train.plan import Lora, Run, assumed_shape, plan, read_calibrations, shape_of
from reasonkit.train.plan.activations import Calibration, Factors, guess, kept
from reasonkit.train.plan.chart import chart, gigabytes
from reasonkit.train.plan.planning import option
from reasonkit.train.plan.states import SHARDINGS, Sharding
from reasonkit.train.plan.verdict import first_fix

SHIPPED = read_calibrations()
LLAMA = shape_of("llama-7b")
RUNS = st.builds(
    Run,
    shape=st.sampled_from([shape_of(name) for name in ("gpt2", "llama-3.2-1b", "flan-t5-base", "bert-base")]),
    method=st.sampled_from(["full", "lora", "qlora"]),
    precision=st.sampled_from(["bf16", "fp32", "autocast", "pure-bf16"]),
    optimizer=st.sampled_from(["adam", "adam8bit", "adafactor", "sgd"]),
    batch=st.integers(1, 64),
    sequence=st.integers(16, 4096),
    recompute=st.booleans(),
    gpus=st.integers(1, 16),
)


def test_a_billion_parameters_are_4_gigabytes_and_20_times_that_is_their_states_and_some_rows() -> None:
    """The seed's text: 1B parameters take 4 GB in fp32, and about 80 GB to train."""
    found = plan(Run(shape=assumed_shape(1e9), precision="fp32"), ("ddp",), calibrations=SHIPPED)
    rule = found.rule
    assert (rule.weights_bytes, rule.states_bytes, rule.total_bytes) == (4_000_000_000, 16_000_000_000, 80_000_000_000)
    assert rule.rest_bytes == 64_000_000_000 == pytest.approx(rule.rows * rule.row_bytes)
    assert found.options[0].rest.weights == 4_000_000_000


def test_every_item_of_llama_7b_in_one_table() -> None:
    found = option(Run(shape=LLAMA, batch=2, sequence=1024), "ddp", SHIPPED)
    p, tokens = LLAMA.parameters, 2 * 1024
    assert (found.rest.weights, found.rest.gradients) == (2 * p, 2 * p)
    assert found.rest.optimizer == 12 * p + 4 * 291
    full = replace(Run(shape=LLAMA, batch=2, sequence=1024), precision="fp32", accumulation=2)
    peak = option(full, "ddp", SHIPPED).peak
    a_layer = 32 * 4096 + 16 * 11008 + 8 * 4096 + 4 * 32
    assert peak.activations == pytest.approx(tokens * (32 * a_layer + 12 * 4096), rel=0.0001)
    assert peak.logits == pytest.approx(tokens * 32_000 * 12, rel=0.0001)


@pytest.mark.parametrize(
    ("compute", "hidden", "feed_forward", "keys", "heads"), [(2, 20.02, 7.99, 3.98, 6.09), (4, 32.02, 15.99, 7.98, 6.09)]
)  # fmt: skip
@pytest.mark.parametrize("name", ["llama-7b", "llama-3-8b", "llama-2-70b", "tinyllama-1.1b"])
def test_llamas_layers_keep_what_was_measured_before(
    compute: int, hidden: float, feed_forward: float, keys: float, heads: float, name: str
) -> None:
    """Transformers' Llama, SDPA: s b (20.02h + 7.99f + 3.98h kv/a + 6.09a) in bf16, a fit of an earlier measurement."""
    shape = shape_of(name)
    found = kept(shape, batch=2, sequence=512, compute=compute, calibrations=SHIPPED)
    a_token = hidden * shape.hidden + feed_forward * shape.feed_forward + keys * shape.key + heads * shape.heads
    assert found.calibrated is not None
    assert found.layer == pytest.approx(1024 * a_token, rel=0.02)


def test_korthikantis_formula_does_not_fit_llama() -> None:
    """Korthikanti et al. 2022: sbh (34 + 5as/h) was right for its own classes."""
    found = kept(LLAMA, batch=1, sequence=2048, compute=2, calibrations=SHIPPED)
    theirs = 2048 * 4096 * (34 + 5 * 32 * 2048 / 4096)
    assert abs(found.layer / theirs - 1) > 0.5


@pytest.mark.parametrize("targets", [("attention",), ("all",)])
def test_lora_saves_less_than_a_third_of_the_activations(targets: tuple[str, ...]) -> None:
    lora = option(Run(shape=LLAMA, method="lora", lora=Lora(rank=8, targets=targets)), "ddp", SHIPPED).peak
    full = option(Run(shape=LLAMA), "ddp", SHIPPED).peak
    assert lora.activations > 0.66 * full.activations


@settings(max_examples=40)
@given(RUNS)
def test_the_peak_is_the_sum_of_its_items_and_no_less_than_what_rests(run: Run) -> None:
    for sharding in SHARDINGS:
        found = option(run, sharding, SHIPPED)
        peak = found.peak
        items = (peak.weights, peak.gradients, peak.optimizer, peak.activations, peak.logits, peak.buffers)
        assert peak.total == sum(items)
        assert min(items) >= 0
        assert peak.total >= found.rest.total >= found.emptiest


@settings(max_examples=40)
@given(RUNS, st.sampled_from(SHARDINGS))
def test_more_rows_longer_rows_and_fewer_gpus_never_need_less(run: Run, sharding: Sharding) -> None:
    before = option(run, sharding, SHIPPED).peak.total
    assert option(replace(run, batch=run.batch + 1), sharding, SHIPPED).peak.total >= before
    assert option(replace(run, sequence=2 * run.sequence), sharding, SHIPPED).peak.total >= before
    assert option(replace(run, accumulation=2), sharding, SHIPPED).peak.total >= before
    if run.gpus > 1:
        assert option(replace(run, gpus=2 * run.gpus), sharding, SHIPPED).peak.total <= before


@settings(max_examples=40)
@given(RUNS)
def test_one_gpu_needs_the_same_however_it_is_sharded(run: Run) -> None:
    """Of the paper's ways; FSDP2 has its copy in full precision as its weights, so its gradients are wider."""
    ways: tuple[Sharding, ...] = ("ddp", "zero1", "zero2", "zero3")
    assert len({option(replace(run, gpus=1), sharding, SHIPPED).peak for sharding in ways}) == 1


@settings(max_examples=40)
@given(RUNS)
def test_recomputation_keeps_no_more_than_a_layer_and_every_input(run: Run) -> None:
    plain, again = (
        option(replace(run, recompute=recompute, batch=8, sequence=512), "ddp", SHIPPED).peak
        for recompute in (False, True)
    )
    assert again.total <= plain.total


@settings(max_examples=40)
@given(RUNS, st.floats(5e8, 4e10))
def test_a_fix_fits_and_names_the_options_that_reach_it(run: Run, memory: float) -> None:
    run = replace(run, memory_bytes=memory)
    fix = first_fix(run, "ddp", SHIPPED)
    if fix is not None:
        assert fix.option.fits
        assert fix.changes
        assert all(option.startswith("--") for option in fix.options)


def test_the_first_fix_leaves_training_as_it_is_where_that_is_enough() -> None:
    run = Run(shape=shape_of("llama-3.2-1b"), batch=32, memory_bytes=40e9)
    assert not option(run, "ddp", SHIPPED).fits
    fix = first_fix(run, "ddp", SHIPPED)
    assert fix is not None
    assert fix.options == ("--batch 2 --accumulation 16",)


def test_the_next_fix_is_to_shard_and_the_last_are_adapters() -> None:
    sharded = first_fix(Run(shape=LLAMA, gpus=8, memory_bytes=80e9), "ddp", SHIPPED)
    adapters = first_fix(Run(shape=LLAMA, memory_bytes=24e9), "ddp", SHIPPED)
    assert sharded is not None
    assert adapters is not None
    assert sharded.options == ("--sharding zero1",)
    assert adapters.options[-1] in ("--method lora", "--method qlora")


def test_nothing_is_to_be_fixed_where_a_run_fits_or_nobody_asks() -> None:
    fits = plan(Run(shape=shape_of("gpt2"), memory_bytes=80e9), ("ddp",), calibrations=SHIPPED)
    unasked = plan(Run(shape=shape_of("gpt2")), ("ddp",), calibrations=SHIPPED)
    assert (fits.fits, fits.fix, unasked.fits, unasked.fix) == (True, None, None, None)


def test_what_was_not_measured_says_so() -> None:
    measured = plan(Run(shape=LLAMA), ("ddp",), calibrations=SHIPPED)
    assert measured.options[0].calibrated is not None
    for run in (
        Run(shape=shape_of("flan-t5-base")),
        Run(shape=LLAMA, method="qlora"),
        Run(shape=LLAMA, method="lora", lora=Lora(rank=8, targets=("q_proj", "v_proj"))),
        Run(shape=LLAMA, attention="eager"),
        Run(shape=assumed_shape(1e9)),
    ):
        found = plan(run, ("ddp",), calibrations=SHIPPED)
        assert found.options[0].calibrated is None
        assert any("not calibrated" in note for note in found.notes)


def test_a_calibration_that_is_far_off_is_not_used() -> None:
    poor = Calibration(
        family="llama", attention="sdpa", compute=2, method="full", device="cpu", versions="", error=0.03, factors=Factors()
    )  # fmt: skip
    assert kept(LLAMA, batch=1, sequence=8, compute=2, calibrations=[poor]).calibrated is None


def test_the_guess_is_of_the_right_size() -> None:
    for one in SHIPPED:
        if one.method == "full" and one.family == "llama":
            real, guessed = (
                factors.layer(LLAMA, 1, 512) for factors in (one.factors, guess(LLAMA, one.compute))
            )  # fmt: skip
            assert guessed == pytest.approx(real, rel=0.1)


@pytest.mark.parametrize(
    "changes", [{"batch": 0}, {"gpus": 0}, {"sequence": 0}, {"memory_bytes": 0.0}, {"headroom": 0.95}]
)  # fmt: skip
def test_numbers_out_of_range_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Run(shape=LLAMA, **changes)  # type: ignore[arg-type]


def test_the_chart_shows_every_option_and_its_bars_are_as_long_as_their_bytes() -> None:
    found = plan(Run(shape=LLAMA, gpus=8, memory_bytes=80e9), SHARDINGS, calibrations=SHIPPED)
    root = ET.fromstring(chart(found))
    space = "{http://www.w3.org/2000/svg}"
    texts = [text.text or "" for text in root.iter(f"{space}text")]
    for sharding in SHARDINGS:
        assert f"{sharding}, at rest" in texts
        assert f"{sharding}, peak" in texts
    bars = [bar for bar in root.iter(f"{space}rect") if bar.find(f"{space}title") is not None]
    drawn = sum(float(bar.attrib["width"]) for bar in bars)
    held = sum(one.rest.total + one.peak.total for one in found.options)
    largest = max(one.peak.total for one in found.options)
    longest = 860 - 130 - 90
    assert drawn == pytest.approx(held / largest * longest, rel=0.01)
    assert "80.0 GB a GPU" in texts


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (1500, "1.5 kB"), (4e9, "4.0 GB"), (6.494e12, "6.5 TB")])
def test_bytes_are_written_in_their_unit(count: float, text: str) -> None:
    assert gigabytes(count) == text
