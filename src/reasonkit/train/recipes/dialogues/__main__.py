"""Write the rows that ship: `python -m reasonkit.train.recipes.dialogues > dialogues.jsonl`."""

from __future__ import annotations

import json
import sys

from reasonkit.train.recipes.dialogues.make import shipped


def main() -> int:
    """Write each row as a line of JSON."""
    sys.stdout.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in shipped())
    return 0


if __name__ == "__main__":
    sys.exit(main())
