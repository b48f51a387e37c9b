"""Older formats: for each version, how one of its lines becomes a line of the next.

A step takes the JSON object of a line and returns that of the next version; reading applies them one after another.
The table is empty as long as version 1 is the only one there has been. An upgraded file is only read: to go on with
it, record in a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Upgrade: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]

UPGRADES: Final[Mapping[int, Upgrade]] = {}
"""From a version to the step that leads to the next."""
