"""Rows that a function makes: `module:function`, called with (seed, index).

The function returns what a row of a file may hold (see `rows.py`; no prompt is put round it), or an `Example` with token
ids and labels of its own. The same seed and index must give the same row in every process, at any time: a run is
resumed by asking again. Not here: how rows are drawn.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from reasonkit.errors import InputError
from reasonkit.train.data.rows import Row, row_of
from reasonkit.train.examples import Example

HELD_OUT = 2**32
"""Added to the seed for rows that are measured on: no run's own seed is that high."""


def named(name: str) -> Callable[..., Any]:
    """Return the function that `module:function` names.

    Raises:
        InputError: there is none.
    """
    module, mark, function = name.partition(":")
    if not mark or not module or not function:
        raise InputError(f"{name!r} names no function: write module:function")
    try:
        found = getattr(importlib.import_module(module), function, None)
    except ImportError as error:
        raise InputError(f"{name!r}: the module cannot be imported: {error}") from None
    if not callable(found):
        raise InputError(f"{name!r}: the module has no function {function!r}")
    return found


class Generator:
    """A function that makes rows.

    Args:
        name: `module:function`.
        seed: of its rows.
    """

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.seed = name, seed
        self._make = named(name)

    def row(self, index: int) -> Row | Example:
        """Return a row.

        Raises:
            DatasetError: the function returned something that is no row.
        """
        made = self._make(self.seed, index)
        if isinstance(made, Example):
            return made
        fields = made if isinstance(made, Mapping) else {"returned": made}
        return row_of(fields, f"{self.name}({self.seed}, {index})")
