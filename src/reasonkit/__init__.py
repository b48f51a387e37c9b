"""The prompting methods of the literature, run exactly, fast and in the open.

    from reasonkit import ReAct

    result = ReAct()("Which river flows through the birthplace of Mozart?")
    print(result.answer)

Everything public is named here and loaded when it is first used: `import reasonkit` reads no other file, and neither
disk, network nor environment.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reasonkit.agents.agent import Agent
    from reasonkit.agents.methods import PAL, Act, CoT, Direct, ReAct
    from reasonkit.agents.recipe import Recipe
    from reasonkit.agents.votes import CoTSCThenReAct, ReActThenCoTSC, SelfConsistency
    from reasonkit.clients.http import HTTPClient
    from reasonkit.clients.scripted import ScriptedClient
    from reasonkit.demonstrations import Choice
    from reasonkit.evaluation.datasets import load_dataset
    from reasonkit.evaluation.run import evaluate
    from reasonkit.prompts import Prompt
    from reasonkit.runner.budget import Budget, Price
    from reasonkit.tools.tool import tool
    from reasonkit.tools.toolbox import Toolbox
    from reasonkit.tools.wikipedia import Wikipedia
    from reasonkit.trace.file import Trace
    from reasonkit.types import Question, Result

__all__ = [  # noqa: RUF022 - in the order of the alphabet, as the test of the face wants it
    "Act",
    "Agent",
    "Budget",
    "Choice",
    "CoT",
    "CoTSCThenReAct",
    "Direct",
    "HTTPClient",
    "PAL",
    "Price",
    "Prompt",
    "Question",
    "ReAct",
    "ReActThenCoTSC",
    "Recipe",
    "Result",
    "ScriptedClient",
    "SelfConsistency",
    "Toolbox",
    "Trace",
    "Wikipedia",
    "evaluate",
    "load_dataset",
    "tool",
]

_ROOMS = {
    "Act": "agents.methods",
    "Agent": "agents.agent",
    "Budget": "runner.budget",
    "Choice": "demonstrations",
    "CoT": "agents.methods",
    "CoTSCThenReAct": "agents.votes",
    "Direct": "agents.methods",
    "HTTPClient": "clients.http",
    "PAL": "agents.methods",
    "Price": "runner.budget",
    "Prompt": "prompts",
    "Question": "types",
    "ReAct": "agents.methods",
    "ReActThenCoTSC": "agents.votes",
    "Recipe": "agents.recipe",
    "Result": "types",
    "ScriptedClient": "clients.scripted",
    "SelfConsistency": "agents.votes",
    "Toolbox": "tools.toolbox",
    "Trace": "trace.file",
    "Wikipedia": "tools.wikipedia",
    "evaluate": "evaluation.run",
    "load_dataset": "evaluation.datasets",
    "tool": "tools.tool",
}


def __getattr__(name: str) -> object:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module 'reasonkit' has no attribute {name!r}")
    value = getattr(import_module(f"reasonkit.{room}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
