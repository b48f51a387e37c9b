"""Markup out of text that may be hostile: what is not markup made here is escaped, whoever forgets to think of it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable


class Markup(str):
    """Text that is markup already; only `tag` and `escaped` make it."""

    __slots__ = ()


def tag(element: str, inside: str | Iterable[str] | None = None, /, **attributes: str | float) -> Markup:
    """Return an element.

    Args:
        element: its name.
        inside: a text, or several; each that is no Markup is escaped. None for an element that is empty.
        attributes: by their names, `_` for `-` and one at the end dropped; numbers are rounded to hundredths.
    """
    head = "".join(f' {_named(name)}="{_value(value)}"' for name, value in attributes.items())
    if inside is None:
        return Markup(f"<{element}{head}>" if element in _VOID else f"<{element}{head}/>")
    pieces = [inside] if isinstance(inside, str) else inside
    return Markup(f"<{element}{head}>{''.join(map(escaped, pieces))}</{element}>")


def escaped(text: str) -> Markup:
    """Return a text as markup that shows it; what cannot be shown stands as a replacement character."""
    return text if isinstance(text, Markup) else Markup(html.escape(_UNPRINTABLE.sub("\ufffd", text)))


def rounded(value: float) -> str:
    """Write a number of a drawing."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_VOID = frozenset({"br", "input", "meta"})
"""Elements of HTML that have no end."""


def _named(name: str) -> str:
    return name.removesuffix("_").replace("_", "-")


def _value(value: str | float) -> str:
    return escaped(value) if isinstance(value, str) else rounded(value)
