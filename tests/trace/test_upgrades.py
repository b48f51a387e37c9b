"""Files of older formats load; those that are too old, or newer, say so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reasonkit.errors import TraceError
from reasonkit.trace import Trace
from reasonkit.trace.upgrades import UPGRADES

OLD = (
    {"line": "run", "format": 0, "strategy": "cot"},
    {"line": "asked", "number": 0, "text": "Who?"},
    {"line": "end", "number": 0, "stop_reason": "finish", "answer": {"text": "she"}},
)


def upgrade(line: dict[str, Any]) -> dict[str, Any]:
    """Of an invented version 0, which called the question `asked` and the episode `number`."""
    line = dict(line)
    if "number" in line:
        line["episode"] = line.pop("number")
    if line["line"] == "asked":
        line |= {"line": "episode", "question": {"text": line.pop("text")}}
    return line


@pytest.fixture
def old(tmp_path: Path) -> Path:
    file = tmp_path / "old.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in OLD))
    return file


def test_an_older_format_is_brought_up_to_date_line_by_line(old: Path) -> None:
    with Trace(old, append=False, upgrades={0: upgrade}) as trace:
        assert trace.run is not None
        assert (trace.run.format, trace.run.strategy) == (0, "cot")
        assert (trace.result(0).question.text, trace.result(0).answer) == ("Who?", "she")


def test_an_older_format_is_not_continued_and_stays_as_it_is(old: Path) -> None:
    before = old.read_bytes()
    with pytest.raises(TraceError, match="written in format 0, which is read but not continued"):
        Trace(old, upgrades={0: upgrade})
    assert old.read_bytes() == before


def test_a_format_without_a_step_is_too_old(old: Path) -> None:
    with pytest.raises(TraceError, match="format 0 is too old: this reasonkit reads 1 down to 1"):
        Trace(old, append=False)


def test_a_newer_format_names_the_way_out(old: Path) -> None:
    old.write_text('{"line": "run", "format": 7, "strategy": "cot"}\n')
    with pytest.raises(TraceError, match="format 7 is newer than 1: install the reasonkit that wrote it"):
        Trace(old, append=False)


def test_every_step_leads_to_a_version_that_is_read() -> None:
    assert sorted(UPGRADES) == list(range(1 - len(UPGRADES), 1))
