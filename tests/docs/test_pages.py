"""Every page is true: each block runs, in order, as a reader would run it, and prints what the page says."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.docs.blocks import Page, matches, read_page, updated
from tests.docs.differences import differences
from tests.docs.play import ROOT, Played, missing, play
from tests.docs.stand_ins import NAMED

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
NOT_RUN = {"how-to/cluster.md": 3, "how-to/command-line.md": 1}
"""How many blocks of a page are not run; each says why where it stands."""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_a_page_prints_what_it_says(path: Path) -> None:
    _played(path, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [path for path in PAGES if any(block.slow for block in read_page(path).blocks)],
    ids=lambda path: str(path.relative_to(DOCS)),
)
def test_a_page_with_slow_blocks_prints_what_it_says(path: Path) -> None:
    _played(path, slow=True)


def _played(path: Path, *, slow: bool) -> None:
    page = read_page(path)
    if absent := missing(page.needs):
        pytest.skip(f"the page needs {', '.join(absent)}")
    told = differences(page, play(path, slow=slow))
    assert not told, "\n\n".join(told)


def test_no_more_blocks_are_left_out_than_are_counted_here() -> None:
    left_out = {str(path.relative_to(DOCS)): sum(bool(b.not_run) for b in read_page(path).blocks) for path in PAGES}
    assert {name: count for name, count in left_out.items() if count} == NOT_RUN


def test_no_page_holds_a_path_of_the_machine_that_made_it() -> None:
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        assert str(ROOT) not in text, path
        assert tempfile.gettempdir() not in text, path


def test_a_shell_block_is_a_console_block_with_commands() -> None:
    for path in PAGES:
        for block in read_page(path).blocks:
            assert block.language not in ("sh", "bash", "shell", "pycon", "py"), f"{path}:{block.line}"
            assert block.language != "console" or block.commands, f"{path}:{block.line}"


def test_every_stand_in_is_one_that_there_is() -> None:
    assert {name for path in PAGES for name in read_page(path).stand_ins} <= set(NAMED)


# --- the player itself -------------------------------------------------------------------------------------------


def page_of(folder: Path, text: str) -> Page:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return read_page(path)


def test_blocks_share_a_namespace_and_a_folder(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        '```text title="a/b.txt"\nhello\n```\n```python\nfrom pathlib import Path\nx = Path("a/b.txt").read_text()\n```\n'
        "```python\nprint(x)\n```\n\n```text\nhello\n```\n```console\n$ cat a/b.txt\nhello\n```\n",
    )
    assert differences(page, play(page.path)) == []


def test_another_output_is_told_and_written_into_the_page(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        "```python\nprint(1)\n```\n\nProse.\n\n```python\nprint(2)\n```\n\n```text\n3\n```\n\n"
        "```python\nprint(4)\n```\n\n```text\n```\n\n```console\n$ echo a \\\n> b\n$ echo c\nd\n```\n",
    )
    printed = play(page.path)
    assert len(differences(page, printed)) == 5
    page.path.write_text(updated(page, printed), encoding="utf-8")
    again = read_page(page.path)
    assert differences(again, play(page.path)) == []
    assert again.text == (
        "```python\nprint(1)\n```\n\n```text\n1\n```\n\nProse.\n\n```python\nprint(2)\n```\n\n```text\n2\n```\n\n"
        "```python\nprint(4)\n```\n\n```text\n4\n```\n\n"
        "```console\n$ echo a \\\n> b\na b\n$ echo c\nc\n```\n"
    )


def test_a_block_that_raises_fails_with_its_place(tmp_path: Path) -> None:
    page = page_of(tmp_path, "Words.\n\n```python\n1 / 0\n```\n")
    with pytest.raises(Played, match=r"(?s)page\.md:3.*ZeroDivisionError"):
        play(page.path)


def test_a_block_that_is_not_run_says_why_and_slow_ones_wait(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        "<!-- not run: it never ends -->\n```python\nwhile True: pass\n```\n\n"
        "<!-- slow: minutes -->\n```python\nprint(1)\n```\n",
    )
    assert [block.not_run for block in page.blocks] == ["it never ends", None]
    assert play(page.path) == {}
    assert play(page.path, slow=True) == {7: ("1\n",)}


@pytest.mark.parametrize(
    "text",
    ["  ```python\n  pass\n  ```\n", "<!-- not run: why -->\n\nProse.\n", "```console\nls\n```\n"],
)
def test_what_would_be_left_out_silently_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"page\.md:1"):
        page_of(tmp_path, text)


def test_dots_stand_for_anything_and_nothing_else_does() -> None:
    assert matches("a ... c\n...\nlast\n", "a b c\nx\ny\nlast\n")
    assert matches("...\nlast\n", "last\n")
    assert not matches("a ... c\n", "a b\nc\n")
    assert not matches("", "x\n")
    assert matches("", "\n")
