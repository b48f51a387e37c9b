"""Reading steps: the conformance corpus, and what holds for any text at all."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reasonkit.errors import DatasetError
from reasonkit.steps import TOOLS, Case, parse_action, parse_step, read_cases, score
from reasonkit.steps.reading import search_step
from reasonkit.types import Action, Malformed, MalformedKind, ParsedStep, Recovery

CORPUS = Path(__file__).parent / "conformance" / "steps.jsonl"
CASES = read_cases(CORPUS)

PIECES = [
    "Search[", "Lookup[", "Finish[", "search[", "Search(", "Search [", "Google[", "]", ")", "[", "(", '"', "'", "“", "”",
    "Thought 1:", "Thought 2:", "Thought:", "Action 1:", "Action 2:", "Action:", "action 1 -", "Action Input:",
    "Observation 1:", "Observation:", "\n", "\n\n", "\r\n", " ", "  ", "\t", "**", "`", "```\n", "```json\n", "- ", "1. ",
    "# ", "> ", "<think>", "</think>", '{"action": "Search", "action_input": "', '"}', "{", "}", "\\", "\\[", "\0", ".",
    ", ", "and ", "river", "Mount Kenya", "é", "漢", "\u2028", "x", "1969", ":", "Search", "Finish",
]  # fmt: skip
LIKELY = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def _mutated(insertions: list[tuple[int, str]]) -> str:
    text = " I look.\nAction 1: Search[Mount (x) Kenya]"
    for place, piece in insertions:
        text = text[: place % (len(text) + 1)] + piece + text[place % (len(text) + 1) :]
    return text


MUTATED = st.lists(st.tuples(st.integers(0, 200), st.sampled_from(PIECES)), max_size=3).map(_mutated)
"""A clean step with a few odd pieces put in anywhere."""
TEXTS = st.one_of(LIKELY, MUTATED, st.text(max_size=80))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_case_of_the_corpus_is_read_as_it_says(case: Case) -> None:
    parser = parse_step if case.after == "thought" else parse_action
    parsed = parser(case.text, case.step, tools=case.tools, truncated=case.truncated)
    assert (parsed if isinstance(parsed, ParsedStep) else parsed.kind) == case.expected


def test_the_corpus_has_250_cases_and_every_kind_at_least_twice() -> None:
    assert len(CASES) >= 250
    assert len({(case.text, case.after, case.truncated, case.step, case.tools) for case in CASES}) == len(CASES)
    assert len({case.id for case in CASES}) == len(CASES)
    rare = {kind.kind: kind.cases for kind in score(CASES).kinds if kind.cases < 2}
    assert rare == {}
    assert {kind.kind for kind in score(CASES).kinds} == {"clean", *get_args(Recovery), *get_args(MalformedKind)}


@settings(max_examples=600)
@given(text=TEXTS, step=st.integers(1, 12), truncated=st.booleans(), after_action=st.booleans())
@example(text="Search[\r]", step=1, truncated=False, after_action=False)
@example(text="\0Search[\0a\0]", step=1, truncated=True, after_action=True)
def test_any_text_gives_a_step_that_stands_in_it_or_a_fault_within_it(
    text: str, step: int, *, truncated: bool, after_action: bool
) -> None:
    parsed = (parse_action if after_action else parse_step)(text, step, truncated=truncated)
    if isinstance(parsed, Malformed):
        start, end = parsed.span
        assert 0 <= start <= end <= len(text)
        assert parsed.kind in get_args(MalformedKind)
        assert parsed.hint
        return
    assert parsed.action.argument in text
    assert parsed.thought in text
    assert parsed.action.tool in TOOLS
    assert not re.search(r"[\r\n]", parsed.action.argument)
    assert parsed.action.argument == parsed.action.argument.strip()
    assert parsed.thought == parsed.thought.strip()
    assert parsed.recovered == tuple(name for name in get_args(Recovery) if name in parsed.recovered)
    if after_action:
        assert parsed.thought == ""
    if "missing_bracket" in parsed.recovered:
        assert truncated


@settings(max_examples=600)
@given(text=st.one_of(LIKELY, MUTATED), step=st.integers(1, 2))
def test_a_step_with_nothing_overlooked_has_exactly_the_papers_form(text: str, step: int) -> None:
    parsed = parse_step(text, step)
    if isinstance(parsed, ParsedStep) and not parsed.recovered:
        thought, argument = re.escape(parsed.thought), re.escape(parsed.action.argument)
        between = r"[^\S\n]*\n" if parsed.thought else r"\n"
        form = rf"[^\S\n]*{thought}{between}Action {step}: {parsed.action.tool}\[\s*{argument}\s*\]\s*"
        assert re.fullmatch(form, text)


@settings(max_examples=500)
@given(text=TEXTS, step=st.integers(1, 2), truncated=st.booleans())
@example(text=" I look.\nAction 1: Search[x]\n", step=1, truncated=True)
@example(text=" Search it\nAction 1: Search[a b]", step=1, truncated=False)
@example(text=" 1. First: - so\nAction 01: Search[a, b = c]", step=1, truncated=False)
def test_a_step_in_the_form_is_read_as_a_search_would_read_it(text: str, step: int, *, truncated: bool) -> None:
    assert parse_step(text, step, truncated=truncated) == search_step(text, step, truncated=truncated)


SIMPLE = st.text(st.sampled_from("aA1 .,:;-*_#>=\"'!?/éſK漢|$%&+@^\u2009\u3000\ufeff\x85"), min_size=1, max_size=12)


@settings(max_examples=500)
@given(thought=SIMPLE, argument=SIMPLE, tool=st.sampled_from([*TOOLS, "search", "Google"]), truncated=st.booleans())
def test_a_step_of_simple_characters_is_read_as_a_search_would_read_it(
    thought: str, argument: str, tool: str, *, truncated: bool
) -> None:
    text = f" {thought}\nAction 1: {tool}[{argument}]"
    assert parse_step(text, 1, truncated=truncated) == search_step(text, 1, truncated=truncated)


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="[]\0`", exclude_categories=["Cc", "Zl", "Zp", "Cs"]))
PLAIN = WORDS.map(str.strip).filter(lambda words: words[:1] not in set("\"'“„«‘") or not words)


@given(
    thought=st.sampled_from(["I need it.", "It was in 1969; so what?", "One.\nTwo.", "Is it the (first) one: yes"]),
    argument=st.recursive(PLAIN, lambda inner: st.tuples(PLAIN, inner, PLAIN).map("{0[0]}[{0[1]}]{0[2]}".format)),
    step=st.integers(1, 30),
    tool=st.sampled_from(TOOLS),
)
def test_what_is_written_in_the_papers_form_is_read_back(thought: str, argument: str, step: int, tool: str) -> None:
    argument = argument.strip()
    parsed = parse_step(f" {thought}\nAction {step}: {tool}[{argument}]", step)
    assert parsed == ParsedStep(thought=thought, action=Action(tool=tool, argument=argument))


LABELS: dict[str, set[Recovery]] = {
    "Action 1: ": set(),
    "Action: ": {"no_number"},
    "Action 7: ": {"wrong_number"},
    "**Action 1:** ": {"emphasis"},
    "ACTION 1: ": {"other_label"},
    "Action 1:\n": {"leading_space"},
    "Action 1:\n\n": {"blank_line"},
    "": {"bare_action"},
}
AFTER: dict[str, set[Recovery]] = {
    "": set(),
    "\nAction 2: Lookup[it]": {"several_actions"},
    "\nThought 2: and then": {"next_step_written"},
    "\n\nThought: and then\nAction: Finish[it]": {"next_step_written", "several_actions"},
    "\nObservation 1: it is so": {"observation_written"},
    "\n\n**Observation:** so\nThought 2: and then\nAction 2: Finish[it]": {"observation_written"},
}


@settings(max_examples=600)
@given(
    label=st.sampled_from(sorted(LABELS)),
    after=st.sampled_from(sorted(AFTER)),
    argument=st.sampled_from(["Rhine", "Foo (bar)", "Interval [0, 1]", "Schindler's List", 'say "hi" now', "x: y", ""]),
    odd=st.sets(
        st.sampled_from(
            ["think_block", "leading_text", "echoed_cue", "blank_line", "fenced", "lower_case_verb", "other_bracket",
             "quoted_argument", "spaced_bracket", "trailing_text", "leading_space"]
        )
    ),
)  # fmt: skip
def test_oddities_are_named_one_by_one_however_they_come_together(
    label: str, after: str, argument: str, odd: set[Recovery]
) -> None:
    if not label:
        odd -= {"other_bracket"}
    if "leading_text" in odd:
        odd |= {"echoed_cue"}
    opening, closing = "()" if "other_bracket" in odd else "[]"
    quote = '"' if "quoted_argument" in odd else ""
    text = "".join(
        [
            "<think>Search[no]</think>\n" if "think_block" in odd else "",
            "Sure, here it is.\n" if "leading_text" in odd else "",
            "Thought 1:" if "echoed_cue" in odd else "",
            " I look for it.\n",
            "\n" if "blank_line" in odd else "",
            "```\n" if "fenced" in odd else "",
            "  " if "leading_space" in odd else "",
            label,
            "search" if "lower_case_verb" in odd else "Search",
            " " if "spaced_bracket" in odd else "",
            f"{opening}{quote}{argument}{quote}{closing}",
            " to see" if "trailing_text" in odd else "",
            "\n```" if "fenced" in odd else "",
            after,
        ]
    )
    names = odd | LABELS[label] | AFTER[after]
    recovered = tuple(name for name in get_args(Recovery) if name in names)
    action = Action(tool="Search", argument=argument)
    assert parse_step(text, 1) == ParsedStep(thought="I look for it.", action=action, recovered=recovered)


@given(argument=PLAIN.filter(lambda words: not set(words) & set("\"'“”„«»‘’")), made_up=TEXTS)
def test_nothing_after_a_written_observation_changes_what_is_read(argument: str, made_up: str) -> None:
    turn = f" I look.\nAction 1: Search[{argument}]\nObservation 1:"
    if "</think" not in made_up.casefold():  # a lone end tag makes all before it a think block
        assert parse_step(turn + made_up, 1) == parse_step(turn, 1)


@pytest.mark.parametrize(
    "piece",
    [
        "*", "_", "`", " ", "\n", "[", "]", "{", "Search[", "Search[\n", "Action 1:", "Action 1: \n", "Action 1: {",
        "Action:\n\n", '{"action": "', '{"action": "Search",\n', "<think>", "</think>", "<think></think>\n", "```\n",
        "Thought 1:", "x. Observation 1:", 'Search["', "Search[x] y ", "- Search[x\n", "1. Search[x]\n", "\0", "\r\n",
        "Search\nAction Input: ", "“", "a ", "x. Search[a] b. ", "Google[x]", "<tool_call>\n", "[{", "(", "Ⅷ", "1",
    ],
)  # fmt: skip
def test_a_long_text_is_read_in_linear_time(piece: str) -> None:
    def seconds(size: int) -> float:
        text = " I look.\nAction 1: " + piece * (size // len(piece))
        began = time.process_time()
        parse_step(text, 1, truncated=True)
        parse_step(text[9:], 1)
        parse_action(text, 1)
        return time.process_time() - began

    assert seconds(200_000) < 4 * max(seconds(100_000), 0.25)


def test_a_parser_that_reads_the_action_but_names_nothing_scores_for_reading_alone() -> None:
    def silent(text: str, step: int, *, tools: tuple[str, ...], truncated: bool) -> ParsedStep | Malformed:
        parsed = parse_step(text, step, tools=tools, truncated=truncated)
        return parsed if isinstance(parsed, Malformed) else ParsedStep(thought=parsed.thought, action=parsed.action)

    report = score(CASES, parse=silent)
    assert report.read == report.cases == len(CASES)
    assert report.right < report.cases
    assert all(miss.got != miss.case.expected for miss in report.misses)
    assert len(report.misses) == report.cases - report.right
    clean = next(kind for kind in report.kinds if kind.kind == "clean")
    assert clean.right == clean.cases


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{", "not JSON"),
        ("[]", "object"),
        ({"id": "a", "step": 1, "malformed": "empty"}, "text"),
        ({"id": "a", "text": "", "step": 0, "malformed": "empty"}, "step"),
        ({"id": "a", "text": "", "step": 1, "malformed": "odd"}, "malformed"),
        (
            {"id": "a", "text": "", "step": 1, "thought": "", "tool": "Finish", "argument": "", "recovered": ["odd"]},
            "odd",
        ),
        ({"id": "a", "text": "", "step": 1, "after": "lunch", "malformed": "empty"}, "after"),
    ],
)
def test_a_broken_line_of_a_corpus_is_named_with_its_field(tmp_path: Path, row: object, words: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text("\n" + (row if isinstance(row, str) else json.dumps(row)) + "\n")
    with pytest.raises(DatasetError, match=rf"cases\.jsonl:2: .*{words}"):
        read_cases(path)


def test_a_corpus_that_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        read_cases(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(DatasetError, match="no cases"):
        read_cases(tmp_path / "empty.jsonl")
