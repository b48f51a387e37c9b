"""Write the rows that ship: `python -m reasonkit.train.recipes.dialogues > dialogues.jsonl`."""

from __future__ import annotations

import json
import sys

from reasonkit.train.recipes.dialogues.make import ROWS, SEED, row


def main() -> int:
    """Write each dialogue once, as JSON Lines."""
    made: dict[str, dict[str, str]] = {}
    index = 0
    while len(made) < ROWS:
        one = row(SEED, index)
        made.setdefault(one["dialogue"], one)
        index += 1
    for number, one in enumerate(made.values()):
        sys.stdout.write(json.dumps({"id": f"d{number}", **one}, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
