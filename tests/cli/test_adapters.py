"""`reasonkit adapters` in a subprocess: lists, shows and checks without torch; bad folders are said in one line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_cli import command
from tests.train.adapters.files import write_adapter, write_model


def test_a_registry_is_listed_shown_and_checked(tmp_path: Path) -> None:
    base = write_model(tmp_path / "base")
    home = tmp_path / "adapters"
    for name in ("red", "blue"):
        write_adapter(home / name, base, prompt_sha256="a" * 64)
    ran = command("adapters", "list", str(home))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line.split(" | ")[0] for line in ran.stdout.splitlines()[2:]] == ["| blue", "| red"]
    assert "| loss 0.25 |" in ran.stdout
    shown = json.loads(command("adapters", "show", str(home), "red").stdout)
    assert shown["manifest"]["metrics"] == {"loss": 0.25}
    checked = command("adapters", "check", str(home))
    assert checked.returncode == 0
    assert checked.stdout.count("+ base ") == 2
    refused = command("adapters", "check", str(home), "--prompt", "react/tiny")
    assert refused.returncode == 1
    assert "- prompt" in refused.stdout


def test_a_folder_without_adapters_and_an_unknown_name_are_bad_input(tmp_path: Path) -> None:
    ran = command("adapters", "list", str(tmp_path))
    assert (ran.returncode, len(ran.stderr.splitlines())) == (2, 1)
    assert "adapter_config.json" in ran.stderr
    write_adapter(tmp_path / "red", write_model(tmp_path / "base"))
    ran = command("adapters", "show", str(tmp_path), "blue")
    assert (ran.returncode, ran.stderr) == (2, f"reasonkit: {tmp_path}: there is no adapter 'blue'; there are: red\n")
