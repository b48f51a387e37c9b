"""The blocks of a documentation page, read out of its Markdown; and the page with other outputs.

What a fence says decides what becomes of its block:

    ```python               runs, in one namespace a page; what it prints stands in the ```text fence after it
    ```console              `$ ` begins a command, `> ` goes on with it; what it prints stands below it
    ``` with title="FILE"   is written to FILE, in the folder in which the page runs
    anything else           is only looked at

An HTML comment on a line of its own says more. Before a block: `<!-- not run: REASON -->`, `<!-- slow: REASON -->` (run
by `make test-all` alone). Anywhere in a page: `<!-- needs: MODULE, ... -->`, what must be installed, and
`<!-- stand-in NAME: REASON -->`, see `stand_ins.py`. In an output `...` stands for any text, on a line of its own for
any lines. Not here: running anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_FENCE = re.compile(r"^```(?P<language>\w*)(?P<rest>[^`\n]*)\n(?P<text>.*?)^```$\n?", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"^<!-- (?P<name>not run|slow|needs|stand-in [\w-]+): (?P<value>.+?) -->$", re.MULTILINE)
_TITLE = re.compile(r'title="([^"]+)"')
_NOTHING = re.compile(r"\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A line of a console block with what it is said to print."""

    typed: str
    """As it stands on the page, with the marks of its first and its further lines."""
    output: str

    @property
    def script(self) -> str:
        """What the shell gets."""
        return "\n".join(line[2:] for line in self.typed.splitlines())


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fence that something is done with."""

    language: str
    text: str
    line: int
    """Of its fence, from 1."""
    title: str | None = None
    not_run: str | None = None
    slow: str | None = None
    output: str | None = None
    """Of a python block: what it is said to print; None where no output follows."""
    commands: tuple[Command, ...] = ()
    """Of a console block."""
    inside: tuple[int, int] = (0, 0)
    """Where its output stands in the page (python), or the whole of its text (console)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the documentation."""

    path: Path
    text: str
    blocks: tuple[Block, ...]
    needs: tuple[str, ...] = ()
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    """Their names, each with its reason."""


def read_page(path: Path) -> Page:
    """Read a page.

    Raises:
        ValueError: a fence is indented, a comment belongs to no block, or a console block does not begin with `$ `.
    """
    text = path.read_text(encoding="utf-8")
    if found := re.search(r"^ +```", text, re.MULTILINE):
        raise ValueError(f"{path}:{_line(text, found.start())}: an indented block is not run; begin it at the margin")
    needs: list[str] = []
    stand_ins: dict[str, str] = {}
    for comment in _COMMENT.finditer(text):
        name, value = comment["name"], comment["value"]
        if name == "needs":
            needs += [module.strip() for module in value.split(",")]
        elif name.startswith("stand-in "):
            stand_ins[name.removeprefix("stand-in ")] = value
    return Page(
        path=path, text=text, blocks=tuple(_blocks(path, text)), needs=tuple(needs), stand_ins=stand_ins
    )  # fmt: skip


def _blocks(path: Path, text: str) -> Iterator[Block]:
    fences = list(_FENCE.finditer(text))
    taken: set[int] = set()
    for number, fence in enumerate(fences):
        following = fences[number + 1] if number + 1 < len(fences) else None
        line = _line(text, fence.start())
        said = {
            comment["name"]: comment["value"] for comment in _COMMENT.finditer(text) if _before(text, comment, fence)
        }
        taken |= {_line(text, c.start()) for c in _COMMENT.finditer(text) if _before(text, c, fence)}
        title = _TITLE.search(fence["rest"])
        output: str | None = None
        inside, commands = (fence.end(), fence.end()), tuple[Command, ...]()
        if fence["language"] == "console":
            commands, inside = tuple(_commands(path, line, fence["text"])), fence.span("text")
        elif following and following["language"] == "text" and not text[fence.end() : following.start()].strip():
            output, inside = following["text"], following.span("text")
        yield Block(
            language=fence["language"],
            text=fence["text"],
            line=line,
            title=title[1] if title else None,
            not_run=said.get("not run"),
            slow=said.get("slow"),
            output=output,
            commands=commands,
            inside=inside,
        )
    for comment in _COMMENT.finditer(text):
        if comment["name"] in ("not run", "slow") and _line(text, comment.start()) not in taken:
            raise ValueError(f"{path}:{_line(text, comment.start())}: {comment[0]} stands before no block")


def _before(text: str, comment: re.Match[str], fence: re.Match[str]) -> bool:
    """Say whether nothing but blank lines and other comments stand between a comment and a fence."""
    between = text[comment.end() : fence.start()] if comment.end() <= fence.start() else "x"
    return bool(_NOTHING.match(_COMMENT.sub("", between)))


def _commands(path: Path, line: int, text: str) -> Iterator[Command]:
    typed: list[str] = []
    output: list[str] = []
    for one in text.splitlines():
        if one.startswith("$ "):
            if typed:
                yield Command(typed="\n".join(typed), output="".join(f"{said}\n" for said in output))
            typed, output = [one], []
        elif one.startswith("> ") and typed and not output:
            typed.append(one)
        elif typed:
            output.append(one)
        else:
            raise ValueError(f"{path}:{line}: a console block begins with `$ ` and a command, not {one!r}")
    if typed:
        yield Command(typed="\n".join(typed), output="".join(f"{said}\n" for said in output))


def matches(said: str, printed: str) -> bool:
    """Say whether what was printed is what the page says, whose `...` stands for anything."""
    parts = []
    for line in said.rstrip().splitlines():
        if line.strip() == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append("[^\n]*?".join(re.escape(piece) for piece in line.split("...")) + r"[ \t]*\n")
    return re.fullmatch("".join(parts), printed.rstrip() + "\n" if printed.strip() else "") is not None


def updated(page: Page, printed: Mapping[int, tuple[str, ...]]) -> str:
    """Return the page with other outputs, where those that stand there do not match.

    Args:
        page: as it was read.
        printed: what each block, by the line of its fence, and each of its commands printed.
    """
    text = page.text
    for block in reversed(page.blocks):
        if block.line not in printed:
            continue
        start, end = block.inside
        outputs = printed[block.line]
        if block.language == "console":
            pairs = zip(block.commands, outputs, strict=True)
            new = "".join(
                f"{command.typed}\n{command.output if matches(command.output, output) else _ended(output)}"
                for command, output in pairs
            )
        elif matches(block.output or "", outputs[0]):
            continue
        elif block.output is None:
            new = f"\n```text\n{_ended(outputs[0])}```\n"
        else:
            new = _ended(outputs[0])
        text = text[:start] + new + text[end:]
    return text


def _ended(output: str) -> str:
    lines = [line.rstrip() for line in output.rstrip().splitlines()]
    return "".join(f"{line}\n" for line in lines)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
