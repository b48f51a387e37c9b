"""The methods that put others together: self-consistency, and the back-offs between ReAct and chain of thought."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reasonkit.agents.agent import Agent
from reasonkit.agents.approval import Approve, known
from reasonkit.agents.connect import adapter_name, closed_on_fault, connect
from reasonkit.agents.given import ClientLike, PromptLike, encyclopedia, prompt_of
from reasonkit.agents.methods import Method
from reasonkit.agents.options import at_least_one, checked_answer_type, checked_seed, sampling_of
from reasonkit.agents.recipe import Recipe, ours
from reasonkit.errors import InputError
from reasonkit.pages import PageSource
from reasonkit.types import Sampling

if TYPE_CHECKING:
    from reasonkit.answers import AnswerType


class SelfConsistency(Method):
    """The majority answer of several samples of another method (arXiv 2203.11171).

    Args:
        agent: what is sampled: a CoT, PAL or ReAct with a temperature above 0. Its client and tools are used, and
            stay its own.
        n: samples at most.
        early_stop: whether to stop when the lead cannot be overtaken.
        wave: samples drawn at a time, if it stops early.
        own: whether closing this one closes the agent.
    """

    method = "self_consistency"

    def __init__(self, agent: Agent, *, n: int = 21, early_stop: bool = True, wave: int = 5, own: bool = False) -> None:
        if not isinstance(agent, Agent):
            raise InputError(f"agent is {agent!r}; give what is sampled: CoT(..., temperature=0.7), say")
        _check_votes(n, wave, agent.recipe.options.get("sampling"))
        recipe = _vote(agent.recipe, n=n, early_stop=early_stop, wave=wave)
        Agent.__init__(
            self,
            recipe,
            agent.client,
            tools=agent.tools,
            programs=agent.programs,
            adapter=agent.adapter,
            approve=agent.approve,
            seed=agent.seed,
            owned=[agent] if own else [],
        )


class _BackOff(Method):
    """The two back-offs of the ReAct paper, section 3.2; see the subclasses."""

    def __init__(
        self,
        client: ClientLike = None,
        *,
        model: str | None = None,
        api_key: str | None = None,
        capabilities: str | Path | None = None,
        react_prompt: PromptLike = None,
        cot_prompt: PromptLike = None,
        pages: PageSource | str | None = None,
        max_steps: int = 7,
        n: int = 21,
        temperature: float = 0.7,
        answer_type: AnswerType = "text",
        early_stop: bool = True,
        wave: int = 5,
        max_tokens: int = 100,
        cot_max_tokens: int = 256,
        approve: Approve | None = None,
        seed: int = 0,
        adapter: str | Path | None = None,
    ) -> None:
        drawn = sampling_of(temperature=temperature, max_tokens=cot_max_tokens, tokens_name="cot_max_tokens")
        _check_votes(n, wave, drawn)
        greedy = sampling_of(temperature=0.0, max_tokens=max_tokens)
        steps, seed, approve = at_least_one("max_steps", max_steps), checked_seed(seed), known(approve)
        cot = ours(
            "cot",
            prompt=prompt_of("cot", cot_prompt, client),
            options={"sampling": drawn, "answer_type": checked_answer_type(answer_type)},
        )
        turns = prompt_of("react", react_prompt, client)
        with closed_on_fault() as made:
            connected = connect(client, model=model, api_key=api_key, capabilities=capabilities, adapter=adapter)
            if client is None or isinstance(client, str):
                made.append(connected)
            toolset = encyclopedia(pages)
            if pages is None or isinstance(pages, str):
                made.append(toolset)
            react = ours(
                "react", prompt=turns, options={"tools": toolset.names, "max_steps": steps, "sampling": greedy}
            )
            recipe = ours(
                self.method,
                options={"n": n} if self.method == "cot_sc_then_react" else {},
                parts={"react": react, "cot_sc": _vote(cot, n=n, early_stop=early_stop, wave=wave)},
            )
            Agent.__init__(
                self,
                recipe,
                connected,
                tools=toolset,
                adapter=adapter_name(adapter),
                approve=approve,
                seed=seed,
                owned=tuple(made),
            )


class ReActThenCoTSC(_BackOff):
    """ReAct; if it gives no answer within its steps, the vote of chains of thought.

    Args:
        client: what to ask, as for `ReAct`.
        model: the model's name on a server.
        api_key: of a server; else OPENAI_API_KEY.
        capabilities: of a server: the file that `reasonkit doctor URL --save FILE` wrote.
        react_prompt: as `prompt` of ReAct.
        cot_prompt: as `prompt` of CoT.
        pages: where Search looks, as for `ReAct`.
        max_steps: turns of ReAct (the paper: 7 for HotpotQA, 5 for FEVER).
        n: chains of thought at most.
        temperature: of the chains of thought; ReAct is greedy.
        answer_type: what counts as an answer of a chain of thought.
        early_stop: whether the vote stops when the lead cannot be overtaken.
        wave: samples drawn at a time, if it stops early.
        max_tokens: of each turn of ReAct.
        cot_max_tokens: of each chain of thought.
        approve: asked before each tool runs.
        seed: of what is drawn.
        adapter: a LoRA adapter of a local model: its folder, or its name in a client.
    """

    method = "react_then_cot_sc"


class CoTSCThenReAct(_BackOff):
    """The vote of chains of thought; ReAct if the winner has fewer than n/2 votes.

    The arguments are those of `ReActThenCoTSC`.
    """

    method = "cot_sc_then_react"


def _vote(sampled: Recipe, *, n: int, early_stop: bool, wave: int) -> Recipe:
    return ours(
        "self_consistency",
        options={"n": n, "early_stop": early_stop, "wave": wave},
        parts={"sample": sampled},
    )


def _check_votes(n: int, wave: int, sampling: object) -> None:
    at_least_one("n", n)
    at_least_one("wave", wave)
    if isinstance(sampling, Sampling) and sampling.temperature == 0 and n > 1:
        raise InputError("at temperature 0 all samples are the same; give the method temperature=0.7, say")
