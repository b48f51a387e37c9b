"""A folder of adapters: read, examined, and told apart from what it was not trained on; without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.clients.local.manifest import (
    read_manifest,
    tokenizer_sha256,
    weights_sha256,
    write_manifest,
)
from reasonkit.errors import InputError, ModelNotFound
from reasonkit.prompts import Prompt
from reasonkit.train.adapters import Finding, examine, read_entry, read_registry
from reasonkit.types import AdapterManifest
from tests.train.adapters.files import write_adapter, write_model, write_safetensors

SHA = st.text("0123456789abcdef", min_size=64, max_size=64)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_model(tmp_path / "base")


def grades(findings: tuple[Finding, ...]) -> dict[str, str]:
    return {finding.what: finding.grade for finding in findings}


@given(
    manifest=st.builds(
        AdapterManifest,
        name=st.text(),
        base=st.text(),
        base_sha256=SHA,
        tokenizer_sha256=SHA,
        prompt_sha256=st.none() | SHA,
        rank=st.integers(1, 256),
        alpha=st.floats(0.1, 1000),
        targets=st.lists(st.text()).map(tuple),
        metrics=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)).map(
            lambda found: tuple(sorted(found.items()))
        ),
    )
)
def test_a_manifest_that_is_written_is_read_back_the_same(
    manifest: AdapterManifest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("adapter")
    write_manifest(folder, manifest)
    assert read_manifest(folder) == manifest


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"base_sha256": "short"}, "base_sha256"),
        ({"rank": 0}, "rank"),
        ({"rank": "8"}, "rank"),
        ({"ranks": 8}, "ranks"),
        ({"prompt_sha256": 3}, "prompt_sha256"),
    ],
)
def test_a_broken_manifest_is_refused_by_its_key(base: Path, change: dict[str, object], said: str) -> None:
    folder = write_adapter(base.parent / "red", base)
    path = folder / "reasonkit-adapter.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=f"{said}:"):
        read_registry(folder)


def test_a_models_hash_does_not_see_how_it_was_cut_into_files(tmp_path: Path) -> None:
    shapes = {"a": (3, 2), "b": (4,), "c": (1, 1)}
    whole, cut, other = tmp_path / "whole", tmp_path / "cut", tmp_path / "other"
    for folder in (whole, cut, other):
        folder.mkdir()
    write_safetensors(whole / "model.safetensors", shapes)
    for number, name in enumerate(("c", "a", "b")):
        write_safetensors(cut / f"model-{number}.safetensors", {name: shapes[name]})
    write_safetensors(other / "model.safetensors", shapes | {"c": (1, 1, 1)})
    assert weights_sha256(whole) == weights_sha256(cut)
    assert weights_sha256(whole) != weights_sha256(other)
    write_safetensors(other / "model.safetensors", shapes, fill=b"\x02")
    assert weights_sha256(whole) != weights_sha256(other)


def test_a_tokenizers_hash_sees_its_rules_and_its_chat_template_but_not_what_a_run_leaves(base: Path) -> None:
    before = tokenizer_sha256(base)
    rules = json.loads((base / "tokenizer.json").read_text())
    (base / "tokenizer.json").write_text(json.dumps(rules | {"padding": {"length": 8}}, indent=2))
    assert tokenizer_sha256(base) == before
    (base / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    chat = tokenizer_sha256(base)
    assert chat != before
    (base / "tokenizer.json").write_text(json.dumps(rules | {"model": {"vocab": {"b": 0}}}))
    assert tokenizer_sha256(base) not in (before, chat)


def test_weights_that_end_too_early_are_said_and_not_hashed(base: Path) -> None:
    file = base / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(InputError, match="3 bytes too early"):
        weights_sha256(base)
    file.write_bytes(b"\xff" * 20)
    with pytest.raises(InputError, match="not a safetensors file"):
        weights_sha256(base)


def test_a_registry_is_read_by_the_names_of_its_folders(base: Path, tmp_path: Path) -> None:
    home = tmp_path / "adapters"
    for name in ("red", "blue"):
        write_adapter(home / name, base)
    (home / "notes").mkdir()
    assert [entry.name for entry in read_registry(home)] == ["blue", "red"]
    assert [entry.name for entry in read_registry(home / "red")] == ["red"]
    with pytest.raises(ModelNotFound, match="adapter_config"):
        read_registry(home / "notes")


def test_an_adapter_that_fits_its_base_and_prompt_is_good_all_over(base: Path, tmp_path: Path) -> None:
    prompt = Prompt.load("react/tiny")
    entry = read_entry(write_adapter(tmp_path / "red", base, prompt_sha256=prompt.sha256))
    assert set(grades(examine(entry, prompt=prompt)).values()) == {"good"}
    assert grades(examine(entry))["prompt"] == "unknown"
    other = examine(entry, prompt=Prompt.load("react/default"))
    assert grades(other)["prompt"] == "fault"
    assert Prompt.load("react/default").sha256 in str(other[-1])
    assert prompt.sha256 in str(other[-1])


def test_another_base_and_another_tokenizer_are_faults_that_name_both_hashes(base: Path, tmp_path: Path) -> None:
    entry = read_entry(write_adapter(tmp_path / "red", base))
    other = write_model(tmp_path / "other", fill=b"\x07")
    (other / "tokenizer.json").write_text("{}")
    found = {finding.what: finding for finding in examine(entry, model=other)}
    assert found["base"].grade == found["tokenizer"].grade == "fault"
    assert weights_sha256(base) in found["base"].found
    assert weights_sha256(other) in found["base"].found
    assert tokenizer_sha256(other) in found["tokenizer"].found


def test_a_base_that_is_not_here_is_unknown_and_not_good(base: Path, tmp_path: Path) -> None:
    entry = read_entry(write_adapter(tmp_path / "red", base))
    base.rename(tmp_path / "elsewhere")
    assert grades(examine(entry))["base"] == "unknown"
    assert grades(examine(entry, model=tmp_path / "elsewhere"))["base"] == "good"
    assert grades(examine(entry, model=tmp_path / "nowhere"))["base"] == "fault"


def test_weights_of_another_rank_a_lost_partner_and_a_renamed_folder_are_faults(base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "red", base)
    write_safetensors(folder / "adapter_model.safetensors", {"q.lora_A.weight": (2, 2), "q.lora_B.weight": (2, 2)})
    assert grades(examine(read_entry(folder)))["weights"] == "fault"
    write_safetensors(folder / "adapter_model.safetensors", {"q.lora_A.weight": (4, 2)})
    found = examine(read_entry(folder))[0]
    assert (found.grade, "no partner, the first at 'q.lora_B.weight'" in found.found) == ("fault", True)
    (folder / "adapter_model.safetensors").unlink()
    assert "missing" in examine(read_entry(folder))[0].found
    renamed = folder.rename(tmp_path / "blue")
    assert "it was trained as 'red'" in examine(read_entry(renamed))[1].found


def test_an_adapter_without_a_manifest_is_shown_and_its_base_is_unknown(base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "red", base)
    (folder / "reasonkit-adapter.json").unlink()
    entry = read_entry(folder)
    assert entry.described()["manifest"] is None
    assert grades(examine(entry)) == {"weights": "good", "manifest": "unknown"}


def test_reading_the_registry_loads_no_torch(base: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapters" / "red", base)
    code = (
        "import sys; from pathlib import Path\n"
        "from reasonkit.train.adapters import examine, read_registry\n"
        f"print([examine(one) for one in read_registry(Path({str(tmp_path / 'adapters')!r}))])\n"
        "assert not {'torch', 'transformers', 'peft', 'numpy'} & set(sys.modules), 'heavy'\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
