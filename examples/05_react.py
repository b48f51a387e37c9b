"""ReAct: thoughts, searches in an encyclopedia and observations in turn; recorded, then replayed without a model."""

import tempfile
from pathlib import Path

from reasonkit import ReAct

trace = Path(tempfile.mkdtemp()) / "run.jsonl"
with ReAct() as agent:
    result = agent("Who wrote Moby-Dick?", trace=trace)
for step in result.steps:
    print(f"Thought {step.number}: {step.thought}")
    print(f"Action {step.number}: {step.action and step.action.tool}[{step.action and step.action.argument}]")
    print(f"Observation {step.number}: {step.observation}")
print(f"answer: {result.answer} ({result.stop_reason}), {result.usage.requests} requests")
assert ReAct.replay(trace) == [result]
