"""Two adapters of one base, each trained for seconds, asked by name and side by side in one batch.

Needs `pip install 'reasonkit[train]'`.
"""

import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reasonkit.bundled import model_path
from reasonkit.cli import main
from reasonkit.clients.local import LocalClient
from reasonkit.types import Reply, Request, Sampling

home = Path(tempfile.mkdtemp(prefix="reasonkit-adapters-"))
things = ("river", "lake", "city", "novel", "film", "ship", "poem", "town")
for name, answer in (("loud", "{}!"), ("polite", "Thank you, {}.")):
    rows = [{"input": f"Q: {thing}\nA:", "target": " " + answer.format(thing)} for thing in things]
    (home / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (home / f"{name}.json").write_text(json.dumps({
        "output": str(home / "adapters" / name), "data": [{"file": str(home / f"{name}.jsonl")}],
        "model": {"path": str(model_path())}, "method": {"kind": "lora", "rank": 4}, "epochs": 16,
        "optimizer": {"lr": 1e-2}, "checkpoint": {"verify": False},
    }))  # fmt: skip
    assert main(["train", str(home / f"{name}.json")]) == 0
main(["adapters", "list", str(home / "adapters")])

client = LocalClient(model_path(), adapters=home / "adapters")


def ask(adapter: str | None) -> str:
    request = Request(prompt="Q: painter\nA:", stop=("\n",), sampling=Sampling(max_tokens=12), adapter=adapter)
    return next(piece for piece in client.stream(request) if isinstance(piece, Reply)).completions[0].text


with ThreadPoolExecutor(3) as together:
    print(dict(zip(("no adapter", "loud", "polite"), together.map(ask, (None, "loud", "polite")), strict=True)))
