"""Episodes of the recipe are true to their pages and to the library's own observations."""

from __future__ import annotations

import random
import re

import pytest

from reasonkit.pages.memory import MemoryPages
from reasonkit.steps import parse_step
from reasonkit.tools.wikipedia import Wikipedia
from reasonkit.train.recipes.tiny.episodes import TASKS, episode, held_pair
from reasonkit.train.recipes.tiny.kinds import linked
from reasonkit.train.recipes.tiny.teller import look_up
from reasonkit.types import Malformed

ALL = [*TASKS, "unseen_pair", "unseen_words"]


def made(task: str, seed: int):  # type: ignore[no-untyped-def]
    if task == "unseen_pair":
        return episode(random.Random(seed), task="two", unseen_pair=True)
    return episode(random.Random(seed), task=task)


@pytest.mark.parametrize("task", ALL)
def test_the_answer_is_read_out_of_the_last_observation(task: str) -> None:
    for seed in range(40):
        found = made(task, seed)
        *_, (_, seen), (said, end) = found.turns
        assert end == ""
        assert said.endswith(f"Finish[{found.answer}]")
        assert found.answer.lower() in seen.lower()


@pytest.mark.parametrize("task", ALL)
def test_the_librarys_parser_reads_each_turn_without_recovering(task: str) -> None:
    for seed in range(20):
        for number, (said, _) in enumerate(made(task, seed).turns, 1):
            parsed = parse_step(said, number)
            assert not isinstance(parsed, Malformed)
            assert parsed.recovered == ()
            assert parsed.action is not None
            assert said.endswith(f"{parsed.action.tool}[{parsed.action.argument}]")


@pytest.mark.parametrize("task", ["one", "two", "lookup", "unseen_pair"])
def test_search_shows_what_the_library_would_show(task: str) -> None:
    same = total = 0
    for seed in range(60):
        found = made(task, seed)
        pages = MemoryPages({title: " ".join(sentences) for title, sentences in found.pages.items()})
        for said, seen in found.turns:
            action = re.search(r"Action \d+: Search\[(.*)\]$", said)
            if action and not seen.startswith("Could not find"):
                page = pages.search(action[1])
                total += 1
                same += " ".join(getattr(page, "sentences", ())[:5]) == seen
    assert same > 0.97 * total  # an initial such as "B." may be split otherwise


def test_a_missing_page_is_reported_in_the_librarys_words() -> None:
    pages = MemoryPages({"Brenta (novel)": "Brenta is a novel."})
    seen = Wikipedia(pages)
    assert seen is not None
    found = episode(random.Random(3), task="missing")
    first = found.turns[0][1]
    assert re.fullmatch(r"Could not find .+\. Similar: \[.+\]\.", first)


def test_lookup_counts_hits_and_says_when_there_are_none() -> None:
    sentences = ["It is old.", "It was built in 1900.", "A wall was built later."]
    assert look_up("X", sentences, "built", 0, plain=True) == "(Result 1 / 2) It was built in 1900."
    assert look_up("X", sentences, "Built", 1, plain=True) == "(Result 2 / 2) A wall was built later."
    assert look_up("X", sentences, "built", 2, plain=False) == "No more results."
    assert look_up("X", sentences, "length", 0, plain=False) == "No results for 'length' on the page 'X'."


def test_a_slip_is_a_name_that_is_not_found_and_the_next_turn_mends_it() -> None:
    slipped = [found for found in (episode(random.Random(seed), task="missing") for seed in range(60)) if found.slips]
    assert slipped
    for found in slipped:
        assert found.slips == 1
        assert found.turns[0][1].startswith("Could not find")
        assert "The right title is" in found.turns[1][0]
    assert not any(episode(random.Random(seed), measured=True, task="missing").slips for seed in range(60))


def test_training_never_shows_a_kept_pair_of_relations() -> None:
    kept = {(first.kind, first.key, second.key) for first, second in linked() if held_pair(first, second)}
    assert kept
    phrases = {(first.phrase, second.phrase) for first, second in linked() if held_pair(first, second)}
    trained = {(first.phrase, second.phrase) for first, second in linked() if not held_pair(first, second)}
    assert phrases - trained


def test_the_same_seed_makes_the_same_episode() -> None:
    assert episode(random.Random(11)) == episode(random.Random(11))
