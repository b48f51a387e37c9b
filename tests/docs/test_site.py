"""The site: it builds without a warning, needs nothing from the network, and knows every public name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reasonkit
from tests.docs.play import ROOT

_LOADED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc="?(https?:)?//|<link\b[^>]*\bhref="?(https?:)?//[^>]*>|"""
    r"""url\(["']?(https?:)?//|@import ["'](https?:)?//""",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("material", reason="the extra `docs`")
    pytest.importorskip("mkdocstrings", reason="the extra `docs`")
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(
        words, cwd=ROOT, env={**os.environ, **nowhere}, capture_output=True, text=True, timeout=300
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.mark.slow
def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(pages) > 20
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not (found := _LOADED.search(text)), f"{page.name}: {text[found.start() : found.end() + 80]}"


@pytest.mark.slow
def test_every_public_name_has_an_entry_in_the_reference(site: Path) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in (site / "reference").glob("*.html"))
    entries = set(re.findall(r'id="?reasonkit\.[\w.]*?(\w+)[" >]', text))
    assert set(reasonkit.__all__) <= entries, set(reasonkit.__all__) - entries


@pytest.mark.slow
def test_every_page_is_in_the_navigation(site: Path) -> None:
    index = (site / "index.html").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        target = page.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert target in index, target
