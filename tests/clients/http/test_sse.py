"""Server-sent events: borders never matter, and what servers leave out is forgiven."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from reasonkit.clients.http.sse import EventStream


def events(*pieces: bytes) -> list[str]:
    stream = EventStream()
    found = [event for piece in pieces for event in stream.feed(piece)]
    return [*found, *stream.end()]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=12)


@given(
    data=st.lists(st.lists(TEXTS, min_size=1, max_size=3), max_size=4),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    borders=st.lists(st.integers(0, 400), max_size=12),
)
def test_events_do_not_depend_on_where_the_bytes_are_cut(
    data: list[list[str]], newline: str, borders: list[int]
) -> None:
    text = "".join("".join(f"data: {line}{newline}" for line in lines) + newline for lines in data)
    whole = text.encode()
    edges = sorted({0, len(whole), *(border % (len(whole) + 1) for border in borders)})
    assert events(*(whole[a:b] for a, b in itertools.pairwise(edges))) == ["\n".join(line) for line in data]


def test_comments_and_other_fields_are_passed_over() -> None:
    assert events(b": OPENROUTER PROCESSING\n\nevent: message\nid: 7\nretry: 3\ndata: {}\n\n") == ["{}"]


def test_the_space_after_the_colon_may_be_missing() -> None:
    assert events(b"data:[DONE]\n\n") == ["[DONE]"]


def test_a_last_event_without_its_empty_line_counts() -> None:
    assert events(b"data: 1\n\ndata: 2") == ["1", "2"]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert events(b"\xef\xbb", b"\xbfdata: 1\n\n") == ["1"]


def test_half_a_character_waits_for_the_other_half() -> None:
    whole = "data: é😀\n\n".encode()
    assert events(*(whole[place : place + 1] for place in range(len(whole)))) == ["é😀"]
