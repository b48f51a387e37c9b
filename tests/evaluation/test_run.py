"""Runs: killed at any item and resumed, mixed with other settings, failing items, figures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from reasonkit import Budget, CoT, Price, ScriptedClient, SelfConsistency
from reasonkit.errors import ClientError, ConnectionFailed, InputError, TraceError
from reasonkit.evaluation import Row, evaluate, figures, read_rows, read_settings, table
from reasonkit.types import Request
from tests.evaluation.items import added, asked, sums

PROGRAM = """
import os, signal, sys
from reasonkit import CoT, ScriptedClient
from reasonkit.evaluation import evaluate
from tests.evaluation.items import added, asked, sums

out, log, kill_at, concurrency = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
said = 0

def say(request):
    global said
    said += 1
    if said == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
    with open(log, "a") as file:
        file.write(f"s{asked(request)}\\n")
    return added(request)

figures = evaluate(CoT(ScriptedClient(say), answer_type="number"), sums(1000), out, concurrency=concurrency)
print(figures.n, figures.right)
"""
ROOT = Path(__file__).parents[2]


def agent(script: object = added, **options: object) -> CoT:
    return CoT(ScriptedClient(script), answer_type="number", **options)  # type: ignore[arg-type]


def run(out: Path, log: Path, kill_at: int, concurrency: int) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", PROGRAM, str(out), str(log), str(kill_at), str(concurrency)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(words, capture_output=True, text=True, env=environment, timeout=120)


@pytest.mark.parametrize(("kill_at", "concurrency"), [(1, 1), (437, 1), (700, 8), (1000, 1)])
def test_after_kill_9_the_same_call_loses_nothing_and_does_nothing_twice(
    kill_at: int, concurrency: int, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    first = run(out, tmp_path / "first", kill_at, concurrency)
    assert first.returncode == -signal.SIGKILL, first.stderr
    assert not (out / "results.jsonl").exists()
    recorded = ended(out / "trace.jsonl")
    assert len(recorded) >= kill_at - concurrency
    again = run(out, tmp_path / "second", 0, concurrency)
    assert again.returncode == 0, again.stderr
    assert again.stdout == "1000 0.900 [0.880, 0.917] n=1000\n"
    asked_again = (tmp_path / "second").read_text().split()
    assert not recorded & set(asked_again), "what stood on record was asked again"
    assert max(Counter(asked_again).values()) == 1
    assert len(recorded) + len(asked_again) == 1000
    rows = [row.id for row in read_rows(out / "results.jsonl")]
    assert len(rows) == 1000
    assert set(rows) == {f"s{number}" for number in range(1000)}


def ended(trace: Path) -> set[str]:
    """Return the items whose answer is on record in whole lines."""
    lines = [json.loads(line) for line in trace.read_bytes().split(b"\n")[:-1]]
    return {f"s{line['episode']}" for line in lines if line["line"] == "event"}


def test_results_are_a_projection_of_the_trace(tmp_path: Path) -> None:
    first = evaluate(agent(), sums(20), tmp_path)
    before = sorted((tmp_path / "results.jsonl").read_text().splitlines())
    (tmp_path / "results.jsonl").unlink()

    def refuse(request: Request) -> str:
        raise AssertionError(f"asked {request.prompt!r} though all is on record")

    assert evaluate(agent(refuse), sums(20), tmp_path) == first
    assert sorted((tmp_path / "results.jsonl").read_text().splitlines()) == before


def test_other_settings_are_refused_by_their_name(tmp_path: Path) -> None:
    evaluate(agent(), sums(20), tmp_path, method="cot")
    for dataset, method, budget, said in (
        (sums(21), "cot", None, "another n: 20 then, 21 now"),
        (sums(20).sample(20, 233), "cot", None, "another seed: None then, 233 now"),
        (sums(20), "other", None, "another method: 'cot' then, 'other' now"),
        (sums(20), "cot", Budget(calls=1), "another budget: None then"),
    ):
        with pytest.raises(InputError, match=said):
            evaluate(agent(), dataset, tmp_path, method=method, budget=budget)
    with pytest.raises(TraceError, match="begun with another options"):
        evaluate(agent(temperature=0.5), sums(20), tmp_path, method="cot")
    with pytest.raises(TraceError, match="begun with another seed"):
        evaluate(agent(seed=1), sums(20), tmp_path, method="cot")
    assert evaluate(agent(), sums(20), tmp_path, method="cot").n == 20


def test_a_folder_that_is_no_run_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(InputError, match="not the folder of a run"):
        read_settings(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="give a folder that can be written"):
        evaluate(agent(), sums(1), tmp_path / "file" / "run")


def test_an_item_that_fails_is_a_recorded_failure_and_asked_again_by_the_same_call(tmp_path: Path) -> None:
    down = {3, 7}

    def shaky(request: Request) -> str:
        if asked(request) in down:
            raise ConnectionFailed("the server went away")
        return added(request)

    figures = evaluate(agent(shaky), sums(10), tmp_path)
    assert dict(figures.stop_reasons) == {"finish": 8, "error": 2}
    rows = {row.id: row for row in read_rows(tmp_path / "results.jsonl")}
    assert rows["s3"].error == "ConnectionFailed: the server went away"
    assert (rows["s3"].answer, rows["s3"].right, rows["s4"].right) == (None, False, True)
    down.clear()
    client = ScriptedClient(shaky)
    figures = evaluate(CoT(client, answer_type="number"), sums(10), tmp_path)
    assert sorted(map(asked, client.requests)) == [3, 7]
    assert dict(figures.stop_reasons) == {"finish": 10}


def test_an_item_that_cannot_be_asked_is_a_recorded_failure(tmp_path: Path) -> None:
    figures = evaluate(agent(lambda _: ClientError("no")), sums(3), tmp_path)
    assert (figures.n, figures.right.value, figures.stop_reasons) == (3, 0.0, (("error", 3),))


def test_an_item_whose_question_cannot_be_asked_keeps_its_id_and_gold(tmp_path: Path) -> None:
    (fine,) = sums(1).questions
    broken = replace(fine, id="broken", text="What is \ud800?", gold=("7",))
    evaluate(agent(), replace(sums(1), questions=(broken, fine)), tmp_path)
    rows = {row.id: row for row in read_rows(tmp_path / "results.jsonl")}
    assert (rows["broken"].stop_reason, rows["broken"].gold, rows["broken"].question) == ("error", ("7",), broken.text)
    assert rows["s0"].right


def test_a_cancelled_run_gives_the_figures_of_what_it_has_and_goes_on_later(tmp_path: Path) -> None:
    one = agent()

    def stop_at_five(row: Row) -> None:
        if row.episode == 4:
            one.cancel()

    figures = evaluate(one, sums(10), tmp_path, on_row=stop_at_five)
    assert 5 <= figures.n < 10
    assert not (tmp_path / "results.jsonl").exists()
    client = ScriptedClient(added)
    assert evaluate(CoT(client, answer_type="number"), sums(10), tmp_path).n == 10
    assert sorted(map(asked, client.requests)) == list(range(figures.n, 10))


def test_rows_hold_what_was_spent_and_the_table_shows_every_figure_with_n_and_interval(tmp_path: Path) -> None:
    figures = evaluate(agent(), sums(50), tmp_path, method="cot", price=Price(prompt=1, completion=2))
    rows = list(read_rows(tmp_path / "results.jsonl"))
    assert sum(row.right for row in rows) == 45
    prompts, completions = sum(row.prompt_tokens for row in rows), sum(row.completion_tokens for row in rows)
    assert figures.requests == 50
    assert figures.usd == pytest.approx((prompts + 2 * completions) / 1e6)
    assert figures.tokens.value == pytest.approx((prompts + completions) / 50)
    shown = table([figures])
    assert "| cot | 50 | 90.0% [78.6%, 95.7%] |" in shown
    assert "finish 50" in shown
    unpriced = table([evaluate(agent(), sums(50), tmp_path, method="cot")])
    assert "US dollars" not in unpriced


def test_majorities_of_the_first_k_are_scored_against_the_gold(tmp_path: Path) -> None:
    replies = ["8", "6", "6", "6", "8"]

    def say(request: Request) -> str:
        drawn.append(request)
        return f" The answer is {replies[(len(drawn) - 1) % 5]}."

    drawn: list[Request] = []
    cot = CoT(ScriptedClient(say), answer_type="number", temperature=0.7)
    vote = SelfConsistency(cot, n=5, early_stop=False)
    dataset = sums(4)
    only = type(dataset)(name="sums", metric="number", questions=dataset.questions[3:])
    figures = evaluate(vote, only, tmp_path)
    assert [share.value for share in figures.maj_at_k] == [0.0, 0.0, 1.0, 1.0, 1.0]


def test_a_vote_that_stopped_early_counts_with_its_last_majority(tmp_path: Path) -> None:
    def say(request: Request) -> str:
        number = asked(request)
        wrong = number == 2 and len(list(filter(None, [r for r in seen if r == 2]))) % 2
        seen.append(number)
        return f" The answer is {2 * number + bool(wrong)}."

    seen: list[int] = []
    cot = CoT(ScriptedClient(say), answer_type="number", temperature=0.7)
    figures = evaluate(SelfConsistency(cot, n=6, wave=2), sums(3), tmp_path)
    rows = {row.id: row for row in read_rows(tmp_path / "results.jsonl")}
    assert (len(rows["s0"].right_at), len(rows["s2"].right_at)) == (4, 6)
    assert [share.value for share in figures.maj_at_k] == [1.0] * 6
    assert {share.n for share in figures.maj_at_k} == {3}


def test_majorities_are_shown_only_where_every_item_was_voted_on() -> None:
    voted = Row(
        id="a", episode=0, question="?", gold=("1",), answer="1", right=True, lenient=True, f1=1.0, stop_reason="finish",
        steps=0, recovered=0, requests=1, prompt_tokens=9, completion_tokens=2, seconds=0.1, right_at=(False, True),
    )  # fmt: skip
    plain = replace(voted, id="b", right_at=())
    failed = replace(plain, answer=None, right=False, stop_reason="error", error="ConnectionFailed: gone")
    assert [share.value for share in figures("sc", [voted, failed]).maj_at_k] == [0.0, 0.5]
    assert figures("back-off", [voted, plain]).maj_at_k == ()


def test_memory_does_not_grow_with_the_number_of_items(tmp_path: Path) -> None:
    def peak(n: int) -> int:
        dataset, client = sums(n), ScriptedClient(lambda request: " " + "x" * 5_000 + added(request))
        client.requests = _Nowhere()
        tracemalloc.start()
        evaluate(CoT(client, answer_type="number"), dataset, tmp_path / str(n))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)  # what is loaded and compiled once
    few, many = peak(280), peak(430)  # both fill the caches, which are bounded
    assert many - few < 250 * 1000  # where an item's lines stand in the trace: a few numbers


class _Nowhere(list[Request]):
    """Keeps nothing."""

    def append(self, item: Request) -> None:
        pass
