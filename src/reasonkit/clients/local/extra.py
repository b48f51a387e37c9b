"""The check that stands before everything here that needs torch."""

from __future__ import annotations

from reasonkit.errors import MissingExtra


def require_extra() -> None:
    """Import torch and transformers.

    Raises:
        MissingExtra: one of them is not installed; the message holds the pip line.
    """
    try:
        import torch  # noqa: F401  (imported to see whether it is there)
        import transformers  # noqa: F401  (as above)
    except ImportError as error:
        raise MissingExtra("a local transformers model", "local") from error
