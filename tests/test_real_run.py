"""The main job with the real parts: the bundled model reads the bundled pages; its recorded run replays without it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from reasonkit import Question, ReAct
from reasonkit.answers import exact_match
from reasonkit.bundled import questions_path

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.jsonl"))


def drawn(kind: str, count: int) -> list[Question]:
    rows = [json.loads(line) for line in questions_path(kind).read_text(encoding="utf-8").splitlines()]
    return [
        Question(text=row["question"], id=row["id"], gold=(row["answer"], *row["also"]))
        for row in random.Random(7).sample(rows, count)
    ]


def test_the_model_reads_its_answers_out_of_the_pages(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the bundled model runs on the extra `gguf`")
    questions = drawn("one_hop", 60)
    with ReAct() as agent:
        results = agent.map(questions, concurrency=2, trace=tmp_path / "run.jsonl")
    right = [result for result in results if any(exact_match(result.answer, gold) for gold in result.question.gold)]
    assert len(right) >= 12, "the model's card says how often it is right; this is far below"
    for result in right:
        read = " ".join(step.observation or "" for step in result.steps)
        assert (result.answer or "?") in read, "a right answer that no observation holds was remembered, not read"
    assert ReAct.replay(tmp_path / "run.jsonl") == results


def test_one_and_the_same_question_is_answered_alike_alone_and_among_others() -> None:
    pytest.importorskip("xllamacpp", reason="the bundled model runs on the extra `gguf`")
    questions = drawn("two_hop", 8)
    with ReAct() as agent:
        together = agent.map(questions, concurrency=4)
    with ReAct() as agent:
        alone = [agent(question) for question in questions]
    assert [result.answer for result in together] == [result.answer for result in alone]


def test_a_grammar_holds_the_model_to_readable_steps() -> None:
    pytest.importorskip("xllamacpp", reason="the bundled model runs on the extra `gguf`")
    with ReAct(constrained=True, temperature=1.5, max_steps=4, max_tokens=160) as agent:
        results = agent.map(drawn("one_hop", 10), concurrency=2)
    steps = [step for result in results for step in result.steps]
    assert steps
    assert sum(step.rung == "accepted" for step in steps) >= 0.9 * len(steps)  # a cut at max_tokens may need more


@pytest.mark.parametrize("trace", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_run_of_the_model_replays_without_model_pages_or_torch(trace: Path) -> None:
    code = (
        "import sys\n"
        "from reasonkit import ReAct\n"
        f"results = ReAct.replay({str(trace)!r})\n"
        "assert not {'torch', 'transformers', 'xllamacpp', 'sqlite3', 'httpx'} & sys.modules.keys(), sys.modules.keys()\n"
        "print(results[0].answer, len(results[0].steps))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    recorded = [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()]
    end = recorded[-1]
    assert ran.stdout.strip().startswith(str(end.get("answer", {}).get("text")))


def test_there_are_recorded_runs() -> None:
    assert RECORDED
