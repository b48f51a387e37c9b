"""The grammar of a ReAct step, in GBNF, which llama.cpp, vLLM and SGLang read.

It fixes the line of the action and leaves the thought free, as a model's reasoning should be. Notation:
https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md. Not here: where a server takes a grammar, which
the clients know, and reading the step, which `reasonkit.steps` does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from reasonkit.errors import InputError

TOOLS = ("Search", "Lookup", "Finish")


def step_grammar(
    number: int, tools: Sequence[str] = TOOLS, *, longest_thought: int | None = None, longest_argument: int = 200
) -> str:
    """Return the grammar of what follows `Thought {number}:`: a thought, and a line with one action.

    Args:
        number: of the step; 1 or more.
        tools: what the action may name.
        longest_thought: characters, 1 or more; None sets no bound.
        longest_argument: characters, 1 or more; a pair of brackets in it counts as one.

    Raises:
        InputError: there is no tool, or a number is out of its range.
    """
    if not tools:
        raise InputError("a grammar of actions needs at least one tool")
    if number < 1 or longest_argument < 1 or (longest_thought is not None and longest_thought < 1):
        raise InputError("number, longest_thought and longest_argument are 1 or more")
    bound = "+" if longest_thought is None else f"{{1,{longest_thought}}}"
    root = f'root ::= " " thought "\\nAction {number}: " tool "[" argument "]"\n'
    return f"{root}thought ::= [^\\n]{bound}\n{_action(tools, longest_argument)}"


def action_grammar(tools: Sequence[str] = TOOLS, *, longest_argument: int = 200) -> str:
    """Return the grammar of what follows `Action {number}:`: one action; the arguments are those of `step_grammar`."""
    if not tools or longest_argument < 1:
        raise InputError("a grammar of actions needs at least one tool, and longest_argument is 1 or more")
    return f'root ::= " " tool "[" argument "]"\n{_action(tools, longest_argument)}'


def _action(tools: Sequence[str], longest_argument: int) -> str:
    names = " | ".join(json.dumps(tool) for tool in tools)
    return (
        f"tool ::= {names}\n"
        f"argument ::= piece{{1,{longest_argument}}}\n"
        'piece ::= [^\\n\\[\\]] | "[" [^\\n\\[\\]]* "]"\n'  # brackets in an argument are balanced
    )
