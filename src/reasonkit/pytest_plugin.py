"""A pytest plugin: tests of agents that pass offline from what was recorded once.

    def test_the_river(reasonkit_trace):
        result = ReAct("http://localhost:8000/v1", model="m")("Where does the Po end?", trace=reasonkit_trace)
        assert result.answer == "the Adriatic Sea"

`pytest --reasonkit-trace=record` asks the model and records; without an option the recording is replayed: nothing is
asked, and a prompt that changed fails the test with the difference. `auto` records what has no recording yet, `off`
asks and records nothing. Each test has a file, `traces/MODULE/TEST.jsonl` beside its module. Recordings that nothing
asked for are named at the end of the run. Not here: what a replay is; see the traces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from reasonkit.trace import Trace

MODES: Final = ("replay", "record", "auto", "off")


class _Recordings:
    """What this run of pytest knows of recordings: which were used, and what in them was not."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.owned: set[Path] = set()
        """The files of the tests that were collected, asked for or not."""
        self.folders: set[Path] = set()
        """The folders of modules that were collected whole."""
        self.unasked: list[str] = []

    def unused(self) -> list[str]:
        """Return the files that belong to no test, and what a test's file holds that the test did not ask for."""
        files = sorted(file for folder in self.folders for file in folder.glob("*.jsonl") if file not in self.owned)
        return [*(f"{file}: no test has this name" for file in files), *self.unasked]


_RECORDINGS: Final = pytest.StashKey[_Recordings]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("reasonkit").addoption(
        "--reasonkit-trace",
        choices=MODES,
        default="replay",
        help="where the agents of tests with the fixture reasonkit_trace have their answers from: "
        "replay (default), record, auto (record what has no recording), off",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to keep account of recordings."""
    config.stash[_RECORDINGS] = _Recordings(config.getoption("--reasonkit-trace"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note which recordings belong to tests, before any are deselected."""
    recordings = config.stash[_RECORDINGS]
    whole = not any("::" in argument for argument in config.args)
    for item in items:
        if "reasonkit_trace" in getattr(item, "fixturenames", ()):
            file = _file_of(item)
            recordings.owned.add(file)
            if whole:
                recordings.folders.add(file.parent)


@pytest.fixture
def reasonkit_trace(request: pytest.FixtureRequest) -> Iterator[Trace]:
    """A trace to give to agents: `agent(question, trace=reasonkit_trace)`; several calls are its episodes."""
    from reasonkit.trace import Trace

    recordings = request.config.stash[_RECORDINGS]
    file, mode = _file_of(request.node), recordings.mode
    if mode == "auto":
        mode = "replay" if file.exists() else "record"
    if mode == "replay" and not file.exists():
        pytest.fail(f"nothing is recorded in {file}; record it with --reasonkit-trace=record", pytrace=False)
    if mode == "record":
        file.unlink(missing_ok=True)
    with Trace(None if mode == "off" else file, append=mode != "replay") as trace:
        yield trace
        if mode == "replay" and trace.unasked:
            numbers = ", ".join(map(str, trace.unasked))
            recordings.unasked.append(f"{file}: {request.node.nodeid} did not ask for episode {numbers}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the recordings that nothing asked for."""
    if unused := config.stash[_RECORDINGS].unused():
        terminalreporter.section("recordings that nothing asked for")
        for line in unused:
            terminalreporter.write_line(line)
        terminalreporter.write_line("delete them, or record again with --reasonkit-trace=record")


def _file_of(item: pytest.Item) -> Path:
    """Return the file of a test: its class and name, with what a file name cannot hold replaced."""
    _, *inside = item.nodeid.split("::")
    name = re.sub(r"[^\w.\-\[\]]+", "_", ".".join(inside))
    return item.path.parent / "traces" / item.path.stem / f"{name[:120]}.jsonl"
