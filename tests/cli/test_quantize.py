"""`reasonkit quantize` in a subprocess: figures as JSON, a picture, and a line where something cannot be."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_cli import command


@pytest.mark.parametrize(
    "words", [("quantize", "--formats", "bf16"), ("forget",), ("adapters", "merge", "a", "--out", "b")]
)
def test_without_torch_a_command_names_the_pip_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    code = f"import sys; sys.modules['torch'] = None\nfrom reasonkit.cli import main; sys.exit(main({list(words)!r}))\n"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "torch" in ran.stderr
    assert ran.stderr.endswith("needs an optional package: pip install 'reasonkit[train]'\n")
    assert "Traceback" not in ran.stderr


def test_an_unknown_format_is_said_before_anything_is_loaded() -> None:
    ran = command("quantize", "--formats", "int3")
    assert ran.returncode == 2
    assert ran.stderr.startswith("reasonkit: there is no format 'int3'; there are: fp32, fp16, bf16")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_the_bundled_model_in_half_precision_keeps_what_it_says(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    plot = tmp_path / "formats.svg"
    words = (
        "--formats",
        "fp16,bf16",
        "--documents",
        "6",
        "--rounds",
        "1",
        "--threads",
        "1",
        "--json",
        "--plot",
        str(plot),
    )
    ran = subprocess.run(
        [sys.executable, "-m", "reasonkit", "quantize", *words], capture_output=True, text=True, timeout=600
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    report = json.loads(ran.stdout)
    rows = {row["format"]: row for row in report["rows"]}
    assert report["parameters"] == 3_541_248
    assert rows["fp16"]["bytes_per_parameter"] == pytest.approx(2.0, abs=1e-3)
    assert rows["fp16"]["weight_error"] == 0.0  # it is stored in fp16
    assert rows["bf16"]["quality"]["kl"]["value"] > rows["fp16"]["quality"]["kl"]["value"]
    assert plot.read_text().startswith("<svg ")
