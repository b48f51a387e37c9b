"""The command line: builds objects, calls them, prints. No logic of its own.

Exit codes: 0 a result with an answer, 1 a result without one, 2 bad input, 130 interrupted. What a command finds goes
to stdout, what it has to say to stderr.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reasonkit.cli.streams import flushed, usable
from reasonkit.errors import ReasonkitError

if TYPE_CHECKING:
    from typer.exceptions import TyperException

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: its words; those of the process if none are given.

    Returns:
        The exit code.
    """
    with usable():
        code = _command(sys.argv[1:] if argv is None else list(argv))
        failed = flushed()
        if failed is not None and code not in (2, 130):
            code = 1 if isinstance(failed, BrokenPipeError) else _unwritten(failed)
    return code


def _command(words: list[str]) -> int:
    from typer.exceptions import Abort, Exit, TyperException

    from reasonkit.cli.commands import app

    _show_waits()
    try:
        code = app(words, standalone_mode=False, prog_name="reasonkit")
    except Exit as exited:
        return exited.exit_code
    except (Abort, KeyboardInterrupt):
        return 130
    except TyperException as error:
        return _misused(error)
    except ReasonkitError as error:
        return _complain(str(error))
    except BrokenPipeError:  # whoever read stdout has enough
        return 1
    except OSError as error:
        return _unwritten(error)
    return code if isinstance(code, int) else 0


def _misused(error: TyperException) -> int:
    """Say how a command was misused; a command that needs others after it shows its help, line by line."""
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":  # typer has no public name for it
        print(message, file=sys.stderr)
        return 2
    said = " ".join(message.split())
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "reasonkit"
    return _complain(f"{said}{'' if said.endswith(('.', '?')) else '.'} See `{command} --help`.")


def _unwritten(error: OSError) -> int:
    where = f"{error.filename}: " if error.filename else "the output could not be written: "
    return _complain(f"{where}{error.strerror or error}")


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
