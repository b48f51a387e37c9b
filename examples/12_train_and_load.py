"""Traces in, adapter out: correct ReAct traces train a LoRA adapter; held-out questions are asked before and after.

Needs `pip install 'reasonkit[gguf,train]'`. Some two minutes of CPU time: 160 questions give about 50 correct traces,
drawn at a temperature, since of its own greedy words a model has nothing to learn; 80 others are asked before and after.
"""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

from reasonkit import ReAct
from reasonkit.bundled import model_path
from reasonkit.cli import main
from reasonkit.clients.local import LocalClient
from reasonkit.evaluation import compare, evaluate, load_dataset

home = Path(tempfile.mkdtemp(prefix="reasonkit-loop-"))
drawn = load_dataset("bundled:one_hop").sample(240, seed=1)
to_learn, held_out = (replace(drawn, questions=part) for part in (drawn.questions[:160], drawn.questions[160:]))

with ReAct(temperature=0.8, seed=1) as agent:
    print(evaluate(agent, to_learn, home / "runs", concurrency=4).right, "of the questions to learn from")
rows, run = str(home / "rows.jsonl"), home / "run.json"
main(["trace", "export", str(home / "runs" / "trace.jsonl"), "--format", "sft", "--correct-only", "-o", rows])

config = {
    "output": str(home / "adapters" / "one-hop"), "data": [{"file": rows}], "model": {"path": str(model_path())},
    "method": {"kind": "lora", "rank": 8}, "optimizer": {"lr": 1e-3, "warmup": 3}, "epochs": 3,
}  # fmt: skip
run.write_text(json.dumps(config))
assert main(["train", str(run)]) == 0

client = LocalClient(model_path(), adapters=home / "adapters")
for name, adapter in (("before", None), ("after", "one-hop")):
    evaluate(ReAct(client, prompt="react/tiny", adapter=adapter), held_out, home / name, concurrency=8)
print(*compare(home / "before", home / "after").lines(flips=2), sep="\n")
client.close()
