"""Python as a tool: a model's calculator, run in the sandbox.

Not for PAL, whose programs are its answer (`reasonkit.strategies`): here what a program gives is an observation among
others.
"""

from typing import Protocol

from reasonkit.errors import ToolError
from reasonkit.tools.tool import Tool, tool_of
from reasonkit.types import Execution


class Programs(Protocol):
    """What runs programs; `reasonkit.sandbox.Sandbox` does."""

    def run(self, program: str, answer: str | None = None) -> Execution:
        """Run a program and read the value of its last expression."""
        ...


def python_tool(programs: Programs, *, name: str = "Python") -> Tool[[str], str]:
    """Make a tool that runs what stands in the brackets and shows what it printed and its last value.

    What the program does wrong is shown to the model; a sandbox that cannot start ends the run.

    Args:
        programs: where programs run; its limits of time and memory hold.
        name: what the model writes before the bracket.
    """

    def run(program: str) -> str:
        """Work out a Python expression, or run a short program and read its last value and what it prints."""
        execution = programs.run(program)
        error = execution.error
        if error is not None and error.kind != "no_answer":
            where = f" (line {error.line})" if error.line is not None and "\n" in program else ""
            raise ToolError(f"{error.kind}: {error.message}{where}")
        shown = [execution.stdout.rstrip()] if execution.stdout.strip() else []
        if execution.value is not None or not shown:
            shown.append(str(execution.value))
        return "\n".join(shown)

    return tool_of(run, name=name)
