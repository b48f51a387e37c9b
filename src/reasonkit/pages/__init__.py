"""Where pages come from: one protocol, one source a file.

A source answers a title with a `Page`, or with what is `Missing` and which titles are like it. It knows nothing of
Search, Lookup or observations: that is the tool's matter.
"""

from typing import Protocol

from reasonkit.types import Missing, Page


class PageSource(Protocol):
    """Something that has pages. Synchronous; safe to call from several threads at once."""

    def search(self, title: str) -> Page | Missing:
        """Find the page of a title.

        Raises:
            PageSourceError: the source did not answer, or is closed.
        """
        ...

    def close(self) -> None:
        """Give back files and connections; a second call does nothing."""
        ...


__all__ = ["Missing", "Page", "PageSource"]
