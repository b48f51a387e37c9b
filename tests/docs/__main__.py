"""`python -m tests.docs`: play pages, and say where they are not true; `--update` writes what was printed into them.

python -m tests.docs                        all pages
python -m tests.docs docs/tutorial.md       one
python -m tests.docs --update [--slow]      after the model, or a message, has changed
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.docs.blocks import read_page, updated
from tests.docs.differences import differences
from tests.docs.picture import draw
from tests.docs.play import ROOT, Played, missing, play


def main() -> int:
    """Play the pages; return how many are not true, at most 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs", description=__doc__)
    parser.add_argument("pages", nargs="*", type=Path, help="pages; all if none is named")
    parser.add_argument("--update", action="store_true", help="write what was printed into the pages")
    parser.add_argument("--slow", action="store_true", help="run slow blocks too")
    options = parser.parse_args()
    failed = 0
    for path in options.pages or sorted((ROOT / "docs").rglob("*.md")):
        page = read_page(path)
        if absent := missing(page.needs):
            print(f"{path}: not played, for {', '.join(absent)} is not installed")
            continue
        try:
            printed = play(path, slow=options.slow)
        except Played as error:
            print(error, file=sys.stderr)
            failed = 1
            continue
        if options.update:
            text = updated(page, printed)
            if text != page.text:
                path.write_text(text, encoding="utf-8")
                print(f"{path}: updated")
        elif told := differences(page, printed):
            print("\n".join(told))
            failed = 1
    if options.update and not options.pages and not missing(("xllamacpp",)):
        draw()
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
