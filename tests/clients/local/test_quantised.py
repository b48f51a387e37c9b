from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from reasonkit.clients.local import LocalClient
from reasonkit.types import Reply, Request, Sampling
from tests.clients.tiny_models import Shape, write_transformers

PACKAGES = {"bnb-int8": "bitsandbytes", "bnb-nf4": "bitsandbytes", "torchao-int8": "torchao"}
PROMPT = "Question: which river flows through the town?\nThought 1:"


# Both packages use parts of torch that torch 2.13 is giving up.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.slow
@pytest.mark.parametrize("quantization", PACKAGES)
def test_quantised_weights_are_smaller_and_close_to_the_whole_ones(tmp_path: Path, quantization: Any) -> None:
    pytest.importorskip(PACKAGES[quantization])
    folder = write_transformers(tmp_path / "tiny", Shape(hidden=128, intermediate=256, layers=2))
    first: dict[str | None, float] = {}
    stored: dict[str | None, str] = {}
    for kind in (None, quantization):
        client = LocalClient(folder, quantization=kind, logprobs=True)
        for seeds in ((0,), (1, 2, 3)):
            request = Request(
                prompt=PROMPT, seeds=seeds, sampling=Sampling(max_tokens=4, temperature=float(len(seeds) > 1))
            )
            *_, reply = client.stream(request)
            assert isinstance(reply, Reply)
            assert all(completion.usage.completion_tokens for completion in reply.completions)
            first.setdefault(kind, reply.completions[0].logprobs[0].logprob)
        weight = client._network.model.model.layers[0].self_attn.q_proj.weight
        stored[kind] = f"{type(weight).__name__} {weight.dtype} {type(weight.data).__name__}"
        client.close()
    assert "int8" in stored[quantization].lower()  # nf4 packs two numbers into a uint8
    assert "int8" not in stored[None].lower()
    assert first[quantization] == pytest.approx(first[None], abs=1.0)
