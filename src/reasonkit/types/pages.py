"""What passes between a page source and a tool."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An encyclopedia page that was found."""

    title: str
    text: str
    """Plain text; paragraphs are separated by a newline."""
    sentences: tuple[str, ...]
    """The same text, split."""
    links: tuple[str, ...] = ()
    redirected_from: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A page that was not found, or a title that stands for several."""

    title: str
    similar: tuple[str, ...] = ()
    """Titles to try instead, best first."""
    disambiguation: bool = False
