"""How a run looks: on a terminal as it happens, and as JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from reasonkit.types import Action, Execution, Result, Step
from reasonkit.values import encode_value

if TYPE_CHECKING:
    from reasonkit.agents.events import StreamEvent

_COLOURS = {"Thought": "36", "Action": "33", "Observation": "32"}


class Printer:
    """Prints an episode to stderr, a line a thought, action and observation.

    Args:
        quiet: whether to print nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._colour = sys.stderr.isatty()
        self._step = 0

    def show(self, event: StreamEvent) -> None:
        """Print what happened."""
        from reasonkit.agents.events import ActionEvent, ObservationEvent, ThoughtEvent

        match event:
            case ThoughtEvent(text=text):
                self._step += 1
                self._line("Thought", self._step, text)
            case ActionEvent(action=action):
                self._line("Action", self._step, written(action))
            case ObservationEvent(text=text):
                self._line("Observation", self._step, text)
            case _:
                pass

    def replay(self, result: Result) -> None:
        """Print the steps of a result."""
        for step in result.steps:
            if step.thought:
                self._line("Thought", step.number, step.thought)
            if step.action is not None:
                self._line("Action", step.number, written(step.action))
            if step.observation is not None:
                self._line("Observation", step.number, step.observation)

    def _line(self, label: str, number: int, text: str) -> None:
        if self._quiet:
            return
        head = f"{label} {number}:"
        if self._colour:
            head = f"\x1b[{_COLOURS[label]};1m{head}\x1b[0m"
        print(head, printable(text), file=sys.stderr, flush=True)


def written(action: Action) -> str:
    """Return an action as a model writes it."""
    return f"{action.tool}[{action.argument}]"


def printable(text: str) -> str:
    """Return text with control characters shown, so that a model or page cannot write to the terminal itself."""
    return "".join(
        char if char in "\n\t" or (char.isprintable()) else f"\\x{ord(char):02x}" for char in text
    )  # fmt: skip


def result_json(result: Result) -> dict[str, Any]:
    """Return a result as the command line prints it."""
    return {
        "question": result.question.text,
        "answer": result.answer,
        "stop_reason": result.stop_reason,
        "steps": [_step_json(step) for step in result.steps],
        "votes": [{"answer": vote.answer, "count": vote.count} for vote in result.votes],
        "abstained": result.abstained,
        "saved": result.saved,
        "margin": result.margin,
        "program": result.program,
        "execution": None if result.execution is None else execution_json(result.execution),
        "ladder": result.ladder,
        "usage": {
            "requests": result.usage.requests,
            "prompt_tokens": result.usage.prompt_tokens,
            "completion_tokens": result.usage.completion_tokens,
            "cached_tokens": result.usage.cached_tokens,
        },
        "error": None if result.error is None else {"kind": result.error.kind, "message": result.error.message},
        "trace": result.trace,
    }


def execution_json(execution: Execution) -> dict[str, Any]:
    """Return what came of a program as the command line prints it."""
    error = execution.error
    return {
        "value": encode_value(execution.value),
        "stdout": execution.stdout,
        "error": None if error is None else {"kind": error.kind, "message": error.message, "line": error.line},
        "seconds": execution.seconds,
        "enforced": list(execution.enforced),
    }


def _step_json(step: Step) -> dict[str, Any]:
    action = None if step.action is None else {"tool": step.action.tool, "argument": step.action.argument}
    return {
        "thought": step.thought,
        "action": action,
        "observation": step.observation,
        "recovered": list(step.recovered),
    }
