"""One process of a run: `torchrun --nproc-per-node 4 -m reasonkit.train CONFIG`. Alone it is `reasonkit train CONFIG`.

Not here: how many processes there are; torchrun says that.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from reasonkit.errors import InputError, ReasonkitError
from reasonkit.train.config import load_config
from reasonkit.train.launch import end_with_parent, launched_here, leave, lost_another
from reasonkit.train.terminal import execute


def main(words: Sequence[str]) -> int:
    """Run one process; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m reasonkit.train", description="One process of a training run.")
    parser.add_argument("config", type=Path, help="a TOML or JSON file")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a setting")
    parser.add_argument("--resume", action="store_true", help="go on; an error if there is nothing to go on from")
    parser.add_argument("--fresh", action="store_true", help="remove what an earlier run has left")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    asked = parser.parse_args(words)
    end_with_parent()
    try:
        if asked.resume and asked.fresh:
            raise InputError("--resume goes on and --fresh begins again: give one of them")
        start: Literal["resume", "fresh", "either"] = "resume" if asked.resume else "fresh" if asked.fresh else "either"
        return execute(load_config(asked.config, asked.set), start=start, as_json=asked.json)
    except KeyboardInterrupt:
        return 130
    except ReasonkitError as error:
        text, code = leave(error), 2 if isinstance(error, InputError) else 1
    except RuntimeError as error:
        text, code = leave(error), 1
        if not lost_another(error):
            raise
    if not launched_here():
        print(f"reasonkit: {text}", file=sys.stderr)
    return code


if __name__ == "__main__":
    ended = main(sys.argv[1:])
    # At once: a thread of torch that wants the interpreter while it is taken down aborts a process whose work is done.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ended)
