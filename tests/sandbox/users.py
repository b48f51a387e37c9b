"""Run Python as an ordinary user, where the tests themselves run as root."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOBODY = 65534


def run_as_ordinary_user(code: str) -> str:
    """Run `code` as a user without rights and return what it prints; skip where no interpreter can be reached."""
    spec = find_spec("RestrictedPython")
    assert spec is not None
    assert spec.origin is not None
    packages = Path(spec.origin).parents[1]
    interpreter = sys.executable if _is_open(Path(sys.executable)) else _system_interpreter()
    if interpreter is None or not _is_open(packages / "RestrictedPython"):
        pytest.skip("no interpreter of this version lies where another user may enter")
    done = subprocess.run(
        [interpreter, "-B", "-c", textwrap.dedent(code)],
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}:{packages}"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _is_open(path: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in path.resolve().parents)


def _system_interpreter() -> str | None:
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return shutil.which(name, path="/usr/bin:/usr/local/bin")
