"""A completion in the making: the pieces never matter, stops are cut, characters are whole."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.clients.http.draft import Draft
from reasonkit.clients.http.reply import Piece
from reasonkit.types import Completion, TokenLogprob, Usage

ALPHABET = "ab\n :é😀"


def drawn(stop: tuple[str, ...], *pieces: Piece) -> Completion:
    draft = Draft(stop)
    for piece in pieces:
        draft.feed(piece)
    draft.end()
    return draft.completion(Usage(), ())


@given(
    text=st.text(ALPHABET, max_size=40),
    stop=st.lists(st.text(ALPHABET, min_size=1, max_size=5), max_size=3).map(tuple),
    finish=st.sampled_from(["stop", "length"]),
    borders=st.lists(st.integers(0, 100), max_size=10),
)
def test_a_streamed_completion_equals_the_unstreamed_one(
    text: str, stop: tuple[str, ...], finish: str, borders: list[int]
) -> None:
    units = [unit for letter in text for unit in _units(letter)]  # as servers may cut: between surrogates too
    edges = sorted({0, len(units), *(border % (len(units) + 1) for border in borders)})
    pieces = [Piece(0, "".join(units[a:b]), None) for a, b in itertools.pairwise(edges)]
    streamed = drawn(stop, *pieces, Piece(0, "", finish))
    whole = drawn(stop, Piece(0, text, finish))
    assert streamed == whole
    assert not any(mark in whole.text for mark in stop)


def _units(letter: str) -> list[str]:
    data = letter.encode("utf-16-le")
    return [data[place : place + 2].decode("utf-16-le", "surrogatepass") for place in range(0, len(data), 2)]


def test_half_a_character_that_never_gets_its_other_half_is_shown_as_such() -> None:
    assert drawn((), Piece(0, "a\ud83d", None), Piece(0, "", "stop")).text == "a\ufffd"
    assert drawn((), Piece(0, "a\ud83d", None), Piece(0, "b", "stop")).text == "a\ufffdb"


def test_the_beginning_of_a_stop_text_at_the_limit_is_dropped_and_said() -> None:
    completion = drawn(("\nObservation 1:",), Piece(0, "Search[x]\nObserv", "length"))
    assert (completion.text, completion.finish) == ("Search[x]", "length")
    assert any("Observ" in notice for notice in completion.notices)


def test_the_beginning_of_a_stop_text_at_the_end_is_the_models_own() -> None:
    assert drawn(("\n\n",), Piece(0, "x\n", "stop")).text == "x\n"


def test_a_stop_text_found_here_is_a_stop_whatever_the_server_says() -> None:
    assert drawn(("#",), Piece(0, "x#yyy", "length")).finish == "stop"


@pytest.mark.parametrize("reason", ["content_filter", "tool_calls"])
def test_an_unusual_end_is_said(reason: str) -> None:
    assert any(reason in notice for notice in drawn((), Piece(0, "x", reason)).notices)


def test_reasoning_that_is_kept_apart_is_said() -> None:
    assert any("7 characters" in notice for notice in drawn((), Piece(0, "x", "stop", reasoning=7)).notices)


def test_log_probabilities_end_with_the_text() -> None:
    tokens = tuple(TokenLogprob(token=token, logprob=-1.0) for token in ("x", "y#", "z"))
    assert [token.token for token in drawn(("#",), Piece(0, "xy#z", "stop", tokens)).logprobs] == ["x", "y#"]
