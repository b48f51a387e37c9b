"""Functions, `@tool` functions and Toolsets under one roof, from a thread and from an event loop."""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest

from reasonkit.errors import InputError, PageSourceError, ToolCrashed, ToolError
from reasonkit.pages.memory import MemoryPages
from reasonkit.tools.protocol import Toolset
from reasonkit.tools.tool import tool
from reasonkit.tools.toolbox import Toolbox
from reasonkit.tools.wikipedia import Wikipedia
from reasonkit.types import Action, Observation

Use = Callable[[Toolbox, str, str], Awaitable[Observation]]


@pytest.fixture(params=["sync", "async"])
def use(request: pytest.FixtureRequest) -> Use:
    """Use a tool as the sync driver does, or as the async one does."""

    async def performed(toolbox: Toolbox, name: str, argument: str) -> Observation:
        session = toolbox.open()
        action = Action(tool=name, argument=argument)
        if request.param == "async":
            return await session.ause(action)
        return session.use(action)

    return performed


def double(number: int) -> int:
    """Double a whole number."""
    return 2 * number


async def shout(text: str) -> str:
    """Say it louder.

    Not told to the model.
    """
    await asyncio.sleep(0)
    return text.upper()


@tool
def convert(amount: float, unit: Literal["km", "mi"] = "km") -> str:
    """Turn a distance into metres."""
    return f"{amount * (1000 if unit == 'km' else 1609.344):g} m"


def test_a_toolbox_is_a_toolset_in_the_order_given() -> None:
    toolset: Toolset = Toolbox([double, Wikipedia(MemoryPages({})), shout])
    assert toolset.names == ("double", "Search", "Lookup", "shout")
    assert [line.partition("[")[0] for line in toolset.describe().splitlines()] == list(toolset.names)


def test_a_tool_is_told_by_its_signature_and_the_first_paragraph_of_its_docstring() -> None:
    assert Toolbox([double, shout, convert]).describe().splitlines() == [
        "double[number (a whole number)]: Double a whole number.",
        "shout[text]: Say it louder.",
        (
            "convert[amount (a number); unit (km or mi, km if left out)] (arguments in this order, separated by semicolons):"
            " Turn a distance into metres."
        ),
    ]


def test_a_decorated_function_can_still_be_called() -> None:
    assert convert(2.0, unit="mi") == "3218.69 m"


async def test_sync_and_async_functions_answer_both_drivers(use: Use) -> None:
    toolbox = Toolbox([double, shout])
    assert await use(toolbox, "double", "21") == Observation(text="42")
    assert await use(toolbox, "shout", "hello; you") == Observation(text="HELLO; YOU")
    toolbox.close()


async def test_a_toolset_keeps_its_state_for_the_episode_beside_functions() -> None:
    toolbox = Toolbox([double, Wikipedia(MemoryPages({"Nile": "The Nile is a river. It is long."}))])
    session = toolbox.open()
    assert session.use(Action(tool="Search", argument="Nile")).text == "The Nile is a river. It is long."
    assert (await session.ause(Action(tool="Lookup", argument="long"))).text == "(Result 1 / 1) It is long."
    assert toolbox.open().use(Action(tool="Lookup", argument="long")).status == "missing"


def test_a_recalled_action_reaches_its_toolset() -> None:
    session = Toolbox([double, Wikipedia(MemoryPages({"Nile": "A river. It is long."}))]).open()
    session.recall(Action(tool="Search", argument="Nile"), Observation(text="A river. It is long."))
    session.recall(Action(tool="double", argument="2"), Observation(text="4"))
    assert session.use(Action(tool="Lookup", argument="long")).text == "(Result 1 / 1) It is long."


async def test_an_unknown_tool_lists_the_tools_and_the_nearest(use: Use) -> None:
    said = await use(Toolbox([double, convert]), "Covert", "1")
    assert said == Observation(
        text="There is no tool 'Covert'. Tools: double, convert, Finish. Did you mean convert?", status="error"
    )


