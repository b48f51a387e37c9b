"""Answers: what is read out of a text, what counts as right, and who wins a vote."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from reasonkit.answers import (
    AnswerType,
    Extraction,
    canonical,
    choice_match,
    exact_match,
    extract,
    label_match,
    maj_at_k,
    majority,
    normalize_answer,
    numeric_match,
    overtaken,
    to_number,
    token_f1,
)
from reasonkit.types import Vote

BOTH: list[tuple[str, AnswerType, str | None, str | None]] = [
    # what is said, type, strict, lenient
    ("He has 3 left. The answer is 18.", "number", "18", "18"),
    ("The answer is $1,000.50.", "number", "1000.50", "1000.50"),
    ("The answer is 1/2.", "number", "1/2", "1/2"),
    ("The answer is 1 1/2 cups.", "number", "1 1/2", "1 1/2"),
    ("The answer is 3.5e3.", "number", "3.5e3", "3.5e3"),
    ("The answer is 3.5 x 10^3.", "number", "3500", "3500"),
    ("The answer is 10^6.", "number", "1000000", "1000000"),
    ("The answer is 50%.", "number", "50%", "50%"),
    ("The answer is 12 percent.", "number", "12%", "12%"),
    ("The answer is 5 apples out of 10.", "number", "5", "10"),
    ("The answer is 5km.", "number", "5", "5"),
    ("The answer is -5 degrees.", "number", "-5", "-5"),
    ("The answer is −5 degrees.", "number", "-5", "-5"),
    ("The answer is -$5.", "number", "-5", "-5"),
    ("The answer is $-5.", "number", "-5", "-5"),
    ("The answer is .5.", "number", ".5", ".5"),
    ("The answer is 3 + 4 = 7.", "number", "7", "7"),
    ("THE ANSWER IS 7.", "number", "7", "7"),
    ("The answer is: **42**", "number", "42", "42"),
    ("The final answer is\n\n42", "number", "42", "42"),
    ("Therefore, the answer (arabic numerals) is 9.", "number", "9", "9"),
    ("The answer is $\\frac{3}{4}$.", "number", "3/4", "3/4"),
    ("The answer is 2.5 million dollars.", "number", "2500000", "2500000"),
    ("The answer is twelve.", "number", "12", "12"),
    ("The answer is 4. No, wait. The answer is 5.", "number", "5", "5"),
    ("The answer is 5. I checked it 3 times.", "number", "5", "3"),
    ("So 16 - 3 - 4 = 9, which makes 18 dollars", "number", None, "18"),
    ("10-5 leaves five", "number", None, "5"),
    ("It was on 1/2/2003", "number", None, None),
    ("The answer is 1/0.", "number", None, None),
    ("The answer is unknown.", "number", None, None),
    ("I cannot say.", "number", None, None),
    ("", "number", None, None),
    ("The answer is (B).", "choice", "B", "B"),
    ("The answer is B.", "choice", "B", "B"),
    ("The answer is A.", "choice", "A", "A"),
    ("The answer is A. It is the only one.", "choice", "A", "A"),
    ("The answer is (c) because the others are wrong.", "choice", "C", "C"),
    ("The answer is b.", "choice", "B", None),
    ("Therefore, among A through E, the answer is D", "choice", "D", "D"),
    ("The answer is B, not C.", "choice", "B", "C"),
    ("Answer unknown", "choice", None, None),
    ("Answer: A dog.", "choice", None, None),
    ("The answer is A dog.", "choice", None, None),
    ("A: I do not know.", "choice", None, None),
    ("The answer is Amsterdam.", "choice", None, None),
    ("The answer is yes.", "yes_no", "yes", "yes"),
    ("Is it so? Yes. Yet the answer is no.", "yes_no", "no", "no"),
    ("The answer is No, because it sank.", "yes_no", "no", "no"),
    ("The answer is false.", "yes_no", "no", "no"),
    ("No one knows.", "yes_no", None, None),
    ("Notes on Yesterday", "yes_no", None, None),
    ("The answer is Paris.", "text", "Paris", "Paris"),
    ("The answer is the Nile. It is a river.", "text", "the Nile", "the Nile"),
    ("The answer is St. Louis. It lies on a river.", "text", "St. Louis", "St. Louis"),
    ("The answer is John F. Kennedy.", "text", "John F. Kennedy", "John F. Kennedy"),
    ("The answer is Washington, D.C.", "text", "Washington, D.C.", "Washington, D.C."),
    ("The answer is vitamin C. It is in fruit.", "text", "vitamin C", "vitamin C"),
    ('The answer is "Help!".', "text", "Help!", "Help!"),
    ('The answer is "Weird Al" Yankovic.', "text", '"Weird Al" Yankovic', '"Weird Al" Yankovic'),
    ("The answer is **Rome**.", "text", "Rome", "Rome"),
    ("I think.\nFinal answer: Oslo", "text", None, "Oslo"),
    ("It is \\boxed{x^{2}}", "text", None, "x^{2}"),
    ("First this.\nThen that.", "text", None, "Then that"),
    ("Q: Where?\nA: Oslo.", "text", None, "Oslo"),
    ("It is such a: b thing", "text", None, "It is such a: b thing"),
]


@pytest.mark.parametrize(("said", "kind", "strict", "lenient"), BOTH)
def test_an_answer_is_read_strictly_and_leniently(
    said: str, kind: AnswerType, strict: str | None, lenient: str | None
) -> None:
    assert extract(said, kind) == Extraction(strict=strict, lenient=lenient)


def test_an_answer_in_an_options_words_is_read_as_its_letter() -> None:
    assert extract("The answer is the red fox.", "choice", choices=("a dog", "red fox", "fox")).strict == "B"
    assert extract("The answer is a cat.", "choice", choices=("a dog", "red fox")).strict is None
    assert extract("So it is (E).", "choice", choices=("x", "y")).lenient is None


@given(text=st.text(max_size=200), kind=st.sampled_from(["number", "choice", "yes_no", "text"]))
def test_any_text_gives_an_extraction(text: str, kind: AnswerType) -> None:
    for said in (text, f"The answer is {text}"):
        read = extract(said, kind, choices=("one", "two"))
        for answer in (read.strict, read.lenient):
            assert answer is None or answer.strip()
            if answer is not None and kind == "number":
                assert to_number(answer) is not None
            if answer is not None and kind == "choice":
                assert answer in "AB"
            if answer is not None and kind == "yes_no":
                assert answer in ("yes", "no")


@given(value=st.integers(-(10**9), 10**9), cents=st.integers(0, 99))
def test_a_sum_of_money_keeps_its_value(value: int, cents: int) -> None:
    sign = "-" if value < 0 else ""
    said = f"So the answer is {sign}${abs(value):,}.{cents:02}."
    expected = (abs(value) + Fraction(cents, 100)) * (-1 if value < 0 else 1)
    read = extract(said, "number")
    assert read.strict == read.lenient
    assert to_number(read.strict) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5), ("$5.00", 5), ("1,234,567.5", Fraction(2469135, 2)), ("50%", 50), ("1/4", Fraction(1, 4)),
        ("1 1/2", Fraction(3, 2)), ("-2e-2", Fraction(-1, 50)), ("€3", 3), ("7.", 7), (".5", Fraction(1, 2)),
        ("twenty-five", 25), ("2^10", 1024), ("3 million", 3_000_000), (True, None), (math.nan, None),
        (math.inf, None), ("5 apples", None), ("1/0", None), ("1e999999999", None), ("9" * 5000, None), ("", None),
        ("1,23", None), (Decimal("0.1"), Fraction(1, 10)), (0.5, Fraction(1, 2)), ([1], None), ("12:30", None),
    ],
)  # fmt: skip
def test_a_text_is_a_number_only_as_a_whole(text: object, value: Fraction | int | None) -> None:
    assert to_number(text) == value


@pytest.mark.parametrize(
    ("answer", "gold", "same", "f1"),
    [
        ("The Eiffel Tower", "eiffel tower.", True, 1.0),
        ("Eiffel", "Eiffel Tower", False, 2 / 3),
        ("a big big cat", "big cat", False, 0.8),
        ("yes", "yes", True, 1.0),
        ("yes it is", "yes", False, 0.0),
        ("no", "no man", False, 0.0),
        ("noanswer", "no answer", False, 0.0),
        ("", "Rome", False, 0.0),
        (None, "Rome", False, 0.0),
        ("U.S.", "us", True, 1.0),
    ],
)
def test_exact_match_and_f1_follow_hotpotqa(answer: str | None, gold: str, *, same: bool, f1: float) -> None:
    assert exact_match(answer, gold) is same
    assert token_f1(answer, gold) == pytest.approx(f1)


def test_normalising_drops_articles_only_as_whole_words() -> None:
    assert normalize_answer("The  Theatre, an anthem; a.k.a. 'A'") == "theatre anthem aka"


@given(answer=st.text(max_size=30), gold=st.text(max_size=30))
def test_f1_lies_between_0_and_1_and_is_1_for_an_exact_match(answer: str, gold: str) -> None:
    assert 0 <= token_f1(answer, gold) <= 1
    assert token_f1(answer, gold) == token_f1(gold, answer)
    if exact_match(answer, gold) and normalize_answer(gold):
        assert token_f1(answer, gold) == 1


def test_numbers_match_within_a_thousandth_whatever_their_size() -> None:
    assert numeric_match("3.1415", 3.1412)
    assert not numeric_match("3.1425", 3.141)
    assert not numeric_match("1000000", "1000001")
    assert numeric_match("1000000", "1000001", relative=1e-3)
    assert numeric_match("$1,000.00", "1000")
    assert numeric_match("1/3", "0.3333")
    assert numeric_match("50%", "0.5")
    assert numeric_match("0.5", "50%")
    assert numeric_match("50%", "50")
    assert not numeric_match(None, "0")
    assert not numeric_match("nan", "nan")
    assert not numeric_match(math.nan, math.nan)
    assert not numeric_match("zero apples", "0")


def test_letters_and_labels_match_whatever_stands_round_them() -> None:
    assert choice_match("(b)", "B")
    assert not choice_match("", "")
    assert not choice_match(None, "B")
    assert label_match("Not enough info.", "NOT ENOUGH INFO")
    assert label_match("not_enough_info", "NOT ENOUGH INFO")
    assert not label_match("SUPPORTS", "REFUTES")
    assert not label_match(None, "SUPPORTS")


@pytest.mark.parametrize(
    "same",
    [
        [5, 5.0, "5", "$5.00", "5.", Fraction(5), Decimal("5.0"), "5%", " 5 "],
        [0, -0.0, 0.0, "-0", 1e-16, -1e-16],
        [0.3, 0.1 + 0.2, "0.3", Fraction(3, 10), Decimal("0.3")],
        [1 / 3, Fraction(1, 3), "1/3"],
        [[1, [2.0]], (1, [2]), [1.0, ("2",)]],
        [{1, 2}, frozenset({2, 1}), {2.0, 1}],
        [{"a": 1, "b": [2]}, {"b": (2,), "a": 1.0}],
        ["The Beatles.", "the beatles", '"Beatles"', " THE  BEATLES "],
        ["(B)", "B", "b", "B."],
        [True, "true", "True"],
        [date(2020, 1, 2), datetime(2020, 1, 2), "2020-01-02"],  # noqa: DTZ001 - programs make naive ones
        [10**22, 1e22, "10000000000000000000000", "1e22"],
    ],
)
def test_ways_of_writing_one_answer_have_one_canonical_form(same: list[object]) -> None:
    assert len({canonical(value) for value in same}) == 1
    assert canonical(same[0]) is not None


@pytest.mark.parametrize(
    "different",
    [
        [1234567890123, 1234567890124],
        [10**20, 10**20 + 1],
        ["C", "C++", "C#"],
        [True, 1],
        ["1.6e-19", 0],
        [[1, 2], [2, 1], {1, 2}],
        ["yes", "no"],
        [1.001, 1.002],
        ["10", "1"],
        [0.5, "50%"],
    ],
)
def test_different_answers_have_different_canonical_forms(different: list[object]) -> None:
    assert len({canonical(value) for value in different}) == len(different)


@pytest.mark.parametrize(
    "nothing", [None, "", "  ", math.nan, "nan", "NaN", Decimal("NaN"), [1, math.nan], {"a": None}]
)
def test_what_is_no_answer_abstains(nothing: object) -> None:
    assert canonical(nothing) is None


def test_a_list_that_holds_itself_abstains() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert canonical(endless) is None


@given(value=st.floats(allow_nan=False, allow_infinity=False))
@example(value=0.9999999999999999)
@example(value=5e-324)
@example(value=1.7976931348623157e308)
def test_floats_1e_16_apart_are_one_vote(value: float) -> None:
    for other in (value + 1e-16, value * (1 + 1e-16), math.nextafter(value, math.inf)):
        assume(math.isfinite(other))
        votes, abstained = majority([canonical(value), canonical(other)])
        if 1e-8 < abs(value) < 1e12:
            assert [vote.count for vote in votes] == [2]
        assert abstained == 0


def test_the_constants_of_physics_stay_apart() -> None:
    votes, _ = majority([canonical("1.6e-19"), canonical("9.1e-31"), canonical("1.60e-19"), canonical("0")])
    assert [vote.count for vote in votes] == [2, 1, 1]


@given(value=st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=30)))
def test_the_canonical_form_is_its_own_canonical_form(value: object) -> None:
    once = canonical(value)
    assert once is None or canonical(once) == once


@given(answers=st.lists(st.sampled_from(["a", "b", "c", None]), max_size=12))
def test_votes_are_counted_and_ties_go_to_the_first_seen(answers: list[str | None]) -> None:
    votes, abstained = majority(answers)
    assert abstained == answers.count(None)
    assert {vote.answer: vote.count for vote in votes} == {a: answers.count(a) for a in answers if a is not None}
    keys = [(-vote.count, answers.index(vote.answer)) for vote in votes]
    assert keys == sorted(keys)


@given(answers=st.lists(st.sampled_from(["a", "b", "0.1", None]), max_size=12))
def test_maj_at_k_is_the_majority_of_the_first_k(answers: list[str | None]) -> None:
    winners = maj_at_k(answers)
    assert len(winners) == len(answers)
    for k, winner in enumerate(winners, 1):
        votes, _ = majority(answers[:k])
        assert winner == (votes[0].answer if votes else None)


@given(
    drawn=st.lists(st.sampled_from(["a", "b", None]), max_size=8),
    later=st.lists(st.sampled_from(["a", "b", "c", None]), max_size=8),
)
def test_a_leader_that_cannot_be_overtaken_stays_the_winner(drawn: list[str | None], later: list[str | None]) -> None:
    votes, _ = majority(drawn)
    if drawn and not overtaken(votes, len(later)):
        assert maj_at_k([*drawn, *later])[-1] == (votes[0].answer if votes else None)


def test_an_early_stop_waits_while_the_second_could_still_draw_level() -> None:
    votes = (Vote(answer="a", count=5), Vote(answer="b", count=2))
    assert overtaken(votes, 3)
    assert not overtaken(votes, 2)
    assert overtaken((), 1)
    assert not overtaken((), 0)
    assert not overtaken(votes[:1], 5)
    assert overtaken(votes[:1], 6)


@pytest.mark.parametrize("vote", [canonical, lambda text: extract(text, "number"), lambda text: extract(text, "text")])
@pytest.mark.parametrize("piece", ["The answer is ", "1,000", "1/", "a. ", "\\boxed{{", "St. ", "(A) ", "-", "twenty-"])
def test_a_long_text_is_no_trap(vote: Callable[[str], object], piece: str) -> None:
    assert vote(piece * (200_000 // len(piece))) is not piece
