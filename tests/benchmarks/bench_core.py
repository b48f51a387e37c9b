"""What the core costs: an effect through session, trace and fold; a rendered prompt; an import. CPU time, medians."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from reasonkit.agents.recording import Folding
from reasonkit.flow import act, complete, note
from reasonkit.prompts import Prompt
from reasonkit.runner.drivers import drive, in_order
from reasonkit.runner.jobs import Brought, Job
from reasonkit.runner.session import Session
from reasonkit.trace import Run, Token, Trace
from reasonkit.types import (
    Act,
    Action,
    Answer,
    Complete,
    Completion,
    Flow,
    Observation,
    Question,
    Step,
    Transcript,
    Usage,
)
from tests.benchmarks.goals import tell

STEPS = 5
EPISODES = 300
PROMPT = Prompt.load("react/default")
ACTION = Action(tool="Search", argument="Ulm")


class Instant:
    """A world that answers at once."""

    def perform(self, job: Job):  # type: ignore[no-untyped-def]
        if isinstance(job.effect, Act):
            yield Brought((Observation(text="Ulm is a city."),))
        else:
            usage = Usage(requests=1, prompt_tokens=900, completion_tokens=20)
            yield Brought((Completion(text=" I need Ulm.\nAction 1: Search[Ulm]", usage=usage),))

    async def aperform(self, job: Job):  # type: ignore[no-untyped-def]
        yield Token(episode=job.episode, place=(0,), text="")

    def forget(self, episode: int) -> None:
        """Nothing is kept."""


def episode(question: Question) -> Flow[Answer]:
    """Take five steps, each a completion, an action and a note."""
    transcript = Transcript(opening=PROMPT.open(question))
    for number in range(1, STEPS + 1):
        completion = yield from complete(transcript, cue=f"Thought {number}:", stop=("\nObservation",))
        observation = yield from act(ACTION)
        yield from note(Step(number=number, thought="I need Ulm.", action=ACTION, observation=observation.text))
        transcript = transcript.extended(
            f"Thought {number}:{completion.text}\nObservation {number}: {observation.text}\n"
        )
    return Answer(text="Ulm")


def render(effect: Complete) -> str:
    """Return the continued text."""
    return effect.transcript.text + effect.cue


def effects(path: Path | None) -> float:
    """Return CPU seconds of one effect."""
    with Trace(path) as trace:
        questions = (Question(text=f"Question {i}?") for i in range(EPISODES))
        session = Session(
            ((question, episode(question)) for question in questions), trace, run=Run(strategy="bench"), render=render
        )
        world, folding = Instant(), Folding(trace)
        began = time.process_time()
        for seen in drive(session, world, in_order(world)):
            for _ in folding.take(seen):
                pass
        return (time.process_time() - began) / (EPISODES * STEPS * 3)


def child_cpu(code: str) -> float:
    """Return CPU seconds of a fresh interpreter that runs `code`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median(measure: Callable[[], float], runs: int = 7) -> float:
    """Return the median of several runs, after one that is not counted."""
    measure()
    return statistics.median(measure() for _ in range(runs))


def main() -> None:
    """Print the table."""
    print(f"{'core':52} {'measured':>12}   goal")
    with tempfile.TemporaryDirectory() as folder:
        files = iter(Path(folder) / f"{i}.jsonl" for i in range(100))
        silent, traced = median(lambda: effects(None)), median(lambda: effects(next(files)))
    print(f"{'an effect: session and fold':52} {silent * 1e6:9.1f} us")
    print(f"{'an effect: session, trace line and fold':52} {traced * 1e6:9.1f} us   at or under 40 us")
    eight = Prompt.load("cot/default")
    question = Question(text="How many?")

    def rendered() -> float:
        began = time.process_time()
        for _ in range(2000):
            eight.open(question)
        return (time.process_time() - began) / 2000

    prompt = median(rendered)
    print(f"{'a prompt with 8 demonstrations, rendered':52} {prompt * 1e6:9.1f} us   at or under 25 us")
    tell("a prompt with 8 demonstrations, rendered", prompt * 1e6, "us", at_most=25)
    tell("an effect: session, trace line and fold", traced * 1e6, "us", at_most=40)
    bare = median(lambda: child_cpu("pass"))
    package = median(lambda: child_cpu("import reasonkit")) - bare
    method = median(lambda: child_cpu("from reasonkit import ReAct")) - bare
    floor = median(lambda: child_cpu("import jinja2, pydantic")) - bare
    print(f"{'import reasonkit, over a bare interpreter':52} {package * 1e3:9.1f} ms   at or under 30 ms")
    print(f"{'from reasonkit import ReAct / import jinja2, pydantic':52} {method / floor:9.2f} x    at or under 1.2 x")
    tell("import reasonkit, over a bare interpreter", package * 1e3, "ms", at_most=30)
    tell("from reasonkit import ReAct / import jinja2, pydantic", method / floor, "x", at_most=1.2)


if __name__ == "__main__":
    main()
