"""What a caller's own code raises, named as a crash of that code.

Not here: calling it, with or without a time limit (`calls.py`); this file loads no event loop.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from reasonkit.errors import ReasonkitError, ToolCrashed


@contextmanager
def crashes(what: str) -> Iterator[None]:
    """Turn what the caller's code may not raise into ToolCrashed, with its cause.

    Args:
        what: whose code it is, for the message: "the tool 'double'".
    """
    try:
        yield
    except ReasonkitError:
        raise
    except (Exception, SystemExit) as error:
        raise ToolCrashed(f"{what} raised {type(error).__name__}: {error}") from error
