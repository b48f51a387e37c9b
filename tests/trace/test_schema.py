"""The JSON Schema says what is written, field for field, and refuses what is not; so do the documents."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from reasonkit import ReAct, ScriptedClient, Toolbox
from reasonkit.trace import End, Event, Line, Opened, Reopened, Run, schema
from reasonkit.trace.events import FORMAT
from reasonkit.trace.lines import TAGS, write_line
from reasonkit.types import (
    Action,
    Answer,
    Failure,
    Message,
    ProgramError,
    Question,
    Sampling,
    Usage,
)
from tests.trace.recorded import Find, record_program, record_react, record_votes
from tests.trace.values import lines

NAMED: dict[str, type] = {
    "run": Run, "episode": Opened, "reopen": Reopened, "event": Event, "end": End, "question": Question, "sampling": Sampling,
    "action": Action, "usage": Usage, "program_error": ProgramError, "answer": Answer, "failure": Failure,
    "message": Message, **{tag: cls for cls, tag in TAGS.items()},
}  # fmt: skip
DOCUMENT = Path(__file__).parents[2] / "docs" / "trace-format.md"


@cache
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(schema())
    return Draft202012Validator(schema())


def faults(row: object) -> list[str]:
    return [error.message for error in validator().iter_errors(row)]


def recorded(folder: Path) -> Iterator[Path]:
    yield record_react(folder / "react.jsonl")
    yield record_react(folder / "chat.jsonl", chat=True)
    yield record_votes(folder / "votes.jsonl")
    yield record_program(folder / "program.jsonl")
    agent = ReAct(ScriptedClient({"Thought 2:": " So.\nAction 2: Finish[a delta]"}), tools=Toolbox([Find]))
    agent.fork(folder / "react.jsonl", step=2, trace=folder / "fork.jsonl")
    yield folder / "fork.jsonl"


def test_real_traces_are_valid(tmp_path: Path) -> None:
    for file in recorded(tmp_path):
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert {row["line"] for row in rows} == {"run", "episode", "event", "end"}
        for row in rows:
            assert not faults(row), f"{file.name}: {row}"


@settings(max_examples=200)
@given(lines)
def test_whatever_is_written_is_valid(line: Line) -> None:
    assert not faults(json.loads(write_line(line, 1.0)))


@pytest.mark.parametrize("name", NAMED)
def test_each_definition_has_the_fields_of_its_class(name: str) -> None:
    fields = {field.name for field in dataclasses.fields(NAMED[name])}
    if name == "event":
        fields = (fields - {"place"}) | {"path", "index"}
    said = set(schema()["$defs"][name]["properties"]) - {"type"}
    if name in ("run", "episode", "reopen", "event", "end"):
        said -= {"line"}
    assert said - {"time"} == fields - {"time"}


def test_every_definition_is_of_a_class_and_is_used() -> None:
    definitions = set(schema()["$defs"])
    assert definitions - set(NAMED) == {"stop_reason", "value"}
    used = set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema())))
    assert used == definitions


RUN: dict[str, Any] = {"line": "run", "format": FORMAT, "strategy": "react"}
EVENT: dict[str, Any] = {
    "line": "event", "episode": 0, "path": "0/1/2", "index": 3,
    "effect": {"type": "act", "action": {"tool": "Find", "argument": "it"}},
    "outcome": {"type": "observation", "text": "seen"},
}  # fmt: skip


def test_the_smallest_lines_are_valid() -> None:
    assert not faults(RUN)
    assert not faults(EVENT)


@pytest.mark.parametrize(
    "row",
    [
        {**RUN, "format": "1"},
        {**RUN, "api_key": "secret"},
        {**EVENT, "path": "1"},
        {**EVENT, "path": "0/1"},
        {**EVENT, "index": -1},
        {**EVENT, "group": [0]},
        {**EVENT, "effect": {"type": "dance"}},
        {**EVENT, "outcome": {"type": "observation"}},
        {**EVENT, "outcome": {"type": "completion", "text": "", "finish": "tired"}},
        {"line": "end", "episode": 0, "stop_reason": "bored"},
        {"line": "other"},
        [],
    ],
    ids=str,
)
def test_what_is_no_line_is_invalid(row: object) -> None:
    assert faults(row)


def test_the_document_names_every_field_of_every_line() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in ("run", "episode", "event", "end"):
        for field in schema()["$defs"][name]["properties"]:
            assert f"`{field}`" in text, f"docs/trace-format.md does not say what {field} of a {name} line is"
    assert f"format {FORMAT}" in text


def test_the_example_in_the_document_is_a_trace(tmp_path: Path) -> None:
    (example,) = re.findall(r"```jsonl\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    for line in example.splitlines():
        assert not faults(json.loads(line)), line
    from reasonkit.trace import Trace

    file = tmp_path / "t.jsonl"
    file.write_text(example, encoding="utf-8")
    with Trace(file, append=False) as trace:
        assert trace.result(0).answer == "the Adriatic Sea"
        assert len(trace.result(0).steps) == 1
