"""The file of a trace: every value comes back, broken lines are named, foreign files are left alone."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonkit.errors import TraceError
from reasonkit.trace import Completing, End, Event, Line, Opened, Run, Trace, canonical
from reasonkit.trace.lines import write_line
from reasonkit.trace.reading import read_line
from reasonkit.types import Act, Action, Completion, Execute, Execution, Message, Note, Observation, Question, Step
from tests.trace.values import ODD_VALUES, lines

RUN = Run(strategy="react", library="test", options={"max_steps": 7}, time=9.0)
QUESTION = Question(text="Who?", gold=("she",))
STEP = Step(number=1, thought="look", action=Action(tool="Search", argument="it"), observation="seen")
COMPLETED = Event(
    episode=0, place=(0,), effect=Completing(transcript_sha256="00", cue="A:"), outcome=Completion(text=" look"),
    request="Q: Who?\nA:", seconds=0.25,
)  # fmt: skip
LINES: tuple[Line, ...] = (
    RUN,
    Opened(episode=0, question=QUESTION),
    COMPLETED,
    Event(
        episode=0, place=(1,), effect=Act(action=Action(tool="Search", argument="it")), outcome=Observation(text="seen")
    ),
    Event(episode=0, place=(2,), effect=Note(item=STEP)),
    End(episode=0, stop_reason="step_limit"),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "t.jsonl"
    with Trace(path, clock=lambda: 9.0) as trace:
        trace.append(LINES)
    return path


def everything(trace: Trace) -> list[Line]:
    found: list[Line] = [] if trace.run is None else [trace.run]
    for episode in trace.episodes:
        recording = trace.recording(episode)
        if recording.question is not None:
            found.append(Opened(episode=episode, question=recording.question))
        found += recording.lines()
    return found


def edited(file: Path, number: int, fields: dict[str, object]) -> Path:
    """Return the file with fields of a line (the first is number 1) set to something else; `...` drops one."""
    rows = [json.loads(text) for text in file.read_text().splitlines()]
    rows[number - 1] = {name: value for name, value in {**rows[number - 1], **fields}.items() if value is not ...}
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@settings(max_examples=300)
@given(lines)
def test_every_line_comes_back_equal(line: Line) -> None:
    written = write_line(line, 12.3456)
    assert written.count(b"\n") == 1
    read = read_line(written.decode(), "here")
    assert read == (replace(line, time=12.346) if isinstance(line, Run) else line)
    assert canonical(read) == canonical(line)


@pytest.mark.parametrize("value", ODD_VALUES, ids=repr)
def test_a_programs_value_comes_back_with_its_type(value: object) -> None:
    event = Event(episode=0, place=(0,), effect=Execute(program="x"), outcome=Execution(value=value))
    read = read_line(write_line(event, 0).decode(), "here")
    assert isinstance(read, Event)
    assert isinstance(read.outcome, Execution)
    assert repr(read.outcome.value) == repr(value)
    assert type(read.outcome.value) is type(value)


@given(st.lists(lines.filter(lambda line: not isinstance(line, Run)), max_size=8))
def test_a_file_gives_back_what_was_appended(appended: list[Line]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.jsonl"
        with Trace(path, clock=lambda: 9.0) as trace:
            trace.append([RUN])
            assert trace.run == RUN
            for line in appended:
                trace.append([line])
            at_once = everything(trace)
        with Trace(path, append=False) as trace:
            assert everything(trace) == at_once
            assert trace.torn_bytes == 0
            assert set(trace.episodes) == {line.episode for line in appended if not isinstance(line, Run)}


def test_what_is_appended_can_be_read_from_the_same_trace(tmp_path: Path) -> None:
    with Trace(tmp_path / "t.jsonl") as trace:
        trace.append(LINES)
        assert everything(trace) == list(LINES)
        assert trace.result(0).steps == (STEP,)


def test_a_file_says_its_kinds_and_leaves_defaults_out(file: Path) -> None:
    rows = [json.loads(text) for text in file.read_text().splitlines()]
    assert [row["line"] for row in rows] == ["run", "episode", "event", "event", "event", "end"]
    assert rows[0]["format"] == 1
    assert rows[2] == {
        "line": "event", "episode": 0, "path": "0", "index": 0,
        "effect": {"type": "complete", "transcript_sha256": "00", "cue": "A:"},
        "outcome": {"type": "completion", "text": " look"},
        "request": "Q: Who?\nA:", "seconds": 0.25, "time": 9.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "fields", "named"),
    [
        (1, {"strategy": 7}, "line 1, field strategy"),
        (1, {"format": 2}, "format 2"),
        (1, {"format": "1"}, "format '1'"),
        (1, {"strategy": ...}, "line 1, field strategy"),
        (1, {"colour": "red"}, "line 1: unknown field 'colour'"),
        (2, {"episode": "zero"}, "line 2, field episode"),
        (2, {"episode": True}, "line 2, field episode"),
        (2, {"episode": -1}, "line 2, field episode"),
        (2, {"question": {"text": None}}, "line 2, field question.text"),
        (3, {"line": "evnt"}, "line 3, field line: 'evnt'"),
        (3, {"line": ["event"]}, "line 3, field line"),
        (3, {"path": "1"}, "line 3, fields path and index: '1' and 0"),
        (3, {"path": "0/1"}, "line 3, fields path and index"),
        (3, {"path": "0/-1/2"}, "line 3, fields path and index"),
        (3, {"index": 1.5}, "line 3, fields path and index"),
        (3, {"effect": {"type": "dance"}}, "line 3, field effect"),
        (3, {"effect": {"type": "complete", "transcript_sha256": "0", "cue": 3}}, "line 3, field effect.cue"),
        (3, {"effect": ...}, "line 3, field effect"),
        (3, {"effect": {"type": "note", "item": {"type": "completion", "text": ""}}}, "line 3, field effect.item"),
        (3, {"effect": {"type": "completion", "text": ""}}, "line 3, field effect"),
        (3, {"outcome": {"type": "completion"}}, "line 3, field outcome.text"),
        (3, {"outcome": {"type": "completion", "text": "", "finish": "tired"}}, "line 3, field outcome.finish"),
        (3, {"outcome": {"type": "execution", "value": {"$": "code", "v": "x"}}}, "line 3, field outcome.value"),
        (3, {"request": 5}, "line 3, field request"),
        (3, {"request": [{"role": "robot", "content": ""}]}, "line 3, field request"),
        (3, {"group": [0]}, "line 3, field group"),
        (3, {"group": "ab"}, "line 3, field group"),
        (3, {"group": [1, 2]}, "line 3, field group"),
        (3, {"group": [0, 2]}, "line 4, field group"),
        (6, {"stop_reason": "bored"}, "line 6, field stop_reason"),
        (6, {"answer": {"text": 1}}, "line 6, field answer.text"),
    ],
)
def test_a_broken_line_is_named_with_its_field(file: Path, line: int, fields: dict[str, object], named: str) -> None:
    edited(file, line, fields)
    with pytest.raises(TraceError) as refused, Trace(file, append=False) as trace:
        everything(trace)
    assert named in str(refused.value)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (b"{]\n", "line 3: not JSON"),
        (b"[]\n", "line 3: not a JSON object"),
        (b"\n", "line 3: not JSON"),
        (b"\xff\xfe\n", "line 3: not UTF-8"),
        (b"[" * 100_000 + b"\n", "line 3: not JSON"),
        (b'{"episode": ' + b"9" * 5000 + b"}\n", "line 3: not JSON"),
        (b'{"line": "run", "format": 1, "strategy": "cot"}\n', "line 3: a second `run` line"),
    ],
    ids=["not json", "a list", "empty", "not utf-8", "deep", "long number", "second run"],
)
def test_a_line_that_is_no_line_is_named(file: Path, text: bytes, named: str) -> None:
    whole = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*whole[:2], text, *whole[2:]]))
    with pytest.raises(TraceError, match=named):
        Trace(file, append=False)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=300)
@given(st.sampled_from(LINES), st.data())
def test_whatever_stands_in_a_field_the_file_is_read_or_refused(line: Line, data: st.DataObject) -> None:
    row = json.loads(write_line(line, 0))
    holder, name = row, data.draw(st.sampled_from(sorted(row)))
    while isinstance(holder[name], dict) and holder[name] and data.draw(st.booleans()):
        holder = holder[name]
        name = data.draw(st.sampled_from(sorted(holder)))
    holder[name] = data.draw(json_values)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.jsonl"
        head = b"" if isinstance(line, Run) else write_line(RUN, 0)
        path.write_bytes(head + json.dumps(row).encode() + b"\n")
        try:
            with Trace(path, append=False) as trace:
                everything(trace)
        except TraceError as refused:
            assert "line " in str(refused)  # noqa: PT017 - either way is right


FOREIGN = {
    "a diary": b"Dear diary,\nwithout a last line end",
    "other jsonl": b'{"question": "q"}\n{"question": "r"}\n',
    "binary": bytes(range(256)),
    "json without newline": b'{"line": "route"}',
    "utf-16": "a trace".encode("utf-16"),
    "blank": b"\n",
    "a list": b"[1, 2]\n",
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("append", [True, False])
def test_a_foreign_file_is_refused_and_left_as_it_is(name: str, append: bool, tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    path.write_bytes(FOREIGN[name])
    with pytest.raises(TraceError, match="theirs"):
        Trace(path, append=append)
    assert path.read_bytes() == FOREIGN[name]


def test_a_trace_broken_in_the_middle_is_refused_and_left_as_it_is(file: Path) -> None:
    broken = file.read_bytes().replace(b'{"line": "event"', b'{"line": "ev\n', 1)
    file.write_bytes(broken)
    with pytest.raises(TraceError, match="line 3"):
        Trace(file)
    assert file.read_bytes() == broken


def test_only_what_exists_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"none.jsonl: No such file"):
        Trace(tmp_path / "none.jsonl", append=False)
    with pytest.raises(TraceError, match="directory"):
        Trace(tmp_path)
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(TraceError, match="empty"):
        Trace(tmp_path / "empty.jsonl", append=False)
    with Trace(tmp_path / "new" / "folder" / "t.jsonl") as trace:
        assert trace.run is None


def test_a_torn_last_line_is_said_and_cut_before_appending(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"line": "eve')
    with Trace(file, append=False) as trace:
        assert trace.torn_bytes == 13
        assert everything(trace) == list(LINES)
    assert file.read_bytes() == whole + b'{"line": "eve'
    with Trace(file) as trace:
        assert trace.torn_bytes == 13
        trace.append([End(episode=0, stop_reason="finish")])
    with Trace(file, append=False) as trace:
        assert trace.torn_bytes == 0
        assert trace.recording(0).end == End(episode=0, stop_reason="finish")


def test_a_group_that_was_not_written_whole_is_dropped_whole(file: Path) -> None:
    whole = file.read_bytes()
    event = replace(COMPLETED, place=(3, 0, 0), group=(0, 2))
    other = replace(COMPLETED, place=(3, 1, 0), group=(1, 2), request=None)
    both = write_line(event, 0) + write_line(other, 0)
    for cut in range(1, len(both)):
        file.write_bytes(whole + both[:cut])
        with Trace(file) as trace:
            assert trace.torn_bytes == cut
            assert everything(trace) == list(LINES)
        assert file.read_bytes() == whole
    file.write_bytes(whole + both)
    with Trace(file) as trace:
        assert {(3, 0, 0), (3, 1, 0)} <= trace.recording(0).events.keys()


def test_two_writers_are_kept_apart_and_a_reader_is_let_in(file: Path) -> None:
    with Trace(file) as writing:
        with pytest.raises(TraceError, match="another run is writing"):
            Trace(file)
        with Trace(file, append=False) as reading:
            assert everything(reading) == list(LINES)
        writing.append([End(episode=0, stop_reason="finish")])
    with Trace(file) as freed:
        assert freed.recording(0).end == End(episode=0, stop_reason="finish")


def test_an_event_after_an_end_means_that_the_episode_went_on(file: Path) -> None:
    with Trace(file) as trace:
        trace.append([Event(episode=0, place=(3,), effect=Note(item=STEP))])
        assert trace.result(0).stop_reason == "cancelled"
        trace.append([End(episode=0, stop_reason="finish")])
        assert trace.result(0).stop_reason == "finish"


def test_an_episode_that_is_not_there_is_said(file: Path) -> None:
    with Trace(file, append=False) as trace, pytest.raises(TraceError, match="no episode 4"):
        trace.result(4)


def test_a_chat_comes_back_as_messages() -> None:
    chat = (Message(role="system", content="Answer."), Message(role="user", content="Who?"))
    event = replace(COMPLETED, request=chat)
    read = read_line(write_line(event, 0).decode(), "here")
    assert isinstance(read, Event)
    assert read.request == chat