async def test_a_refusal_is_shown_short_and_on_one_line(use: Use) -> None:
    def refuse(text: str) -> str:
        raise ToolError(f"no\n such thing: {text}" + " very" * 100)

    said = await use(Toolbox([refuse]), "refuse", "x")
    assert said.status == "error"
    assert said.text.startswith("no such thing: x very")
    assert len(said.text) <= 300


async def test_an_async_refusal_is_shown_too(use: Use) -> None:
    async def refuse(text: str) -> str:
        raise ToolError(text)

    toolbox = Toolbox([refuse])
    assert await use(toolbox, "refuse", "not today") == Observation(text="not today", status="error")
    toolbox.close()


@pytest.mark.parametrize("raised", [KeyError("k"), StopIteration(1), TimeoutError("its own"), SystemExit(3)])
@pytest.mark.parametrize("timeout_seconds", [None, 30.0])
async def test_any_other_exception_is_a_crash_with_its_cause(
    use: Use, raised: BaseException, timeout_seconds: float | None
) -> None:
    @tool(timeout_seconds=timeout_seconds)
    def crash(text: str) -> str:
        raise raised

    with pytest.raises(ToolCrashed, match=f"'crash' raised {type(raised).__name__}") as crashed:
        await use(Toolbox([crash]), "crash", "x")
    assert crashed.value.__cause__ is not None


async def test_an_async_crash_is_a_crash(use: Use) -> None:
    async def crash(text: str) -> str:
        raise KeyError(text)

    toolbox = Toolbox([crash])
    with pytest.raises(ToolCrashed, match="KeyError"):
        await use(toolbox, "crash", "x")
    toolbox.close()


async def test_a_failure_of_the_world_keeps_its_class(use: Use) -> None:
    def away(text: str) -> str:
        raise PageSourceError(text)

    with pytest.raises(PageSourceError):
        await use(Toolbox([away]), "away", "x")


async def test_a_sync_tool_past_its_time_limit_is_left_and_the_model_told(use: Use) -> None:
    let_go = threading.Event()

    @tool(timeout_seconds=0.02)
    def hang(text: str) -> str:
        let_go.wait(30)
        return text

    said = await use(Toolbox([hang]), "hang", "x")
    let_go.set()
    assert said == Observation(text="hang gave no answer within 0.02 s.", status="error")


async def test_an_async_tool_past_its_time_limit_is_cancelled(use: Use) -> None:
    cancelled = threading.Event()

    @tool(timeout_seconds=0.02)
    async def hang(text: str) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return text

    toolbox = Toolbox([hang])
    said = await use(toolbox, "hang", "x")
    await asyncio.sleep(0)
    toolbox.close()
    assert said.text == "hang gave no answer within 0.02 s."
    assert cancelled.is_set()


async def test_cancelling_the_caller_cancels_an_async_tool() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def hang(text: str) -> str:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return text

    task = asyncio.create_task(Toolbox([hang]).open().ause(Action(tool="hang", argument="x")))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert ended.is_set()


async def test_an_async_tool_answers_a_sync_call_inside_a_running_loop() -> None:
    toolbox = Toolbox([shout])
    assert toolbox.open().use(Action(tool="shout", argument="hi")).text == "HI"
    toolbox.close()


def test_async_tools_of_one_toolbox_share_a_loop_between_calls() -> None:
    loops: list[object] = []

    async def remember(text: str) -> str:
        loops.append(asyncio.get_running_loop())
        return text

    toolbox = Toolbox([remember])
    session = toolbox.open()
    session.use(Action(tool="remember", argument="1"))
    session.use(Action(tool="remember", argument="2"))
    toolbox.close()
    assert loops[0] is loops[1]


def test_closing_twice_is_harmless_and_ends_the_thread() -> None:
    toolbox = Toolbox([shout])
    toolbox.open().use(Action(tool="shout", argument="1"))
    toolbox.close()
    toolbox.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "reasonkit-tools"]


async def test_a_cached_tool_is_called_once_for_the_same_arguments(use: Use) -> None:
    calls: list[float] = []

    @tool(cache=True)
    def half(number: float) -> float:
        if number < 0:
            raise ToolError("not below zero")
        calls.append(number)
        return number / 2

    toolbox = Toolbox([half])
    assert [(await use(toolbox, "half", each)).text for each in ("3", "3.0", "5", "-1", "-1", "3")] == [
        "1.5",
        "1.5",
        "2.5",
        "not below zero",
        "not below zero",
        "1.5",
    ]
    assert calls == [3.0, 5.0]


