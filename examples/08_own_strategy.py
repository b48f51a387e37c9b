"""A strategy of one's own is a generator: it yields what it wants, is sent what came back, and returns an answer.

Recording, replay, budgets, streaming, batches and the async form come with it.
"""

from reasonkit import Agent, Prompt, Question, Recipe, ScriptedClient
from reasonkit.flow import complete, gather
from reasonkit.types import Answer, Completion, Flow, Sampling, Transcript


def debate(question: Question, prompt: Prompt, *, rounds: int) -> Flow[Answer]:
    """Ask for and against, side by side, then for a verdict."""
    transcript = Transcript(opening=prompt.open(question))
    for _ in range(rounds):
        sides: list[Flow[Completion]] = [
            complete(transcript, cue=f"{side}:", stop=("\n",), sampling=Sampling(temperature=0.7))
            for side in ("For", "Against")
        ]
        spoken_for, against = yield from gather(sides)
        transcript = transcript.extended(f"For:{spoken_for.text}\nAgainst:{against.text}\n")
    verdict = yield from complete(transcript, cue="Verdict:", stop=("\n",))
    return Answer(text=verdict.text.strip())


model = ScriptedClient({"For:": " It is cheap.", "Against:": " It is slow.", "Verdict:": " Take the train."})
recipe = Recipe(name="debate", strategy=debate, prompt=Prompt(name="own"), options={"rounds": 2})
result = Agent(recipe, model)("Train or plane?")
print(result.answer, f"({result.usage.requests} requests)")
