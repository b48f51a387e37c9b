"""What a model writes between the brackets, into what a function takes."""

from collections.abc import Callable
from typing import Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.errors import InputError, ToolError
from reasonkit.tools.arguments import parameters_of, read_arguments, signature_line


def read(function: Callable[..., Any], text: str) -> tuple[object, ...]:
    return read_arguments(parameters_of(function, "f"), text, "f")


def one(text: str) -> None: ...
def number(n: int) -> None: ...
def two(a: str, b: int) -> None: ...
def options(a: str, *, size: float = 1.5, loud: bool = False, tag: str | None = None) -> None: ...
def none() -> None: ...


@pytest.mark.parametrize("text", ["a; b", "a = 1", '"quoted"', "{not json", "f(x) [1; 2]", "Paris (Texas)"])
def test_one_text_argument_is_taken_whole(text: str) -> None:
    assert read(one, f" {text} ") == (text,)


@pytest.mark.parametrize("text", ["x; 3", "a=x; b=3", "b=3; x", ' "x" ;3;', '{"a": "x", "b": 3}', "a = x ; b = 3"])
def test_several_are_separated_by_semicolons_and_may_be_named(text: str) -> None:
    assert read(two, text) == ("x", 3)


def test_a_quoted_value_may_hold_a_semicolon_and_an_apostrophe_opens_no_quote() -> None:
    assert read(two, '"x; y"; 3') == ("x; y", 3)
    assert read(two, "Tom's; 3") == ("Tom's", 3)
    assert read(two, "a='x; y'; 3") == ("x; y", 3)
    assert read(two, "'tis; 3") == ("'tis", 3)


def test_what_is_left_out_has_its_default() -> None:
    assert read(options, "x") == ("x", 1.5, False, None)
    assert read(options, "x; loud=yes; size=2; tag=t") == ("x", 2.0, True, "t")


def test_an_equals_sign_that_names_no_parameter_is_text() -> None:
    assert read(two, "x=y; 3") == ("x=y", 3)


@pytest.mark.parametrize(("kind", "written", "value"), [(int, "-7", -7), (float, "1e3", 1000.0), (bool, "TRUE", True)])
def test_numbers_and_truth_are_read_by_annotation(kind: type, written: str, value: object) -> None:
    def f(x: kind) -> None: ...  # type: ignore[valid-type]

    assert read(f, written) == (value,)
    assert read(f, f'"{written}"') == (value,)


@pytest.mark.parametrize(
    ("function", "text", "said"),
    [
        (number, "seven", "f: n has to be a whole number, not 'seven'."),
        (number, "7.5", "f: n has to be a whole number, not '7.5'."),
        (number, "", "f lacks n. Write f[n (a whole number)]."),
        (two, "x", "f lacks b. Write f[a; b (a whole number)]."),
        (two, "x; 1; 2", "f takes 2 arguments, separated by semicolons. Write f[a; b (a whole number)]."),
        (two, "x; a=y; b=1", "f was given a twice. Write f[a; b (a whole number)]."),
        (two, '{"a": "x", "b": true}', "f: b has to be a whole number, not True."),
        (options, "x; loud=perhaps", "f: loud has to be true or false, not 'perhaps'."),
        (none, "x", "f takes no argument. Write f[]."),
    ],
)
def test_what_does_not_fit_is_answered_with_what_does(function: Callable[..., Any], text: str, said: str) -> None:
    with pytest.raises(ToolError) as refused:
        read(function, text)
    assert str(refused.value) == said


def test_a_choice_has_to_be_one_of_its_values() -> None:
    def f(unit: Literal["km", "mi"], digits: Literal[1, 2] = 1) -> None: ...

    assert read(f, "km; 2") == ("km", 2)
    with pytest.raises(ToolError, match=r"f: unit has to be km or mi, not 'yards'\."):
        read(f, "yards")


def test_a_function_without_parameters_takes_empty_brackets() -> None:
    assert read(none, "") == ()


def test_the_signature_shows_types_choices_and_what_may_be_left_out() -> None:
    assert signature_line(parameters_of(options, "f")) == (
        "a; size (a number, 1.5 if left out); loud (true or false, False if left out); tag (may be left out)"
    )


def test_parameters_that_cannot_be_written_in_brackets_are_refused() -> None:
    def many(*texts: str) -> None: ...
    def listed(texts: list[str]) -> None: ...
    def unknown(text: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    refused: list[tuple[Callable[..., object], str]] = [(many, "texts"), (listed, "list"), (unknown, "Nowhere")]
    for function, said in refused:
        with pytest.raises(InputError, match=said):
            parameters_of(function, "f")


def test_both_spellings_of_optional_and_no_annotation_are_understood() -> None:
    def f(a, b: Optional[int] = None, c: int | None = None) -> None: ...  # type: ignore[no-untyped-def]  # noqa: UP045

    assert [parameter.kind for parameter in parameters_of(f, "f")] == [str, int, int]


PLAIN = st.text(st.characters(exclude_characters=";\"'={", exclude_categories=("C", "Z")), min_size=1)


@given(a=PLAIN, b=st.integers())
def test_what_was_written_plainly_comes_back(a: str, b: int) -> None:
    assert read(two, f"{a}; {b}") == (a, b)


@given(text=st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        a, b = read(two, text)
    except ToolError:
        return
    assert isinstance(a, str)
    assert isinstance(b, int)
