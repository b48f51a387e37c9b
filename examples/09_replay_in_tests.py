"""A recorded run as a test: it replays without a model, and a changed prompt fails with the difference."""

import tempfile
from pathlib import Path

from reasonkit import Direct, Prompt, ScriptedClient
from reasonkit.errors import ReplayMismatch

trace = Path(tempfile.mkdtemp()) / "capital.jsonl"
prompt = Prompt(name="capitals", instruction="Answer in one word.\n", question="Q: {{ question }}\n", cue="A:")
recorded = Direct(ScriptedClient([" Oslo"]), prompt=prompt)("What is the capital of Norway?", trace=trace)


def test_the_capital_of_norway() -> None:
    assert Direct.replay(trace, prompt=prompt) == [recorded]


test_the_capital_of_norway()
changed = Prompt(name="capitals", instruction="Answer briefly.\n", question="Q: {{ question }}\n", cue="A:")
try:
    Direct.replay(trace, prompt=changed)
except ReplayMismatch as mismatch:
    print(mismatch)
