"""A recipe: a strategy with its prompt and options, and the recipes that it is made of. Pure data and one function.

It makes flows, stands in the head of each trace, and is restored from there for a replay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from reasonkit.demonstrations import Choice
from reasonkit.errors import PromptError, TraceError
from reasonkit.flow import note
from reasonkit.prompts import Prompt
from reasonkit.trace import Run
from reasonkit.types import Answer, Flow, Question, Sampling, Selection

Strategy = Callable[..., Flow[Answer]]
"""Called with a question, a prompt if it has one, then its parts and options by name."""

_ROOMS = {
    "direct": "direct",
    "cot": "cot",
    "pal": "pal",
    "act": "react",
    "react": "react",
    "self_consistency": "self_consistency",
    "react_then_cot_sc": "backoff",
    "cot_sc_then_react": "backoff",
}


def strategy_of(name: str) -> Strategy | None:
    """Return the strategy of a name, loading only its own file; None if it is none of ours."""
    room = _ROOMS.get(name)
    if room is None:
        return None
    strategy: Strategy = getattr(import_module(f"reasonkit.strategies.{room}"), name)
    return strategy


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A strategy with everything but the world.

    Args:
        name: of the strategy; traces carry it.
        strategy: what makes a flow.
        prompt: the text around a question; None for one that only puts others together.
        options: the strategy's, by name.
        parts: the recipes that it is made of, by name; the strategy gets functions that make their flows.
        choice: how the prompt's worked examples are chosen for each question; None shows them all.
    """

    name: str
    strategy: Strategy
    prompt: Prompt | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    parts: Mapping[str, Recipe] = field(default_factory=dict)
    choice: Choice | None = None

    def flow(self, question: Question, selection: Selection | None = None) -> Flow[Answer]:
        """Return a fresh flow.

        Args:
            question: what is asked.
            selection: the worked examples that are shown, if they were chosen; it goes on record.
        """
        parts = {name: part.flow for name, part in self.parts.items()}
        if self.prompt is None:
            return self.strategy(question, **parts, **self.options)
        if selection is None:
            return self.strategy(question, self.prompt, **parts, **self.options)
        shown = self.prompt.with_demonstrations([self.prompt.demonstrations[i] for i in selection.chosen])
        return _noted(selection, self.strategy(question, shown, **parts, **self.options))

    def described_options(self) -> dict[str, object]:
        """Return the options as they stand in a trace."""
        return {**self.options, **({} if self.choice is None else {"choice": self.choice})}

    def described(self) -> dict[str, object]:
        """Return what a trace says of a part."""
        return {
            "strategy": self.name,
            "options": self.described_options(),
            "prompt": self.prompt.name if self.prompt else None,
            "prompt_sha256": self.prompt.sha256 if self.prompt else None,
            "parts": {name: part.described() for name, part in self.parts.items()},
        }


def _noted(selection: Selection, flow: Flow[Answer]) -> Flow[Answer]:
    yield from note(selection)
    return (yield from flow)


def ours(
    name: str,
    *,
    prompt: Prompt | None = None,
    options: Mapping[str, object] | None = None,
    parts: Mapping[str, Recipe] | None = None,
    choice: Choice | None = None,
) -> Recipe:
    """Return a recipe of one of the library's own strategies."""
    strategy = strategy_of(name)
    assert strategy is not None
    return Recipe(name=name, strategy=strategy, prompt=prompt, options=options or {}, parts=parts or {}, choice=choice)


def restored(run: Run, path: str | Path, *, prompt: Prompt | str | Path | None = None) -> Recipe:
    """Return the recipe of a trace.

    Args:
        run: the head of the trace.
        path: its file, for messages.
        prompt: to use instead of the one that is found by its name.

    Raises:
        TraceError: it was made by a strategy or with a prompt that is not at hand.
    """
    told = {"strategy": run.strategy, "options": run.options, "prompt": run.prompt, "parts": run.parts}
    return _restored(told, path, prompt)


def another_prompt(run: Run, recipe: Recipe) -> str | None:
    """Say that a trace was made with another prompt than a recipe's; None if it was not."""
    told = {"prompt": run.prompt, "prompt_sha256": run.prompt_sha256, "parts": run.parts}
    return _another_prompt(told, recipe)


def _another_prompt(told: Mapping[str, object], recipe: Recipe) -> str | None:
    named, sha256, parts = told.get("prompt"), told.get("prompt_sha256"), told.get("parts")
    if recipe.prompt is not None and sha256 != recipe.prompt.sha256:
        return (
            f"recorded with another prompt than {recipe.prompt.name!r} as it is here: its files were changed, or the "
            f"run had examples= or prompt= of its own; give replay the same, "
            f"prompt=Prompt.load({named!r}).with_demonstrations(examples), say"
        )
    if not isinstance(parts, Mapping):
        return None
    found = (_another_prompt(parts[name], part) for name, part in recipe.parts.items() if name in parts)
    return next((other for other in found if other is not None), None)


def _restored(told: Mapping[str, object], path: str | Path, prompt: Prompt | str | Path | None) -> Recipe:
    name, named, options, parts = str(told["strategy"]), told.get("prompt"), told.get("options"), told.get("parts")
    strategy = strategy_of(name)
    if strategy is None:
        raise TraceError(f"{path}: made by the strategy {name!r}, which is none of ours; replay it with its own agent")
    return Recipe(
        name=name,
        strategy=strategy,
        prompt=_prompt(prompt if prompt is not None else named, path) if isinstance(named, str) else None,
        options={key: _option(key, value) for key, value in options.items() if key != "choice"}
        if isinstance(options, Mapping)
        else {},
        parts={key: _restored(part, path, prompt) for key, part in parts.items()} if isinstance(parts, Mapping) else {},
    )


def _prompt(prompt: object, path: str | Path) -> Prompt:
    if isinstance(prompt, Prompt):
        return prompt
    try:
        return Prompt.load(prompt if isinstance(prompt, Path) else str(prompt))
    except PromptError as error:
        raise TraceError(f"{path}: its prompt {str(prompt)!r} is not at hand ({error}); give prompt=...") from None


def _option(name: str, value: object) -> object:
    if name == "sampling" and isinstance(value, Mapping):
        return Sampling(**value)
    return tuple(value) if isinstance(value, list) else value
