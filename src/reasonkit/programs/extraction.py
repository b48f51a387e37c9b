"""Reading the Python program out of a completion, and what of it is the answer.

Models write programs bare (the form of PAL's prompts, arXiv 2211.10435, appendix), in code fences and in tags, with
words before and after, and in several blocks of which the last mends or uses the first. The text is read, never run.
Not here: running the program (`sandbox`), and what is done about a fault (the strategies).
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from reasonkit.programs.trees import STDOUT, answer_of, bound_names, is_constant, missing_names, parsed
from reasonkit.types import ProgramError

Form = Literal["fenced", "tagged", "bare"]

_PYTHON = frozenset({"python", "py", "python3", "python2", "py3", "ipython", "tool_code", "code", "pycon", "sage"})
_FENCE = re.compile(
    r"^[ \t]*+(?P<fence>`{3,}+|~{3,}+)[ \t]*+(?P<tag>[^\s`]*+)(?P<rest>[^\r\n]*+)(?:\r?\n|\Z)", re.MULTILINE
)
_ONE_LINE_FENCE = re.compile(r"```(?:python|py)?[ \t]*+([^`\r\n]++)```")
_TAGS = re.compile(
    r"<(?P<name>code|python|program|execute|tool_code)>|\[(?P<square>PYTHON)\]|(?P<token><\|python_tag\|>)",
    re.IGNORECASE,
)
_TOKEN_END = re.compile(r"<\|\w+\|>")
_CODE_LINE = re.compile(
    r"(?:import|from|def|class|async|for|while|if|with|try|return|assert|print|match|del|global)\b(?!\s+(?:the|we|you)\b)"
    r"|[#@]|[A-Za-z_][\w.]*+(?:\[[^\]\n]*+\])?+\s*+(?::\s*+[\w\[\], |.]++)?+(?:[-+*/%|&]|//|\*\*)?=(?!=)"
    r"|[A-Za-z_][\w.]*+(?:,\s*+[A-Za-z_]\w*+)++\s*+=|[A-Za-z_][\w.]*+\(.*+\)\s*+\Z|\"\"\""
)
_PROSE = re.compile(r"(?![#@])[^\W\d_][\w'’-]*+[,:;.!?]?(?:\s++\S++)++\Z|\*\*|#{1,6} |[-*•] |>|Q:|A:|Question:|Answer:")
_MAX_TRIES = 16
"""How many lines of prose are tried as the end of a bare program."""
_PROMPT = re.compile(r"^(?:>>>|\.\.\.) ?", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program as it was read out of a completion."""

    source: str
    """What would be run; empty if there is none."""
    answer: str | None = None
    """The expression whose value is the answer, as `Execute` takes it: `solution()`, `answer`, `$stdout` for what it
    prints, or None for the last expression."""
    form: Form = "bare"
    fault: ProgramError | None = None
    """Why it cannot be run: truncated, syntax, or no_answer where there is no program or nothing in it is an answer."""


def extract_program(text: str, *, truncated: bool = False) -> Program:
    """Read the program in `text`.

    Args:
        text: what the model wrote, with the cue if that is code (`def solution():`).
        truncated: whether the completion ended at the token limit; a program that reaches the end of the text is then
            cut, even if what is there would run.
    """
    blocks, form, left_open = _blocks(text)
    cut = truncated and left_open
    if form == "bare":
        source, reaches_end = _bare_program(text)
        cut = truncated and reaches_end
        blocks = [source] if source else []
    source = _assembled([_cleaned(block) for block in blocks])
    if not source.strip():
        message = "the text was cut before a program began" if truncated else "there is no program in the text"
        kind: Literal["truncated", "no_answer"] = "truncated" if truncated else "no_answer"
        return Program(source="", form=form, fault=ProgramError(kind=kind, message=message))
    tree = parsed(source)
    if cut:
        last = source.count("\n", 0, len(source.rstrip())) + 1
        fault = ProgramError(kind="truncated", message="the program was cut at the token limit", line=last)
        return Program(source=source, answer=None, form=form, fault=fault)
    if isinstance(tree, ProgramError):
        return Program(source=source, form=form, fault=tree)
    answer, found = answer_of(tree)
    fault_found = None if found else ProgramError(kind="no_answer", message=_NO_ANSWER)
    return Program(source=source, answer=answer, form=form, fault=fault_found)


_NO_ANSWER = "the program has no solution(), assigns no answer, prints nothing and does not end in an expression"


def answer_expression(source: str) -> str | None:
    """Return what of a program is the answer, as `Execute` takes it.

    `solution()` if it defines solution without required arguments, else `answer` if it assigns answer, else `$stdout`
    if it prints, else None, the last expression.
    """
    tree = parsed(source)
    return None if isinstance(tree, ProgramError) else answer_of(tree)[0]


def _blocks(text: str) -> tuple[list[str], Form, bool]:
    """Return the code in fences or tags, and whether the last of it is left open."""
    fenced, open_fence = _fenced(text)
    if fenced:
        return fenced, "fenced", open_fence
    tagged, open_tag = _tagged(text)
    if tagged:
        return tagged, "tagged", open_tag
    one_line = _ONE_LINE_FENCE.findall(text)
    return one_line, ("fenced" if one_line else "bare"), False


