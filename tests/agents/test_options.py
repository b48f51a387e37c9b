"""Options that cannot be used are refused where a method is built, by name and value, and nothing stays open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reasonkit import (
    PAL,
    CoT,
    CoTSCThenReAct,
    Direct,
    ReAct,
    ReActThenCoTSC,
    ScriptedClient,
    SelfConsistency,
    Toolbox,
)
from reasonkit.agents.connect import closed_on_fault
from reasonkit.clients.http import EndpointFacts, save_facts
from reasonkit.demonstrations import Choice
from reasonkit.errors import InputError, ReplayMismatch
from reasonkit.pages.bundled import BundledPages

METHODS = (Direct, CoT, PAL, ReAct)


def client() -> ScriptedClient:
    return ScriptedClient({"": " x"})


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("temperature", -1),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("temperature", "0.7"),
        ("temperature", None),
        ("top_p", 0),
        ("top_p", 1.5),
        ("top_p", float("nan")),
        ("max_tokens", 0),
        ("max_tokens", -5),
        ("max_tokens", 1.5),
        ("max_tokens", "64"),
        ("seed", "0"),
        ("seed", 1.5),
        ("prompt", 5),
    ],
)
def test_an_option_out_of_its_range_is_named_with_its_value(
    method: Callable[..., object], option: str, value: object
) -> None:
    with pytest.raises(InputError) as raised:
        method(client(), **{option: value})
    assert f"{option} is {value!r}" in str(raised.value)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Direct(5), "5 is no client"),  # type: ignore[arg-type]
        (lambda: Direct(ScriptedClient), "ScriptedClient"),  # type: ignore[arg-type]
        (lambda: Direct(client(), examples=["a"]), r"examples\[0\] is 'a'"),  # type: ignore[list-item]
        (lambda: Direct(client(), examples="a"), "examples is 'a'"),  # type: ignore[arg-type]
        (lambda: Direct(client(), choice="x"), "choice is 'x'"),  # type: ignore[arg-type]
        (lambda: Direct(client(), choice=True), "choice is True"),
        (lambda: Direct(client(), embed=5), "embed is 5"),  # type: ignore[arg-type]
        (lambda: Direct(client())("q", budget=5), "the budget is 5"),  # type: ignore[arg-type]
        (lambda: Direct(client()).map(["q"], total="5"), "the budget is '5'"),  # type: ignore[arg-type]
        (lambda: CoT(client(), answer_type="nope"), "answer_type is 'nope'"),  # type: ignore[arg-type]
        (lambda: PAL(client(), sandbox=5), "sandbox is 5"),  # type: ignore[arg-type]
        (lambda: PAL(client(), approve="yes"), "approve is 'yes'"),  # type: ignore[arg-type]
        (lambda: ReAct(client(), pages=5), "pages is 5"),  # type: ignore[arg-type]
        (lambda: ReAct(client(), pages=BundledPages), "give a name"),  # type: ignore[arg-type]
        (lambda: ReAct(client(), tools=[len]), r"give a Toolset: Toolbox\(\[\.\.\.\]\)"),  # type: ignore[arg-type]
        (lambda: ReAct(client(), tools=Toolbox), "tools is"),  # type: ignore[arg-type]
        (lambda: ReAct(client(), max_steps=1.5), "max_steps is 1.5"),  # type: ignore[arg-type]
        (lambda: ReAct(client(), max_steps=True), "max_steps is True"),
        (lambda: SelfConsistency(client()), "agent is"),  # type: ignore[arg-type]
        (lambda: SelfConsistency(CoT(client(), temperature=1), n="3"), "n is '3'"),  # type: ignore[arg-type]
        (lambda: SelfConsistency(CoT(client(), temperature=1), wave=1.5), "wave is 1.5"),  # type: ignore[arg-type]
        (lambda: ReActThenCoTSC(client(), cot_max_tokens=0), "cot_max_tokens is 0"),
        (lambda: CoTSCThenReAct(client(), max_tokens=0), "max_tokens is 0"),
        (lambda: CoTSCThenReAct(client(), approve=1), "approve is 1"),  # type: ignore[arg-type]
        (lambda: Choice(k=2, by="nope"), "by is 'nope'"),  # type: ignore[arg-type]
        (lambda: Choice(k="2"), "k is '2'"),  # type: ignore[arg-type]
    ],
)
def test_what_an_option_cannot_be_is_refused_before_anything_is_asked(build: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        build()


@pytest.mark.parametrize("method", [ReAct, ReActThenCoTSC])
def test_nothing_is_opened_for_pages_where_the_client_cannot_be_had(
    method: Callable[..., object], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no client"):
        method("nonsense:x", pages=f"cache:{tmp_path / 'kept.sqlite'}:bundled")
    assert not list(tmp_path.iterdir())


def test_a_fault_on_the_way_to_an_agent_closes_what_was_opened_the_last_first() -> None:
    closed: list[str] = []

    class Part:
        def __init__(self, name: str) -> None:
            self.name = name

        def close(self) -> None:
            closed.append(self.name)

    def on_the_way() -> None:
        with closed_on_fault() as made:
            made.extend([Part("client"), Part("pages")])
            raise InputError("no")

    with pytest.raises(InputError):
        on_the_way()
    assert closed == ["pages", "client"]
    with closed_on_fault() as made:
        made.append(Part("kept"))
    assert "kept" not in closed


def test_a_replay_of_a_run_with_examples_of_its_own_says_what_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    examples = [{"question": "1 + 1?", "answer": "2"}]
    agent = Direct(client(), examples=examples)
    result = agent("2 + 2?", trace=path)
    with pytest.raises(ReplayMismatch, match=r"another prompt than 'direct/default'.*examples="):
        Direct.replay(path)
    assert agent.recipe.prompt is not None
    assert Direct.replay(path, prompt=agent.recipe.prompt) == [result]


def test_what_the_doctor_found_is_given_to_a_method_beside_the_address(tmp_path: Path) -> None:
    save_facts(EndpointFacts(endpoint="chat", max_context=1000), file := tmp_path / "facts.json")
    for agent in (
        ReAct("http://127.0.0.1:9/v1", model="m", capabilities=file),
        ReActThenCoTSC("http://127.0.0.1:9/v1", model="m", capabilities=str(file)),
    ):
        assert (agent.client.capabilities.endpoint, agent.client.capabilities.max_context) == ("chat", 1000)
        agent.close()
    with pytest.raises(InputError, match="capabilities= are for servers"):
        ReAct("gguf:model.gguf", capabilities=file)
