"""Tools that stand for more: Python in the sandbox as a calculator, and questions to a SQLite database."""

import sqlite3

from reasonkit import ReAct, ScriptedClient, Toolbox, tool
from reasonkit.errors import ToolError
from reasonkit.sandbox.host import Sandbox
from reasonkit.tools.python import python_tool

database = sqlite3.connect(":memory:", check_same_thread=False)
database.execute("CREATE TABLE cities (name TEXT, people INTEGER)")
database.executemany("INSERT INTO cities VALUES (?, ?)", [("Ulm", 128_000), ("Bonn", 336_000)])
database.execute("PRAGMA query_only = ON")


@tool(name="SQL", timeout_seconds=5, max_chars=1_000)
def ask(query: str) -> list[tuple[object, ...]]:
    """Ask the table cities (name, people)."""
    try:
        return database.execute(query).fetchmany(20)
    except sqlite3.Error as error:
        raise ToolError(f"SQLite says: {error}") from error


model = ScriptedClient(
    [
        " I need the people of both.\nAction 1: SQL[SELECT people FROM towns]",
        " The table is called cities.\nAction 2: SQL[SELECT people FROM cities]",
        " Now the share.\nAction 3: Calculate[round(100 * 128000 / (128000 + 336000), 1)]",
        " That is all.\nAction 4: Finish[27.6 %]",
    ]
)
with Sandbox() as sandbox:
    tools = Toolbox([ask, python_tool(sandbox, name="Calculate")])
    result = ReAct(model, tools=tools, prompt="react/default")("Which share of the people live in Ulm?")
for step in result.steps:
    print(step.action, "->", step.observation)
print("answer:", result.answer)
