"""The local backend against what users write with `generate`, and against the bare forward passes it cannot avoid.

Run it as `python -m tests.benchmarks.bench_local`. One small random model, one thread, everything in one run; figures are ratios of CPU times taken side by
side, the best of a few rounds each.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.goals import tell

ROUNDS = 2
STEPS = 6
NEW_TOKENS = 24
PREFIX_TOKENS = 1500
OBSERVATION_TOKENS = 40


def main() -> None:
    """Print the table."""
    import torch

    from reasonkit.clients.local import LocalClient
    from tests.clients.tiny_models import Shape, write_transformers

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        shape = Shape(hidden=384, layers=6, heads=6, kv_heads=6, intermediate=1024, context=4096, merges=400)
        folder = write_transformers(Path(temporary) / "model", shape)
        client = LocalClient(folder)
        model = client._worker._alone._loaded.model
        parameters = sum(weight.numel() for weight in model.parameters())
        print(f"local backend: {parameters / 1e6:.1f}M parameters, prefix {PREFIX_TOKENS} tokens, one thread")
        bench = Bench(client, model)
        bench.episode()
        bench.samples()
        bench.episodes()
        client.close()


class Bench:
    """The measurements over one loaded model."""

    def __init__(self, client: Any, model: Any) -> None:
        self.client = client
        self.model = model
        self.words = [f"w{number} " for number in range(10)]
        self.serial = 0

    def text(self, tokens: int) -> str:
        """Return a text of about so many tokens that was not asked before."""
        self.serial += 1
        out = f"[{self.serial}] "
        while self.client.count_tokens(out) < tokens:
            out += self.words[(len(out) * 7 + self.serial) % 10] * 8
        return out

    def ask(self, prompt: str, seeds: tuple[int, ...] = (0,), temperature: float = 0.0) -> list[str]:
        from reasonkit.types import Reply, Request, Sampling

        *_, reply = self.client.stream(
            Request(prompt=prompt, seeds=seeds, sampling=Sampling(max_tokens=NEW_TOKENS, temperature=temperature))
        )
        assert isinstance(reply, Reply)
        return [completion.text for completion in reply.completions]

    def generate(self, prompt: str, **options: Any) -> list[int]:
        """Do what users write: the whole prompt again."""
        import torch

        ids = torch.tensor([self.client._texts.prompt_ids(prompt)])
        with torch.inference_mode():
            out = self.model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, pad_token_id=0, **options
            )
        return list(out[0, ids.shape[1] :])

    def one_episode(self, prefix: str, say: Callable[[str], str]) -> None:
        prompt = prefix + self.text(20)
        for step in range(STEPS):
            prompt += say(prompt) + f"\nObservation {step}: " + self.text(OBSERVATION_TOKENS)

    def by_generate(self, prompt: str) -> str:
        return str(self.client._texts.decode(self.generate(prompt, do_sample=False)))

    def by_client(self, prompt: str) -> str:
        return self.ask(prompt)[0]

    def floor(self, start: int, new: int, steps: int, rows: int = 1) -> float:
        """Time the bare forward passes of an episode step: new tokens of prompt at once, then one by one."""
        import torch
        from transformers import DynamicCache

        with torch.inference_mode():
            cache = DynamicCache(config=self.model.config)
            self.model(torch.full((rows, start), 5), past_key_values=cache, logits_to_keep=1)
            began = time.process_time()
            self.model(torch.full((rows, new), 5), past_key_values=cache, logits_to_keep=1)
            for _ in range(steps - 1):
                self.model(torch.full((rows, 1), 5), past_key_values=cache, logits_to_keep=1)
            return time.process_time() - began

    def episode(self) -> None:
        prefix = self.text(PREFIX_TOKENS)
        self.client.warm(prefix)
        mine = best(lambda: self.one_episode(prefix, self.by_client))
        theirs = best(lambda: self.one_episode(prefix, self.by_generate))
        grown = OBSERVATION_TOKENS + NEW_TOKENS
        floor = sum(
            min(self.floor(PREFIX_TOKENS + step * grown, OBSERVATION_TOKENS, NEW_TOKENS) for _ in range(2))
            for step in range(STEPS)
        )
        row(f"{STEPS}-step episode, warm prefix", mine, theirs, "generate again and again", 2.3)
        row("the same against bare forward passes", mine, floor, "floor", None)

    def samples(self) -> None:
        def theirs() -> None:
            self.generate(self.text(PREFIX_TOKENS), do_sample=True, temperature=1.0, top_k=0, num_return_sequences=8)

        def mine() -> None:
            self.ask(self.text(PREFIX_TOKENS), seeds=tuple(range(8)), temperature=1.0)

        row("8 samples of one prompt", best(mine), best(theirs), "num_return_sequences=8", 3.0)

    def episodes(self) -> None:
        prefix = self.text(PREFIX_TOKENS)
        self.client.warm(prefix)

        def mine() -> None:
            threads = [threading.Thread(target=self.one_episode, args=(prefix, self.by_client)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        theirs = 8 * best(lambda: self.one_episode(prefix, self.by_generate))
        row("8 episodes at once, warm prefix", best(mine), theirs, "one after another with generate", 4.5)


def best(work: Callable[[], None]) -> float:
    """Return the least CPU time of a few rounds, in seconds."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def row(what: str, mine: float, other: float, name: str, goal: float | None) -> None:
    """Print one line of the table."""
    if goal is None:
        tell(f"local: {what}", mine / other, "x", at_most=1.15)
        print(f"  {what:42} {mine:7.2f} s  {name} {other:.2f} s  ratio {mine / other:.2f} (goal at most 1.15)")
    else:
        tell(f"local: {what}, faster than {name}", other / mine, "x", at_least=goal)
        print(f"  {what:42} {mine:7.2f} s  {name} {other:.2f} s  {other / mine:.1f}x (goal {goal}x)")


if __name__ == "__main__":
    main()
