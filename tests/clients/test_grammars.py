"""The grammar of a step: what a model that follows it writes is a step."""

from __future__ import annotations

from pathlib import Path

import pytest

from reasonkit.clients.grammars import step_grammar
from reasonkit.clients.http import HTTPClient
from reasonkit.errors import InputError
from reasonkit.steps import parse_step
from reasonkit.types import ParsedStep, Reply, Request, Sampling
from tests.clients.http.real_servers import llama_server
from tests.clients.tiny_models import Shape, write_gguf


def test_it_names_the_step_and_the_tools() -> None:
    grammar = step_grammar(3, ("Search", "Finish"))
    assert "\\nAction 3: " in grammar
    assert 'tool ::= "Search" | "Finish"' in grammar


def test_a_tool_is_quoted() -> None:
    assert r'"a\"b"' in step_grammar(1, ('a"b',))


@pytest.mark.parametrize(
    ("number", "tools", "options"),
    [
        (0, ("Search",), {}),
        (1, (), {}),
        (1, ("Search",), {"longest_argument": 0}),
        (1, ("Search",), {"longest_thought": 0}),
    ],
)
def test_what_makes_no_grammar_is_refused(number: int, tools: tuple[str, ...], options: dict[str, int]) -> None:
    with pytest.raises(InputError):
        step_grammar(number, tools, **options)


@pytest.mark.slow
def test_even_a_random_model_writes_steps_that_are_read_without_recovery(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    pytest.importorskip("gguf")
    model = write_gguf(tmp_path / "tiny.gguf", Shape(context=512))
    with llama_server(model) as url, HTTPClient(url, model="tiny") as client:
        for number in (1, 2, 12, 3, 4, 5, 6, 7, 8, 9):
            grammar = step_grammar(number, longest_thought=30, longest_argument=12)
            sampling = Sampling(temperature=1.0, max_tokens=200)
            request = Request(
                prompt=f"Question: q\nThought {number}:", grammar=grammar, sampling=sampling, seeds=(number,)
            )
            *_, reply = client.stream(request)
            assert isinstance(reply, Reply)
            step = parse_step(reply.completions[0].text, number)
            assert isinstance(step, ParsedStep)
            assert step.action is not None
            assert step.action.tool in {"Search", "Lookup", "Finish"}
