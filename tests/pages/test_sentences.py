"""Sentences of encyclopedia prose."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.bundled import encyclopedia_path
from reasonkit.pages.sentences import _judged, split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ("The U.S. Navy was founded in 1775.", "It has bases in Washington, D.C. and elsewhere, e.g. in Japan."),
        ("In the U.S. Army he served.", "He lived in the U.S.", "He died."),
        ("J. R. R. Tolkien wrote it with Robert E. Lee.", "Mr. T. is here."),
        ("It was built c. 1500 by monks.", "He (fl. 1200) said so."),
        ("She moved to St. Louis.", "Dr. Smith of Foo Inc. joined the No. 5 squad at 5 p.m. on Monday."),
        ("It has 3.5 million people.", "See p. 5 for more."),
        ('He said "Go. Now."', "Then he left."),
        ("The film Who Framed Roger Rabbit? was released in 1988.", "What a film!", "Is it good?", "It is."),
        ("It lies near the sea (it was found there. Others came).", "It is old."),
        ("He died in Los Angeles on 22 November 1963, the day on which John F. Kennedy was shot.", "It was cold."),
        ("No end here",),
    ],
)
def test_prose_is_split_as_a_reader_would(sentences: tuple[str, ...]) -> None:
    assert split_sentences(" ".join(sentences)) == sentences


def test_a_line_feed_ends_a_sentence() -> None:
    assert split_sentences("One line\n\n  and another. \n") == ("One line", "and another.")


def test_a_closing_quote_stays_with_its_sentence() -> None:
    assert all(
        not sentence.startswith("”") for sentence in split_sentences("“He went to b.” She stayed e.g. at home. ”So.”")
    )


def test_other_languages_have_their_own_rules_and_an_unknown_one_is_split_as_english() -> None:
    assert split_sentences("Er kam am 3. Mai nach Köln. Es war z. B. kalt.", "de")[0] == "Er kam am 3. Mai nach Köln."
    assert split_sentences("これは本です。それも本です。", "ja") == ("これは本です。", "それも本です。")
    assert split_sentences("Un. Deux est là.", "xx") == split_sentences("Un. Deux est là.", "en")


def test_what_is_settled_without_pysbd_is_settled_as_pysbd_does() -> None:
    lines = [
        line.strip() for path in encyclopedia_path().glob("*.txt") for line in path.read_text("utf-8").splitlines()[:80]
    ]
    prose = [
        re.sub(r"\[\[([^]|]+)\|?([^]]*)\]\]", lambda link: link[2] or link[1], line)
        for line in lines
        if line[:1].isalpha()
    ]
    assert len(prose) > 20
    for text in prose:
        assert split_sentences(text) == tuple(_judged(text, "en"))


WORDS = st.sampled_from(
    [
        "Nile",
        "river.",
        "The",
        "U.S.",
        "e.g.",
        "(see",
        "it)",
        '"Hi',
        'there."',
        "1.",
        "a)",
        "Dr.",
        "*",
        "♨",
        "&ᓴ&",
        "∯",
        "“b.”",
        "was",
        "?",
        "!",
    ]
)


@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_no_text_is_lost_and_none_is_empty(text: str) -> None:
    sentences = split_sentences(text)
    assert " ".join(sentences).replace(" ", "") == text.replace(" ", "")
    assert all(sentence.strip() == sentence and sentence for sentence in sentences)


@given(st.text())
def test_any_text_is_split_without_loss(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())
