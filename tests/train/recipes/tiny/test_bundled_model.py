"""The model that ships: its files load without remote code, and both formats say the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from reasonkit.bundled import model_path
from reasonkit.clients.gguf import GGUFClient
from reasonkit.train.recipes.tiny.documents import cot, pal, react
from reasonkit.train.recipes.tiny.episodes import episode
from reasonkit.train.recipes.tiny.evaluate import complete, score, tried_react
from reasonkit.train.recipes.tiny.problems import problem

pytest.importorskip("xllamacpp")


@pytest.fixture(scope="module")
def client() -> Iterator[GGUFClient]:
    found = GGUFClient(model_path())
    yield found
    found.close()


def prompts() -> list[str]:
    """Beginnings of measured documents, in the middle of an episode too."""
    found = []
    for seed in range(4):
        dice = random.Random(seed)
        parts = react(episode(dice, measured=True))
        cut = dice.randrange(1, len(parts), 2)
        found.append("".join(text for text, _ in parts[:cut]))
        found.append(pal(problem(dice, measured=True))[0][0])
        found.append(cot(problem(dice, measured=True, small=True, steps=3))[0][0])
    return found


def test_all_files_together_stay_within_sixteen_megabytes() -> None:
    assert sum(path.stat().st_size for path in Path(model_path()).iterdir()) <= 16 * 10**6


def test_the_client_takes_prompt_endpoint_and_context_from_the_card(client: GGUFClient) -> None:
    assert client.describe()["model"] == "reasonkit-tiny"
    assert (client.capabilities.endpoint, client.capabilities.max_context) == ("completions", 1024)


@pytest.mark.slow
def test_greedy_text_of_transformers_and_llama_cpp_agrees(client: GGUFClient) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.set_num_threads(1)  # two threads of so small a model wait for each other on a busy machine
    model = transformers.AutoModelForCausalLM.from_pretrained(model_path(), dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(model_path())
    for prompt in prompts():
        encoded = tokenizer(prompt, return_tensors="pt")
        with torch.no_grad():
            ids = model.generate(
                encoded.input_ids,
                attention_mask=encoded.attention_mask,
                max_new_tokens=100,
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id,
            )
        said = tokenizer.decode(ids[0, encoded.input_ids.shape[1] :], skip_special_tokens=True)
        assert complete(client, prompt, stop=(), max_tokens=100) == said


def test_it_reads_answers_out_of_pages_that_it_has_never_seen(client: GGUFClient) -> None:
    dice = random.Random("a quick look")
    trials = [tried_react(client, episode(dice, measured=True, task="one")) for _ in range(40)]
    assert score("one", trials).share >= 0.6
