"""A world whose every answer follows from (script, request, seed), and whose timing is random; and strategies for it."""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Generator

from reasonkit.errors import BudgetSpent, ReasonkitError
from reasonkit.flow import act, complete, gather, note
from reasonkit.runner.drivers import Carried
from reasonkit.runner.jobs import Brought, Item, Job
from reasonkit.trace import Token
from reasonkit.types import (
    Act,
    Action,
    Answer,
    Complete,
    Completion,
    Execution,
    Flow,
    Observation,
    Opening,
    Question,
    Recorded,
    Sample,
    Sampling,
    Step,
    Transcript,
    Usage,
)

_ACTION = re.compile(r"(?P<thought>.*?)\nAction \d+: (?P<tool>\w+)\[(?P<argument>.*)\]", re.DOTALL)
_COOL = Sampling(max_tokens=16)
WARM = Sampling(temperature=0.7, max_tokens=16)


class ScriptedWorld:
    def __init__(
        self, script: int, timing: int = 0, *, fail_one_in: int = 0, before: Callable[[Job], None] = lambda job: None
    ) -> None:
        self.script, self.timing, self.fail_one_in, self.before = script, random.Random(timing), fail_one_in, before
        self.asked: list[Job] = []
        self.forgotten: list[int] = []

    def _number(self, *parts: object) -> int:
        return int.from_bytes(hashlib.sha256(repr((self.script, *parts)).encode()).digest()[:6], "big")

    def answer(self, job: Job) -> Brought:
        self.asked.append(job)
        self.before(job)
        if self.fail_one_in and self._number("fail", job.episode, job.asks[0].place) % self.fail_one_in == 0:
            raise ReasonkitError(f"down at {job.asks[0].place}")
        effect = job.effect
        if isinstance(effect, Act):
            argument = effect.action.argument
            return Brought((Observation(text=f"{effect.action.tool} {argument} é{self._number(argument) % 3}"),), 0.5)
        if not isinstance(effect, Complete):
            return Brought((Execution(value=1, seconds=0.1),), 0.5)
        outcomes: list[Recorded] = []
        for branch, seed in enumerate(job.seeds):
            n = self._number(effect, seed if effect.sampling.temperature else 0)
            text = (
                f" look.\nAction 1: Search[{n % 5}]",
                f" see.\nAction 1: Finish[{n % 3}]",
                f" so the answer is {n % 2}",
                " so the answer is 7",
            )[n // 64 % 4]
            prompt = len(str(job.rendering)) if branch == 0 else 0
            outcomes.append(
                Completion(text=text, usage=Usage(requests=1, prompt_tokens=prompt, completion_tokens=1 + n % 14))
            )
        return Brought(tuple(outcomes), 0.5)

    def perform(self, job: Job) -> Generator[Token | Brought, None, None]:
        brought = self.answer(job)
        for ask, outcome in zip(job.asks, brought.outcomes, strict=True):
            if isinstance(outcome, Completion):
                for word in outcome.text.split():
                    yield Token(episode=job.episode, place=ask.place, text=word)
        yield brought

    async def aperform(self, job: Job) -> AsyncGenerator[Token | Brought, None]:
        for _ in range(self.timing.randrange(12)):
            await asyncio.sleep(0)
        brought = self.answer(job)
        for ask, outcome in zip(job.asks, brought.outcomes, strict=True):
            if isinstance(outcome, Completion):
                yield Token(episode=job.episode, place=ask.place, text=outcome.text)
                for _ in range(self.timing.randrange(4)):
                    await asyncio.sleep(0)
        yield brought

    def forget(self, episode: int) -> None:
        self.forgotten.append(episode)

    def as_batch(self, pending: deque[Job], _late: deque[tuple[Job, Item]]) -> Carried:
        """Carry like the rows of a batch: interleaved at random."""
        rows: list[tuple[Job, Generator[Token | Brought, None, None]]] = []
        while pending or rows:
            while pending:
                job = pending.popleft()
                rows.append((job, self.perform(job)))
            row = self.timing.randrange(len(rows))
            job, generator = rows[row]
            try:
                yield job, next(generator)
            except StopIteration:
                del rows[row]
            except ReasonkitError as error:
                del rows[row]
                yield job, error


def start(text: str) -> Transcript:
    return Transcript(opening=Opening(name="test", sha256="0", question=text))


def react(question: str, *, max_steps: int = 4, sampling: Sampling = _COOL) -> Flow[Answer]:
    transcript = start(f"Question: {question}\n")
    for number in range(1, max_steps + 1):
        completion = yield from complete(
            transcript, cue=f"Thought {number}:", stop=(f"\nObservation {number}:",), sampling=sampling
        )
        match = _ACTION.match(completion.text)
        if match is None:
            return Answer(text=None, stop_reason="step_limit")
        action = Action(tool=match["tool"], argument=match["argument"])
        if action.tool == "Finish":
            yield from note(Step(number=number, thought=match["thought"], action=action))
            return Answer(text=action.argument)
        observation = yield from act(action)
        yield from note(Step(number=number, thought=match["thought"], action=action, observation=observation.text))
        transcript = transcript.extended(
            f"Thought {number}:{completion.text}\nObservation {number}: {observation.text}\n"
        )
    return Answer(text=None, stop_reason="step_limit")


def cot(question: str, *, sampling: Sampling = _COOL) -> Flow[Answer]:
    completion = yield from complete(start(f"Q: {question}\n"), cue="A:", sampling=sampling)
    return Answer(text=completion.text.rpartition("answer is ")[2] or None)


def _sampled(flow: Flow[Answer]) -> Flow[Answer | None]:
    try:
        answer = yield from flow
    except BudgetSpent:
        return None
    yield from note(Sample(answer=answer.text))
    return answer


def self_consistency(question: str, *, samples: int = 6, wave: int = 3, deep: bool = False) -> Flow[Answer]:
    votes: Counter[str | None] = Counter()
    for begin in range(0, samples, wave):
        flows = [
            _sampled(react(question, sampling=WARM) if deep else cot(question, sampling=WARM))
            for _ in range(min(wave, samples - begin))
        ]
        answers = yield from gather(flows)
        votes.update(answer.text for answer in answers if answer is not None)
        if None in answers or (votes and votes.most_common(1)[0][1] * 2 > samples):
            break
    if not votes:
        raise BudgetSpent("no sample was granted")
    return Answer(text=votes.most_common(1)[0][0])


def react_then_cot_sc(question: str) -> Flow[Answer]:
    answer = yield from react(question)
    if answer.text is not None:
        return answer
    return (yield from self_consistency(question))


def tree_of_gathers(question: str) -> Flow[Answer]:
    """Nested gathers, an empty one, and one whose children never ask."""
    yield from gather(list[Flow[Answer]]())
    pairs = yield from gather([gather([cot(question, sampling=WARM), react(question)]) for _ in range(2)])
    texts = [answer.text or "-" for pair in pairs for answer in pair]
    yield from note(Step(number=0))
    return Answer(text="".join(texts))


def twins(question: str) -> Flow[Answer]:
    """Branches whose first requests differ and whose second are identical."""

    def branch(i: int) -> Flow[Answer]:
        yield from complete(start(question), cue=f"first {i}", sampling=WARM)
        return (yield from cot(question, sampling=WARM))

    answers = yield from gather([_sampled(branch(i)) for i in range(4)])
    return Answer(text="".join(answer.text or "-" for answer in answers if answer))


def deep_votes(question: str) -> Flow[Answer]:
    return self_consistency(question, samples=5, wave=2, deep=True)


Make = Callable[[str], Flow[Answer]]
MAKES: list[Make] = [react, cot, self_consistency, react_then_cot_sc, tree_of_gathers, deep_votes, twins]


def episodes(chosen: list[Make]) -> list[tuple[Question, Flow[Answer]]]:
    return [(Question(text=f"q{i}"), make(f"q{i}")) for i, make in enumerate(chosen)]