async def test_a_tool_that_is_not_cached_is_called_each_time(use: Use) -> None:
    calls: list[str] = []
    toolbox = Toolbox([calls.append])
    await use(toolbox, "append", "x")
    await use(toolbox, "append", "x")
    assert calls == ["x", "x"]


async def test_an_observation_past_the_limit_is_cut_with_a_mark(use: Use) -> None:
    @tool(max_chars=100)
    def long(text: str) -> str:
        return text * 300

    said = await use(Toolbox([long]), "long", "ab")
    assert said.shortened
    assert len(said.text) <= 100
    assert said.text.endswith(" [... cut: 600 characters in all]")


@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        ("text\n", "text"),
        (3, "3"),
        (2.5, "2.5"),
        (True, "True"),
        (None, "Done."),
        ([{"name": "Zoë", "age": 3}], '[{"name": "Zoë", "age": 3}]'),
        (Observation(text="none", status="missing"), "none"),
    ],
)
async def test_what_a_tool_returns_is_shown_as_text(use: Use, returned: object, shown: str) -> None:
    def give(text: str) -> object:
        return returned

    assert (await use(Toolbox([give]), "give", "x")).text == shown


def test_what_is_no_tool_is_refused() -> None:
    with pytest.raises(InputError, match="two tools are called 'double'"):
        Toolbox([double, tool(name="double")(shout)])
    with pytest.raises(InputError, match="no tool"):
        Toolbox(["double"])  # type: ignore[list-item]
    with pytest.raises(InputError, match="no tool"):
        Toolbox([Wikipedia])
    with pytest.raises(InputError, match="Finish"):
        tool(name="finish")(double)
    with pytest.raises(InputError, match="name="):
        Toolbox([lambda text: text])
    with pytest.raises(InputError, match="timeout_seconds"):
        tool(timeout_seconds=0)(double)
    with pytest.raises(InputError, match="max_chars"):
        tool(max_chars=10)(double)


def test_methods_and_callable_objects_are_tools() -> None:
    class Adder:
        def __init__(self, much: int) -> None:
            self._much = much

        def add(self, number: int) -> int:
            return number + self._much

        async def __call__(self, number: int) -> int:
            return number + self._much

    adder: Any = Adder(2)
    toolbox = Toolbox([adder.add, tool(name="plus")(adder)])
    assert toolbox.open().use(Action(tool="add", argument="1")).text == "3"
    assert toolbox.open().use(Action(tool="plus", argument="1")).text == "3"
    toolbox.close()


def test_context_variables_reach_a_tool_with_a_time_limit() -> None:
    import contextvars

    user: contextvars.ContextVar[str] = contextvars.ContextVar("user")

    @tool(timeout_seconds=30)
    def who(text: str) -> str:
        return user.get()

    user.set("ada")
    assert Toolbox([who]).open().use(Action(tool="who", argument="x")).text == "ada"


def test_the_decorator_keeps_the_types_of_the_function() -> None:
    assert inspect.signature(convert.function).parameters["amount"].annotation is float


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Toolbox(5), "tools is 5"),  # type: ignore[arg-type]
        (lambda: Toolbox("abc"), "tools is 'abc'"),  # type: ignore[arg-type]
        (lambda: tool(timeout_seconds="3")(double), "timeout_seconds of the tool 'double' is '3'"),  # type: ignore[call-overload]
        (lambda: tool(timeout_seconds=float("nan"))(double), "is nan"),
        (lambda: tool(max_chars="300")(double), "max_chars is '300'"),  # type: ignore[call-overload]
        (lambda: tool(name=5)(double), "5 cannot be a tool's name"),  # type: ignore[call-overload]
        (lambda: tool(5), "5 is no function"),  # type: ignore[call-overload]
    ],
)
def test_what_is_no_tool_and_no_option_of_one_is_refused(build: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        build()
