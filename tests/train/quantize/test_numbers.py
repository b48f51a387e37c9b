"""What a number becomes in each format, against the machine's own arithmetic and the standards' figures."""

from __future__ import annotations

import itertools
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.train.quantize.numbers import BF16, FP8, FP16, FP32, INT4, INT8, NF4, Floating

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)


def as_float32_bits(number: float) -> str:
    return format(struct.unpack("<I", struct.pack("<f", number))[0], "032b")


@given(FINITE)
def test_fp32_is_the_machines_own(number: float) -> None:
    assert FP32.stored(number) == number
    assert FP32.pattern(number) == as_float32_bits(number) or number == 0


@given(FINITE)
def test_fp16_is_the_machines_own(number: float) -> None:
    try:
        (there,) = struct.unpack("<e", struct.pack("<e", number))
    except OverflowError:
        there = math.copysign(math.inf, number)
    assert FP16.stored(number) == there
    if math.isfinite(there) and there:
        assert int(FP16.pattern(number), 2) == struct.unpack("<H", struct.pack("<e", number))[0]


@given(st.floats(min_value=-(2.0**127), max_value=2.0**127, width=32))
def test_bf16_is_the_upper_half_of_fp32(number: float) -> None:
    kept = BF16.stored(number)
    assert as_float32_bits(kept)[16:] == "0" * 16
    assert kept == 0 or BF16.pattern(number) == as_float32_bits(kept)[:16]
    assert abs(kept - number) <= BF16.step(number) / 2


@pytest.mark.parametrize(
    ("form", "bits", "largest", "normal", "smallest", "step"),
    [
        (FP32, 32, 3.4028234663852886e38, 2.0**-126, 2.0**-149, 2.0**-23),
        (FP16, 16, 65504.0, 2.0**-14, 2.0**-24, 2.0**-10),
        (BF16, 16, 3.3895313892515355e38, 2.0**-126, 2.0**-133, 2.0**-7),
        (FP8, 8, 448.0, 2.0**-6, 2.0**-9, 2.0**-3),
    ],
)
def test_ranges_and_steps_are_those_of_the_standards(
    form: Floating, bits: int, largest: float, normal: float, smallest: float, step: float
) -> None:
    assert (form.bits, form.largest, form.smallest_normal, form.smallest) == (bits, largest, normal, smallest)
    assert form.step(1.0) == step


@pytest.mark.parametrize("form", [FP32, FP16, BF16, FP8])
def test_steps_cover_the_range_without_a_gap(form: Floating) -> None:
    stretches = list(form.steps())
    assert (stretches[0][0], stretches[-1][1]) == (form.smallest, form.largest)
    assert all(one[1] == other[0] for one, other in itertools.pairwise(stretches))


def test_pi_becomes_what_the_text_shows() -> None:
    assert FP32.pattern(math.pi) == "0" + "10000000" + "10010010000111111011011"
    assert (FP16.stored(math.pi), FP16.pattern(math.pi)) == (3.140625, "0" + "10000" + "1001001000")
    assert (BF16.stored(math.pi), BF16.pattern(math.pi)) == (3.140625, "0" + "10000000" + "1001001")
    assert (INT8.stored(math.pi, 1.0), INT8.pattern(math.pi, 1.0)) == (3.0, "00000011")
    assert INT8.pattern(-3.0, 1.0) == "11111101"


@given(st.floats(-4, 4))
def test_nf4_and_int4_take_the_nearest_level(number: float) -> None:
    for form, scale in ((NF4, 4.0), (INT4, 0.5)):
        kept = form.stored(number, scale)
        assert all(abs(kept - number) <= abs(level * scale - number) for level in form.levels)
    assert len(NF4.levels) == len(INT4.levels) == 16
