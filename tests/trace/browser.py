"""A headless Chromium for the tests of the page: its document after the script ran, and a picture of it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--virtual-time-budget=8000",
]


def browse(page: Path, fragment: str = "") -> tuple[str, str]:
    """Return the document as it is after the script ran, and what the browser logged."""
    return _run(page.as_uri() + fragment, "--dump-dom")


def picture(page: Path, file: Path, *, width: int, height: int, dark: bool = False) -> None:
    """Write a picture of the page."""
    scheme = ("--blink-settings=preferredColorScheme=0",) if dark else ("--blink-settings=preferredColorScheme=1",)
    _run(page.as_uri(), f"--screenshot={file}", f"--window-size={width},{height}", *scheme)


def _run(address: str, *words: str) -> tuple[str, str]:
    assert BROWSER is not None
    with tempfile.TemporaryDirectory() as profile:
        ran = subprocess.run(
            [BROWSER, *_FLAGS, f"--user-data-dir={profile}", *words, address],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    return ran.stdout, ran.stderr
