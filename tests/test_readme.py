"""The README is true: its Python runs, its commands run, its links lead somewhere, and its loop is the file's."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
ELSEWHERE = ("http://", "gguf:/models")
"""Lines that name a server or a file of the reader's own."""


def in_folder(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, cwd=folder, timeout=120)


def test_the_ten_lines_of_python_run_offline(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the bundled model runs on the extra `gguf`")
    code = next(text for language, text in BLOCKS if language == "python" and "import" in text)
    kept = "\n".join(line for line in code.splitlines() if not any(mark in line for mark in ELSEWHERE))
    ran = in_folder([sys.executable, "-c", kept], tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "runs" / "mozart.jsonl").exists()


def test_the_commands_run_and_answer_or_say_that_they_have_no_answer(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the bundled model runs on the extra `gguf`")
    commands = [line for _, text in BLOCKS for line in text.splitlines() if line.startswith("reasonkit ")]
    assert len(commands) >= 5
    for line in commands:
        ran = in_folder([sys.executable, "-m", *shlex.split(line, comments=True)], tmp_path)
        assert ran.returncode in (0, 1), f"{line}\n{ran.stderr}"
        assert "Traceback" not in ran.stderr


def test_every_link_into_the_repository_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_every_room_of_the_tree_exists_and_none_is_missing() -> None:
    tree = next(text for _, text in BLOCKS if "src/reasonkit/" in text)
    named = {
        room.rstrip("/")
        for line in tree.splitlines()
        if line.startswith("  ")
        for room in re.split(r", ", re.split(r" {2,}", line.strip())[0])
    }
    source = ROOT / "src" / "reasonkit"
    there = {path.name for path in source.iterdir() if path.name not in ("__pycache__", "py.typed")}
    assert named <= there, named - there
    assert there - named <= {"__init__.py", "__main__.py", "version.py", "pytest_plugin.py"}, there - named
