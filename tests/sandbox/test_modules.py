"""What a program can reach from the modules it may import, by names that need no guard."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from reasonkit.sandbox.allowed import DEFAULT_MODULES, HEAVY, is_allowed
from reasonkit.sandbox.guards import Guards
from reasonkit.sandbox.modules import _DANGEROUS, Modules, View
from reasonkit.sandbox.names import is_free

LIGHT = frozenset(DEFAULT_MODULES) - HEAVY - {"sys"}
LEAVES = (int, float, complex, str, bytes, type(None))
FRAMES = (types.FrameType, types.CodeType, types.TracebackType)


class Refused(Exception):
    pass


def refuse(message: str) -> NoReturn:
    raise Refused(message)


@pytest.fixture(scope="module")
def modules() -> Modules:
    installed = frozenset(sys.stdlib_module_names) | {"dateutil"}
    return Modules(LIGHT, installed=installed, refuse=refuse, guards=Guards(refuse), rerun=None, special={})


def parts(path: str, found: Any) -> Iterator[tuple[str, Any]]:
    """What can be read from an object without a guard."""
    if isinstance(found, dict):
        yield from ((f"{path}[{key!r:.20}]", value) for key, value in list(found.items())[:300])
    elif isinstance(found, (list, tuple, set, frozenset)):
        yield from ((f"{path}[]", value) for value in list(found)[:100])
    for name in {*dir(found), *(vars(found) if isinstance(found, View) else ())}:
        if is_free(name):
            try:
                yield f"{path}.{name}", getattr(found, name)
            except (AttributeError, TypeError, ValueError, NotImplementedError, Refused):
                continue


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_module_frame_or_evaluator_can_be_walked_to(modules: Modules) -> None:
    todo: list[tuple[str, Any, int]] = [(name, modules.import_module(name), 0) for name in sorted(LIGHT)]
    seen: dict[int, object] = {}
    reached = []
    while todo:
        path, found, depth = todo.pop()
        if id(found) in seen or isinstance(found, LEAVES):
            continue
        seen[id(found)] = found
        if (
            (isinstance(found, types.ModuleType) and not isinstance(found, View))
            or isinstance(found, FRAMES)
            or id(found) in _DANGEROUS
        ):
            reached.append(path)
        elif depth < 3:
            todo += [(further, value, depth + 1) for further, value in parts(path, found)]
    assert len(seen) > 2000
    assert not reached


@pytest.mark.parametrize("name", sorted(LIGHT))
def test_public_names_are_the_modules_own(name: str, modules: Modules) -> None:
    """What a view does not hide is what the real module holds, but for the checked versions of a few functions."""
    real, view = importlib.import_module(name), modules.import_module(name)
    assert isinstance(view, View)
    assert view.__name__ == real.__name__
    for shown, value in vars(view).items():
        if not shown.startswith("__") and not isinstance(value, View):
            assert value is getattr(real, shown) or value.__name__ == getattr(real, shown).__name__


def test_a_view_cannot_be_changed(modules: Modules) -> None:
    view: Any = modules.import_module("math")
    with pytest.raises(Refused, match="math"):
        view.sqrt = None
    with pytest.raises(Refused, match="math"):
        del view.sqrt


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("math", True),
        ("collections.abc", True),
        ("os", False),
        ("os.path", False),
        ("numpy.linalg", True),
        ("numpy._core", False),
        ("numpy.f2py", False),
        ("sympy.printing.preview", False),
        ("sympy.geometry", True),
        ("dateutil.tz", True),
        ("mathematics", False),
        ("__future__", True),
    ],
)
def test_submodules_come_with_their_package_but_for_private_and_denied_ones(name: str, allowed: bool) -> None:
    assert is_allowed(name, frozenset(DEFAULT_MODULES)) is allowed
