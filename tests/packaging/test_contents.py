"""What the published files hold: all that a user needs, and nothing of the workshop."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from reasonkit.version import __version__
from tests.packaging.conftest import ROOT, hatch

pytestmark = pytest.mark.slow
MODEL = "reasonkit/bundled/model/"


def in_wheel(wheel: Path) -> dict[str, str]:
    """Return the hash of every file of a wheel, by its name."""
    with zipfile.ZipFile(wheel) as opened:
        return {name: hashlib.sha256(opened.read(name)).hexdigest() for name in opened.namelist()}


def in_sdist(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as opened:
        return {name.partition("/")[2] for name in opened.getnames()}


def test_the_wheel_holds_prompts_pages_model_types_and_licence(wheel: Path) -> None:
    held = set(in_wheel(wheel))
    prompts = {f"reasonkit/_prompts/{file.relative_to(ROOT / 'prompts')}" for file in (ROOT / "prompts").rglob("*.*")}
    assert len(prompts) > 30
    assert prompts <= held
    assert {
        "reasonkit/py.typed",
        "reasonkit/bundled/pages.sqlite",
        "reasonkit/bundled/MODEL_CARD.md",
        f"{MODEL}reasonkit-tiny.gguf",
        f"{MODEL}model.safetensors",
        f"{MODEL}tokenizer.json",
        "reasonkit/trace/schema.json",
        f"reasonkit-{__version__}.dist-info/licenses/LICENSE",
    } <= held


def test_the_wheel_holds_every_file_of_the_source_and_nothing_else(wheel: Path) -> None:
    source = {
        file.relative_to(ROOT / "src").as_posix()
        for file in (ROOT / "src" / "reasonkit").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    held = {
        name for name in in_wheel(wheel) if not name.startswith("reasonkit/_prompts/") and ".dist-info/" not in name
    }
    assert held == source


def test_one_model_ships_and_no_checkpoint_of_its_training(wheel: Path, sdist: Path) -> None:
    weights = (".safetensors", ".gguf", ".pt", ".pth", ".ckpt", ".npz", ".bin")
    for names in (set(in_wheel(wheel)), in_sdist(sdist)):
        assert sorted(Path(name).name for name in names if name.endswith(weights)) == [
            "model.safetensors",
            "reasonkit-tiny.gguf",
        ]
        assert not [name for name in names if name.endswith((".pyc", ".so")) or "/.model" in name or ".venv" in name]


def test_the_sdist_can_be_read_built_and_tested_by_itself(sdist: Path) -> None:
    held = in_sdist(sdist)
    assert {
        "LICENSE", "CHANGELOG.md", "SECURITY.md", "CITATION.cff", "README.md", "Makefile", "constraints.txt",
        "pyproject.toml", "mkdocs.yml", "docs/index.md", "examples/demo.py", "tests/conftest.py", "tests/packaging/conftest.py",
    } <= held  # fmt: skip


def test_the_wheel_of_the_sdist_is_that_of_the_checkout(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as opened:
        opened.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    (again,) = hatch(tmp_path / "again", "wheel", checkout=unpacked).glob("*.whl")
    assert in_wheel(again) == in_wheel(wheel)


def test_the_metadata_asks_for_what_the_core_needs_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        told = Parser().parsestr(opened.read(f"reasonkit-{__version__}.dist-info/METADATA").decode())
    needed = [asked for asked in told.get_all("Requires-Dist", []) if "extra ==" not in asked]
    names = {asked.split("<")[0].split(">")[0].lower() for asked in needed}
    assert names == {
        "httpx", "httpcore", "jinja2", "pydantic", "wikipedia", "restrictedpython", "python-dateutil", "pysbd", "typer",
        "rich",
    }  # fmt: skip
    assert told["License-Expression"] == "MIT"
    assert told["Requires-Python"] == ">=3.11"
