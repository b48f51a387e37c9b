"""Training documents: the library's exact strings, a mask on the model's own words, and no bundled page in them."""

from __future__ import annotations

import hashlib
import random
import re
from pathlib import Path

import pytest

import reasonkit
from reasonkit.prompts import Prompt, render
from reasonkit.train.recipes.tiny.documents import cot, direct, pal, react, segments
from reasonkit.train.recipes.tiny.episodes import episode
from reasonkit.train.recipes.tiny.problems import problem
from reasonkit.types import Capabilities, Question, Transcript

TEXT = Capabilities(endpoint="completions")


def sent(method: str, question: str, cue: str) -> str:
    opening = Prompt.load(f"{method}/tiny").open(Question(text=question))
    text = render(Transcript(opening=opening), cue=cue, capabilities=TEXT)
    assert isinstance(text, str)
    return text


def test_react_documents_begin_with_what_the_library_sends() -> None:
    made = episode(random.Random(1), task="one")
    (first, learned), *_ = react(made)
    assert not learned
    assert first == sent("react", made.question, "Thought 1:")


@pytest.mark.parametrize(("method", "made"), [("cot", cot), ("pal", pal), ("direct", direct)])
def test_problem_documents_begin_with_what_the_library_sends(method: str, made) -> None:  # type: ignore[no-untyped-def]
    found = problem(random.Random(2), small=True)
    (first, learned), (_, answer) = made(found)
    assert (learned, answer) == (False, True)
    assert first == sent(method, found.question, Prompt.load(f"{method}/tiny").cue)


def test_observations_and_questions_are_never_learned() -> None:
    for seed in range(200):
        for text, learned in segments(random.Random(seed)):
            assert not (learned and re.search(r"Observation \d|Question:", text))


def test_a_react_turn_begins_after_its_cue_and_ends_before_its_observation() -> None:
    for seed in range(50):
        made = episode(random.Random(seed))
        parts = react(made)
        for turn, ((before, _), (said, learned)) in enumerate(zip(parts[::2], parts[1::2], strict=True), 1):
            assert learned == (turn > made.slips)
            assert re.search(r"Thought \d:$", before)
            assert said.startswith(" ")
            assert not said.endswith(("\n", " "))


def bundled_windows(words: int) -> set[tuple[str, ...]]:
    source = Path(reasonkit.__file__).parent / "bundled" / "encyclopedia"
    found = set()
    for path in source.glob("*.txt"):
        for line in path.read_text(encoding="utf-8").splitlines():
            tokens = re.findall(r"[\w']+", line.replace("[[", "").replace("]]", ""))
            found |= {tuple(tokens[at : at + words]) for at in range(len(tokens) - words + 1)}
    return found


def test_no_ten_words_of_the_bundled_encyclopedia_occur_in_training_documents() -> None:
    windows = bundled_windows(10)
    if not windows:
        pytest.skip("the encyclopedia's source is not in this installation")
    for seed in range(1500):
        tokens = re.findall(r"[\w']+", "".join(text for text, _ in segments(random.Random(seed))))
        shared = windows & {tuple(tokens[at : at + 10]) for at in range(len(tokens) - 9)}
        assert not shared


def test_the_documents_do_not_change_by_accident() -> None:
    # A change that is meant changes the recipe: the model's card says which documents its weights saw.
    digest = hashlib.sha256()
    for seed in range(300):
        digest.update(repr(segments(random.Random(seed))).encode())
    assert digest.hexdigest() == "da59d5667b7fc6fc6a0631ea9c5fac52cdfc3abffd9f3acc3a1e0f9b48ead2e8"
