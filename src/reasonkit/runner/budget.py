"""Budgets: what a run may spend, reserved before a request and settled after it.

A reservation is the prompt's tokens and max_tokens, so a run does not begin what it cannot pay for. What a request
really used may be more than was reserved where no tokenizer is at hand; `Account.overshoot` says by how much.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, fields

from reasonkit.errors import InputError
from reasonkit.trace import Rendering
from reasonkit.types import Asked, BudgetLimit, Complete, Completion, Note, Recorded, Refused, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model costs, in US dollars for a million tokens.

    Raises:
        InputError: a price is negative or no number.
    """

    prompt: float
    completion: float

    def __post_init__(self) -> None:
        for part in ("prompt", "completion"):
            if not _is_amount(value := getattr(self, part)):
                raise InputError(f"Price: {part} is {value!r}; give US dollars for a million tokens, 0 or more")

    def of(self, usage: Usage) -> float:
        """Return the price of what was used, in US dollars."""
        return (usage.prompt_tokens * self.prompt + usage.completion_tokens * self.completion) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Upper bounds on a run; None is no bound.

    Args:
        tokens: of prompts and completions together.
        calls: requests to a model.
        seconds: wall-clock time, checked before each request.
        usd: US dollars; needs `price`.
        steps: actions of tools and programs.
        price: what the model costs.

    Raises:
        InputError: a bound is negative or no number, or `usd` is given without a price.
    """

    tokens: int | None = None
    calls: int | None = None
    seconds: float | None = None
    usd: float | None = None
    steps: int | None = None
    price: Price | None = None

    def __post_init__(self) -> None:
        for bound in fields(self):
            value = getattr(self, bound.name)
            if bound.name == "price":
                if not (value is None or isinstance(value, Price)):
                    raise InputError(f"Budget: price is {value!r}; give a Price(prompt=.., completion=..)")
            elif value is not None and not _is_amount(value):
                raise InputError(f"Budget: {bound.name} is {value!r}; give a number, 0 or more, or None for no bound")
        if self.usd is not None and self.price is None:
            raise InputError(
                "Budget: usd needs the model's price: Budget(usd=1, price=Price(prompt=.., completion=..))"
            )


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request reserves or has used."""

    tokens: int = 0
    calls: int = 0
    usd: float = 0.0
    steps: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.tokens + other.tokens, self.calls + other.calls, self.usd + other.usd, self.steps + other.steps
        )

    def __sub__(self, other: Cost) -> Cost:
        return Cost(
            self.tokens - other.tokens, self.calls - other.calls, self.usd - other.usd, self.steps - other.steps
        )


class Account:
    """A budget in use. With a parent, both must cover a request.

    Args:
        budget: the bounds.
        parent: an account that this one draws on, for example one for all episodes of a batch.
        clock: seconds of a steady clock.

    Raises:
        InputError: it is no budget.
    """

    def __init__(
        self, budget: Budget, *, parent: Account | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not isinstance(budget, Budget):
            raise InputError(f"the budget is {budget!r}; give a Budget(tokens=..), say")
        self.budget = budget
        self.spent = Cost()
        self._reserved = Cost()
        self._parent = parent
        self._clock = clock
        self._began = clock()

    @property
    def overshoot(self) -> int:
        """Tokens used above the bound, because a prompt was longer than estimated."""
        return 0 if self.budget.tokens is None else max(0, self.spent.tokens - self.budget.tokens)

    def price(self, usage: Usage) -> Cost:
        """Return what a request of this usage costs."""
        price = self.budget.price or (self._parent.budget.price if self._parent else None)
        tokens = usage.prompt_tokens + usage.completion_tokens
        return Cost(tokens, usage.requests, price.of(usage) if price else 0.0)

    def reserve(self, cost: Cost) -> Refused | None:
        """Set `cost` aside, or say which bound does not cover it."""
        wanted = self.spent + self._reserved + cost
        budget = self.budget
        bounds: tuple[tuple[BudgetLimit, float | None, float], ...] = (
            ("tokens", budget.tokens, wanted.tokens),
            ("calls", budget.calls, wanted.calls),
            ("usd", budget.usd, wanted.usd),
            ("steps", budget.steps, wanted.steps),
            ("seconds", budget.seconds, self._clock() - self._began),
        )
        for limit, bound, value in bounds:
            if bound is not None and value > bound:
                return Refused(limit=limit, reason=f"the budget of {bound:g} {limit} does not cover {value:g}")
        if self._parent is not None and (refused := self._parent.reserve(cost)) is not None:
            return refused
        self._reserved += cost
        return None

    def settle(self, reserved: Cost, spent: Cost) -> None:
        """Replace a reservation by what was used."""
        self._reserved -= reserved
        self.spent += spent
        if self._parent is not None:
            self._parent.settle(reserved, spent)


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


_BYTES_PER_TOKEN = 3
"""A cautious guess where no tokenizer is at hand: English prose has four to five bytes a token."""


def spent(account: Account, effect: Asked | Note, outcomes: tuple[Recorded, ...]) -> Cost:
    """Return what an effect has cost by its outcomes."""
    if isinstance(effect, Complete):
        used = sum((outcome.usage for outcome in outcomes if isinstance(outcome, Completion)), Usage())
        return account.price(used)
    return Cost(steps=sum(not isinstance(outcome, Refused) for outcome in outcomes))


def guessed_tokens(rendering: Rendering) -> int:
    """Return a guess at the tokens of a request, where no tokenizer is at hand."""
    if isinstance(rendering, str):
        return len(rendering.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN
    return sum(len(turn.content.encode("utf-8", "surrogatepass")) + 8 for turn in rendering) // _BYTES_PER_TOKEN


def estimate(
    account: Account,
    effect: Asked,
    rendering: Rendering | None,
    count: Callable[[Rendering], int | None] | None,
    *,
    first: bool,
) -> Cost:
    """Return what is set aside for a request.

    Args:
        account: whose prices count.
        effect: what is asked.
        rendering: of a completion: what is sent.
        count: tokens of a prompt, where the client can tell.
        first: whether it is the first branch of its group, which pays for the prompt and the call.
    """
    if not isinstance(effect, Complete) or rendering is None:
        return Cost(steps=1)
    prompt = 0
    if first:
        counted = None if count is None else count(rendering)
        prompt = guessed_tokens(rendering) if counted is None else counted
    usage = Usage(requests=int(first), prompt_tokens=prompt, completion_tokens=effect.sampling.max_tokens)
    return account.price(usage)
