"""Where a page is not true: what it says a block prints, against what was printed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from tests.docs.blocks import Page, matches


def differences(page: Page, printed: Mapping[int, tuple[str, ...]]) -> list[str]:
    """Return a diff for each block or command whose output is another.

    Args:
        page: as it was read.
        printed: what each block, by the line of its fence, and each of its commands printed.
    """
    found = []
    for block in page.blocks:
        if block.line not in printed:
            continue
        said = [command.output for command in block.commands] if block.language == "console" else [block.output or ""]
        for expected, output in zip(said, printed[block.line], strict=True):
            if not matches(expected, output):
                lines = difflib.unified_diff(
                    expected.splitlines(), output.splitlines(), "the page", "printed", lineterm="", n=2
                )
                found.append("\n".join((f"{page.path}:{block.line}", *lines)))
    return found
