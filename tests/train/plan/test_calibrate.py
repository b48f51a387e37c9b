"""Calibration against real models: what was fitted holds for shapes that the fit has not seen, and peaks are real ones."""

from __future__ import annotations

from typing import Any

import pytest

from reasonkit.errors import InputError
from reasonkit.train.plan import Run, read_calibrations
from reasonkit.train.plan.activations import WITHIN, kept
from reasonkit.train.plan.calibrate import FITTED, HELD_OUT, Sizes, build, calibrate, measure, shape_for
from reasonkit.train.plan.planning import option

SHIPPED = read_calibrations()
UNSEEN = (
    Sizes(heads=6, head_size=64, key_heads=3, hidden=384, feed_forward=1000, vocabulary=1500, batch=3, sequence=90, rank=12),
    Sizes(heads=14, head_size=16, key_heads=7, hidden=196, feed_forward=333, vocabulary=777, batch=1, sequence=211, rank=5),
)  # fmt: skip
"""Drawn after fitting, and unlike what was fitted: other widths, odd lengths, more layers."""


def test_no_shape_is_both_fitted_and_held_out() -> None:
    assert not set(FITTED) & set(HELD_OUT)
    assert not set(UNSEEN) & {*FITTED, *HELD_OUT}


def test_what_ships_was_within_two_percent_on_held_out_shapes() -> None:
    assert {(one.family, one.compute, one.method) for one in SHIPPED} >= {
        ("llama", compute, method) for compute in (2, 4) for method in ("full", "lora-attention", "lora-all")
    }
    assert max(one.error for one in SHIPPED) <= WITHIN


@pytest.mark.parametrize(
    ("family", "compute", "method"), [("t5", 2, "full"), ("llama", 8, "full"), ("llama", 2, "some")]
)
def test_what_cannot_be_measured_is_refused(family: str, compute: int, method: str) -> None:
    with pytest.raises(InputError, match="cannot calibrate"):
        calibrate(family, compute=compute, method=method)


@pytest.fixture
def one_thread() -> Any:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield torch
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("family", ["llama", "qwen3", "gpt_neox"])
@pytest.mark.parametrize("compute", [2, 4])
@pytest.mark.parametrize("sizes", UNSEEN, ids=["wide", "odd"])
def test_activations_are_within_two_percent_of_a_model_that_was_never_seen(
    family: str, compute: int, sizes: Sizes
) -> None:
    """What autograd saves in one forward pass of transformers' class, logits' softmax included."""
    layers = 5
    real = measure(family, sizes, layers, compute=compute, method="full", attention="sdpa")
    shape = shape_for(family, sizes, layers)
    planned = kept(shape, batch=sizes.batch, sequence=sizes.sequence, compute=compute, calibrations=SHIPPED)
    tokens = sizes.batch * sizes.sequence
    of_the_backward_pass = tokens * 8 * shape.vocabulary
    assert planned.calibrated is not None
    assert planned.saved + planned.logits - of_the_backward_pass == pytest.approx(real, rel=WITHIN)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_a_calibration_made_here_is_the_one_that_ships() -> None:
    made = calibrate("llama", compute=4)
    assert made.error <= WITHIN
    shipped = next(one for one in SHIPPED if (one.family, one.compute, one.method) == ("llama", 4, "full"))
    assert made.factors.hidden == pytest.approx(shipped.factors.hidden, abs=0.01)
    assert made.factors.feed_forward == pytest.approx(shipped.factors.feed_forward, abs=0.01)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`gradient_checkpointing_enable`")
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize(
    ("sizes", "compute", "recompute"),
    [
        (Sizes(heads=4, head_size=32, key_heads=4, hidden=128, feed_forward=352, vocabulary=4000, batch=4, sequence=128, rank=1), 2, False),
        (Sizes(heads=8, head_size=16, key_heads=2, hidden=128, feed_forward=512, vocabulary=300, batch=4, sequence=128, rank=1), 4, False),
        (Sizes(heads=8, head_size=16, key_heads=2, hidden=128, feed_forward=512, vocabulary=300, batch=4, sequence=128, rank=1), 2, True),
        (Sizes(heads=8, head_size=48, key_heads=4, hidden=384, feed_forward=1024, vocabulary=2000, batch=1, sequence=24, rank=1), 4, True),
    ],
    ids=["logits", "activations", "recomputed", "weights"],
)  # fmt: skip
def test_the_peak_of_a_step_is_what_torch_sees(sizes: Sizes, compute: int, recompute: bool, one_thread: Any) -> None:
    """Against torch's own tracker of live storages, for full training with Adam, tensor by tensor."""
    from torch.distributed._tools.mem_tracker import MemTracker

    torch, layers = one_thread, 4
    model = build("llama", sizes, layers, compute=compute, method="full", attention="sdpa").train()
    if recompute:
        model.gradient_checkpointing_enable()
    optimizer = torch.optim.AdamW(model.parameters(), foreach=False)
    tokens = torch.randint(0, sizes.vocabulary, (sizes.batch, sizes.sequence))
    tracker = MemTracker()
    tracker.track_external(model, optimizer)
    with tracker:
        for first in (True, False):
            model(input_ids=tokens, labels=tokens).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if first:
                tracker.reset_mod_stats()
    real = next(iter(tracker.get_tracker_snapshot("peak").values()))["Total"]
    run = Run(
        shape=shape_for("llama", sizes, layers),
        precision="fp32" if compute == 4 else "pure-bf16",
        batch=sizes.batch,
        sequence=sizes.sequence,
        recompute=recompute,
    )
    assert option(run, "ddp", SHIPPED).peak.total == pytest.approx(real, rel=0.05)
