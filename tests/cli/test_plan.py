"""`reasonkit plan` and `calibrate` as a newcomer uses them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reasonkit.train.plan.activations import read_calibrations, written


def command(*words: str, program: str = "-m reasonkit") -> subprocess.CompletedProcess[str]:
    start = program.split(maxsplit=1) if program.startswith("-m") else ["-c", program]
    return subprocess.run([sys.executable, *start, *words], capture_output=True, text=True, timeout=60)


def planned(*words: str) -> dict[str, object]:
    ran = command("plan", *words, "--json")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    read = json.loads(ran.stdout)
    assert isinstance(read, dict)
    return read


def test_the_figure_of_the_zero_paper_from_the_command_line() -> None:
    options = planned("--parameters", "7.5e9", "--gpus", "64")["options"]
    assert isinstance(options, list)
    found = {one["sharding"]: round(one["states_bytes"] / 1e9, 1) for one in options}
    assert found == {"ddp": 120.0, "zero1": 31.4, "zero2": 16.6, "zero3": 1.9}


def test_json_holds_every_item_at_rest_and_at_the_peak() -> None:
    found = planned(
        "llama-7b", "--memory", "80GB", "--gpus", "8", "--throughput", "400T", "--sharding", "fsdp,fsdp-kept"
    )
    options = found["options"]
    assert isinstance(options, list)
    for one in options:
        assert one["states_bytes"] == sum(one["states"].values())
        items = {"weights", "gradients", "optimizer", "activations", "logits", "buffers"}
        assert set(one["peak"]) == items | {"moment"}
        assert one["peak_bytes"] == sum(one["peak"][item] for item in items)
        assert one["fits"] is True
    assert found["tokens"] == {"law": "20", "optimal": 20 * 6_738_415_616, "planned": 20 * 6_738_415_616}
    compute = found["compute"]
    assert isinstance(compute, dict)
    assert compute["seconds"] == pytest.approx(compute["flops"] / (8 * 400e12))


def test_the_table_says_what_fits_and_what_makes_it_fit() -> None:
    ran = command("plan", "llama-7b", "--memory", "24", "--gpus", "8")
    assert ran.returncode == 0, ran.stderr
    said = " ".join(ran.stdout.split())
    assert "does not fit; 24.0 GB a GPU, 21.6 GB of it usable" in said
    assert "it fits with: " in said
    assert "the rule of 20: 27.0 GB of weights" in said
    for item in ("weights", "gradients", "optimizer", "activations", "logits", "buffers"):
        assert f"{item} " in said


def test_lora_and_a_budget_and_sizes() -> None:
    lora = planned("llama-7b", "--method", "lora", "--rank", "8", "--targets", "q_proj,v_proj")["model"]
    assert isinstance(lora, dict)
    assert lora["trained_parameters"] == 4_194_304
    best = planned("--flops", "5.76e23", "--law", "epoch")["optimum"]
    assert isinstance(best, dict)
    assert best["parameters"] == pytest.approx(72.3e9, rel=0.002)
    sizes = ("--hidden", "4096", "--layers", "32", "--heads", "32", "--feed-forward", "11008")
    shape = planned(*sizes)["model"]
    assert isinstance(shape, dict)
    assert shape["parameters"] == 6_738_415_616


def test_the_chart_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "plan.svg"
    ran = command("plan", "gpt2-xl", "--gpus", "4", "--plot", str(target), "--json")
    assert ran.returncode == 0, ran.stderr
    assert target.read_text().startswith("<svg")
    assert ran.stderr == f"written to {target}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "there is no model"),
        (["gpt2-xxl"], "did you mean 'gpt2-xl'"),
        (["gpt2", "--parameters", "1e9"], "give one of them"),
        (["--parameters", "many"], "--parameters is 'many'"),
        (["--parameters", "12"], "give a number from 1e3"),
        (["--hidden", "64"], "--hidden, --layers and --heads"),
        (["gpt2", "--memory", "80 apples"], "--memory is '80 apples'"),
        (["gpt2", "--sharding", "ddp,zero4"], "--sharding names 'zero4'"),
        (["gpt2", "--method", "lora", "--targets", "q_proj"], "is called 'q_proj'"),
        (["gpt2", "--gpus", "0"], "--gpus"),
        (["gpt2", "--plot", "plan.pdf"], "name a .svg file"),
        (["gpt2", "--calibration", "missing.json"], "missing.json"),
        (["no/such/config.json"], "config.json"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_clear_line_and_exit_code_2(words: list[str], said: str) -> None:
    ran = command("plan", *words)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1
    assert ran.stdout == ""


def test_a_plan_loads_neither_torch_nor_numpy() -> None:
    program = (
        "import sys; from reasonkit.cli import main; main(sys.argv[1:]); "
        "sys.exit(bool({'torch', 'numpy', 'transformers', 'peft'} & set(sys.modules)))"
    )
    ran = command("plan", "llama-7b", "--gpus", "8", "--memory", "24", program=program)
    assert ran.returncode == 0, ran.stderr


def test_a_calibration_of_ones_own_is_used_and_a_broken_one_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text(written([one for one in read_calibrations() if one.family == "llama"]))
    options = planned("llama-7b", "--calibration", str(own))["options"]
    assert isinstance(options, list)
    assert options[0]["activations_calibrated"]
    for text in ("not JSON", "{}", '{"format": 1, "calibrations": [{"family": "llama"}]}'):
        own.write_text(text)
        ran = command("plan", "llama-7b", "--calibration", str(own))
        assert ran.returncode == 2
        assert "not a file of calibrations" in ran.stderr


def test_without_torch_calibrate_names_the_pip_line(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['torch'] = None; from reasonkit.cli import main; sys.exit(main(sys.argv[1:]))"
    )  # fmt: skip
    ran = command("calibrate", "llama", "-o", str(tmp_path / "own.json"), program=program)
    assert ran.returncode == 2
    assert ran.stderr == "reasonkit: reasonkit calibrate needs an optional package: pip install 'reasonkit[train]'\n"


def test_a_family_that_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    ran = command("calibrate", "flan-t5-small", "-o", str(tmp_path / "own.json"))
    assert ran.returncode == 2
    assert "cannot calibrate t5" in ran.stderr
