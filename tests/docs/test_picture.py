"""The picture of a run shows what the commands print, and loads nothing."""

from __future__ import annotations

import re

import pytest

from tests.docs.picture import COMMANDS, PICTURE, drawn, shown, words_of


def test_the_picture_shows_what_the_commands_print() -> None:
    pytest.importorskip("xllamacpp", reason="the bundled model runs on the extra `gguf`")
    words = words_of(PICTURE.read_text(encoding="utf-8"))
    assert words == words_of(drawn(shown())), "draw it again: python -m tests.docs.picture"
    assert COMMANDS[0].split()[1] in words


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    svg = PICTURE.read_text(encoding="utf-8")
    assert "@font-face" not in svg
    assert not re.search(r"url\((?!#)|href=|<image|<script", svg)


def test_colours_of_a_terminal_are_drawn_and_long_lines_wrap() -> None:
    svg = drawn("\x1b[36;1mThought 1:\x1b[0m " + "word " * 40)
    assert "#56b6c2" in svg
    assert words_of(svg).count("word") == 40
