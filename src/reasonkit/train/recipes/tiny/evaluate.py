"""Measure the model by whole episodes, run through the library itself.

For: the figures of the model card: greedy episodes over pages, names, pairs and labels that were never trained on, with
Wilson intervals. ReAct and CoT run as agents; each generated episode has its own pages. Not for: choosing what to train
on, and not for the bundled questions during training; they are asked once, at the end.

Source of the interval: Wilson 1927, with z = 1.96.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path

from reasonkit.agents.methods import PAL, CoT, ReAct
from reasonkit.answers import exact_match, numeric_match
from reasonkit.bundled import questions_path
from reasonkit.clients.protocol import Client
from reasonkit.pages.memory import MemoryPages
from reasonkit.train.recipes.tiny import contexts
from reasonkit.train.recipes.tiny.episodes import Episode, episode
from reasonkit.train.recipes.tiny.problems import problem
from reasonkit.types import Reply, Request, Result, Sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How often a task came out right."""

    task: str
    right: int
    count: int
    low: float
    """Lower end of the 95 % interval."""
    high: float
    wrong: tuple[dict[str, object], ...] = ()
    """The first few failures, to be read."""

    @property
    def share(self) -> float:
        """Right answers among all."""
        return self.right / self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One item that was tried."""

    right: bool
    asked: str
    wanted: str
    said: str | None
    stop_reason: str = ""
    written: tuple[str, ...] = ()


def wilson(right: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Return the Wilson interval of a share."""
    share = right / count
    middle = share + z * z / (2 * count)
    spread = z * ((share * (1 - share) + z * z / (4 * count)) / count) ** 0.5
    return (middle - spread) / (1 + z * z / count), (middle + spread) / (1 + z * z / count)


def score(task: str, trials: Sequence[Trial], *, shown: int = 12) -> Score:
    """Count trials and keep some failures."""
    right = sum(trial.right for trial in trials)
    low, high = wilson(right, len(trials))
    wrong = tuple(asdict(trial) for trial in trials if not trial.right)[:shown]
    return Score(task=task, right=right, count=len(trials), low=low, high=high, wrong=wrong)


def complete(client: Client, prompt: str, *, stop: tuple[str, ...], max_tokens: int) -> str:
    """Return the greedy completion of a text."""
    sampling = Sampling(temperature=0.0, max_tokens=max_tokens)
    for piece in client.stream(Request(prompt=prompt, stop=stop, sampling=sampling)):
        if isinstance(piece, Reply):
            return piece.completions[0].text
    raise AssertionError("the client gave no reply")


def tried_react(client: Client, made: Episode) -> Trial:
    """Run a generated episode over its own pages."""
    pages = MemoryPages({title: " ".join(sentences) for title, sentences in made.pages.items()})
    return answered(ReAct(client, prompt="react/tiny", pages=pages), made.question, (made.answer,))


def answered(agent: ReAct, question: str, accepted: Sequence[str]) -> Trial:
    """Ask an agent and compare its answer with those that are accepted."""
    return judged(agent(question), accepted)


def all_answered(agent: ReAct, asked: Sequence[tuple[str, Sequence[str]]]) -> list[Trial]:
    """Ask an agent many questions, several at once."""
    results = agent.map([question for question, _ in asked], concurrency=SIDE_BY_SIDE)
    return [judged(result, accepted) for result, (_, accepted) in zip(results, asked, strict=True)]


def judged(result: Result, accepted: Sequence[str]) -> Trial:
    """Compare a run's answer with those that are accepted."""
    right = any(exact_match(result.answer, answer) for answer in accepted)
    written = tuple(f"{step.thought} {step.action}" for step in result.steps)
    return Trial(
        right=right, asked=result.question.text, wanted=accepted[0], said=result.answer, stop_reason=result.stop_reason,
        written=written,
    )  # fmt: skip


def tried_cot(client: Client, dice: random.Random) -> Trial:
    """Run one small problem with one operation a sentence."""
    made = problem(dice, measured=True, small=True, steps=3)
    result = CoT(client, prompt="cot/tiny")(made.question)
    right = exact_match(result.answer, str(made.answer))
    return Trial(right=right, asked=made.question, wanted=str(made.answer), said=result.answer)


SIDE_BY_SIDE = 8
"""Items that are tried at once: the client computes them together, and each comes out as it would alone."""


