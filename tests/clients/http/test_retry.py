"""Waits and the gate, without a clock."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from reasonkit.clients.http.retry import Gate, Retries


@given(number=st.integers(1, 40), dice=st.floats(0, 1, exclude_max=True))
def test_a_wait_lies_between_nothing_and_a_doubling_bound(number: int, dice: float) -> None:
    retries = Retries(base_seconds=0.5, cap_seconds=8.0)
    assert 0 <= retries.delay(number, None, dice) <= min(8.0, 0.5 * 2 ** (number - 1))


@given(asked=st.floats(0, 1000), dice=st.floats(0, 1, exclude_max=True), number=st.integers(1, 9))
def test_the_wait_that_a_server_asks_for_is_never_undercut(asked: float, dice: float, number: int) -> None:
    assert asked <= Retries().delay(number, asked, dice) <= asked + 0.5


def enter(gate: Gate, woken: list[int], count: int) -> list[bool]:
    def waker(number: int) -> Callable[[], None]:
        return lambda: woken.append(number)

    return [gate.enter(waker(number)) for number in range(count)]


def test_no_more_enter_than_the_bound_and_the_others_in_their_order() -> None:
    gate, woken = Gate(2), list[int]()
    assert enter(gate, woken, 4) == [True, True, False, False]
    gate.leave()
    assert woken == [2]
    gate.leave()
    assert woken == [2, 3]


def test_many_refusals_of_one_era_halve_the_bound_once() -> None:
    gate, woken = Gate(64), list[int]()
    enter(gate, woken, 64)
    era = gate.era
    assert [gate.lower(era) for _ in range(10)].count(True) == 1
    assert gate.bound == 32


def test_a_lowered_bound_rises_with_successes_and_never_over_the_first() -> None:
    gate, woken = Gate(8), list[int]()
    enter(gate, woken, 8)
    gate.lower(gate.era)
    for _ in range(100):
        gate.succeed()
    assert gate.bound == 8


def test_a_rising_bound_lets_the_waiting_in() -> None:
    gate, woken = Gate(2), list[int]()
    enter(gate, woken, 2)
    gate.lower(gate.era)
    gate.leave()
    assert not gate.enter(lambda: woken.append(7))
    gate.succeed()
    assert woken == [7]


def test_who_gives_up_waiting_takes_no_place() -> None:
    gate, woken = Gate(1), list[int]()
    assert gate.enter(lambda: None)

    def first() -> None:
        woken.append(1)

    assert not gate.enter(first)
    assert not gate.enter(lambda: woken.append(2))
    gate.forget(first)
    gate.leave()
    assert woken == [2]


def test_who_is_let_in_while_giving_up_passes_the_place_on() -> None:
    gate, woken = Gate(1), list[int]()
    gate.enter(lambda: None)

    def first() -> None:
        woken.append(1)

    gate.enter(first)
    gate.enter(lambda: woken.append(2))
    gate.leave()
    gate.forget(first)
    assert woken == [1, 2]
