"""Rows of data: told by their fields, put in a prompt as at inference, refused by file, line and field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

from reasonkit.errors import DatasetError
from reasonkit.prompts import Prompt, render
from reasonkit.trace import Trace
from reasonkit.trace.export import Counts, export
from reasonkit.train.data.prompted import prompted
from reasonkit.train.data.rows import Chat, Marked, Text, Turn, row_of
from reasonkit.types import Capabilities, Question, Transcript
from tests.trace.recorded import record_react

SUMMARY = Prompt(
    name="summary",
    instruction="Summarise.\n\n",
    question="Dialogue: {{ dialogue }}\n",
    answer="Summary: {{ summary }}\n",
    cue="Summary:",
    demonstrations=({"dialogue": "A: hi", "summary": "A greets."},),
)


def test_the_four_forms_of_rows_are_told_by_their_fields() -> None:
    assert row_of({"text": "a b", "id": 3}, "f") == Text(text="a b", where="f")
    assert row_of({"input": "a", "target": "b"}, "f") == Marked(parts=(("a", False), ("b", True)), where="f")
    segments = [{"text": "Q", "learn": False}, {"text": "A", "learn": True}]
    assert row_of({"question": "q", "segments": segments}, "f") == Marked(parts=(("Q", False), ("A", True)), where="f")
    messages = [
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": "shown", "weight": 0},
        {"role": "user", "content": "v"},
        {"role": "assistant", "content": "said"},
    ]
    chat = row_of({"messages": messages}, "f")
    assert isinstance(chat, Chat)
    assert [turn.learn for turn in chat.turns] == [False, False, False, True]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([1], "f, line 3: not an object with named fields, but '[1]'"),
        ({"question": "q"}, "f, line 3: a row without a prompt holds one of text"),
        ({"text": "a", "input": "b"}, "this one has text and input"),
        ({"text": 5}, "f, line 3: field 'text' must be text, not '5'"),
        ({"input": "a"}, "f, line 3: field 'target' is missing; there are: input"),
        ({"segments": []}, "f, line 3: field 'segments' must be a list that is not empty"),
        ({"segments": [{"text": "a"}]}, "f, line 3: field 'segments.learn' must be true or false, not None"),
        ({"segments": [{"learn": True}]}, "f, line 3: field 'segments.text' is missing; there are: learn"),
        ({"segments": ["a"]}, "field 'segments' holds 'a'; each must be an object"),
        ({"messages": [{"role": "user", "content": "x", "weight": 2}]}, "'messages.weight' must be 0 or 1, not 2"),
        ({"messages": [{"role": "user", "content": None}]}, "field 'messages.content' must be text, not 'None'"),
    ],
)
def test_a_row_that_cannot_be_read_is_said_by_place_and_field(row: object, said: str) -> None:
    with pytest.raises(DatasetError) as caught:
        row_of(row, "f, line 3")
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["direct/default", "cot/default", "direct/tiny"])
def test_a_row_in_a_prompt_is_byte_for_byte_what_inference_sends(name: str) -> None:
    prompt = Prompt.load(name)
    fields = {"question": "How many {{legs}} has a cow?", "answer": "4", "rationale": "Cows have four."}
    (row,) = prompted(prompt, [("f", fields)], {})
    assert isinstance(row, Marked)
    (asked, learn), (said, learned) = row.parts
    transcript = Transcript(opening=prompt.open(Question(text=str(fields["question"]))))
    assert asked == render(transcript, prompt.cue, Capabilities(endpoint="completions"))
    assert (learn, learned) == (False, True)
    assert "4" in said
    assert not said.startswith(prompt.cue or "\0")


def test_columns_carry_the_files_names_to_the_prompts() -> None:
    fields = {"talk": "B: bye", "gist": "B leaves."}
    (row,) = prompted(SUMMARY, [("f", fields)], {"dialogue": "talk", "summary": "gist"})
    asked = "Summarise.\n\nDialogue: A: hi\nSummary: A greets.\nDialogue: B: bye\nSummary:"
    assert row == Marked(parts=((asked, False), (" B leaves.", True)), where="f")


def test_a_row_for_a_chat_has_the_prompts_turns_and_learns_the_last() -> None:
    (row,) = prompted(SUMMARY, [("f", {"dialogue": "B: bye", "summary": "B leaves."})], {}, "chat")
    assert isinstance(row, Chat)
    assert row.turns == (
        Turn(role="system", content="Summarise.\n\n", learn=False),
        Turn(role="user", content="Dialogue: A: hi\n", learn=False),
        Turn(role="assistant", content="Summary: A greets.\n", learn=False),
        Turn(role="user", content="Dialogue: B: bye\nSummary:", learn=False),
        Turn(role="assistant", content="B leaves.", learn=True),
    )


@pytest.mark.parametrize(
    ("fields", "columns", "said"),
    [
        ({"dialogue": "x"}, {}, "f, line 2: does not fit its prompt: summary/answer.jinja, line 1: 'summary' is undef"),
        (
            {"dialog": "x", "summary": "s"},
            {},
            "'dialogue' is undefined; the names at hand are: choices, question; the row has: dialog, summary; columns",
        ),
        ({"dialogue": "x", "summary": None}, {}, "'summary' is undefined"),
        ({"dialogue": "x"}, {"summary": "gist"}, "field 'gist' is missing, which columns calls 'summary'"),
    ],
)
def test_a_column_that_the_prompt_misses_is_said_with_its_line(
    fields: Mapping[str, object], columns: Mapping[str, str], said: str
) -> None:
    good = {"dialogue": "d", "summary": "s", "gist": "g"}
    with pytest.raises(DatasetError) as caught:
        prompted(SUMMARY, [("f, line 1", good), ("f, line 2", fields)], columns)
    assert said in str(caught.value)
    assert "line 2" in str(caught.value)


def test_a_row_without_a_question_is_never_asked_an_empty_one() -> None:
    with pytest.raises(DatasetError, match=r"line 7: .*question\.jinja uses 'question'; the row has: prompt, answer"):
        prompted(Prompt.load("direct/default"), [("f, line 7", {"prompt": "q", "answer": "a"})], {})


def test_a_template_with_a_fault_is_said() -> None:
    with pytest.raises(DatasetError, match=r"own/question\.jinja, line 1: Expected an expression"):
        prompted(Prompt(name="own", question="{% if %}"), [("f", {"answer": "a"})], {})


def test_an_answer_that_does_not_begin_with_the_cue_is_a_mismatch() -> None:
    prompt = Prompt(name="own", answer="Answer: {{ answer }}\n", cue="A:")
    with pytest.raises(DatasetError, match="cues with 'A:', but its answer begins 'Answer: 4"):
        prompted(prompt, [("f", {"question": "q", "answer": "4"})], {})


@pytest.mark.parametrize(
    ("stop", "said"), [((), " 4"), (("\n",), " 4\n"), (("\nQ:",), " 4"), (("B", "A", "\n"), " 4\n")]
)
def test_what_is_learned_ends_at_the_prompts_stop(stop: tuple[str, ...], said: str) -> None:
    prompt = Prompt(name="own", answer="A: {{ answer }}\n\n", cue="A:", stop=stop)
    (row,) = prompted(prompt, [("f", {"question": "q", "answer": "4"})], {})
    assert isinstance(row, Marked)
    assert row.parts[1] == (said, True)


def test_an_empty_answer_is_not_learned() -> None:
    (row,) = prompted(SUMMARY, [("f", {"dialogue": "d", "summary": ""})], {})
    assert isinstance(row, Marked)
    assert not any(learn for _, learn in row.parts)


def test_values_in_a_row_are_never_templates() -> None:
    (row,) = prompted(SUMMARY, [("f", {"dialogue": "{{ 7 * 7 }} {% raw %}", "summary": "{# x #}"})], {})
    assert isinstance(row, Marked)
    assert "Dialogue: {{ 7 * 7 }} {% raw %}\n" in row.parts[0][0]
    assert row.parts[1][0] == " {# x #}"


@pytest.mark.parametrize("form", ["sft", "chat"])
def test_what_trace_export_writes_is_read_and_no_observation_is_learned(
    tmp_path: Path, form: Literal["sft", "chat"]
) -> None:
    with Trace(record_react(tmp_path / "run.jsonl")) as trace:
        exported = list(export(trace, form, Counts()))
    rows = [row_of(json.loads(json.dumps(fields)), f"line {number}") for number, fields in enumerate(exported)]
    learned = []
    for row in rows:
        if isinstance(row, Marked):
            learned += [text for text, learn in row.parts if learn]
        else:
            assert isinstance(row, Chat)
            learned += [turn.content for turn in row.turns if turn.learn]
    assert any("Finish[the sea]" in text for text in learned)
    assert not any("Observation" in text or "About" in text for text in learned)
