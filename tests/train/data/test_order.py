"""The order of rows: tasks by weight, rows packed or of like lengths, and the same however it is asked for."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonkit.errors import InputError
from reasonkit.train.data.mixing import BLOCK, Mix
from reasonkit.train.data.pools import POOL, Plan, Pools, alike, packed
from reasonkit.train.examples import Example

LENGTHS = st.lists(st.integers(1, 64), min_size=1, max_size=200)


def example(length: int, number: int = 0) -> Example:
    return Example((number,) * length, (number,) * length, "t")


def drawn(number: int) -> Example:
    return example(random.Random(number).randint(2, 60), number)


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=5), st.integers(0, 100))
@settings(max_examples=50)
def test_tasks_take_turns_by_weight_and_none_skips_a_row(weights: list[float], seed: int) -> None:
    mix, total = Mix(weights, seed), 3 * BLOCK
    draws = [mix.draw(number) for number in range(total)]
    counts = Counter(task for task, _ in draws)
    for task, weight in enumerate(weights):
        assert abs(counts[task] - total * weight / sum(weights)) <= 1
        assert [place for one, place in draws if one == task] == list(range(counts[task]))


def test_a_draw_is_the_same_however_it_is_asked_for() -> None:
    mix, other = Mix([1, 3], 7), Mix([1, 3], 8)
    forwards = [mix.draw(number) for number in range(2000)]
    late = Mix([1, 3], 7)
    assert late.draw(1999) == forwards[1999]
    assert late.draw(5) == forwards[5]
    assert [other.draw(number) for number in range(2000)] != forwards


@given(LENGTHS, st.integers(0, 100))
def test_packing_keeps_every_row_and_no_sequence_is_too_long(lengths: list[int], seed: int) -> None:
    examples = [example(length, number) for number, length in enumerate(lengths)]
    parts = packed(64)(examples, random.Random(seed))
    rows = [row for part in parts for sequence in part for row in sequence]
    assert sorted(row.input_ids for row in rows) == sorted(one.input_ids for one in examples)
    assert all(sum(len(row.input_ids) for row in sequence) <= 64 for part in parts for sequence in part)
    assert all(len(part) == 1 for part in parts)


def test_packing_fills_sequences_nearly_whole() -> None:
    examples = [drawn(number) for number in range(1000)]
    parts = packed(128)(examples, random.Random(0))
    assert sum(len(one.input_ids) for one in examples) / (128 * len(parts)) > 0.97


@given(LENGTHS, st.integers(64, 512), st.integers(0, 9))
def test_like_lengths_come_together_within_the_tokens(lengths: list[int], tokens: int, seed: int) -> None:
    examples = [example(length, number) for number, length in enumerate(lengths)]
    parts = alike(tokens, 8, pairs=False)(examples, random.Random(seed))
    rows = [sequence[0] for part in parts for sequence in part]
    assert sorted(row.input_ids for row in rows) == sorted(one.input_ids for one in examples)
    for part in parts:
        widest = max(-(-len(sequence[0].input_ids) // 8) * 8 for sequence in part)
        assert widest * len(part) <= tokens


def test_padding_is_little_where_like_lengths_come_together() -> None:
    parts = alike(2048, 8, pairs=False)([drawn(number) for number in range(POOL)], random.Random(0))
    held = sum(len(sequence[0].input_ids) for part in parts for sequence in part)
    padded = sum(len(part) * max(len(sequence[0].input_ids) for sequence in part) for part in parts)
    assert held / padded > 0.85


def test_a_target_counts_among_the_tokens_of_a_pair() -> None:
    pairs = [Example((1,) * 30, (2,) * 30, "t") for _ in range(20)]
    parts = alike(256, 8, pairs=True)(pairs, random.Random(0))
    assert {len(part) for part in parts} == {4}


@pytest.mark.parametrize("plan", [packed(64), alike(512, 8, pairs=False)])
def test_a_part_is_the_same_from_the_start_after_a_resume_and_with_what_was_planned(plan: Plan) -> None:
    first = Pools(drawn, plan, 3, None)
    parts = [first.part(number) for number in range(700)]
    assert len(first.sizes) > 1
    asked: list[int] = []

    def counting(number: int) -> Example:
        asked.append(number)
        return drawn(number)

    assert Pools(drawn, plan, 3, None).part(699) == parts[699]
    last = len(first.sizes) - 1
    assert Pools(counting, plan, 3, None, first.sizes).part(699) == parts[699]
    assert set(asked) == set(range(last * POOL, (last + 1) * POOL))


def test_pools_of_a_run_with_an_end_hold_each_draw_once() -> None:
    total = POOL + 100
    pools = Pools(drawn, packed(64), 0, total)
    rows = [row for number in range(pools.count()) for sequence in pools.part(number) for row in sequence]
    assert sorted(row.input_ids[0] for row in rows) == list(range(total))
    with pytest.raises(InputError, match=f"there is no part {pools.count()}"):
        pools.part(pools.count())
