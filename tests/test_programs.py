"""Programs in completions: what is run, what of it is the answer, and what is wrong with it."""

from __future__ import annotations

import ast
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonkit.programs import STDOUT, answer_expression, extract_program

SOLUTION = "def solution():\n    apples = 3\n    pears = 4\n    return apples + pears"


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("bare", SOLUTION),
        ("bare", f"\n\n{SOLUTION}\n\n"),
        ("bare", f"Here is the program:\n\n{SOLUTION}"),
        ("bare", f"{SOLUTION}\n\nThe answer is 7 pieces of fruit."),
        ("bare", f"{SOLUTION}\n\n\nQ: How many are left?\n\n# solution in Python:\n\ndef solution():\n    return 0"),
        ("bare", "\n".join(f"    {line}" for line in SOLUTION.split("\n"))),
        ("bare", SOLUTION.replace("\n", "\r\n")),
        ("fenced", f"```python\n{SOLUTION}\n```"),
        ("fenced", f"```py\n{SOLUTION}\n```"),
        ("fenced", f"```\n{SOLUTION}\n```"),
        ("fenced", f"Sure.\n\n```Python\n{SOLUTION}\n```\nThis gives 7."),
        ("fenced", f"~~~python\n{SOLUTION}\n~~~"),
        ("fenced", f"````python\n{SOLUTION}\n````"),
        ("fenced", f"```{{.python}}\n{SOLUTION}\n```"),
        ("fenced", f"1. The program:\n   ```python\n{SOLUTION}\n   ```"),
        ("fenced", f"```python\n{SOLUTION}"),
        ("fenced", f"```bash\npip install numpy\n```\n```python\n{SOLUTION}\n```\n```text\n7\n```"),
        ("fenced", f"```python\n{SOLUTION}\n```\nOutput:\n```\n7\n```"),
        ("fenced", f"```python\n{SOLUTION}\n```\nTo use it:\n```python\nprint(solution())\n```"),
        ("fenced", f"```python\ndef solution():\n    return 0\n```\nThat is wrong.\n```python\n{SOLUTION}\n```"),
        ("tagged", f"<code>\n{SOLUTION}\n</code>"),
        ("tagged", f"[PYTHON]\n{SOLUTION}\n[/PYTHON] done"),
        ("tagged", f"<|python_tag|>{SOLUTION}<|eom_id|>"),
        ("tagged", f"<python>{SOLUTION}</python>"),
    ],
)
def test_a_program_is_found_whatever_stands_round_it(form: str, text: str) -> None:
    program = extract_program(text)
    assert (program.source, program.answer, program.form, program.fault) == (SOLUTION, "solution()", form, None)


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        (SOLUTION, "solution()"),
        ("solution = lambda: 5", "solution()"),
        ("def solution(scale=2):\n    return scale", "solution()"),
        (f"{SOLUTION}\nprint(solution())", "solution()"),
        (f"answer = 0\n{SOLUTION}", "solution()"),
        ("def solution(x):\n    return x\nanswer = solution(3)", "answer"),
        ("x = 5\nanswer = x", "answer"),
        ("answer: int = 3\nprint(answer)", "answer"),
        ("answer = 0\nfor i in range(3):\n    answer += i", "answer"),
        ("if True:\n    answer = 1\nelse:\n    answer = 2", "answer"),
        ("for answer in range(3):\n    pass", "answer"),
        ("a, answer = 1, 2", "answer"),
        ("from math import pi as answer", "answer"),
        ("def f():\n    answer = 3\n    return answer\nprint(f())", STDOUT),
        ("def main():\n    print(3)\nmain()", STDOUT),
        ("[answer for answer in range(3)]", None),
        ("x = 2\nx * 3", None),
        ("# the class is no function\nclass A:\n    def solution(self):\n        return 1\nA().solution()", None),
    ],
)
def test_the_answer_is_solution_then_answer_then_what_is_printed_then_the_last_expression(
    source: str, answer: str | None
) -> None:
    program = extract_program(source)
    assert program.fault is None
    assert (program.source, program.answer) == (source, answer)
    assert answer_expression(source) == answer


def test_a_space_before_the_first_line_does_not_break_the_program() -> None:
    for text in (f" {SOLUTION}", f" {SOLUTION}\nprint(solution())", f"```python\n {SOLUTION}\nx = 1\n```"):
        program = extract_program(text)
        assert (program.answer, program.fault) == ("solution()", None)


