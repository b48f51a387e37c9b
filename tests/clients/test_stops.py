"""The stop matcher: where it cuts, what it holds back, and that the pieces never matter."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reasonkit.clients.stops import StopMatcher, cut
from reasonkit.errors import InputError

LETTERS = st.text(alphabet="ab\n :é😀", max_size=40)
STOPS = st.lists(st.text(alphabet="ab\n :é😀", min_size=1, max_size=6), max_size=4).map(tuple)


def in_pieces(text: str, borders: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(border % (len(text) + 1) for border in borders)})
    return [text[a:b] for a, b in pairwise(edges)]


@given(text=LETTERS, stop=STOPS, borders=st.lists(st.integers(0, 100), max_size=8))
@example(text="abc", stop=("abc", "b"), borders=[1, 2])
@example(text="\nObservation 1: x", stop=("\nObservation 1:", "\n\n"), borders=list(range(18)))
def test_a_streamed_cut_equals_the_unstreamed_one(text: str, stop: tuple[str, ...], borders: list[int]) -> None:
    matcher = StopMatcher(stop)
    shown = "".join(matcher.feed(piece) for piece in in_pieces(text, borders)) + matcher.flush()
    assert (shown, matcher.matched) == cut(text, stop)
    if matcher.matched is not None:
        assert shown + matcher.matched + matcher.dropped == text


@given(text=LETTERS, stop=STOPS)
def test_what_is_kept_holds_no_stop_text(text: str, stop: tuple[str, ...]) -> None:
    kept, matched = cut(text, stop)
    assert not any(candidate in kept for candidate in stop)
    assert text.startswith(kept + (matched or ""))


@given(text=LETTERS, stop=STOPS, borders=st.lists(st.integers(0, 100), max_size=8))
def test_nothing_shown_is_ever_part_of_the_stop_text_that_is_found(
    text: str, stop: tuple[str, ...], borders: list[int]
) -> None:
    matcher, shown = StopMatcher(stop), ""
    for piece in in_pieces(text, borders):
        shown += matcher.feed(piece)
        assert cut(text, stop)[0].startswith(shown)


def test_no_more_is_held_back_than_may_begin_a_stop_text() -> None:
    matcher = StopMatcher(("\nObservation 1:",))
    assert matcher.feed("Search[x]\nObs") == "Search[x]"
    assert matcher.feed("olete\n") == "\nObsolete"
    assert matcher.flush() == "\n"


def test_a_stop_text_that_overlaps_itself_is_found() -> None:
    matcher = StopMatcher(("aab",))
    assert "".join(map(matcher.feed, "aaab")) == "a"
    assert matcher.matched == "aab"


def test_the_stop_text_that_is_complete_first_decides() -> None:
    assert cut("abc", ("abc", "b")) == ("a", "b")


def test_of_two_that_are_complete_at_once_the_longer_decides() -> None:
    assert cut("x\nStop:", ("Stop:", "\nStop:")) == ("x", "\nStop:")


def test_a_stop_text_cut_short_at_the_limit_is_dropped_and_kept_apart() -> None:
    matcher = StopMatcher(("\nObservation 1:",))
    assert matcher.feed("Search[x]\nObserv") == "Search[x]"
    assert matcher.flush(truncated=True) == ""
    assert (matcher.matched, matcher.dropped) == (None, "\nObserv")


def test_an_empty_stop_text_is_refused() -> None:
    with pytest.raises(InputError, match="empty"):
        StopMatcher(("x", ""))
    with pytest.raises(InputError, match="empty"):
        cut("text", ("",))
