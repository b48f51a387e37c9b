"""Which worked examples are shown, in which order, and what was left out and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit import CoT, Direct, ScriptedClient
from reasonkit.demonstrations import By, Choice, choose
from reasonkit.errors import InputError
from reasonkit.types import Dropped, Selection

POOL = [
    {"question": "Where do penguins live?", "answer": "place"},
    {"question": "When did the war end?", "answer": "time"},
    {"question": "Where does the river rise?", "answer": "place"},
    {"question": "When was the bridge built?", "answer": "time"},
    {"question": "Where is the highest bridge?", "answer": "place"},
]


def letters(texts: Sequence[str]) -> list[list[float]]:
    return [[float(text.lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]


def test_the_first_k_are_the_first_k() -> None:
    assert choose(POOL, "q", Choice(k=2)) == Selection(
        by="first", chosen=(0, 1), dropped=tuple(Dropped(index=i, reason="k is 2") for i in (2, 3, 4))
    )


def test_a_random_choice_is_repeated_by_its_seed() -> None:
    drawn = {choose(POOL, "q", Choice(k=3, by="random", seed=seed)).chosen for seed in range(20)}
    assert len(drawn) > 5
    once = Choice(k=3, by="random", seed=7)
    assert choose(POOL, "q", once) == choose(POOL, "another", once)


@given(st.integers(0, 99))
def test_a_balanced_choice_has_as_many_of_each_label(seed: int) -> None:
    chosen = choose(POOL, "q", Choice(k=4, by="balanced", seed=seed)).chosen
    assert sorted(POOL[i]["answer"] for i in chosen) == ["place", "place", "time", "time"]


def test_bm25_puts_the_most_similar_last() -> None:
    chosen = choose(POOL, "When was the old bridge opened?", Choice(k=3, by="bm25")).chosen
    assert chosen[-1] == 3
    assert {1, 4} >= set(chosen[:-1]) - {0, 2}


@given(st.text(), st.sampled_from(["first", "random", "bm25", "embeddings"]), st.integers(0, 6))
def test_any_question_gives_a_choice_and_everything_is_accounted_for(question: str, by: By, k: int) -> None:
    selection = choose(POOL, question, Choice(k=k, by=by), embed=letters)
    assert len(selection.chosen) <= k
    assert sorted([*selection.chosen, *(one.index for one in selection.dropped)]) == list(range(len(POOL)))


def test_embeddings_decide_by_their_cosine() -> None:
    assert choose(POOL, "Where do penguins live, then?", Choice(k=1, by="embeddings"), embed=letters).chosen == (0,)
    with pytest.raises(InputError, match="embed="):
        choose(POOL, "q", Choice(k=1, by="embeddings"))


@pytest.mark.parametrize("by", ["first", "random", "balanced", "bm25", "embeddings"])
def test_the_question_itself_is_never_among_its_examples(by: By) -> None:
    asked = "  where do PENGUINS live "
    selection = choose(POOL, asked, Choice(k=5, by=by), embed=letters)
    assert 0 not in selection.chosen
    assert Dropped(index=0, reason="it is the question itself") in selection.dropped


def test_a_token_budget_decides_how_many_and_says_what_it_dropped() -> None:
    selection = choose(POOL, "q", Choice(k=4, max_tokens=11), count=lambda example: 5)
    assert selection.chosen == (0, 1)
    assert [one.reason for one in selection.dropped if one.index in (2, 3)] == ["over the budget of 11 tokens"] * 2


def test_a_field_that_is_missing_is_named() -> None:
    with pytest.raises(InputError, match="'kind'"):
        choose(POOL, "q", Choice(k=2, by="balanced", label="kind"))
    with pytest.raises(InputError, match="'question'"):
        choose([{"text": "x"}], "q", Choice(k=1))
    with pytest.raises(InputError, match="0 or more"):
        Choice(k=-1)


def test_the_choice_is_what_is_sent_and_stands_on_the_result_and_in_the_trace(tmp_path: Path) -> None:
    client = ScriptedClient([" place"])
    file = tmp_path / "run.jsonl"
    agent = Direct(client, examples=POOL, choice=Choice(k=2, by="embeddings"), embed=letters)
    result = agent("Where do the penguins live?", trace=file)
    assert result.selection is not None
    shown = "".join(f"Q: {POOL[i]['question']}\nA: {POOL[i]['answer']}\n\n" for i in result.selection.chosen)
    assert client.requests[0].prompt == f"{shown}Q: Where do the penguins live?\nA:"
    assert agent.preview("Where do the penguins live?").request == client.requests[0].prompt
    again = Direct(ScriptedClient([]), examples=POOL, choice=Choice(k=2, by="embeddings"), embed=letters)
    assert again("Where do the penguins live?", trace=file) == result


def test_zero_and_one_shot_are_choices_too() -> None:
    client = ScriptedClient([" a", " b"])
    Direct(client, choice=0)("Which?")
    Direct(client, choice=1)("Which?")
    assert client.requests[0].prompt == "Q: Which?\nA:"
    assert str(client.requests[1].prompt).count("Q: ") == 2


def test_a_recorded_choice_replays_from_the_prompt_of_its_name(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    client = ScriptedClient([" 5 + 5. The answer is 10."])
    result = CoT(client, choice=Choice(k=2, by="bm25"))("How many eggs do 2 boxes of 5 hold?", trace=file)
    assert CoT.replay(file) == [result]
