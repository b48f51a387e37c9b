"""The command line: builds objects, calls them, prints. No logic of its own.

Exit codes: 0 a result with an answer, 1 a result without one, 2 bad input, 130 interrupted. What a command finds goes
to stdout, what it has to say to stderr.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from reasonkit.errors import ReasonkitError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: its words; those of the process if none are given.

    Returns:
        The exit code.
    """
    from typer.exceptions import Abort, Exit, TyperException

    from reasonkit.cli.commands import app

    words = sys.argv[1:] if argv is None else list(argv)
    _show_waits()
    try:
        code = app(words, standalone_mode=False, prog_name="reasonkit")
    except Exit as exited:
        return exited.exit_code
    except (Abort, KeyboardInterrupt):
        return 130
    except TyperException as error:
        command = " ".join(["reasonkit", *words[:1]]) if words and not words[0].startswith("-") else "reasonkit"
        return _complain(f"{' '.join(error.format_message().split())} See `{command} --help`.")
    except ReasonkitError as error:
        return _complain(str(error))
    except BrokenPipeError:
        sys.stderr.close()  # else the interpreter complains about the closed pipe at its end
        return 1
    return code if isinstance(code, int) else 0


def _show_waits() -> None:
    """Let a person at a terminal see why a client waits; in a pipe only the outcome is said."""
    log = logging.getLogger("reasonkit")
    log.addHandler(logging.StreamHandler() if sys.stderr.isatty() else logging.NullHandler())
    log.propagate = False
    torn = logging.getLogger("reasonkit.trace")
    if not torn.handlers:
        torn.addHandler(_Said())
        torn.propagate = False


class _Said(logging.Handler):
    """Says on stderr, in every case, what a trace has lost."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"reasonkit: {record.getMessage()}", file=sys.stderr)


def _complain(message: str) -> int:
    print(f"reasonkit: {message}", file=sys.stderr)
    return 2