def _fenced(text: str) -> tuple[list[str], bool]:
    """Return the Python blocks; blocks without a language count only where none is marked as Python."""
    marked: list[str] = []
    plain: list[str] = []
    opened: re.Match[str] | None = None
    last: list[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            if not fence["rest"].strip("{}. \t\r") or fence["tag"].casefold() in _PYTHON:
                opened = fence
        elif fence["fence"].startswith(opened["fence"]) and not fence["tag"]:
            last = _filed(opened, text[opened.end() : fence.start()], marked, plain)
            opened = None
    left_open = False
    if opened is not None:
        last = _filed(opened, text[opened.end() :], marked, plain)
        left_open = last is not None
    chosen = marked or plain
    return chosen, left_open and last is chosen


def _filed(opened: re.Match[str], code: str, marked: list[str], plain: list[str]) -> list[str] | None:
    tag = opened["tag"].casefold().strip("{}.")
    if tag in _PYTHON and opened["rest"].strip():
        code = opened["rest"].strip() + "\n" + code
    kept = marked if tag in _PYTHON else plain if not tag else None
    if kept is not None and code.strip():
        kept.append(code)
    return kept


def _tagged(text: str) -> tuple[list[str], bool]:
    found: list[str] = []
    position = 0
    while (tag := _TAGS.search(text, position)) is not None:
        if tag["token"]:
            closing = _TOKEN_END.search(text, tag.end())
        else:
            name = f"</{tag['name']}>" if tag["name"] else "[/PYTHON]"
            closing = re.compile(re.escape(name), re.IGNORECASE).search(text, tag.end())
        found.append(text[tag.end() : len(text) if closing is None else closing.start()])
        if closing is None:
            return [code for code in found if code.strip()], True
        position = closing.end()
    return [code for code in found if code.strip()], False


def _bare_program(text: str) -> tuple[str, bool]:
    """Return the code between words before and words after, and whether it reaches the end of the text."""
    lines = textwrap.dedent(text.replace("\r\n", "\n")).split("\n")
    session = [line for line in lines if _PROMPT.match(line)]
    if any(line.startswith(">>> ") for line in session):
        return "\n".join(session), bool(_PROMPT.match(lines[-1]))
    first = next((i for i, line in enumerate(lines) if _CODE_LINE.match(line.strip()) and not _is_heading(line)), None)
    if first is None:
        source = "\n".join(lines).strip("\n")
        tree = parsed(source.strip()) if len(source) < 10_000 else None
        is_expression = isinstance(tree, ast.Module) and len(tree.body) == 1 and not _is_word(tree.body[0])
        return (source.strip(), True) if is_expression else ("", False)
    code = lines[first:]
    ends = [place for place, line in enumerate(code) if place and _is_prose(line)]
    for place in ends[:_MAX_TRIES]:
        before = "\n".join(code[:place])
        if isinstance(parsed(before), ast.Module):
            return before.rstrip(), False
    return "\n".join(code).rstrip(), True


def _is_prose(line: str) -> bool:
    looks_so = line[:1].strip() and _PROSE.match(line) and not _CODE_LINE.match(line)
    return bool(looks_so) and not isinstance(parsed(line), ast.Module)


def _is_heading(line: str) -> bool:
    """Tell a Markdown heading, two or more number signs, from a comment."""
    return line.lstrip().startswith("##")


def _is_word(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Name)


def _cleaned(code: str) -> str:
    """Take the common indent off, or that of the first line alone, and the prompts of an interactive session."""
    code = textwrap.dedent(code.replace("\r\n", "\n")).strip("\n").lstrip(" \t")
    if code.lstrip().startswith(">>> "):
        code = "\n".join(_PROMPT.sub("", line) for line in code.split("\n") if _PROMPT.match(line))
    return code.rstrip()


def _assembled(blocks: Sequence[str]) -> str:
    """Choose among several blocks: the last that holds an answer, with the earlier ones if it needs their names."""
    if len(blocks) < 2:
        return blocks[0] if blocks else ""
    trees = [parsed(block) for block in blocks]
    ranks = [_rank(tree) for tree in trees]
    chosen = max(range(len(blocks)), key=lambda i: (ranks[i], i))
    tree = trees[chosen]
    if isinstance(tree, ProgramError):
        return blocks[chosen]
    missing = missing_names(tree)
    parts = [blocks[chosen]]
    for place in range(chosen - 1, -1, -1):
        earlier = trees[place]
        if isinstance(earlier, ProgramError):
            continue
        gives = bound_names(earlier)
        if missing & gives:
            missing = (missing - gives) | missing_names(earlier)
            parts.append(blocks[place])
    return "\n\n".join(reversed(parts))


def _rank(tree: ast.Module | ProgramError) -> int:
    """Say how good a block is as the program: by what of it is the answer; one that cannot be read is the last."""
    if isinstance(tree, ProgramError):
        return 0
    answer, found = answer_of(tree)
    if found and answer is None and is_constant(tree):
        return 1
    return {"solution()": 5, "answer": 4, STDOUT: 3}.get(answer or "", 2) if found else 1
