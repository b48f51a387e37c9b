"""Budgets and prices that bound nothing are refused where they are written."""

from __future__ import annotations

import pytest

from reasonkit.errors import InputError
from reasonkit.runner.budget import Budget, Price


@pytest.mark.parametrize("bound", ["tokens", "calls", "seconds", "steps"])
@pytest.mark.parametrize("value", ["5", -1, float("nan"), True, [3]])
def test_a_bound_that_is_no_amount_is_refused(bound: str, value: object) -> None:
    with pytest.raises(InputError, match=f"{bound} is"):
        Budget(**{bound: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-1, "3", float("nan"), None])
def test_a_price_that_is_no_amount_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="prompt is"):
        Price(prompt=value, completion=1)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="completion is"):
        Price(prompt=0, completion=value)  # type: ignore[arg-type]


def test_dollars_need_a_price() -> None:
    with pytest.raises(InputError, match="price"):
        Budget(usd=1)
    with pytest.raises(InputError, match="price is 2"):
        Budget(usd=1, price=2)  # type: ignore[arg-type]
    assert Budget(usd=1, price=Price(prompt=1, completion=2)).usd == 1
