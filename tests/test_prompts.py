"""What is in the file is what is sent."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.errors import PromptError
from reasonkit.prompts import Prompt, prompts_root, render
from reasonkit.types import Capabilities, Message, Question, Transcript

TEXT = Capabilities(endpoint="completions")
CHAT = Capabilities(endpoint="chat")
PREFILL = Capabilities(endpoint="chat", prefill=True)


def folder(path: Path, **files: str) -> Path:
    for name, text in files.items():
        suffix = {"demonstrations": "jsonl", "prompt": "toml"}.get(name, "jinja")
        (path / f"{name}.{suffix}").write_bytes(text.encode())
    return path


def test_the_direct_prompt_is_sent_to_the_byte() -> None:
    opening = Prompt.load("direct/default").open(Question(text="Who painted Guernica?"))
    assert opening.text == (
        "Q: What is the capital of Portugal?\nA: Lisbon\n\n"
        "Q: Who wrote the play Hamlet?\nA: William Shakespeare\n\n"
        "Q: Is a whale a fish?\nA: no\n\n"
        "Q: In which year did people first walk on the Moon?\nA: 1969\n\n"
        "Q: Who painted Guernica?\n"
    )


@pytest.mark.parametrize("name", ["react/default", "act/default", "cot/default", "direct/default"])
def test_each_shipped_prompt_ends_with_its_question_and_holds_its_examples(name: str) -> None:
    prompt = Prompt.load(name)
    text = prompt.open(Question(text="What is {{this}} %s?")).text
    assert text.endswith("What is {{this}} %s?\n")
    for demonstration in prompt.demonstrations:
        assert str(demonstration["question"]) in text
    golden = (Path(__file__).parent / "golden" / f"{name.replace('/', '_')}.txt").read_bytes().decode()
    assert text == golden, "the prompt has changed: if that is meant, write its new rendering to tests/golden"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_question_survives_untouched(text: str) -> None:
    prompt = Prompt(name="own", demonstrations=({"question": text, "answer": text},))
    assert prompt.open(Question(text=text)).text == f"{text}\n{text}\n{text}\n"


def test_a_folder_is_read_byte_for_byte(tmp_path: Path) -> None:
    files = {"instruction": "Do it.\r\n\r\n", "question": "  {{ question }}\n\n\n", "answer": "{{ answer }} \n"}
    demonstrations = '{"question": "1 {% if %}", "answer": "{{ x }}"}\n\n{"question": "é", "answer": "\\u00e9"}\n'
    prompt = Prompt.load(folder(tmp_path, demonstrations=demonstrations, **files))
    assert prompt.open(Question(text="q")).text == ("Do it.\r\n\r\n  1 {% if %}\n\n\n{{ x }} \n  é\n\n\né \n  q\n\n\n")


def test_a_chat_has_the_instruction_as_system_and_demonstrations_as_turns() -> None:
    prompt = Prompt(name="own", instruction="Be brief.\n", demonstrations=({"question": "a", "answer": "b"},))
    transcript = Transcript(opening=prompt.open(Question(text="c")))
    first = (Message(role="system", content="Be brief.\n"), Message(role="user", content="a\n"),
             Message(role="assistant", content="b\n"))  # fmt: skip
    assert render(transcript, "A:", CHAT) == (*first, Message(role="user", content="c\nA:"))
    assert render(transcript, "A:", PREFILL) == (
        *first, Message(role="user", content="c\n"), Message(role="assistant", content="A:")
    )  # fmt: skip
    later = transcript.extended("A: x\nObservation: y\n")
    assert render(later, "B:", CHAT)[-1] == Message(role="user", content="c\nA: x\nObservation: y\nB:")
    assert render(later, "B:", TEXT) == "Be brief.\na\nb\nc\nA: x\nObservation: y\nB:"


def test_demonstrations_can_stand_in_the_system_turn(tmp_path: Path) -> None:
    prompt = Prompt.load(
        folder(
            tmp_path, question="{{ question }}\n", prompt='demonstrations = "inline"\ncue = "A:"\nstop = ["\\n"]\n',
            demonstrations='{"question": "a", "answer": "b"}\n',
        )
    )  # fmt: skip
    assert (prompt.cue, prompt.stop) == ("A:", ("\n",))
    chat = render(Transcript(opening=prompt.open(Question(text="c"))), "A:", CHAT)
    assert chat == (Message(role="system", content="a\nb\n"), Message(role="user", content="c\nA:"))


def test_both_renderings_hold_the_same_words() -> None:
    transcript = Transcript(opening=Prompt.load("react/default").open(Question(text="q"))).extended("Thought 1: x\n")
    text = render(transcript, "Action 1:", TEXT)
    for capabilities in (CHAT, PREFILL):
        chat = render(transcript, "Action 1:", capabilities)
        assert isinstance(chat, tuple)
        assert "".join(turn.content for turn in chat) == text


def test_an_unknown_variable_is_named_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    prompt = Prompt.load(folder(tmp_path, question="first\n{{ qestion }}\n"))
    with pytest.raises(PromptError, match=r"question\.jinja, line 2: 'qestion' is undefined; did you mean 'question'"):
        prompt.open(Question(text="q"))
    with pytest.raises(PromptError, match=r"instruction\.jinja, line 1: .*'year' is undefined"):
        Prompt(name="own", instruction="In {{ year }}").open(Question(text="q"))
    assert Prompt(name="own", instruction="In {{ year }}: ").open(Question(text="q"), year=7).text == "In 7: q\n"


def test_a_broken_template_says_where() -> None:
    with pytest.raises(PromptError, match=r"own/question\.jinja, line 2"):
        Prompt(name="own", question="a\n{{ question").open(Question(text="q"))


def test_a_broken_template_is_reported_once_with_its_own_file() -> None:
    prompt = Prompt(name="own", instruction="fine", question="{{ question", answer="fine")
    with pytest.raises(PromptError) as raised:
        prompt.open(Question(text="q"))
    assert str(raised.value).startswith("own/question.jinja, line 1: ")
    assert str(raised.value).count(".jinja") == 1


@pytest.mark.parametrize(
    "template",
    [
        "{% macro again(n) %}{{ again(n) }}{% endmacro %}{{ again(1) }}",
        "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
        "{% for i in range(3) %}" * 30 + "{% endfor %}" * 30,
        "{{ 1 / 0 }}",
        "{{ question.nothing.more }}",
    ],
)
def test_a_template_that_cannot_be_rendered_is_a_fault_of_its_file(template: str) -> None:
    with pytest.raises(PromptError, match=r"own/question\.jinja"):
        Prompt(name="own", question=template).open(Question(text="q"))


@pytest.mark.parametrize("chance", ["lipsum()", "cycler(1, 2).next()", "joiner()()", "[1, 2] | random"])
def test_a_template_has_nothing_that_draws_or_keeps_a_state(chance: str) -> None:
    with pytest.raises(PromptError):
        Prompt(name="own", question="{{ " + chance + " }}").open(Question(text="q"))


@pytest.mark.parametrize(
    "parts",
    [
        {"stop": "\n"},
        {"stop": ("",)},
        {"stop": (1,)},
        {"stop": None},
        {"triggers": {"number": 1}},
        {"triggers": "x"},
        {"question": 5},
        {"cue": None},
        {"name": 5},
        {"variables": 5},
        {"demonstrations": 5},
        {"demonstrations": ("a",)},
    ],
)
def test_a_part_of_a_wrong_type_is_refused_by_name(parts: dict[str, object]) -> None:
    with pytest.raises(PromptError, match=next(iter(parts))):
        Prompt(**{"name": "own", **parts})  # type: ignore[arg-type]


def test_a_value_that_no_file_can_hold_is_refused() -> None:
    prompt = Prompt(name="own", variables={"when": object()})
    with pytest.raises(PromptError, match="cannot be written as JSON"):
        prompt.open(Question(text="q"))


def test_an_empty_name_is_no_folder() -> None:
    with pytest.raises(PromptError, match="name is empty"):
        Prompt.load("")


def test_a_template_cannot_reach_out_of_its_sandbox() -> None:
    hostile = "{{ question.__class__.__mro__[1].__subclasses__() }}"
    with pytest.raises(PromptError):
        Prompt(name="own", question=hostile).open(Question(text="q"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"instruction": "x"}, r"needs a question\.jinja"),
        ({"question": "q", "demonstrations": '{"a": 1}\nnot json\n'}, r"demonstrations\.jsonl, line 2: not JSON"),
        ({"question": "q", "demonstrations": "[1]\n"}, "line 1: not a JSON object"),
        ({"question": "q", "prompt": "cues = 1"}, "unknown setting 'cues'; there are: cue"),
        ({"question": "q", "prompt": "cue = 1"}, "cue must be a str"),
        ({"question": "q", "prompt": "stop = [1]"}, r"prompt\.toml: stop must be texts"),
        ({"question": "q", "prompt": 'stop = [""]'}, "none of them empty"),
        ({"question": "q", "prompt": "[triggers]\nnumber = 1"}, r"prompt\.toml: triggers must be texts"),
        ({"question": "q", "prompt": 'demonstrations = "both"'}, "'turns' or 'inline'"),
        ({"question": "q", "prompt": "cue = "}, r"prompt\.toml"),
    ],
)
def test_a_broken_folder_says_what_is_wrong(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(PromptError, match=message):
        Prompt.load(folder(tmp_path, **files))


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(PromptError, match="did you mean 'react/default'"):
        Prompt.load("react/defalt")


def test_a_prompt_file_of_the_react_repository_loads_verbatim(tmp_path: Path) -> None:
    text = "Solve {it} {{ now }}\nQuestion: a?\nThought 1: b\nAction 1: Finish[c]\n"
    file = tmp_path / "prompts.json"
    file.write_text(json.dumps({"webthink_simple6": text, "fever": "Claim: a\n"}))
    opening = Prompt.from_react_json(file, "webthink_simple6").open(Question(text="d?"))
    assert opening.text == text + "Question: d?\n"
    assert Prompt.from_react_json(file, "fever").open(Question(text="d")).text == "Claim: a\nClaim: d\n"
    with pytest.raises(PromptError, match="webthink_simple6"):
        Prompt.from_react_json(file, "webthink")


def test_the_hash_changes_with_everything_that_is_sent() -> None:
    prompt = Prompt(name="own", instruction="a")
    others = [
        Prompt(name="own", instruction="b"),
        Prompt(name="own", instruction="a", cue="A:"),
        Prompt(name="own", instruction="a", answer="{{ answer }}"),
        prompt.with_demonstrations([{"question": "1", "answer": "2"}]),
    ]
    assert len({one.sha256 for one in [prompt, *others]}) == 5
    assert prompt.sha256 == Prompt(name="renamed", instruction="a").sha256
    assert len(prompt.sha256) == hashlib.sha256().digest_size * 2


def test_the_prompts_that_ship_are_found() -> None:
    assert prompts_root().joinpath("react", "default", "question.jinja").is_file()
