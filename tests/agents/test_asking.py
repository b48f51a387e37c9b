"""What is asked, checked: one bad question says what is wrong with it and leaves the others alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from reasonkit import Direct, Question, ScriptedClient
from reasonkit.agents.approval import checked
from reasonkit.agents.asking import checked_concurrency, failing, judged, questions_of
from reasonkit.errors import InputError


def direct() -> Direct:
    return Direct(ScriptedClient({"": " x"}))


@pytest.mark.parametrize("asked", ["abc", b"abc", Question(text="q"), 5, None])
def test_one_text_is_not_many_questions(asked: object) -> None:
    with pytest.raises(InputError, match="give several"):
        direct().map(asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", [None, 5, b"q", "", " \n", "\ud800", Question(text=7), object()])  # type: ignore[arg-type]
def test_what_is_no_question_is_refused(asked: object) -> None:
    with pytest.raises(InputError, match="question"):
        direct()(asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "question",
    [
        Question(text="q", id=True),  # type: ignore[arg-type]
        Question(text="q", gold=(1,)),  # type: ignore[arg-type]
        Question(text="q", gold=None),  # type: ignore[arg-type]
        Question(text="q", choices="ab"),  # type: ignore[arg-type]
        Question(text="q", gold=("\ud800",)),
    ],
)
def test_a_question_with_fields_of_a_wrong_type_is_refused(question: Question) -> None:
    with pytest.raises(InputError, match="the question"):
        direct()(question)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (Question(text="q", gold=["a"], choices=["b"]), Question(text="q", gold=("a",), choices=("b",))),  # type: ignore[arg-type]
        (Question(text="q", gold="Paris"), Question(text="q", gold=("Paris",))),  # type: ignore[arg-type]
        (Question(text="q", id=5), Question(text="q", id="5")),  # type: ignore[arg-type]
    ],
)
def test_a_question_is_read_back_as_it_was_written(tmp_path: Path, given: Question, kept: Question) -> None:
    path = tmp_path / "t.jsonl"
    assert direct()(given, trace=path).question == kept
    assert direct()(given, trace=path).answer == "x"


def test_each_question_is_judged_by_itself() -> None:
    found = list(judged(["a", "", None, "b"]))  # type: ignore[list-item]
    assert [question.text for question, _ in found] == ["a", "", "None", "b"]
    assert [fault is None for _, fault in found] == [True, False, False, True]


def test_a_failing_flow_asks_nothing_and_raises_its_error() -> None:
    error = InputError("no")
    with pytest.raises(InputError) as raised:
        next(failing(error))
    assert raised.value is error


def test_questions_are_taken_as_they_are_needed() -> None:
    def endless() -> object:
        while True:
            yield "q"

    assert next(questions_of(endless())).text == "q"  # type: ignore[arg-type]


@pytest.mark.parametrize("concurrency", [None, "2", 1.5, 0, -1, True])
def test_a_concurrency_that_is_no_number_of_requests_is_refused(concurrency: object) -> None:
    with pytest.raises(InputError, match="concurrency is"):
        checked_concurrency(concurrency)


def test_a_process_without_terminal_streams_can_map_and_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    monkeypatch.setattr("sys.stdin", None)
    assert [result.answer for result in direct().map(["a", "b"])] == ["x", "x"]
    with pytest.raises(InputError, match="needs a terminal"):
        checked("ask", 1)
