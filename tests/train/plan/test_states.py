"""States: the ZeRO paper's figures, torch's shards, and what must hold for any of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.errors import InputError
from reasonkit.train.plan.adapters import NF4_BITS, NF4_DOUBLE_BITS, Lora, tensors_of
from reasonkit.train.plan.configs import shape_of
from reasonkit.train.plan.states import (
    OPTIMIZERS,
    PRECISIONS,
    SHARDINGS,
    OptimizerName,
    PrecisionName,
    Sharding,
    Tensor,
    even_states,
    exact_states,
)

GB = 1e9
SIZES = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("sharding", "gigabytes"), [("ddp", 120), ("zero1", 31.4), ("zero2", 16.6), ("zero3", 1.9)]
)  # fmt: skip
def test_7_5_billion_on_64_ranks_as_in_figure_1_of_the_zero_paper(sharding: Sharding, gigabytes: float) -> None:
    assert round(even_states(7.5e9, 64, sharding).total / GB, 1) == gigabytes


def test_gpt_2_of_1_5_billion_needs_24_gigabytes_of_states() -> None:
    """Rajbhandari et al. 2020, section 3.1."""
    assert even_states(1.5e9, 1, "ddp").total == 24 * GB


@pytest.mark.parametrize("n", [1, 2, 4, 64, 1024])
def test_the_formulas_of_mixed_precision(n: int) -> None:
    """16P; 4P + 12P/N; 2P + 14P/N; 16P/N."""
    p = 1024 * 10_000
    found = [even_states(p, n, sharding).total for sharding in ("ddp", "zero1", "zero2", "zero3")]
    assert found == [16 * p, 4 * p + 12 * p // n, 2 * p + 14 * p // n, 16 * p // n]


@pytest.mark.parametrize("n", [1, 2, 4, 64, 1024])
def test_the_formulas_of_fp32(n: int) -> None:
    """16P; 8P + 8P/N; 4P + 12P/N; 16P/N; torch's FSDP is the last one, its weights kept or not."""
    p = 1024 * 10_000
    found = [even_states(p, n, sharding, precision="fp32").total for sharding in SHARDINGS]
    full = 16 * p // n
    assert found == [16 * p, 8 * p + 8 * p // n, 4 * p + 12 * p // n, full, full, full]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("sharding", SHARDINGS)
def test_one_rank_holds_what_ddp_holds(precision: PrecisionName, optimizer: OptimizerName, sharding: Sharding) -> None:
    plain = even_states(1e6, 1, "ddp", precision=precision, optimizer=optimizer).total
    assert even_states(1e6, 1, sharding, precision=precision, optimizer=optimizer).total == plain
    tensors = tensors_of(shape_of("gpt2"))
    whole = exact_states(tensors, 1, "ddp", precision=precision, optimizer=optimizer)[0].total
    assert exact_states(tensors, 1, sharding, precision=precision, optimizer=optimizer)[0].total == whole


@given(SIZES, st.integers(1, 9))
def test_the_shards_of_all_ranks_hold_everything_and_no_optimizer_state_twice(
    sizes: list[tuple[int, int]], ranks: int
) -> None:
    tensors = [Tensor(size=size) for size in sizes]
    elements = sum(tensor.numel for tensor in tensors)
    for sharding in SHARDINGS:
        found = exact_states(tensors, ranks, sharding, precision="fp32", optimizer="momentum")
        copies = ranks if sharding == "ddp" else 1
        assert sum(rank.optimizer for rank in found) == 4 * elements * copies
        assert all(rank.weights >= 4 * elements / ranks for rank in found)
        if sharding == "zero2":
            assert sum(rank.gradients for rank in found) == 4 * elements


@given(SIZES, st.integers(1, 8))
def test_more_sharding_and_more_ranks_never_need_more(sizes: list[tuple[int, int]], ranks: int) -> None:
    tensors = [Tensor(size=size) for size in sizes]
    elements = sum(tensor.numel for tensor in tensors)
    stages: tuple[Sharding, ...] = ("ddp", "zero1", "zero2", "zero3")
    even = [even_states(elements, ranks, sharding).total for sharding in stages]
    assert even == sorted(even, reverse=True)
    for sharding in SHARDINGS:
        fullest = [max(one.total for one in exact_states(tensors, n, sharding)) for n in (ranks, 2 * ranks)]
        assert fullest[1] <= fullest[0]


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 16))
def test_rows_are_padded_to_the_largest_part(rows: int, columns: int, ranks: int) -> None:
    """FSDP2 stores as much on every rank; only the optimizer sees how many rows are really there."""
    found = exact_states([Tensor(size=(rows, columns))], ranks, "fsdp", precision="fp32", optimizer="momentum")
    each = -(-rows // ranks)
    assert {rank.weights for rank in found} == {rank.gradients for rank in found} == {4 * each * columns}
    assert found[0].optimizer == 4 * min(each, rows) * columns


def test_even_and_exact_agree_where_everything_divides() -> None:
    tensors = [Tensor(size=(64, 16)) for _ in range(8)]
    for sharding in SHARDINGS:
        exact = exact_states(tensors, 8, sharding, precision="fp32", optimizer="momentum")
        even = even_states(8 * 64 * 16, 8, sharding, precision="fp32", optimizer="momentum")
        assert set(exact) == {even}


def test_fsdp_in_mixed_precision_holds_its_shard_in_fp32() -> None:
    (rank,) = exact_states([Tensor(size=(4, 4))], 1, "fsdp", optimizer="sgd")
    assert (rank.weights, rank.gradients) == (64, 64)


@pytest.mark.parametrize(
    ("optimizer", "bytes_a_parameter"), [("adam", 8), ("lion", 4), ("momentum", 4), ("sgd", 0), ("adam8bit", 2.03125)]
)  # fmt: skip
def test_optimizers_hold_so_many_bytes(optimizer: OptimizerName, bytes_a_parameter: float) -> None:
    (rank,) = exact_states([Tensor(size=(1024, 1024))], 1, "ddp", precision="fp32", optimizer=optimizer)
    assert rank.optimizer == pytest.approx(bytes_a_parameter * 1024**2, abs=8)


def test_adafactor_holds_rows_and_columns() -> None:
    (rank,) = exact_states(
        [Tensor(size=(30, 50)), Tensor(size=(50,))], 1, "ddp", precision="fp32", optimizer="adafactor"
    )
    assert rank.optimizer == 4 * (30 + 50) + 4 + 4 * 50 + 4


def test_lora_trains_adapters_in_fp32_beside_frozen_weights() -> None:
    shape = shape_of("llama-7b")
    lora = Lora(rank=8, targets=("q_proj", "v_proj"))
    (rank,) = exact_states(tensors_of(shape, lora=lora), 1, "ddp")
    assert rank.weights == 2 * shape.parameters + 4 * 4_194_304
    assert rank.gradients == 4 * 4_194_304
    assert rank.optimizer == 8 * 4_194_304 + 4 * 128


def test_nf4_takes_4_5_bits_and_4_127_with_double_quantisation() -> None:
    """Dettmers et al. 2023, section 3: 0.5 bits of scales a weight, 0.127 once they are quantised."""
    assert NF4_BITS == 4.5
    assert round(NF4_DOUBLE_BITS, 3) == 4.127
    shape = shape_of("llama-7b")
    lora = Lora(rank=8)
    linear = sum(matrix.numel * matrix.copies for matrix in shape.matrices if matrix.linear)
    tensors = tensors_of(shape, lora=lora, linear_bits=NF4_BITS)
    held = sum(tensor.numel * tensor.copies * (tensor.held or 0) for tensor in tensors if not tensor.trained)
    assert held == linear * 4.5 / 8 + (shape.parameters - linear) * 2


def test_no_ranks_and_no_tensors_are_refused() -> None:
    for tensors, ranks in (([], 1), ([Tensor(size=(1,))], 0)):
        with pytest.raises(InputError):
            exact_states(tensors, ranks, "ddp")
