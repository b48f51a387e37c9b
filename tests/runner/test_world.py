"""The world's border: what a client, a tool or an approving function does wrong ends in a result, never in a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator

import pytest

from reasonkit import Direct, ReAct, ScriptedClient, Toolbox
from reasonkit.errors import InputError
from reasonkit.types import Completion, Delta, Reply, Request, Result

TURN = [" t\nAction 1: odd[a]"]


class Saying(ScriptedClient):
    """A client that gives one thing, whatever it is."""

    def __init__(self, given: object) -> None:
        super().__init__([])
        self.given = given

    def stream(self, request: Request) -> Generator[Delta | Reply, None, None]:
        yield self.given  # type: ignore[misc]

    async def astream(self, request: Request) -> AsyncGenerator[Delta | Reply, None]:
        yield self.given  # type: ignore[misc]


def called(agent: Direct | ReAct) -> Result:
    return agent("q")


def acalled(agent: Direct | ReAct) -> Result:
    return asyncio.run(agent.acall("q"))


both = pytest.mark.parametrize("ask", [called, acalled])
Ask = Callable[[Direct | ReAct], Result]


@both
@pytest.mark.parametrize(
    "given",
    [
        "x",
        None,
        Completion(text="x"),
        Reply(completions=None),  # type: ignore[arg-type]
        Reply(completions=("x",)),  # type: ignore[arg-type]
        Reply(completions=(Completion(text=None),)),  # type: ignore[arg-type]
        Reply(completions=()),
        Delta(index=5, text="x"),
        Delta(index=0, text=None),  # type: ignore[arg-type]
    ],
)
def test_a_reply_of_a_wrong_type_is_the_clients_fault_and_ends_in_a_result(ask: Ask, given: object) -> None:
    result = ask(Direct(Saying(given)))
    assert result.error is not None
    assert (result.stop_reason, result.error.kind) == ("error", "ReplyError")


@both
def test_a_tool_whose_value_cannot_be_shown_ends_in_a_result(ask: Ask) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no words")

    def odd(text: str) -> object:
        return Odd() if text == "b" else {(1, 2): text}

    for letter in "ab":
        said = [f" t\nAction 1: odd[{letter}]"]
        result = ask(ReAct(ScriptedClient(said), tools=Toolbox([odd]), prompt="react/tiny"))
        assert result.error is not None
        assert result.error.kind == "ToolCrashed"
        assert "'odd' returned cannot be shown" in result.error.message


@both
def test_an_approving_function_that_raises_ends_in_a_result_that_names_it(ask: Ask) -> None:
    def odd(text: str) -> str:
        return text

    def approve(effect: object) -> bool:
        raise KeyError("policy")

    result = ask(ReAct(ScriptedClient(TURN), tools=Toolbox([odd]), prompt="react/tiny", approve=approve))
    assert result.error is not None
    assert result.error.kind == "ToolCrashed"
    assert "approve= raised KeyError" in result.error.message


def test_an_async_function_cannot_approve_since_its_promise_would_pass_for_a_yes() -> None:
    async def approve(effect: object) -> bool:
        return False

    with pytest.raises(InputError, match="async"):
        ReAct(ScriptedClient(TURN), prompt="react/tiny", approve=approve)  # type: ignore[arg-type]
