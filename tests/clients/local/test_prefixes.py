"""The tree of prefixes against a plain dictionary of everything that was ever put in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

import torch

from reasonkit.clients.local.prefixes import PrefixCache, Segment

Ids = tuple[int, ...]


def computed(ids: Ids, adapter: str | None) -> Segment:
    """Return stand-ins for keys and values: each token's depends on all tokens up to it, as in a model."""
    values = [hash((adapter, ids[: at + 1])) % 997 for at in range(len(ids))]
    keys = torch.tensor(values, dtype=torch.float32).reshape(1, -1, 1).expand(2, -1, 3)
    return [(keys.clone(), -keys.clone()), (keys + 1, keys + 2)]


def insert(cache: PrefixCache, adapter: str | None, ids: Ids, *, pin: bool = False) -> None:
    whole = computed(ids, adapter)
    cache.insert(adapter, ids, lambda a, b: [(k[:, a:b].clone(), v[:, a:b].clone()) for k, v in whole], pin=pin)


def known(cache: PrefixCache, adapter: str | None, ids: Ids) -> int:
    """Return how much is known, after comparing it with what it must be."""
    length, segments = cache.match(adapter, ids)
    if segments:
        for layer, (keys, values) in enumerate(computed(ids[:length], adapter)):
            assert torch.equal(torch.cat([segment[layer][0] for segment in segments], 1), keys)
            assert torch.equal(torch.cat([segment[layer][1] for segment in segments], 1), values)
    return length


SEQUENCES = st.lists(st.integers(0, 2), max_size=12).map(tuple)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([None, "a"]), SEQUENCES, st.booleans()), max_size=12))
def test_without_a_budget_the_longest_common_beginning_is_found(steps: list[tuple[str | None, Ids, bool]]) -> None:
    cache = PrefixCache(10**9)
    kept: list[tuple[str | None, Ids]] = []
    for adapter, ids, pin in steps:
        common = [
            next((at for at, (x, y) in enumerate(zip(ids, other, strict=False)) if x != y), min(len(ids), len(other)))
            for name, other in kept
            if name == adapter
        ]
        assert known(cache, adapter, ids) == max(common, default=0)
        insert(cache, adapter, ids, pin=pin)
        kept.append((adapter, ids))


@settings(max_examples=100, deadline=None)
@given(
    budget=st.integers(0, 2000),
    steps=st.lists(st.tuples(st.sampled_from([None, "a", "b"]), SEQUENCES), max_size=20),
    forgotten=st.sampled_from([None, "a"]),
)
def test_a_budget_is_kept_and_what_is_found_is_right(
    budget: int, steps: list[tuple[str | None, Ids]], forgotten: str | None
) -> None:
    cache = PrefixCache(budget)
    for adapter, ids in steps:
        insert(cache, adapter, ids)
        assert 0 <= cache.bytes <= budget
        known(cache, adapter, ids)
    cache.forget(forgotten)
    for adapter, ids in steps:
        if adapter == forgotten:
            assert known(cache, adapter, ids) == 0
    cache.shrink(0)
    assert cache.bytes == 0


def test_the_least_recently_used_goes_first_and_a_pinned_one_never() -> None:
    one = sum(keys.nbytes + values.nbytes for keys, values in computed((1, 2, 3, 4), None))
    cache = PrefixCache(3 * one)
    insert(cache, None, (1, 2, 3, 4), pin=True)
    insert(cache, None, (5, 6, 7, 8))
    insert(cache, None, (9, 10, 11, 12))
    known(cache, None, (5, 6, 7, 8))
    insert(cache, None, (13, 14, 15, 16))
    found = {ids[0]: known(cache, None, ids) for ids in [(1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16)]}
    assert found == {1: 4, 5: 4, 9: 0, 13: 4}


def test_another_adapter_knows_nothing_of_it() -> None:
    cache = PrefixCache(10**9)
    insert(cache, "a", (1, 2, 3))
    assert known(cache, None, (1, 2, 3)) == 0
    assert known(cache, "b", (1, 2, 3)) == 0
