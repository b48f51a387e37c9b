"""Traces as agents record them, for the tests of what is made of traces: plain, voted, computed, hostile, many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reasonkit import CoT, Question, ReAct, ScriptedClient, SelfConsistency, Toolbox, tool
from reasonkit.trace import Completing, End, Event, Opened, Run, Trace
from reasonkit.types import Answer, Capabilities, Completion, Execute, Execution, Request

HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>\u2028]]>--><!--{{7*7}}@@data@@'
QUESTIONS = (
    Question(text="Where does the river end?", id="r1", gold=("the sea",)),
    Question(text="Where does the road end?", id="r2", gold=("the town",)),
)
_CHAT = Capabilities(endpoint="chat", samples=True)


@tool
def Find(words: str) -> str:
    """Look for words."""
    return f"About {words}: {HOSTILE}" if "hostile" in words else f"About {words}."


def _says(request: Request) -> str:
    prompt = request.prompt if isinstance(request.prompt, str) else request.prompt[-1].content
    number = int(prompt.rstrip().rpartition(" ")[2].rstrip(":"))
    topic = "road" if "road" in prompt[-400:] else "hostile" if "hostile" in prompt[-4000:] else "river"
    turns = {
        1: f" I look for the {topic}.\nAction 1: Find[{topic}]",
        2: f" That does not help.\nI will think about the {topic}.",
        3: " Now I know.\nAction 3: Finish[the sea]\nObservation 3: Episode finished",
    }
    if prompt.rstrip().endswith("Action 2:"):
        return f" Find[the end of the {topic}]"
    return turns[number]


def record_react(file: Path, questions: Sequence[Question] = QUESTIONS, *, chat: bool = False) -> Path:
    """Record ReAct: a re-asked step, and a last turn in which the model goes on to write an observation."""
    client = ScriptedClient(_says, capabilities=_CHAT) if chat else ScriptedClient(_says)
    ReAct(client, tools=Toolbox([Find])).map(list(questions), trace=file)
    return file


def record_votes(file: Path, n: int = 7) -> Path:
    """Record a vote of chains of thought."""

    def says(request: Request) -> str:
        return f" It is {request.seeds[0] % 1000}. The answer is {request.seeds[0] % 3}."

    with SelfConsistency(
        CoT(ScriptedClient(says), temperature=0.7, answer_type="number"), n=n, early_stop=False
    ) as vote:
        vote("How many?", trace=file)
    return file


PROGRAM = 'def solution():\n    """Roses."""\n    # five bunches\n    roses = 5 * 12\n    return f"{roses}"\n'


def record_program(file: Path) -> Path:
    """Record PAL, as its events would stand."""
    question, sent = Question(text="How many roses?", gold=("60",)), "Question: How many roses?\n"
    execution = Execution(value="60", stdout="counted\n", enforced=("policy",), seconds=0.1)
    with Trace(file) as trace:
        trace.append([Run(strategy="pal", prompt="pal/default", client={"client": "scripted"})])
        trace.append([Opened(episode=0, question=question)])
        wrote = Completion(text=PROGRAM.removeprefix("def solution():"))
        asked = Completing(transcript_sha256="0", cue="def solution():")
        trace.append([Event(episode=0, place=(0,), effect=asked, outcome=wrote, request=f"{sent}def solution():")])
        trace.append([Event(episode=0, place=(1,), effect=Execute(program=PROGRAM), outcome=execution)])
        answer = Answer(text="60", program=PROGRAM, execution=execution)
        trace.append([End(episode=0, stop_reason="finish", answer=answer)])
    return file
