"""The check of grammars against llama.cpp itself: what the one takes the other takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("xllamacpp")
pytest.importorskip("gguf")

from reasonkit.clients.gguf import GGUFClient
from reasonkit.clients.gguf.gbnf import check_gbnf
from reasonkit.errors import InputError
from tests.clients.tiny_models import write_gguf

GRAMMARS = [
    'root ::= "a"',
    (
        'root ::= thought "\\nAction " [1-9] ": " action # one line\nthought ::= [^\\n]{1,40}\n'
        'action ::= ("Search" | "Lookup"\n | "Finish") "[" [^\\]]+ "]"\n'
    ),
    'root ::= a-1* b? .\na-1 ::= "\\x41" | "\\u00e4"\nb ::= "" | [a-z-]{2,3}',
    'root  ::=\n  "x"{2} | ("y"{1,} )+',
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GGUFClient]:
    client = GGUFClient(write_gguf(tmp_path_factory.mktemp("gbnf") / "tiny.gguf"), slots=1)
    yield client
    client.close()


def llama_takes(client: GGUFClient, grammar: str) -> bool:
    errors: list[object] = []

    def take(chunk: dict[str, object]) -> bool:
        if "error" in chunk:
            errors.append(chunk["error"])
        return True

    client._engine.complete({"prompt": [1, 5], "max_tokens": 1, "grammar": grammar}, take)
    return not errors


def taken(grammar: str) -> bool:
    try:
        check_gbnf(grammar)
    except InputError:
        return False
    return True


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_good_grammars_are_taken(client: GGUFClient, grammar: str) -> None:
    check_gbnf(grammar)
    assert llama_takes(client, grammar)


@pytest.mark.parametrize(
    ("grammar", "said"),
    [
        ('root ::= ("a" | ', r"'\)' is expected"),
        ('root ::= "a', "end of the literal"),
        ("root ::= other", "'other' is not defined"),
        ('other ::= "a"', "no rule `root`"),
        ('root ::= "a"\nb = "c"', "line 2, at '= \"c\"': '::=' is expected"),
        ("root ::= * ", "something to repeat"),
        ('root ::= root "a" | "b"', "begins with itself"),
        ('root ::= "a"{3000}', "2000"),
        ('root ::= "\\q"', "known escape"),
    ],
)
def test_bad_grammars_are_refused_with_the_place_and_without_a_word_of_llama_cpp(
    client: GGUFClient, grammar: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    from reasonkit.types import Request

    with pytest.raises(InputError, match=said):
        list(client.stream(Request(prompt="x", grammar=grammar)))
    assert capfd.readouterr() == ("", "")
    assert not llama_takes(client, grammar)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    grammar=st.sampled_from(GRAMMARS),
    edits=st.lists(
        st.tuples(st.integers(0, 150), st.integers(0, 3), st.sampled_from(['"', "[", "]", "(", ")", "|", "*", "{", "}", "a", " ", "\n", "root", "::=", "\\", ".", "#", "2", ",", ""])),
        min_size=1,
        max_size=3,
    ),
)  # fmt: skip
def test_what_is_taken_here_is_taken_there_and_the_other_way_round(
    client: GGUFClient, grammar: str, edits: list[tuple[int, int, str]], capfd: pytest.CaptureFixture[str]
) -> None:
    for at, removed, put in edits:
        at %= len(grammar) + 1
        grammar = grammar[:at] + put + grammar[at + removed :]
    if not grammar.strip():
        return
    assert taken(grammar) == llama_takes(client, grammar), grammar
    capfd.readouterr()
