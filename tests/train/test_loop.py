"""The loop on small models: each family learns, each method moves what it should, and a loss that is no number ends it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from reasonkit.errors import InputError, TrainingFailed  # noqa: E402
from reasonkit.train.checkpoints import checkpoints  # noqa: E402
from reasonkit.train.config import OptimizerConfig  # noqa: E402
from reasonkit.train.config.groups import MethodConfig  # noqa: E402
from reasonkit.train.curve import curve  # noqa: E402
from reasonkit.train.forward import losses as summed_loss  # noqa: E402
from reasonkit.train.journal import Line, read_losses  # noqa: E402
from reasonkit.train.material import material  # noqa: E402
from reasonkit.train.models import build_model, targets  # noqa: E402
from reasonkit.train.optimizers import build_optimizers, rate_at  # noqa: E402
from reasonkit.train.run import Outcome, run  # noqa: E402
from reasonkit.train.sharding import World  # noqa: E402
from tests.train.runs import adapting, base, config, losses, rows  # noqa: E402


def ran(folder: Path, **changes: Any) -> Outcome:
    rows(folder, texts=changes.get("objective") in ("masked", "denoising"))
    return run(config(folder, **changes), World(), material)


FAMILIES = {
    "llama": ("causal", "AutoModelForCausalLM"),
    "gpt2": ("causal", "AutoModelForCausalLM"),
    "bert": ("masked", "AutoModelForMaskedLM"),
    "t5": ("seq2seq", "AutoModelForSeq2SeqLM"),
    "bart": ("denoising", "AutoModelForSeq2SeqLM"),
}


@pytest.mark.parametrize("architecture", FAMILIES)
def test_a_new_model_of_each_family_learns_and_is_loaded_whole(tmp_path: Path, architecture: str) -> None:
    objective, kind = FAMILIES[architecture]
    outcome = ran(
        tmp_path, objective=objective, steps=40, evaluation={"rows": 8, "every": 20}, optimizer={"lr": 1e-2},
        model={"architecture": architecture},
    )  # fmt: skip
    found = losses(tmp_path / "run")
    assert outcome.held_out is not None
    assert outcome.held_out < 0.75 * found[0]
    assert [line.step for line in read_losses(tmp_path / "run") if line.held_out is not None] == [20, 40]
    model, report = getattr(transformers, kind).from_pretrained(tmp_path / "run", output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert model.config.use_cache


def test_a_trained_model_answers_through_the_local_client(tmp_path: Path) -> None:
    from reasonkit.clients.local import LocalClient
    from reasonkit.types import Reply, Request, Sampling

    ran(tmp_path, steps=80, optimizer={"lr": 1e-2})
    client = LocalClient(tmp_path / "run")
    request = Request(prompt="Dan lives in Lima. Where does Dan live?", sampling=Sampling(max_tokens=8))
    *_, reply = client.stream(request)
    client.close()
    assert isinstance(reply, Reply)
    assert (reply.completions[0].text, reply.completions[0].finish) == (" Lima", "stop")


def test_an_adapter_carries_what_a_client_compares(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    from reasonkit.clients.local import LocalClient
    from reasonkit.clients.local.manifest import read_manifest, tokenizer_sha256, weights_sha256

    folder = base(tmp_path)
    before = weights_sha256(folder)
    outcome = ran(tmp_path, steps=30, **adapting(tmp_path, targets="attention"), evaluation={"rows": 5})
    assert losses(tmp_path / "run")[-1] < losses(tmp_path / "run")[0]
    manifest = read_manifest(tmp_path / "run")
    assert manifest is not None
    assert (manifest.name, manifest.rank, manifest.alpha) == ("run", 4, 16.0)
    assert manifest.targets == ("k_proj", "o_proj", "q_proj", "v_proj")
    assert (manifest.base_sha256, manifest.tokenizer_sha256) == (before, tokenizer_sha256(folder))
    assert dict(manifest.metrics)["held_out"] == outcome.held_out
    client = LocalClient(folder, adapters=tmp_path)
    assert client.adapters == ("run",)
    client.close()


@pytest.mark.slow
def test_a_base_in_nf4_is_trained_on_and_gradients_survive_a_measurement(tmp_path: Path) -> None:
    """bitsandbytes repacks a matrix that computes in evaluation on some CPUs; no gradient comes back from it."""
    pytest.importorskip("bitsandbytes")
    pytest.importorskip("accelerate")
    base(tmp_path)
    outcome = ran(
        tmp_path, steps=24, **adapting(tmp_path, "qlora"), evaluation={"rows": 5, "every": 1},
        checkpoint={"verify": True}, optimizer={"lr": 1e-2},
    )  # fmt: skip
    measured = [line.held_out for line in read_losses(tmp_path / "run") if line.held_out is not None]
    assert len(measured) == 24
    assert measured[-1] < 0.8 * measured[0]
    assert outcome.verified is not None


def test_parts_and_recomputation_change_no_loss(tmp_path: Path) -> None:
    found = {}
    for name, changes in (("plain", {}), ("parts", {"batch": {"accumulation": 4}}), ("again", {"recompute": True})):
        (tmp_path / name).mkdir()
        ran(tmp_path / name, **changes)
        found[name] = losses(tmp_path / name / "run")
    assert found["parts"] == pytest.approx(found["plain"], rel=1e-4)
    assert found["again"] == pytest.approx(found["plain"], rel=1e-4)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_logits_that_nothing_is_learned_from_are_left_out_and_change_no_loss(tmp_path: Path, architecture: str) -> None:
    rows(tmp_path)
    run_config = config(tmp_path, model={"architecture": architecture})
    tokenizer, batches = material(run_config, World())
    model = build_model(run_config, tokenizer, torch.device("cpu")).eval()
    part = batches.parts(0, 0, 1)[0]
    seen: list[int] = []
    model.register_forward_hook(lambda _, __, output: seen.append(output.logits.shape[1]))
    summed = summed_loss(model, part)
    logits = model(input_ids=part["input_ids"], attention_mask=part["attention_mask"]).logits
    wanted = torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), part["labels"][:, 1:].flatten(), ignore_index=-100, reduction="sum"
    )
    assert summed.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert seen[0] < seen[1] / 2
    part["labels"][:] = -100
    assert summed_loss(model, part).item() == 0


def test_bf16_and_packing_learn(tmp_path: Path) -> None:
    ran(tmp_path, precision="bf16", batch={"packing": True, "rows": 2}, steps=30, optimizer={"lr": 1e-2})
    found = losses(tmp_path / "run")
    assert found[-1] < 0.75 * found[0]


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match=r"step \d: the (loss|gradient's norm) is (nan|inf)"):
        ran(tmp_path, optimizer={"lr": 1e30, "clip": None}, checkpoint={"every": 1, "verify": False})
    (kept,) = checkpoints(tmp_path / "run" / "checkpoints")[-1:]
    taken = [line.step for line in read_losses(tmp_path / "run")]
    assert kept.name == f"step-{taken[-1]:09d}"
    assert not (tmp_path / "run" / "manifest.json").exists()


def test_the_manifest_says_what_the_run_was_made_of(tmp_path: Path) -> None:
    ran(tmp_path)
    told = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert told["config"]["optimizer"]["lr"] == 3e-3
    assert told["versions"]["torch"] == torch.__version__
    assert told["steps"] == len(read_losses(tmp_path / "run")) == 8
    assert told["weights"]["moved"] == told["weights"]["all"] > 0
    assert len(told["hashes"]["tokenizer_sha256"]) == 64
    assert told["wrapper"] == "one process on cpu"


@pytest.mark.parametrize(
    ("architecture", "objective", "attention", "more"),
    [
        ("llama", "causal", {"q_proj", "k_proj", "v_proj", "o_proj"}, {"gate_proj", "up_proj", "down_proj"}),
        ("t5", "seq2seq", {"q", "k", "v", "o"}, {"wi", "wo"}),
        ("bart", "seq2seq", {"q_proj", "k_proj", "v_proj", "out_proj"}, {"fc1", "fc2"}),
    ],
)
def test_targets_are_the_attention_or_all_matrices_of_the_blocks(
    tmp_path: Path, architecture: str, objective: str, attention: set[str], more: set[str]
) -> None:
    rows(tmp_path)
    run_config = config(tmp_path, objective=objective, model={"architecture": architecture})
    tokenizer, _ = material(run_config, World())
    model = build_model(run_config, tokenizer, torch.device("cpu"))
    assert set(targets(model, MethodConfig(kind="lora", targets="attention"))) == attention
    assert set(targets(model, MethodConfig(kind="lora", targets="all"))) == attention | more


def test_targets_that_share_a_name_with_others_are_named_in_full() -> None:
    """GPT-2 and BERT call a matrix of the attention and one of the feed-forward part alike."""
    sizes = {"vocab_size": 40, "n_embd": 16, "n_layer": 1, "n_head": 2}
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, bos_token_id=1, eos_token_id=2))
    assert targets(model, MethodConfig(kind="lora", targets="attention")) == [
        "transformer.h.0.attn.c_attn", "transformer.h.0.attn.c_proj"
    ]  # fmt: skip


def test_muon_moves_the_blocks_matrices_and_adamw_the_rest(tmp_path: Path) -> None:
    rows(tmp_path)
    run_config = config(tmp_path, optimizer={"kind": "muon", "weight_decay": 0.1}, model={"tie_embeddings": False})
    tokenizer, _ = material(run_config, World())
    model = build_model(run_config, tokenizer, torch.device("cpu"))
    muon, adamw = build_optimizers(model, run_config.optimizer, "none", World())
    names = {id(weight): name for name, weight in model.named_parameters()}
    moved = [[{names[id(one)] for one in group["params"]} for group in each.param_groups] for each in (muon, adamw)]
    assert {name.split(".")[-2] for name in moved[0][0]} == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"
    }  # fmt: skip
    assert moved[1][0] == {"lm_head.weight"}
    assert {"model.embed_tokens.weight", "model.norm.weight"} <= moved[1][1]
    assert [group["weight_decay"] for each in (muon, adamw) for group in each.param_groups] == [0.1, 0.1, 0.0]


@pytest.mark.parametrize(
    ("schedule", "wanted"), [("constant", [1, 1]), ("linear", [0.55, 0.1]), ("cosine", [0.55, 0.1])]
)
def test_the_rate_rises_in_the_warm_up_and_falls_to_its_floor(schedule: Any, wanted: list[float]) -> None:
    settings = OptimizerConfig(lr=2.0, schedule=schedule, warmup=10, floor=0.1)
    assert rate_at(0, 101, settings) == pytest.approx(0.2)
    assert [rate_at(step, 101, settings) / 2 for step in (50, 100)] == pytest.approx(wanted)


def test_a_model_for_something_else_is_refused(tmp_path: Path) -> None:
    base(tmp_path)
    with pytest.raises(InputError, match="is no encoder-decoder: objective must be causal or masked, not 'seq2seq'"):
        ran(tmp_path, model={"path": str(tmp_path / "base")}, objective="seq2seq")
    with pytest.raises(InputError, match="holds no transformers model"):
        ran(tmp_path, model={"path": str(tmp_path)})


def test_the_picture_has_a_dot_for_each_measurement_and_survives_a_flat_loss() -> None:
    lines = [
        Line(step=n, loss=3 / n, lr=0.1, tokens=n, seconds=0.1, held_out=1.0 if n % 100 == 0 else None)
        for n in range(1, 3001)
    ]
    tree = ET.fromstring(curve(lines, "a <b> & c"))
    kinds = [one.tag.rpartition("}")[2] for one in tree]
    assert kinds.count("circle") == 30
    shown = [one for one in tree if one.tag.endswith("polyline")]
    assert [len(one.attrib["points"].split()) for one in shown] == [1501, 1501]
    for value in (0.0, 2.5):
        text = curve([Line(step=1, loss=value, lr=0.1, tokens=1, seconds=0.1)], "flat")
        assert "nan" not in text
        assert math.isfinite(float(ET.fromstring(text)[-2].attrib.get("x", 0)))


def test_the_loop_fits_a_screen_or_three() -> None:
    from reasonkit.train import loop

    assert len(Path(str(loop.__file__)).read_text(encoding="utf-8").splitlines()) < 200
