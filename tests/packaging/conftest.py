"""What is published, built once for the tests: a wheel and an sdist of the checkout, and environments to install them into.

Building needs no network. Installing asks the package index for the dependencies; without one those tests say so.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Environment:
    """A bare virtual environment, and a folder far from the checkout in which its commands run."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder / "venv", with_pip=True)
        self.python = folder / "venv" / "bin" / "python"
        self.elsewhere = folder / "elsewhere"
        self.elsewhere.mkdir()

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment; its exit code is checked."""
        bare = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL", "COV"))}
        done = subprocess.run(
            [str(self.python.with_name(words[0])), *words[1:]],
            cwd=self.elsewhere,
            env=bare | {"PATH": f"{self.python.parent}{os.pathsep}{bare['PATH']}", "COLUMNS": "80"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def install(self, *what: str) -> None:
        """Install packages, in the versions that are known to work together."""
        options = ("--quiet", "--disable-pip-version-check", "--constraint", str(ROOT / "constraints.txt"))
        self.run("python", "-m", "pip", "install", *options, *what)


def hatch(target: Path, *kinds: str, checkout: Path = ROOT) -> Path:
    """Build what is published of a checkout into a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--directory", str(target), *(f"--target={kind}" for kind in kinds)],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of this checkout."""
    pytest.importorskip("hatchling", reason="the build tool, of the extra `dev`")
    return hatch(tmp_path_factory.mktemp("built"), "sdist", "wheel")


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def sdist(built: Path) -> Path:
    (found,) = built.glob("*.tar.gz")
    return found


@pytest.fixture(scope="session")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel and nothing that it does not ask for."""
    return _installed(wheel, "", tmp_path_factory)


@pytest.fixture(scope="session")
def with_gguf(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel and llama.cpp."""
    return _installed(wheel, "[gguf]", tmp_path_factory)


def _installed(wheel: Path, extra: str, folders: pytest.TempPathFactory) -> Environment:
    made = Environment(folders.mktemp("environment"))
    index = subprocess.run(
        [made.python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", made.elsewhere, "mdurl"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if index.returncode:
        pytest.skip("no package index can be reached for the dependencies")
    made.install(f"{wheel}{extra}")
    return made
