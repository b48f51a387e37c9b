from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import torch

from reasonkit import Direct
from reasonkit.clients.local import LocalClient
from reasonkit.clients.local.manifest import tokenizer_sha256, weights_sha256, write_manifest
from reasonkit.errors import InputError, ModelNotFound
from reasonkit.types import AdapterManifest, Reply, Request, Sampling
from tests.clients.tiny_models import Shape, write_transformers

# The adapters are made with peft 0.21 itself, which asks transformers 5.23 for a property by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")

ASK = Request(prompt="Question: which river?\nThought 1:", sampling=Sampling(max_tokens=12))
NAMES = ("red", "blue")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_transformers(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def adapters(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two adapters with random weights."""
    import peft
    from transformers import AutoModelForCausalLM

    home = tmp_path_factory.mktemp("adapters")
    for seed, name in enumerate(NAMES):
        model = AutoModelForCausalLM.from_pretrained(folder)
        config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
        adapted = peft.get_peft_model(model, config)
        torch.manual_seed(seed)
        for parameter_name, parameter in adapted.named_parameters():
            if "lora_" in parameter_name:
                torch.nn.init.normal_(parameter, std=0.3)
        adapted.save_pretrained(home / name)
    return home


@pytest.fixture(scope="module")
def merged(folder: Path, adapters: Path) -> dict[str | None, LocalClient]:
    """What each adapter says, from a model into which it is merged: no adapter code runs there."""
    import peft
    from transformers import AutoModelForCausalLM

    out: dict[str | None, LocalClient] = {None: LocalClient(folder)}
    for name in NAMES:
        model: Any = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), adapters / name)
        out[name] = LocalClient(model.merge_and_unload(), tokenizer=folder)
    return out


def text(client: LocalClient, request: Request) -> str:
    *_, reply = client.stream(request)
    assert isinstance(reply, Reply)
    return reply.completions[0].text


def test_each_adapter_says_what_its_merged_model_says(
    folder: Path, adapters: Path, merged: dict[str | None, LocalClient]
) -> None:
    client = LocalClient(folder, adapters=adapters)
    assert client.adapters == ("blue", "red")
    said = {name: text(client, replace(ASK, adapter=name)) for name in (None, *NAMES)}
    assert said == {name: text(one, ASK) for name, one in merged.items()}
    assert len(set(said.values())) == 3
    client.close()


@settings(max_examples=8, deadline=None)
@given(
    steps=st.lists(
        st.lists(
            st.tuples(st.sampled_from([None, *NAMES]), st.sampled_from(["", " a", " a b", " c"])),
            min_size=1,
            max_size=4,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_cache_never_crosses_adapters_and_rows_of_several_share_a_batch(
    folder: Path, adapters: Path, merged: dict[str | None, LocalClient], steps: list[list[tuple[str | None, str]]]
) -> None:
    client = LocalClient(folder, adapters={name: adapters / name for name in NAMES})
    for together in steps:
        said: dict[int, str] = {}

        def work(
            number: int, name: str | None, more: str, said: dict[int, str] = said, client: LocalClient = client
        ) -> None:
            said[number] = text(client, replace(ASK, prompt=str(ASK.prompt) + more, adapter=name))

        threads = [threading.Thread(target=work, args=(at, *one)) for at, one in enumerate(together)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for at, (name, more) in enumerate(together):
            assert said[at] == text(merged[name], replace(ASK, prompt=str(ASK.prompt) + more))
    client.close()


def test_adapters_come_and_go_while_the_client_works(
    folder: Path, adapters: Path, merged: dict[str | None, LocalClient]
) -> None:
    client = LocalClient(folder)
    base = text(client, ASK)
    with pytest.raises(InputError, match="no adapter 'red'; there are: none"):
        text(client, replace(ASK, adapter="red"))
    client.add_adapter("red", adapters / "red")
    assert text(client, replace(ASK, adapter="red")) == text(merged["red"], ASK)
    assert text(client, ASK) == base
    client.remove_adapter("red")
    client.add_adapter("red", adapters / "blue")
    assert text(client, replace(ASK, adapter="red")) == text(merged["blue"], ASK)
    with pytest.raises(InputError, match="already"):
        client.add_adapter("red", adapters / "red")
    client.remove_adapter("red")
    assert text(client, ASK) == base
    client.close()


def manifest_of(name: str, base: Path, prompt_sha256: str | None) -> AdapterManifest:
    return AdapterManifest(
        name=name,
        base=base.name,
        base_sha256=weights_sha256(base),
        tokenizer_sha256=tokenizer_sha256(base),
        prompt_sha256=prompt_sha256,
        rank=4,
        alpha=8.0,
        targets=("q_proj", "v_proj"),
    )


def test_an_adapter_is_refused_for_another_prompt_and_the_message_names_both(
    folder: Path, adapters: Path, tmp_path: Path
) -> None:
    trained = shutil.copytree(adapters / "red", tmp_path / "trained")
    write_manifest(trained, manifest_of("trained", folder, "a" * 64))
    client = LocalClient(folder, adapters=trained)
    assert text(client, replace(ASK, adapter="trained", prompt_sha256="a" * 64))
    with pytest.raises(InputError, match=r"aaaaaaaaaaaa\.\.\., it is asked with bbbbbbbbbbbb\.\.\.: use the prompt"):
        text(client, replace(ASK, adapter="trained", prompt_sha256="b" * 64))
    assert text(client, replace(ASK, adapter="trained"))  # a text written by hand has no prompt
    client.close()


def test_an_adapter_is_refused_on_another_base_of_the_same_shape(folder: Path, adapters: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_manifest(shutil.copytree(adapters / "red", home / "red"), manifest_of("red", folder, None))
    other = write_transformers(tmp_path / "other", Shape(seed=1))
    with pytest.raises(InputError) as refused:
        LocalClient(other, adapters=home)
    said = str(refused.value)
    assert weights_sha256(folder)[:12] in said
    assert weights_sha256(other)[:12] in said
    assert "train the adapter again" in said


def test_an_adapter_is_refused_with_another_tokenizer(folder: Path, adapters: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_manifest(shutil.copytree(adapters / "red", home / "red"), manifest_of("red", folder, None))
    other = shutil.copytree(folder, tmp_path / "other")
    rules = json.loads((other / "tokenizer.json").read_text())
    rules["model"]["merges"] = rules["model"]["merges"][:-1]
    (other / "tokenizer.json").write_text(json.dumps(rules))
    with pytest.raises(InputError, match=f"{tokenizer_sha256(folder)[:12]}.*{tokenizer_sha256(other)[:12]}"):
        LocalClient(folder, tokenizer=other, adapters=home)
    client = LocalClient(folder, adapters=home)
    assert client.adapters == ("red",)
    client.close()


def test_an_adapter_of_another_shape_and_a_folder_without_one_are_refused(
    folder: Path, adapters: Path, tmp_path: Path
) -> None:
    other = write_transformers(tmp_path / "other", Shape(hidden=32))
    with pytest.raises(InputError, match="does not fit"):
        LocalClient(other, adapters=adapters / "red")
    with pytest.raises(ModelNotFound, match="adapter_config"):
        LocalClient(folder, adapters=tmp_path / "other")


def test_a_method_loads_an_adapter_by_its_folder_and_by_its_name_beside_the_model(
    folder: Path, adapters: Path, merged: dict[str | None, LocalClient], tmp_path: Path
) -> None:
    beside = tmp_path / "model"
    shutil.copytree(folder, beside)
    shutil.copytree(adapters, beside / "adapters")
    expected = Direct(merged["red"], max_tokens=12)("which river?").answer
    for client, adapter in ((f"local:{folder}", adapters / "red"), (f"local:{beside}", "red")):
        with Direct(client, adapter=adapter, max_tokens=12) as agent:
            assert agent.adapter == "red"
            assert agent("which river?").answer == expected
    with pytest.raises(ModelNotFound, match=r"there is no adapter 'green': neither 'green' nor '.*green' holds"):
        Direct(f"local:{beside}", adapter="green")