def tried_all(trial: Callable[[random.Random], Trial], name: str, count: int, seed: int) -> Score:
    """Try ``count`` items of a task, several at once; each has dice of its own."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        dice = [random.Random(f"{seed} {name} {number}") for number in range(count)]
        return score(name, list(pool.map(trial, dice)))


def tried_pal(programmer: PAL, dice: random.Random, task: str) -> Trial:
    """Have a program written for one problem and run in the sandbox."""
    made = problem(dice, measured=True, task=task)
    result = programmer(made.question)
    return Trial(
        right=numeric_match(result.answer, made.answer), asked=made.question, wanted=str(made.answer),
        said=result.answer, stop_reason=result.stop_reason, written=(result.program or "",),
    )  # fmt: skip


def tried_context(client: Client, dice: random.Random, kind: str) -> Trial:
    """Ask for the last answer of one in-context task."""
    examples = contexts.task(dice, measured=True, kind=kind)
    shown = "".join(f"{example.prompt}{example.answer}\n" for example in examples[:-1])
    last = examples[-1]
    said = complete(client, shown + last.prompt, stop=("\n",), max_tokens=48).strip()
    return Trial(right=said == last.answer.strip(), asked=shown + last.prompt, wanted=last.answer.strip(), said=said)


def trials(client: Client, programmer: PAL) -> dict[str, Callable[[random.Random], Trial]]:
    """Return every generated task by name; each makes and runs one item from a generator of chance."""
    found: dict[str, Callable[[random.Random], Trial]] = {}
    for task in ("one", "unseen_words", "two", "lookup", "missing", "wrong", "two_lookup", "two_missing"):
        found[f"react {task}"] = lambda dice, task=task: tried_react(  # type: ignore[misc]
            client, episode(dice, measured=True, task=task)
        )
    found["react unseen_pair"] = lambda dice: tried_react(
        client, episode(dice, measured=True, task="two", unseen_pair=True)
    )
    for name, task in (("known_family", "known_family"), ("known_chain", "known_chain"), ("unseen_events", "chain"),
                       ("unseen_family", "family")):  # fmt: skip
        found[f"pal {name}"] = lambda dice, task=task: tried_pal(programmer, dice, task)  # type: ignore[misc]
    found["cot small"] = lambda dice: tried_cot(client, dice)
    for kind in contexts.TASKS:
        found[f"context {kind}"] = lambda dice, kind=kind: tried_context(client, dice, kind)  # type: ignore[misc]
    return found


PROSE = {"prose by hand": "prose.txt", "prose by hand, more": "prose_more.txt"}
"""Pages in nobody's templates, and their questions: a development set."""


@cache
def prose(file: str = "prose.txt") -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Return the pages that were written by hand in another style, and their questions and answers."""
    text = (resources.files("reasonkit.train.recipes.tiny") / file).read_text(encoding="utf-8")
    pages, asked = {}, []
    for block in ("\n" + text).split("\n# ")[1:]:
        title, body, *questions = block.strip().splitlines()
        pages[title] = body
        for line in questions:
            question, _, answer = line.removeprefix("? ").partition(" | ")
            asked.append((question, answer))
    return pages, tuple(asked)


def hand_written(client: Client, task: str) -> Score:
    """Ask about hand-written pages; few, but in nobody's templates."""
    pages, asked = prose(PROSE[task])
    agent = ReAct(client, prompt="react/tiny", pages=MemoryPages(pages))
    return score(task, all_answered(agent, [(question, (answer,)) for question, answer in asked]), shown=80)


def bundled(client: Client, count: int, seed: int, *, only: Sequence[str] = ()) -> Iterator[Score]:
    """Ask the questions that ship with the encyclopedia, all of them or a sample of ``count`` of each kind."""
    for path in sorted(questions_path().glob("*.jsonl")):
        if only and not f"bundled {path.stem}".startswith(tuple(only)):
            continue
        items = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        if len(items) > count:
            items = random.Random(seed).sample(items, count)
        agent = ReAct(client, prompt="react/tiny")
        asked = [(item["question"], (item["answer"], *item["also"])) for item in items]
        yield score(f"bundled {path.stem}", all_answered(agent, asked))


LOCAL = ("react one", "react two", "pal known_family", "cot small")
"""Tasks of which a sample goes through the other client."""


def sampled(model: Path, count: int, seed: int, tasks: Sequence[str] = LOCAL) -> Iterator[tuple[Score, float]]:
    """Yield the scores of the first items of some tasks through ``LocalClient`` (transformers), from the same dice."""
    from reasonkit.clients.local import LocalClient

    client = LocalClient(model)
    programmer = PAL(client, prompt="pal/tiny")
    try:
        for name in tasks:
            started = time.monotonic()
            found = tried_all(trials(client, programmer)[name], name, count, seed)
            yield replace(found, task=f"LocalClient: {name}"), time.monotonic() - started
    finally:
        programmer.close()
        client.close()


def evaluate(
    model: Path, *, count: int, seed: int, only: Sequence[str] = (), with_bundled: bool = False
) -> Iterator[tuple[Score, float]]:
    """Yield each task's score with the seconds it took.

    Args:
        model: folder or GGUF file.
        count: items of each task.
        seed: of the items; another one gives other items.
        only: beginnings of the tasks' names; all where empty.
        with_bundled: whether the bundled questions are asked too.
    """
    from reasonkit.clients.gguf import GGUFClient

    client = GGUFClient(model, slots=SIDE_BY_SIDE)
    programmer = PAL(client, prompt="pal/tiny")
    try:
        for name, trial in trials(client, programmer).items():
            if only and not name.startswith(tuple(only)):
                continue
            started = time.monotonic()
            found = tried_all(trial, name, count, seed)
            yield found, time.monotonic() - started
        for name in PROSE:
            if not only or "prose" in only:
                yield hand_written(client, name), 0.0
        if with_bundled:
            for found in bundled(client, count, seed, only=only):
                yield found, 0.0
    finally:
        programmer.close()
        client.close()


def report(scores: Sequence[Score]) -> str:
    """Return a table for the model card."""
    lines = ["| task | right | n | 95 % interval |", "|---|---|---|---|"]
    lines += [
        f"| {found.task} | {100 * found.share:.1f} % | {found.count} | {100 * found.low:.1f} to {100 * found.high:.1f} |"
        for found in scores
    ]
    return "\n".join(lines)
