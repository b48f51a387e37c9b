"""The house: imports run down, rooms of one floor do not know each other, and importing has no side effect."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import reasonkit

SOURCE = Path(reasonkit.__file__).parent
FLOORS = {
    "version": 0,
    "errors": 0,
    "types": 1,
    "values": 1,
    "answers": 2,
    "demonstrations": 2,
    "flow": 2,
    "prompts": 2,
    "steps": 2,
    "programs": 2,
    "trace": 2,
    "clients": 2,
    "sandbox": 2,
    "pages": 2,
    "bundled": 3,
    "strategies": 3,
    "tools": 3,
    "runner": 4,
    "agents": 5,
    "evaluation": 6,
    "cli": 7,
    "__main__": 8,
    "train": 7,
    "pytest_plugin": 7,
}
NEIGHBOURS = {
    ("cli", "train"): "the command line starts training",
}
"""Pairs that may know each other although they stand on one floor, with the reason."""


def room_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: relative imports hide which room is meant"
            if node.module and node.module.split(".")[0] == "reasonkit":
                parts = node.module.split(".")
                found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {
                alias.name.split(".")[1] for alias in node.names if alias.name.startswith("reasonkit.")
            }  # fmt: skip
    return found


FILES = [file for file in sorted(SOURCE.rglob("*.py")) if file != SOURCE / "__init__.py"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_run_down(file: Path) -> None:
    room = room_of(file)
    assert room in FLOORS, f"{room} has no floor: say where it stands"
    for other in imports_of(file) - {room}:
        assert other in FLOORS, f"{file} imports {other}, which has no floor"
        if (room, other) not in NEIGHBOURS:
            assert FLOORS[other] < FLOORS[room], f"{room} (floor {FLOORS[room]}) imports {other} ({FLOORS[other]})"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_every_file_says_what_it_is_for_and_stays_under_the_wall(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), f"{file} has no docstring"
    assert len(text.splitlines()) <= 400


def test_no_strategy_forgets_to_yield_from() -> None:
    """A bare `note(...)`, or a call of another helper that is not yielded from, is a silent no-op."""
    helpers = {"note", "complete", "act", "use", "execute", "gather"}
    for file in sorted((SOURCE / "strategies").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                called = node.value.func
                assert not (isinstance(called, ast.Name) and called.id in helpers), f"{file}, line {node.lineno}"


def test_the_react_loop_fits_a_screen_or_two() -> None:
    assert len((SOURCE / "strategies" / "react.py").read_text(encoding="utf-8").splitlines()) < 200


def test_the_face_is_what_it_says() -> None:
    assert list(reasonkit.__all__) == sorted(reasonkit.__all__)
    assert set(reasonkit.__all__) == set(reasonkit._ROOMS)
    for name in reasonkit.__all__:
        value = getattr(reasonkit, name)
        assert value.__module__.startswith("reasonkit."), f"{name} is not ours: {value!r}"
    with pytest.raises(AttributeError, match="no attribute 'Reakt'"):
        reasonkit.Reakt


def test_the_face_for_type_checkers_is_the_same() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    shown = {
        alias.name: str(node.module).removeprefix("reasonkit.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert shown == reasonkit._ROOMS


def loaded_by(code: str) -> set[str]:
    code += "\nimport sys; print('\\n'.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_package_loads_nothing_else() -> None:
    loaded = loaded_by("import reasonkit")
    assert {name for name in loaded if name.startswith("reasonkit")} == {"reasonkit"}
    assert not loaded & {"httpx", "jinja2", "pydantic", "torch", "asyncio"}


def test_a_method_loads_no_client_and_nothing_heavy() -> None:
    loaded = loaded_by("from reasonkit import ReAct")
    assert not loaded & {"httpx", "torch", "transformers", "xllamacpp", "wikipedia", "bs4", "pysbd", "RestrictedPython"}
    assert "asyncio" not in loaded, "an event loop that nobody runs yet is most of what importing would cost"
    assert not {name for name in loaded if name.startswith("reasonkit.clients.")} - {
        "reasonkit.clients.card", "reasonkit.clients.protocol"
    }  # fmt: skip


def test_importing_every_module_touches_no_network_and_starts_no_thread() -> None:
    code = (
        "import pkgutil, importlib, threading, socket, reasonkit\n"
        "def refuse(*a, **k): raise AssertionError('a socket at import')\n"
        "socket.socket.connect = refuse\n"
        "skipped = ('reasonkit.__main__', 'reasonkit.train')\n"
        "for found in pkgutil.walk_packages(reasonkit.__path__, 'reasonkit.'):\n"
        "    if not found.name.startswith(skipped) and '.gguf' not in found.name and '.local' not in found.name:\n"
        "        importlib.import_module(found.name)\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
    )
    loaded_by(code)
