"""The picture of a run: real commands in a real terminal, drawn as an SVG that loads nothing from elsewhere.

`python -m tests.docs.picture` draws docs/run.svg again, after the model or the words of the command line have changed; so
does `python -m tests.docs --update`. Not here: what the commands print.
"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.docs.play import ROOT, surroundings

PICTURE = ROOT / "docs" / "run.svg"
COMMANDS = (
    'reasonkit react "What is the capital of Peru?"',
    'reasonkit pal "Tom has 20 cards. Tom gives 6 cards to Anna. How many cards does Tom have left?" --show-program',
)
COLUMNS = 104
_THEME = TerminalTheme(
    (24, 28, 33),
    (214, 217, 222),
    [
        (24, 28, 33), (224, 108, 117), (126, 190, 120), (220, 180, 104), (97, 160, 226), (190, 130, 220), (86, 182, 194),
        (214, 217, 222),
    ],
)  # fmt: skip
_FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}\s*")
_FONTS = 'ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace'


def shown() -> str:
    """Run the commands in a terminal, in a folder of their own; return all that it shows, with its colours."""
    with tempfile.TemporaryDirectory() as folder:
        return "".join(f"\x1b[1m$ {command}\x1b[0m\n{_in_terminal(command, folder)}\n" for command in COMMANDS)


def drawn(text: str) -> str:
    """Return an SVG of what a terminal shows."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    console.print(Text.from_ansi(text.rstrip()), overflow="fold")
    svg = console.export_svg(title="reasonkit", theme=_THEME, unique_id="run")
    return re.sub(r"font-family:\s*Fira Code, monospace", f"font-family: {_FONTS}", _FONT_FACE.sub("", svg))


def words_of(svg: str) -> str:
    """Return the words of a picture, without its line breaks."""
    texts = (element for element in ET.fromstring(svg).iter() if element.tag.endswith("text"))
    return " ".join(" ".join(element.text or "" for element in texts).replace("\xa0", " ").split())


def _in_terminal(command: str, folder: str) -> str:
    """Return what a command writes to a terminal, both streams in their order."""
    ours, its = pty.openpty()
    environment = {name: value for name, value in surroundings().items() if not name.startswith(("PYTHON", "NO_COLOR"))}
    with subprocess.Popen(
        ["bash", "-c", command], cwd=folder, env=environment | {"TERM": "xterm-256color"}, stdin=its, stdout=its, stderr=its
    ):  # fmt: skip
        os.close(its)
        pieces = []
        while piece := _read(ours):
            pieces.append(piece)
    os.close(ours)
    return b"".join(pieces).decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    """Read from a terminal; nothing once its other end is closed, which Linux says with an error."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


def draw(path: Path = PICTURE) -> None:
    """Write the picture."""
    path.write_text(drawn(shown()), encoding="utf-8")


if __name__ == "__main__":
    draw()
