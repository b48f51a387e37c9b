"""Every public name as its users write it, for a type checker alone: nothing here is run.

`make check` checks it against the checkout, tests/packaging against the wheel as it is installed. Whatever stands in
`reasonkit.__all__` occurs here (a test sees to it), so that a change of the face that breaks its users is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import assert_type

from reasonkit import (
    PAL,
    Act,
    Agent,
    Budget,
    Choice,
    CoT,
    CoTSCThenReAct,
    Direct,
    HTTPClient,
    Price,
    Prompt,
    Question,
    ReAct,
    ReActThenCoTSC,
    Recipe,
    Result,
    ScriptedClient,
    SelfConsistency,
    Toolbox,
    Trace,
    Wikipedia,
    evaluate,
    load_dataset,
    tool,
)
from reasonkit.agents.asking import Preview
from reasonkit.agents.events import AnswerEvent, StreamEvent, TokenEvent
from reasonkit.answers import exact_match, extract, majority
from reasonkit.errors import InputError, ReasonkitError, StatusError
from reasonkit.evaluation import Comparison, Dataset, compare
from reasonkit.flow import complete, gather
from reasonkit.pages.names import from_name
from reasonkit.sandbox import Sandbox
from reasonkit.types import Action, Answer, Completion, Execution, Flow, Step, Transcript, Vote


def methods() -> None:
    """Each method takes nothing, an address, a client; and its own options."""
    agents: list[Agent] = [
        Direct(),
        Direct("http://localhost:8000/v1", model="m", api_key="k", examples=[{"question": "a", "answer": "b"}]),
        CoT("gguf:/models/m.gguf", prompt="cot/zero-shot", answer_type="number", temperature=0.7, max_tokens=64),
        PAL("local:/models/m", adapter="sums", repair=True, sandbox=Sandbox(isolation="required"), seed=1),
        Act(pages="bundled", max_steps=5),
        ReAct(HTTPClient("http://localhost:8000/v1"), forced_finish=True, constrained=True, paper_exact=True),
        ReAct(ScriptedClient([" a"]), tools=Toolbox([look_up, Wikipedia(from_name("bundled"))]), approve="ask"),
        SelfConsistency(CoT(temperature=0.7), n=21, early_stop=False, wave=7),
        ReActThenCoTSC(n=21, temperature=0.7, answer_type="choice"),
        CoTSCThenReAct(react_prompt=Path("react"), cot_prompt=Prompt(name="own")),
        Direct(choice=Choice(k=4, by="embeddings"), embed=lambda texts: [[float(len(text))] for text in texts]),
    ]
    for agent in agents:
        agent.close()


@tool
def look_up(word: str, *, many: int = 3) -> list[str]:
    """Look a word up."""
    return [word] * many


@tool(name="Wait", timeout_seconds=1.5, cache=True, max_chars=None)
async def wait(seconds: float) -> str:
    """Wait."""
    return str(seconds)


def called() -> None:
    """Call one agent in every way that does not wait on an event loop."""
    assert_type(look_up("a", many=2), list[str])
    with ReAct() as agent:
        assert_type(agent, ReAct)
        result = agent("Who?", trace="x.jsonl", budget=Budget(tokens=10, usd=0.1, price=Price(prompt=1, completion=2)))
        assert_type(result, Result)
        assert_type(agent.preview(Question(text="Who?", gold=("I",))), Preview)
        results = agent.map(["a", Question(text="b")], concurrency=4, trace=Path("y.jsonl"), total=Budget(calls=9))
        assert_type(results, list[Result])
        for number, one in agent.each(["a"]):
            assert_type(number, int)
            assert_type(one, Result)
        for event in agent.stream("Who?"):
            shown(event)
        assert_type(agent.fork("x.jsonl", step=2, observation="It is."), list[Result])
        agent.cancel()
    assert_type(ReAct.replay("x.jsonl", prompt="react/default"), list[Result])


def shown(event: StreamEvent) -> None:
    """Tell events apart by their class."""
    match event:
        case TokenEvent(text=text):
            assert_type(text, str)
        case AnswerEvent(result=result):
            assert_type(result.answer, str | None)
        case _:
            pass


async def awaited() -> None:
    """Call one agent from an event loop."""
    agent = CoT()
    assert_type(await agent.acall("Who?"), Result)
    assert_type(await agent.amap(["a", "b"], concurrency=8), list[Result])
    async with aclosing(agent.astream("Who?")) as events:
        async for event in events:
            shown(event)


def read(result: Result) -> None:
    """Read what stands on a result."""
    assert_type(result.steps, tuple[Step, ...])
    assert_type(result.votes, tuple[Vote, ...])
    assert_type(result.execution, Execution | None)
    assert_type(result.margin, float | None)
    assert_type(result.raise_for_status(), Result)
    for step in result.steps:
        assert_type(step.action, Action | None)
        assert_type(step.observation, str | None)
    if result.stop_reason == "finish" and result.answer is not None:
        assert_type(exact_match(result.answer, "Rome"), bool)


def own(question: Question, prompt: Prompt, *, rounds: int) -> Flow[Answer]:
    """Write a strategy: a generator whose helpers give values of known types."""
    transcript = Transcript(opening=prompt.open(question))
    first = yield from complete(transcript, cue="A:", stop=("\n",))
    assert_type(first, Completion)
    branches: list[Flow[Completion]] = [complete(transcript, cue="B:") for _ in range(rounds)]
    both = yield from gather(branches)
    assert_type(both, tuple[Completion, ...])
    return Answer(text=extract(first.text, "number").strict)


def put_together(redact: Callable[[str], str]) -> None:
    """Make an agent of one's own strategy, and record it."""
    recipe = Recipe(name="own", strategy=own, prompt=Prompt.load("cot/default"), options={"rounds": 2})
    with Trace("own.jsonl", redact=redact) as trace, Agent(recipe, ScriptedClient({"A:": " 1"})) as agent:
        agent("How many?", trace=trace)


def evaluated() -> None:
    """Evaluate two methods over a dataset, and compare them."""
    dataset = load_dataset("bundled:arithmetic")
    assert_type(dataset, Dataset)
    evaluate(CoT(), dataset, Path("runs/cot"))
    evaluate(PAL(), dataset, Path("runs/pal"))
    assert_type(compare(Path("runs/cot"), Path("runs/pal")), Comparison)


def failed() -> str:
    """Catch what can be raised, by the tree."""
    try:
        called()
    except StatusError as error:
        assert_type(error.status, int)
        return str(error)
    except InputError as error:
        return str(error)
    except ReasonkitError as error:
        return str(error)
    votes, abstained = majority(["a", "b", None])
    return f"{votes[0].answer}, {abstained} without an answer"
