"""A page is played in a folder of its own: its files are written, its Python and its commands run, in order.

`python -m tests.docs.play PAGE [--slow]` does it in this process and prints what each block printed, as JSON: tests and
`python -m tests.docs` start it, so that one page cannot change the next. Not here: what is expected.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import linecache
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from tests.docs import stand_ins
from tests.docs.blocks import Block, read_page

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 300.0


class Played(Exception):
    """A page could not be played to its end; the message says where and why."""


def play(path: Path, *, slow: bool = False) -> dict[int, tuple[str, ...]]:
    """Play a page in a process and a folder of its own.

    Args:
        path: the page.
        slow: whether blocks run that are marked as slow.

    Returns:
        What each block that ran has printed, by the line of its fence; one text, or one for each command.

    Raises:
        Played: a block raised, or a page's process ended early.
    """
    words = [sys.executable, "-m", "tests.docs.play", str(path.resolve()), *(["--slow"] if slow else [])]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            words, cwd=folder, env=surroundings(), capture_output=True, text=True, timeout=TIMEOUT_SECONDS
        )
    if done.returncode:
        raise Played(done.stderr.strip())
    return {int(line): tuple(printed) for line, printed in json.loads(done.stdout).items()}


def missing(needs: tuple[str, ...]) -> list[str]:
    """Return the modules that a page needs and that are not installed."""
    return [name for name in needs if importlib.util.find_spec(name) is None]


def surroundings() -> dict[str, str]:
    """Return the environment variables under which pages are played."""
    kept = {name: value for name, value in os.environ.items() if name in ("HOME", "LANG", "TMPDIR", "SYSTEMROOT")}
    return (
        kept
        | {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))),
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "error",
            "COLUMNS": "80",
            "NO_COLOR": "1",
            "TERM": "dumb",
            "PYTEST_ADDOPTS": "-p no:cacheprovider -p no:asyncio",  # for commands on pages: other plugins have words of their own
        }
    )


def _play(path: Path, *, slow: bool) -> dict[int, tuple[str, ...]]:
    for name in ("PYTHONPATH", "PYTHONWARNINGS"):  # they were for this process; commands run as in a reader's shell
        del os.environ[name]
    page = read_page(path)
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    printed: dict[int, tuple[str, ...]] = {}
    with contextlib.ExitStack() as stack:
        others: dict[str, str] = {}
        for name in page.stand_ins:
            others |= stack.enter_context(stand_ins.NAMED[name]())
        for block in page.blocks:
            if block.not_run or (block.slow and not slow):
                continue
            if block.title is not None:
                target = Path(block.title)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(block.text, encoding="utf-8")
            elif block.language == "python":
                printed[block.line] = (_shown(_run(path, block, module, others), others),)
            elif block.language == "console":
                printed[block.line] = tuple(
                    _shown(_typed(_replaced(command.script, others)), others) for command in block.commands
                )
    return printed


def _run(path: Path, block: Block, module: ModuleType, others: Mapping[str, str]) -> str:
    """Run a python block; return what it printed. What it raises ends the process, with the block's page and line."""
    name = f"{path.name}:{block.line}"
    source = _replaced(block.text, others)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        exec(compile(source, name, "exec"), module.__dict__)
    return said.getvalue()


def _typed(script: str) -> str:
    """Run a command; return what a terminal would show."""
    done = subprocess.run(
        ["bash", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
        timeout=TIMEOUT_SECONDS,
    )  # fmt: skip
    return done.stdout


def _replaced(text: str, others: Mapping[str, str]) -> str:
    for named, there in others.items():
        text = text.replace(named, there)
    return text


def _shown(text: str, others: Mapping[str, str]) -> str:
    for named, there in others.items():
        text = text.replace(there, named)
    return text


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)  # libraries in C write to it
        json.dump(_play(Path(sys.argv[1]), slow="--slow" in sys.argv), out)
