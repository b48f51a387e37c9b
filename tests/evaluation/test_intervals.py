"""Intervals and paired tests against figures from the literature, and against scipy and statsmodels where installed."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.evaluation import bootstrap, mcnemar, mean, paired_bootstrap, wilson


def test_wilson_is_what_a_hand_computes() -> None:
    # 81 of 263, the example of Newcombe 1998: 0.2553 to 0.3662
    found = wilson(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    assert str(wilson(15, 148)) == "0.101 [0.062, 0.160] n=148"  # his second


def test_of_nothing_anything_is_possible() -> None:
    found = wilson(0, 0)
    assert math.isnan(found.value)
    assert (found.low, found.high, found.n) == (0.0, 1.0, 0)
    with pytest.raises(ValueError, match="3 of 2 is no share"):
        wilson(3, 2)


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_its_share_and_stays_within_0_and_1(counted: tuple[int, int]) -> None:
    right, n = counted
    found = wilson(right, n)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1
    mirrored = wilson(n - right, n)
    assert mirrored.low == pytest.approx(1 - found.high, abs=1e-12)


def test_mcnemar_is_what_a_hand_computes() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(0, 5) == 2 / 32
    assert mcnemar(1, 7) == 2 * (1 + 8) / 256
    assert mcnemar(4, 4) == 1.0
    assert 0 < mcnemar(2000, 3000) < 1e-40  # more than a float's exponent holds, were 2**n one


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_does_not_know_which_run_is_first(a: int, b: int) -> None:
    assert mcnemar(a, b) == mcnemar(b, a)
    assert 0 < mcnemar(a, b) <= 1


def test_wilson_and_mcnemar_agree_with_statsmodels_and_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    dice = random.Random(7)
    for _ in range(200):
        n = dice.randint(1, 2000)
        right = dice.randint(0, n)
        ours = wilson(right, n)
        theirs = proportion.proportion_confint(right, n, method="wilson")
        assert (ours.low, ours.high) == pytest.approx(theirs, abs=1e-9)
        a, b = dice.randint(0, 300), dice.randint(0, 300)
        if a + b:
            assert mcnemar(a, b) == pytest.approx(stats.binomtest(a, a + b).pvalue, rel=1e-9)
            assert mcnemar(a, b) == pytest.approx(tables.mcnemar([[5, a], [b, 9]], exact=True).pvalue, rel=1e-9)


def test_the_bootstraps_agree_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    numpy = pytest.importorskip("numpy")
    dice = random.Random(3)
    a = [dice.choice([0.0, 0.4, 0.5, 1.0]) for _ in range(300)]
    b = [min(1.0, x + dice.choice([0.0, 0.0, 0.5])) for x in a]
    ours = bootstrap(a, draws=8000)
    theirs = stats.bootstrap((a,), numpy.mean, method="percentile", n_resamples=8000, random_state=1)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.004)
    paired = paired_bootstrap(a, b, draws=8000)
    theirs = stats.bootstrap(
        (a, b), lambda x, y, axis: numpy.mean(y, axis=axis) - numpy.mean(x, axis=axis),
        paired=True, vectorized=True, method="percentile", n_resamples=8000, random_state=1,
    )  # fmt: skip
    assert (paired.low, paired.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.004)


def test_pairs_that_differ_alike_have_no_doubt() -> None:
    found = paired_bootstrap([0.0, 1.0, 2.0], [1.0, 2.0, 3.0])
    assert (found.value, found.low, found.high, found.n) == (1.0, 1.0, 1.0, 3)
    with pytest.raises(ValueError, match="2 and 1 values are not pairs"):
        paired_bootstrap([1.0, 2.0], [1.0])


def test_a_mean_has_one_interval_whatever_the_order_and_about_the_same_beyond_the_bootstrap() -> None:
    dice = random.Random(5)
    values = [dice.gauss(10, 3) for _ in range(1000)]
    one, other = mean(Counter(values)), mean(Counter(reversed(values)))
    assert one == other
    one_more = mean(Counter([*values, one.value]))  # the first that is not resampled
    assert (one_more.low, one_more.high) == pytest.approx((one.low, one.high), abs=0.02)
    assert math.isnan(mean({}).value)


def test_the_normal_interval_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    numpy = pytest.importorskip("numpy")
    values = numpy.arange(2000) % 37
    ours = mean(Counter(values.tolist()))
    theirs = stats.norm.interval(0.95, loc=values.mean(), scale=stats.sem(values))
    assert (ours.low, ours.high) == pytest.approx(theirs, rel=1e-12)
