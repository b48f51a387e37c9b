"""Datasets in the forms in which their repositories ship them; bad rows are named by line and field."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from reasonkit.answers import to_number
from reasonkit.errors import DatasetError
from reasonkit.evaluation import load_dataset
from reasonkit.types import Question


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


FORMS: list[tuple[str, str, str, str, Question]] = [
    (
        "gsm8k", "test.jsonl", "number",
        lines({"question": "How many are 2 and 1,232?", "answer": "2+1232=<<2+1232=1234>>1,234\n#### 1,234"}),
        Question(id="0", text="How many are 2 and 1,232?", gold=("1,234",)),
    ),
    (
        "gsm-hard", "gsmhardv2.jsonl", "number",
        lines({"input": "How many?", "code": "def solution(): ...", "target": -9867630.0}),
        Question(id="0", text="How many?", gold=("-9867630.0",)),
    ),
    (
        "svamp", "SVAMP.json", "number",
        json.dumps([{"ID": "chal-1", "Body": "Ann has 8 pens and 3 cups", "Question": "How many more pens?",
                     "Equation": "( 8.0 - 3.0 )", "Answer": 5.0, "Type": "Subtraction"}], indent=4),
        Question(id="chal-1", text="Ann has 8 pens and 3 cups. How many more pens?", gold=("5.0",)),
    ),
    (
        "asdiv", "ASDiv.xml", "number",
        ('<?xml version="1.0" encoding="UTF-8"?>\n<Machine-Reading-Corpus-File>\n<ProblemSet>\n'
        '<Problem ID="nluds-0001" Grade="1" Source="x"><Body>Seven red and two green apples lie there.</Body>'
        "<Question>How many apples?</Question><Solution-Type>Addition</Solution-Type><Answer>9 (apples)</Answer>"
        "<Formula>7+2=9</Formula></Problem>\n</ProblemSet>\n</Machine-Reading-Corpus-File>\n"),
        Question(id="nluds-0001", text="Seven red and two green apples lie there. How many apples?", gold=("9",)),
    ),
    (
        "hotpotqa", "hotpot_dev_distractor_v1.json", "exact",
        json.dumps([{"_id": "5a8b", "answer": "yes", "question": "Are both rivers?", "supporting_facts": [["A", 0]],
                     "context": [["A", ["It is one."]]], "type": "comparison", "level": "hard"}]),
        Question(id="5a8b", text="Are both rivers?", gold=("yes",)),
    ),
    (
        "hotpotqa", "hotpot_dev_v1_simplified.json", "exact",
        json.dumps([{"question": "Are both rivers?", "answer": "yes", "type": "comparison"}]),
        Question(id="0", text="Are both rivers?", gold=("yes",)),
    ),
    (
        "fever", "paper_dev.jsonl", "label",
        lines({"id": 91198, "verifiable": "NOT VERIFIABLE", "label": "NOT ENOUGH INFO", "claim": "He sings.",
               "evidence": [[[108548, None, None, None]]]}),
        Question(id="91198", text="He sings.", gold=("NOT ENOUGH INFO",)),
    ),
    (
        "aqua", "test.json", "choice",
        lines({"question": "What is 3 + 4?", "options": ["A)6", "B)7", "C) 8"], "rationale": "7", "correct": "B"}),
        Question(id="0", text="What is 3 + 4?\n(A) 6\n(B) 7\n(C) 8", gold=("B",), choices=("6", "7", "8")),
    ),
    (
        "bigbench", "task.json", "exact",
        json.dumps({"name": "date_understanding", "canary": "x", "examples": [
            {"input": "What is today's date?", "target_scores": {"05/01/2021": 1, "02/23/2021": 0}}]}, indent=4),
        Question(id="0", text="What is today's date?", gold=("05/01/2021",)),
    ),
    (
        "bigbench", "colored_objects.jsonl", "exact",
        lines({"input": "What colour is the cup?", "target": "red"}),
        Question(id="0", text="What colour is the cup?", gold=("red",)),
    ),
    (
        "own", "mine.csv", "exact",
        '\ufeffid,question,answer,also\r\n7,"Who, then?\nSay it.",Ann,"[""Anna""]"\r\n8,Where?,Rome,\r\n',
        Question(id="7", text="Who, then?\nSay it.", gold=("Ann", "Anna")),
    ),
    (
        "own", "mine.jsonl", "exact",
        lines({"question": "Who?", "answer": 7, "choices": ["6", "7"]}),
        Question(id="0", text="Who?", gold=("7",), choices=("6", "7")),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name", "metric", "text", "first"), FORMS, ids=[f"{form[0]}-{form[1]}" for form in FORMS]
)
def test_public_files_are_read_as_they_ship(
    kind: str, name: str, metric: str, text: str, first: Question, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(text.encode())
    dataset = load_dataset(file, kind=kind)
    assert (dataset.metric, dataset.questions[0]) == (metric, first)


def test_parquet_is_read(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(
        pyarrow.table({"question": ["Who?"], "answer": ["Ann"], "also": [["Anna"]]}), tmp_path / "a.parquet"
    )
    assert load_dataset(tmp_path / "a.parquet").questions == (Question(id="0", text="Who?", gold=("Ann", "Anna")),)
    (tmp_path / "b.parquet").write_text("no")
    with pytest.raises(DatasetError, match=r"b\.parquet: not Parquet"):
        load_dataset(tmp_path / "b.parquet")


def test_columns_are_named_as_the_file_names_them(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("prompt,label,question\nWho?,Ann,ignored\n")
    dataset = load_dataset(file, columns={"question": "prompt", "answer": "label"}, metric="label")
    assert dataset.questions == (Question(id="0", text="Who?", gold=("Ann",)),)
    assert dataset.metric == "label"
    with pytest.raises(DatasetError, match="columns= renames also, answer, choices, id, question"):
        load_dataset(file, columns={"target": "label"})
    with pytest.raises(DatasetError, match="line 2: field 'answer' is missing"):
        load_dataset(file, columns={"answer": "gold"})


@pytest.mark.parametrize(
    ("kind", "name", "text", "said"),
    [
        ("own", "a.jsonl", lines({"question": "a", "answer": "b"}, {"question": "a"}), "a.jsonl, line 2: field 'answer' is missing"),
        ("own", "a.jsonl", lines({"question": "a", "answer": "b"}) + "\n{\n", "a.jsonl, line 3: not JSON"),
        ("own", "a.jsonl", lines({"question": "a", "answer": ["b"]}), "a.jsonl, line 1: field 'answer' must be text"),
        ("own", "a.jsonl", lines({"question": " ", "answer": "b"}), "a.jsonl, line 1: field 'question' is empty"),
        ("own", "a.jsonl", lines({"question": "a", "answer": "b", "also": [1]}), "line 1: field 'also' must be a list of texts"),
        ("own", "a.jsonl", lines(3), "a.jsonl, line 1: not an object with named fields"),
        ("own", "a.jsonl", lines(*[{"id": "x", "question": "a", "answer": "b"}] * 2), "line 2: field 'id' is 'x' again, as in "),
        ("own", "a.jsonl", "", "a.jsonl: holds no rows"),
        ("own", "a.json", '{\n"rows": []}', "a.json: holds neither a list of rows nor one under 'examples'"),
        ("own", "a.json", "[{},\n{]", "a.json: not JSON: Expecting property name enclosed in double quotes: line 2"),
        ("own", "a.csv", 'question,answer\n"a\nb",c\nd,e,f\n', "a.csv, line 4: more fields than the header names"),
        ("own", "a.csv", "question,answer\na,\n", "a.csv, line 2: field 'answer' is empty"),
        ("own", "a.csv", 'question,answer\n"a"b,c\n', "a.csv, line 2: not CSV"),
        ("gsm8k", "a.jsonl", lines({"question": "a", "answer": "It is 3."}), "line 1: field 'answer' has no '#### '"),
        ("svamp", "a.json", '[{"Body": "a", "Question": "b", "Answer": true}]', "item 1: field 'Answer' must be text"),
        ("aqua", "a.json", lines({"question": "a", "options": ["A)1"], "correct": "B"}), "line 1: field 'correct' is 'B', which is none of the 1"),
        ("fever", "a.jsonl", lines({"id": 1, "claim": "a"}), "line 1: field 'label' is missing"),
        ("bigbench", "a.json", '{"examples": [{"input": "a", "target_scores": {}}]}', "item 1: field 'target' or 'target_scores'"),
        ("asdiv", "a.xml", "<a><Problem ID='n1'><Body>x</Body></Problem></a>", "a.xml, problem n1: field 'Answer' is missing"),
        ("asdiv", "a.xml", "<a>", "a.xml: not XML"),
        ("asdiv", "a.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "a.xml: declares XML entities"),
        ("nothing", "a.jsonl", "", "no kind of dataset 'nothing'"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_by_its_line_and_field(kind: str, name: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError) as caught:
        load_dataset(tmp_path / name, kind=kind)
    assert said in str(caught.value)


def test_a_file_that_is_missing_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"a\.jsonl: cannot be read"):
        load_dataset(tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(DatasetError, match=r"b\.jsonl: cannot be read"):
        load_dataset(tmp_path / "b.jsonl")


def test_a_sample_is_the_first_n_of_the_react_codes_shuffle() -> None:
    whole = load_dataset("bundled:two_hop")
    drawn = whole.sample(20, 233)
    order = list(range(len(whole.questions)))
    random.Random(233).shuffle(order)
    assert drawn.questions == tuple(whole.questions[place] for place in order[:20])
    assert (drawn.seed, whole.sample(None, 233)) == (233, whole)
    with pytest.raises(DatasetError, match="two_hop: n is 0"):
        whole.sample(0, 1)


@pytest.mark.parametrize("name", ["one_hop", "two_hop", "lookup", "arithmetic", "claims", "choices", "dates"])
def test_what_ships_can_be_read(name: str) -> None:
    dataset = load_dataset(f"bundled:{name}")
    assert len(dataset.questions) >= 12
    assert len({question.text for question in dataset.questions}) == len(dataset.questions)
    if dataset.metric == "number":
        assert all(to_number(gold) is not None for question in dataset.questions for gold in question.gold)
    with pytest.raises(DatasetError, match="no dataset 'three_hop' ships; there are: one_hop"):
        load_dataset("bundled:three_hop")
