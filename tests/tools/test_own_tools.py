"""ReAct with tools of one's own: a calculator in the sandbox, and questions to a SQLite file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reasonkit import ReAct, ScriptedClient, Toolbox, tool
from reasonkit.errors import ToolError
from reasonkit.sandbox.host import Sandbox
from reasonkit.tools.python import python_tool
from reasonkit.types import Action, Execution, Observation, ProgramError


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout_seconds=30) as opened:
        yield opened


class Says:
    """A sandbox that says what it is told to."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution

    def run(self, program: str, answer: str | None = None) -> Execution:
        return self.execution


@pytest.fixture
def population(tmp_path: Path) -> object:
    path = tmp_path / "cities.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE cities (name TEXT, people INTEGER)")
        connection.executemany("INSERT INTO cities VALUES (?, ?)", [("Ulm", 128_000), ("Bonn", 336_000)])
    connection.close()

    @tool(name="SQL", timeout_seconds=30)
    def ask(query: str) -> list[tuple[object, ...]]:
        """Ask the table cities (name, people)."""
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as opened:
            try:
                return opened.execute(query).fetchall()
            except sqlite3.Error as error:
                raise ToolError(f"SQLite says: {error}") from error

    return ask


SCRIPT = [
    " I need the people of Ulm.\nAction 1: SQL[SELECT people FROM towns WHERE name = 'Ulm']",
    " The table has another name.\nAction 2: SQL[SELECT people FROM cities WHERE name IN ('Ulm', 'Bonn')]",
    " Now the sum.\nAction 3: Calculate[128000 + 336000]",
    " That is all.\nAction 4: Finish[464000]",
]
OBSERVATIONS = ["SQLite says: no such table: towns", "[[128000], [336000]]", "464000", None]


@pytest.mark.parametrize("form", ["sync", "async"])
async def test_react_answers_with_a_calculator_and_a_database(sandbox: Sandbox, population: object, form: str) -> None:
    tools = Toolbox([population, python_tool(sandbox, name="Calculate")])  # type: ignore[list-item]
    agent = ReAct(ScriptedClient(SCRIPT), tools=tools, prompt="react/default")
    question = "How many people live in Ulm and Bonn?"
    result = agent(question) if form == "sync" else await agent.acall(question)
    assert result.answer == "464000"
    assert [step.observation for step in result.steps] == OBSERVATIONS
    tools.close()


@pytest.mark.parametrize("form", ["sync", "async"])
async def test_a_tool_that_crashes_ends_the_run_with_a_result_and_what_was_gathered(form: str) -> None:
    def population(city: str) -> int:
        return {"Ulm": 128_000}[city]

    script = [" Ulm first.\nAction 1: population[Ulm]", " Bonn now.\nAction 2: population[Bonn]"]
    agent = ReAct(ScriptedClient(script), tools=Toolbox([population]), prompt="react/default")
    result = agent("How many?") if form == "sync" else await agent.acall("How many?")
    assert (result.stop_reason, result.answer) == ("error", None)
    assert result.error is not None
    assert result.error.kind == "ToolCrashed"
    assert "'population' raised KeyError: 'Bonn'" in result.error.message
    assert [step.observation for step in result.steps][:1] == ["128000"]


def use(execution: Execution, program: str = "1") -> Observation:
    return Toolbox([python_tool(Says(execution))]).open().use(Action(tool="Python", argument=program))


@pytest.mark.parametrize(
    ("execution", "text"),
    [
        (Execution(value=4), "4"),
        (Execution(stdout="a\nb\n"), "a\nb"),
        (Execution(value=4, stdout="a\n"), "a\n4"),
        (Execution(), "None"),
        (Execution(stdout="a\n", error=ProgramError(kind="no_answer", message="no value")), "a"),
    ],
)
def test_what_a_program_prints_and_its_last_value_are_shown(execution: Execution, text: str) -> None:
    assert use(execution) == Observation(text=text)


def test_what_a_program_does_wrong_is_told_with_its_line() -> None:
    wrong = Execution(error=ProgramError(kind="exception", message="ZeroDivisionError: division by zero", line=2))
    assert use(wrong, "x = 0\n1 / x") == Observation(
        text="exception: ZeroDivisionError: division by zero (line 2)", status="error"
    )
