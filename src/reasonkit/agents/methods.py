"""The methods with their options: `Direct`, `CoT`, `PAL`, `Act`, `ReAct`; those that vote are in `votes.py`.

Each takes the same first argument, what to ask: nothing for the bundled model, an address of an OpenAI-compatible
server, `gguf:PATH`, `local:PATH`, or a client. Without a prompt it takes the one that the model's folder names, else
the method's own default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from reasonkit.agents.agent import Agent
from reasonkit.agents.approval import Approve, known
from reasonkit.agents.connect import Closable, adapter_name, closed_on_fault, connect
from reasonkit.agents.given import ClientLike, PromptLike, checked_toolset, encyclopedia, prompt_of
from reasonkit.agents.options import (
    at_least_one,
    checked_answer_type,
    checked_choice,
    checked_examples,
    checked_seed,
    sampling_of,
)
from reasonkit.agents.programs import InSandbox
from reasonkit.agents.recipe import another_prompt, ours, restored
from reasonkit.agents.replay import Recorded
from reasonkit.demonstrations import Choice
from reasonkit.errors import InputError, ReplayMismatch, TraceError
from reasonkit.pages import PageSource
from reasonkit.runner.world import Programs
from reasonkit.tools.protocol import Toolset
from reasonkit.trace import Trace
from reasonkit.types import Result

if TYPE_CHECKING:
    from reasonkit.answers import AnswerType
    from reasonkit.demonstrations import Embed
    from reasonkit.sandbox import Sandbox


class Method(Agent):
    """What all methods share: how they are built, and replay."""

    method: ClassVar[str]

    def _build(
        self,
        client: ClientLike,
        *,
        prompt: PromptLike,
        options: Mapping[str, object],
        model: str | None,
        api_key: str | None,
        capabilities: str | Path | None,
        seed: int,
        adapter: str | Path | None,
        tools: Callable[[], Toolset] | None = None,
        owns_tools: bool = False,
        programs: Programs | None = None,
        approve: Approve | None = None,
        owned: Sequence[Closable] = (),
        examples: Sequence[Mapping[str, object]] | None = None,
        choice: Choice | int | None = None,
        embed: Embed | None = None,
    ) -> None:
        if embed is not None and not callable(embed):
            raise InputError(f"embed is {embed!r}; give a function from texts to vectors")
        seed, approve, shown = checked_seed(seed), known(approve), checked_examples(examples)
        chosen = prompt_of(self.method, prompt, client)
        with closed_on_fault() as made:
            connected = connect(client, model=model, api_key=api_key, capabilities=capabilities, adapter=adapter)
            if client is None or isinstance(client, str):
                made.append(connected)
            toolset = None if tools is None else tools()
            if toolset is not None and owns_tools:
                made.append(toolset)
            recipe = ours(
                self.method,
                prompt=chosen if shown is None else chosen.with_demonstrations(shown),
                options=options if toolset is None else {"tools": toolset.names, **options},
                choice=checked_choice(choice),
            )
            super().__init__(
                recipe,
                connected,
                tools=toolset,
                programs=programs,
                adapter=adapter_name(adapter),
                approve=approve,
                seed=seed,
                owned=(*made, *owned),
                embed=embed,
            )

    @classmethod
    def replay(
        cls, path: str | Path, *, prompt: PromptLike = None, redact: Callable[[str], str] | None = None
    ) -> list[Result]:
        """Run a recorded trace again, without a model, network or tool; every request is compared with the record.

        Args:
            path: the trace.
            prompt: the prompt, if it was one of the caller's own that cannot be found by its name.
            redact: what the trace was recorded with, if it changes words of the prompt itself.

        Raises:
            TraceError: the file is no trace, or one of another method.
            ReplayMismatch: something else is asked now than was recorded; the message is a diff.
        """
        with Trace(path, append=False, redact=redact) as trace:
            run = trace.run
            assert run is not None
            if run.strategy != cls.method:
                raise TraceError(f"{path}: a trace of {run.strategy!r}; replay it with that method, not {cls.__name__}")
            recipe = restored(run, path, prompt=prompt)
            try:
                return Agent(recipe, Recorded(run), seed=run.seed).replayed(trace)
            except ReplayMismatch as error:
                if (other := another_prompt(run, recipe)) is None:
                    raise
                raise ReplayMismatch(f"{path}: {other}\n{error}") from None


class Direct(Method):
    """Ask for the answer alone, after worked examples (in-context learning).

    Args:
        client: what to ask; see the module.
        model: the model's name on a server.
        api_key: of a server; else OPENAI_API_KEY.
        capabilities: of a server: the file that `reasonkit doctor URL --save FILE` wrote.
        prompt: a name (`direct/default`), a folder, or a Prompt.
        examples: worked examples to use instead of the prompt's own: the fields that its templates name.
        choice: how many of the examples are shown (the first k), or how they are chosen for each question.
        embed: turns texts into vectors, for examples that are chosen by embeddings.
        temperature: 0 is greedy.
        top_p: the share of probability that is drawn from.
        max_tokens: of the answer.
        seed: of what is drawn.
        adapter: a LoRA adapter of a local model: its folder, or its name in a client.
    """

    method = "direct"

    def __init__(
        self,
        client: ClientLike = None,
        *,
        model: str | None = None,
        api_key: str | None = None,
        capabilities: str | Path | None = None,
        prompt: PromptLike = None,
        examples: Sequence[Mapping[str, object]] | None = None,
        choice: Choice | int | None = None,
        embed: Embed | None = None,
        temperature: float = 0.0,
        top_p: float = 1.0,
        max_tokens: int = 64,
        seed: int = 0,
        adapter: str | Path | None = None,
    ) -> None:
        options = {"sampling": sampling_of(temperature=temperature, top_p=top_p, max_tokens=max_tokens)}
        self._build(
            client, prompt=prompt, examples=examples, choice=choice, embed=embed, options=options, model=model, api_key=api_key, capabilities=capabilities, seed=seed, adapter=adapter
        )  # fmt: skip


class CoT(Method):
    """Chain of thought: reasoning in words, then the answer (arXiv 2201.11903; zero-shot arXiv 2205.11916).

    Args:
        client: what to ask; see the module.
        model: the model's name on a server.
        api_key: of a server; else OPENAI_API_KEY.
        capabilities: of a server: the file that `reasonkit doctor URL --save FILE` wrote.
        prompt: a name (`cot/default`; `cot/zero-shot` for the two stages without examples), a folder, or a Prompt.
        examples: worked examples to use instead of the prompt's own: the fields that its templates name.
        choice: how many of the examples are shown (the first k), or how they are chosen for each question.
        embed: turns texts into vectors, for examples that are chosen by embeddings.
        answer_type: what counts as an answer: number, choice, yes_no or text.
        temperature: 0 is greedy.
        top_p: the share of probability that is drawn from.
        max_tokens: of the reasoning and the answer.
        seed: of what is drawn.
        adapter: a LoRA adapter of a local model: its folder, or its name in a client.
    """

    method = "cot"

    def __init__(
        self,
        client: ClientLike = None,
        *,
        model: str | None = None,
        api_key: str | None = None,
        capabilities: str | Path | None = None,
        prompt: PromptLike = None,
        examples: Sequence[Mapping[str, object]] | None = None,
        choice: Choice | int | None = None,
        embed: Embed | None = None,
        answer_type: AnswerType = "text",
        temperature: float = 0.0,
        top_p: float = 1.0,
        max_tokens: int = 256,
        seed: int = 0,
        adapter: str | Path | None = None,
    ) -> None:
        sampling = sampling_of(temperature=temperature, top_p=top_p, max_tokens=max_tokens)
        options = {"sampling": sampling, "answer_type": checked_answer_type(answer_type)}
        self._build(
            client, prompt=prompt, examples=examples, choice=choice, embed=embed, options=options, model=model, api_key=api_key, capabilities=capabilities, seed=seed, adapter=adapter
        )  # fmt: skip


class PAL(Method):
    """The model writes a program, a sandbox runs it, its value is the answer (arXiv 2211.10435).

    Args:
        client: what to ask; see the module.
        model: the model's name on a server.
        api_key: of a server; else OPENAI_API_KEY.
        capabilities: of a server: the file that `reasonkit doctor URL --save FILE` wrote.
        prompt: a name (`pal/default`), a folder, or a Prompt.
        examples: worked examples to use instead of the prompt's own: the fields that its templates name.
        choice: how many of the examples are shown (the first k), or how they are chosen for each question.
        embed: turns texts into vectors, for examples that are chosen by embeddings.
        sandbox: where programs run; None makes one with its defaults.
        repair: whether a program that fails is shown to the model with its error, once (the paper: not).
        temperature: 0 is greedy.
        top_p: the share of probability that is drawn from.
        max_tokens: of the program.
        approve: asked before each program runs; False becomes the program's error.
        seed: of what is drawn.
        adapter: a LoRA adapter of a local model: its folder, or its name in a client.
    """

    method = "pal"

    def __init__(
        self,
        client: ClientLike = None,
        *,
        model: str | None = None,
        api_key: str | None = None,
        capabilities: str | Path | None = None,
        prompt: PromptLike = None,
        examples: Sequence[Mapping[str, object]] | None = None,
        choice: Choice | int | None = None,
        embed: Embed | None = None,
        sandbox: Sandbox | None = None,
        repair: bool = False,
        temperature: float = 0.0,
        top_p: float = 1.0,
        max_tokens: int = 512,
        approve: Approve | None = None,
        seed: int = 0,
        adapter: str | Path | None = None,
    ) -> None:
        programs = InSandbox(sandbox)
        sampling = sampling_of(temperature=temperature, top_p=top_p, max_tokens=max_tokens)
        self._build(
            client,
            prompt=prompt,
            examples=examples,
            choice=choice,
            embed=embed,
            options={"sampling": sampling, "repair": repair},
            model=model,
            api_key=api_key,
            capabilities=capabilities,
            seed=seed,
            adapter=adapter,
            programs=programs,
            approve=approve,
            owned=[programs] if sandbox is None else [],
        )


class ReAct(Method):
    """Thoughts, actions and observations in turn, over an encyclopedia or one's own tools (arXiv 2210.03629).

    Args:
        client: what to ask; see the module.
        model: the model's name on a server.
        api_key: of a server; else OPENAI_API_KEY.
        capabilities: of a server: the file that `reasonkit doctor URL --save FILE` wrote.
        prompt: a name (`react/default`, `react/fever`), a folder, or a Prompt.
        pages: where Search looks: `bundled`, `live`, `zim:PATH`, `cache:...`, or a page source.
        tools: tools to use instead of the encyclopedia.
        max_steps: turns before it ends without an answer (the paper: 7 for HotpotQA, 5 for FEVER).
        temperature: 0 is greedy.
        top_p: the share of probability that is drawn from.
        max_tokens: of each turn.
        forced_finish: whether the model is asked, after the last step, to answer from what it has.
        steps_left_hint: whether observations say how many turns are left.
        stop_when_stalled: whether repeating an action without a new observation ends the run.
        constrained: whether a grammar holds the model to one action in the right form (llama.cpp, vLLM, SGLang, local).
        paper_exact: whether observations are those of the paper's code, its defects included.
        approve: asked before each tool runs, or "ask" at the terminal; False becomes an observation.
        seed: of what is drawn.
        adapter: a LoRA adapter of a local model: its folder, or its name in a client.
    """

    method = "react"

    def __init__(
        self,
        client: ClientLike = None,
        *,
        model: str | None = None,
        api_key: str | None = None,
        capabilities: str | Path | None = None,
        prompt: PromptLike = None,
        pages: PageSource | str | None = None,
        tools: Toolset | None = None,
        max_steps: int = 7,
        temperature: float = 0.0,
        top_p: float = 1.0,
        max_tokens: int = 100,
        forced_finish: bool = False,
        steps_left_hint: bool = False,
        stop_when_stalled: bool = True,
        constrained: bool = False,
        paper_exact: bool = False,
        approve: Approve | None = None,
        seed: int = 0,
        adapter: str | Path | None = None,
    ) -> None:
        if tools is not None and pages is not None:
            raise InputError("give pages= or tools=, not both; put a Wikipedia(...) among the tools")
        given = None if tools is None else checked_toolset(tools)
        self._build(
            client,
            prompt=prompt,
            options={
                "max_steps": at_least_one("max_steps", max_steps),
                "sampling": sampling_of(temperature=temperature, top_p=top_p, max_tokens=max_tokens),
                "forced_finish": forced_finish,
                "steps_left_hint": steps_left_hint,
                "stop_when_stalled": stop_when_stalled,
                "constrained": constrained,
            },
            model=model,
            api_key=api_key,
            capabilities=capabilities,
            seed=seed,
            adapter=adapter,
            tools=lambda: encyclopedia(pages, paper_exact=paper_exact) if given is None else given,
            owns_tools=given is None and (pages is None or isinstance(pages, str)),
            approve=approve,
        )


class Act(ReAct):
    """ReAct without its thoughts; the arguments are those of `ReAct`."""

    method = "act"
