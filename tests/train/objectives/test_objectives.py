"""The objectives over token ids: nothing is lost, the rates hold, and a seed gives the same again."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.errors import InputError
from reasonkit.train.examples import IGNORE
from reasonkit.train.objectives import causal, corrupted, denoised, lengths, longest, masked
from reasonkit.train.objectives.denoising import infilled, permuted
from reasonkit.train.objectives.spans import hidden_and_spans

MASK = 1
SENTINELS = tuple(range(1000, 1100))
TEXTS = st.lists(st.integers(10, 99), min_size=2, max_size=600)
SEEDS = st.integers(0, 2**32)


def restored(inputs: tuple[int, ...], targets: tuple[int, ...]) -> list[int]:
    spans: dict[int, list[int]] = {}
    for token in targets:
        if token in SENTINELS:
            spans[token] = []
            last = spans[token]
        else:
            last.append(token)
    return [part for token in inputs for part in (spans[token] if token in SENTINELS else [token])]


@given(TEXTS, SEEDS, st.booleans())
def test_input_and_target_of_span_corruption_together_are_the_text(ids: list[int], seed: int, closing: bool) -> None:
    inputs, targets = corrupted(ids, random.Random(seed), sentinels=SENTINELS, closing=closing)
    assert restored(inputs, targets) == ids
    assert (len(inputs) + 1, len(targets) + 1) == lengths(len(ids), closing=closing)


@given(TEXTS, SEEDS)
def test_spans_never_touch_and_a_text_never_begins_with_one(ids: list[int], seed: int) -> None:
    inputs, targets = corrupted(ids, random.Random(seed), sentinels=SENTINELS)
    hidden = [token in SENTINELS for token in inputs]
    assert not hidden[0]
    assert not any(a and b for a, b in itertools.pairwise(hidden))
    assert [token for token in targets if token in SENTINELS] == list(SENTINELS[: sum(hidden)])


def test_the_lengths_of_span_corruption_are_those_of_t5() -> None:
    assert lengths(568) == (512, 114)
    assert lengths(568, closing=True) == (512, 115)
    assert lengths(569)[0] > 512
    assert longest(512) == 568
    assert hidden_and_spans(568) == (85, 28)


@pytest.mark.parametrize("inputs", [8, 64, 100, 512, 1024])
def test_the_longest_text_fits_and_one_token_more_does_not(inputs: int) -> None:
    tokens = longest(inputs)
    assert lengths(tokens)[0] <= inputs < lengths(tokens + 1)[0]


def test_spans_beyond_the_sentinels_are_refused() -> None:
    with pytest.raises(InputError, match="568 tokens need 28 sentinels, but the vocabulary has 27"):
        corrupted(range(568), random.Random(0), sentinels=SENTINELS[:27])
    with pytest.raises(InputError, match="1 tokens has no span"):
        corrupted([5], random.Random(0), sentinels=SENTINELS)


def test_places_inside_a_text_are_hidden_about_as_often_and_its_end_always() -> None:
    dice, hidden = random.Random(0), Counter[int]()
    for _ in range(2000):
        hidden.update(corrupted(range(200), dice, sentinels=SENTINELS)[1])
    rates = [hidden[place] / 2000 for place in range(200)]
    assert (rates[0], rates[-1]) == (0, 1)
    assert all(0.11 < rate < 0.19 for rate in rates[20:-20])


@given(TEXTS, SEEDS)
def test_a_masked_text_differs_only_where_it_is_learned(ids: list[int], seed: int) -> None:
    shown, labels = masked(ids, random.Random(seed), mask=MASK, vocabulary=range(10, 100))
    assert all(shown[i] == ids[i] if label == IGNORE else label == ids[i] for i, label in enumerate(labels))
    assert sum(label != IGNORE for label in labels) == max(1, round(0.15 * len(ids)))


def test_of_the_chosen_tokens_80_are_masked_10_random_10_as_they_were() -> None:
    dice, kinds = random.Random(1), Counter[str]()
    for _ in range(300):
        ids = [dice.randrange(10, 5000) for _ in range(200)]
        shown, labels = masked(ids, dice, mask=MASK, vocabulary=range(10, 5000))
        for place, label in enumerate(labels):
            if label != IGNORE:
                kinds["mask" if shown[place] == MASK else "same" if shown[place] == label else "random"] += 1
    total = kinds.total()
    assert total == 300 * 30
    assert kinds["mask"] / total == pytest.approx(0.8, abs=0.015)
    assert kinds["random"] / total == pytest.approx(0.1, abs=0.012)
    assert kinds["same"] / total == pytest.approx(0.1, abs=0.012)


def test_special_tokens_are_never_masked() -> None:
    for seed in range(200):
        shown, labels = masked([2, 50, 3], random.Random(seed), mask=MASK, vocabulary=(50, 51), special={2, 3})
        assert (shown[0], shown[2]) == (2, 3)
        assert labels == (IGNORE, 50, IGNORE)


@given(TEXTS, SEEDS)
def test_infilling_keeps_the_order_and_the_share_of_the_tokens(ids: list[int], seed: int) -> None:
    ids = list(range(100, 100 + len(ids)))
    shown = infilled(ids, random.Random(seed), mask=MASK)
    kept = [token for token in shown if token != MASK]
    assert kept == sorted(kept)
    assert len(kept) == len(ids) - round(0.3 * len(ids))
    assert not any(a == b == MASK for a, b in itertools.pairwise(shown))


def test_spans_of_infilling_are_poisson_of_mean_3_with_empty_ones() -> None:
    dice, spans = random.Random(2), Counter[int]()
    for _ in range(500):
        ids = list(range(100, 300))
        kept = [-1, *infilled(ids, dice, mask=MASK), -1]
        for before, token, after in zip(kept, kept[1:], kept[2:], strict=False):
            if token == MASK:
                spans[(300 if after == -1 else after) - (99 if before == -1 else before) - 1] += 1
    total = spans.total()
    assert sum(length * count for length, count in spans.items()) / total == pytest.approx(3, abs=0.2)
    assert spans[0] / total == pytest.approx(0.0498, abs=0.015)  # e to the power of -3


def test_sentences_change_places_whole() -> None:
    ids = [11, 12, 9, 21, 9, 31, 32, 33, 9]
    orders = {permuted(ids, random.Random(seed), ends={9}) for seed in range(60)}
    assert len(orders) == 6
    assert all(sorted(order) == sorted(ids) for order in orders)
    assert (21, 9, 31, 32, 33, 9, 11, 12, 9) in orders


@given(TEXTS, SEEDS)
def test_the_same_seed_gives_the_same_noise(ids: list[int], seed: int) -> None:
    one, two = random.Random(seed), random.Random(seed)
    assert denoised(ids, one, mask=MASK, ends={50}) == denoised(ids, two, mask=MASK, ends={50})
    assert corrupted(ids, one, sentinels=SENTINELS) == corrupted(ids, two, sentinels=SENTINELS)
    assert masked(ids, one, mask=MASK, vocabulary=(5,)) == masked(ids, two, mask=MASK, vocabulary=(5,))


def test_the_first_token_of_a_causal_sequence_is_not_learned() -> None:
    assert causal([5, 6, 7, 8], [True, True, False, True]) == (IGNORE, 6, IGNORE, 8)
