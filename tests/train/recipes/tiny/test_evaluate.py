"""Measuring: intervals, and that an episode counts as right only when it is."""

from __future__ import annotations

import random

import pytest

from reasonkit.agents.methods import PAL
from reasonkit.bundled import model_path
from reasonkit.clients.scripted import ScriptedClient
from reasonkit.train.recipes.tiny.episodes import episode
from reasonkit.train.recipes.tiny.evaluate import (
    Trial,
    evaluate,
    prose,
    report,
    sampled,
    score,
    tried_cot,
    tried_pal,
    tried_react,
    wilson,
)
from reasonkit.train.recipes.tiny.problems import problem


def test_wilson_gives_the_textbook_interval() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 4) == pytest.approx((0.0, 0.4899), abs=1e-4)
    assert wilson(300, 300)[1] == pytest.approx(1.0)


@pytest.mark.parametrize("task", ["one", "unseen_words", "two", "lookup", "missing", "wrong"])
def test_an_episode_played_as_written_counts_as_right(task: str) -> None:
    right = 0
    for seed in range(20):
        made = episode(random.Random(seed), measured=True, task=task)
        client = ScriptedClient([said for said, _ in made.turns])
        right += tried_react(client, made).right
    assert right == 20


def test_another_answer_counts_as_wrong_and_is_kept_to_be_read() -> None:
    made = episode(random.Random(1), measured=True, task="one")
    trial = tried_react(ScriptedClient([" I know.\nAction 1: Finish[nothing of the kind]"]), made)
    assert not trial.right
    assert (trial.said, trial.wanted) == ("nothing of the kind", made.answer)


def test_an_episode_that_never_finishes_counts_as_wrong() -> None:
    made = episode(random.Random(2), measured=True, task="one")
    client = ScriptedClient([f" Again.\nAction {n}: Search[Nowhere {n}]" for n in range(1, 8)])
    assert not tried_react(client, made).right


def test_cot_is_judged_by_the_answer_after_the_rationale() -> None:
    made = problem(random.Random(4), measured=True, small=True, steps=3)
    good = ScriptedClient([f" {made.rationale} The answer is {made.answer}."])
    bad = ScriptedClient([f" {made.rationale} The answer is {made.answer + 1}."])
    assert tried_cot(good, random.Random(4)).right
    assert not tried_cot(bad, random.Random(4)).right


@pytest.mark.slow
def test_a_program_counts_by_what_the_sandbox_makes_of_it() -> None:
    made = problem(random.Random(6), measured=True)
    good, bad = made.program, made.program.replace(" = ", " = 1 + ", 1)
    for body, right in ((good, True), (bad, False), ("\n    return nothing", False)):
        with PAL(ScriptedClient([body]), prompt="pal/tiny") as programmer:
            assert tried_pal(programmer, random.Random(6), "").right == right


def test_the_report_shows_share_count_and_interval() -> None:
    trials = [Trial(right=n < 8, asked="?", wanted="x", said="y") for n in range(10)]
    assert "| a task | 80.0 % | 10 | 49.0 to 94.3 |" in report([score("a task", trials)])


@pytest.mark.parametrize("file", ["prose.txt", "prose_more.txt"])
def test_each_answer_of_the_hand_written_pages_stands_in_a_page(file: str) -> None:
    pages, asked = prose(file)
    assert len(pages) >= 9
    assert len(asked) >= 50
    for question, answer in asked:
        assert question.endswith("?")
        assert any(answer.lower() in page.lower() for page in pages.values()), question


@pytest.mark.slow
def test_a_sample_through_the_other_client_plays_the_same_items_alike() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    pytest.importorskip("xllamacpp")
    ((local, _),) = sampled(model_path(), 4, 1, ("react one",))
    ((gguf, _),) = evaluate(model_path(), count=4, seed=1, only=("react one",))
    assert (local.task, gguf.task) == ("LocalClient: react one", "react one")
    assert (local.right, local.count, local.wrong) == (gguf.right, gguf.count, gguf.wrong)
