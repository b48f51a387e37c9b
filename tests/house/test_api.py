"""The type-checked file of the face leaves no public name out."""

from __future__ import annotations

import ast
from pathlib import Path

import reasonkit

API = ast.parse(Path(__file__).with_name("api.py").read_text(encoding="utf-8"))


def test_every_public_name_is_imported_and_used_in_the_type_checked_file() -> None:
    imported = {
        alias.name
        for node in API.body
        if isinstance(node, ast.ImportFrom) and node.module == "reasonkit"
        for alias in node.names
    }
    used = {node.id for node in ast.walk(API) if isinstance(node, ast.Name)}
    assert imported == set(reasonkit.__all__)
    assert imported <= used