def test_blocks_that_need_each_other_are_one_program_in_their_order() -> None:
    text = "```python\nimport math\nr = 2\n```\nNow the area.\n```python\nunused = 1\n```\n```python\nanswer = math.pi * r**2\n```"
    program = extract_program(text)
    assert program.source == "import math\nr = 2\n\nanswer = math.pi * r**2"
    assert program.answer == "answer"


def test_a_block_that_mends_an_earlier_one_stands_alone() -> None:
    text = "```python\nx = 1/0\nanswer = x\n```\nNo:\n```python\nx = 1\nanswer = x\n```"
    assert extract_program(text).source == "x = 1\nanswer = x"


def test_an_interactive_session_loses_its_prompts_and_what_it_printed() -> None:
    text = ">>> x = 3\n>>> for i in range(2):\n...     x += i\n...\n>>> x\n4"
    for written in (text, f"```pycon\n{text}\n```"):
        program = extract_program(written)
        assert program.source == "x = 3\nfor i in range(2):\n    x += i\n\nx"
        assert program.fault is None


@pytest.mark.parametrize("text", ["", "I do not know.", "The answer is 5.", "```bash\nls\n```", "Hello", "42 apples"])
def test_a_text_without_a_program_says_so(text: str) -> None:
    program = extract_program(text)
    assert program.source == ""
    assert program.fault is not None
    assert program.fault.kind == "no_answer"


def test_a_program_without_an_answer_says_so() -> None:
    program = extract_program("x = 5\ny = x")
    assert program.source == "x = 5\ny = x"
    assert program.fault is not None
    assert program.fault.kind == "no_answer"


@pytest.mark.parametrize("end", range(1, len(SOLUTION)))
def test_a_program_cut_at_the_token_limit_is_truncated_wherever_the_cut_falls(end: int) -> None:
    for text in (SOLUTION[:end], f"```python\n{SOLUTION[:end]}", f"<code>{SOLUTION[:end]}"):
        fault = extract_program(text, truncated=True).fault
        assert fault is not None
        assert fault.kind == "truncated"


def test_a_cut_after_the_program_does_not_harm_it() -> None:
    for text in (f"```python\n{SOLUTION}\n```\nThis progr", f"{SOLUTION}\n\nThis program counts the fr"):
        program = extract_program(text, truncated=True)
        assert (program.source, program.fault) == (SOLUTION, None)


def test_a_fault_of_syntax_names_its_line_and_keeps_the_program() -> None:
    program = extract_program("```python\nx = 1\ny = (2\n```")
    assert program.source == "x = 1\ny = (2"
    assert program.fault is not None
    assert (program.fault.kind, program.fault.line) == ("syntax", 2)


def test_prose_in_the_midst_of_a_broken_program_does_not_shorten_it() -> None:
    program = extract_program("def solution():\n    x = (1\nwe add the two\n    return x")
    assert program.fault is not None
    assert program.fault.kind == "syntax"
    assert "return x" in program.source


PIECES = [
    "```", "```python\n", "\n", "    ", "def solution():\n", "return 1", "answer = ", "x", "print(", ")", "(", "5", "\\",
    "'", '"""', "<code>", "</code>", "[PYTHON]", ">>> ", "The sum is ", ":", "#", "\0", "é", "\r\n", "lambda: ", "'\\d'",
    "5 is 5", "import math", "~~~", "nonlocal x", "global x", "yield", "await x",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # what Python's parser says about odd escapes in these programs
@settings(max_examples=800)
@given(text=st.one_of(st.lists(st.sampled_from(PIECES), max_size=15).map("".join), st.text()), truncated=st.booleans())
def test_any_text_gives_a_program_that_parses_or_a_fault(text: str, *, truncated: bool) -> None:
    program = extract_program(text, truncated=truncated)
    if program.fault is None:
        ast.parse(program.source)
        assert program.answer in ("solution()", "answer", STDOUT, None)
    else:
        assert program.fault.message
        if program.fault.kind == "truncated":
            assert truncated


@pytest.mark.parametrize(
    "piece", ["(", "-", "x = 1\n", "a b\n", "```py\nanswer = x\n```\n", "<code>", ">>> ", "x.", "'''"]
)
def test_a_long_text_is_read_in_bounded_time(piece: str) -> None:
    began = time.process_time()
    extract_program("x = 1\n" + piece * (60_000 // len(piece)))
    assert time.process_time() - began < 10
