"""Formulas as readable text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.pages.tex import math_spans, readable_tex


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"{\displaystyle E=mc^{2}}", "E = mc^2"),
        (r"\frac{a+b}{2}", "(a+b)/2"),
        (r"\frac12", "1/2"),
        (r"{\displaystyle {\underset {x\in S}{\operatorname {arg\,max} }}\,f(x)}", "arg max_(x ∈ S) f(x)"),
        (r"x={\frac {-b\pm {\sqrt {b^{2}-4ac}}}{2a}}", "x = (-b ± √(b^2-4ac))/(2a)"),
        (r"\xi \leq \alpha_{ij}", "ξ ≤ α_ij"),
        (r"{\begin{pmatrix}a&b\\c&d\end{pmatrix}}", "a b; c d"),
        (r"\sqrt[3]{x}", "3-th root √x"),
        (r"\binom{n}{k}", "C(n, k)"),
        (r"\mathbb {R} ^{n}", "R^n"),
        (r"10^{-3}", "10^-3"),
        (r"\{1,2\}", "{1,2}"),
        (r"\unknown{x}", "unknown x"),
        (r"\underset", ""),
        ("plain words", "plain words"),
    ],
)
def test_a_formula_reads_as_a_person_would_type_it(tex: str, text: str) -> None:
    assert readable_tex(tex) == text


@given(st.text(st.sampled_from("\\{}^_&~[]ab1 frcsqtundeisplay$")))
def test_any_text_comes_out_as_one_line_and_nothing_is_raised(tex: str) -> None:
    assert "\n" not in readable_tex(tex)


def test_nesting_past_all_measure_is_survived() -> None:
    assert "x" in readable_tex("{" * 5_000 + "x" + "}" * 5_000) + readable_tex(r"\sqrt" * 3_000 + "x") + "x"


def test_each_formula_is_found_with_its_braces() -> None:
    text = r"a {\displaystyle x_{1}} b {\textstyle \}} c {\displaystyle open"
    assert [text[begin:end] for begin, end in math_spans(text)] == [
        r"{\displaystyle x_{1}}",
        r"{\textstyle \}}",
        r"{\displaystyle open",
    ]
