"""What a program sees of a module: a view with its public names, never the module itself.

A view holds no underscore names, no module outside the allowed ones and nothing that evaluates, opens or waits;
reading such a name refuses it. Because programs only ever hold views, reading a module's attribute needs no guard
and costs nothing. Functions that read attributes by name are replaced by checked ones.

Not here: which modules there are (allowed.py), what guards decide (guards.py).
"""

from __future__ import annotations

import builtins
import functools
import operator
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NoReturn

from reasonkit.sandbox.allowed import DENIED, HEAVY, ONLY, is_allowed
from reasonkit.sandbox.guards import Guards, Refuse

_real_import = builtins.__import__
_DANGEROUS = frozenset(
    id(getattr(builtins, name))
    for name in ("eval", "exec", "compile", "open", "__import__", "getattr", "setattr", "delattr", "vars", "breakpoint")
)


class View(ModuleType):
    """What stands for a module; nothing of it can be set."""

    def __init__(self, real: ModuleType, refuse: Refuse) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__["__setattr_refused__"] = refuse

    def __setattr__(self, name: str, value: object) -> None:
        self.__dict__["__setattr_refused__"](f"the module {self.__name__} may not be changed")

    def __delattr__(self, name: str) -> None:
        self.__dict__["__setattr_refused__"](f"the module {self.__name__} may not be changed")


class Modules:
    """The views that one process hands out.

    Args:
        modules: names that may be imported.
        installed: top-level names that exist, so that a missing module raises what CPython raises.
        refuse: ends the program with a message; does not return.
        guards: check what is read by name.
        rerun: asks for the image with the heavy libraries; None in that image.
        special: views that are made elsewhere, by module name.
    """

    def __init__(
        self,
        modules: frozenset[str],
        *,
        installed: frozenset[str],
        refuse: Refuse,
        guards: Guards,
        rerun: Callable[[], NoReturn] | None,
        special: Mapping[str, ModuleType],
    ) -> None:
        self._modules = modules
        self._installed = installed
        self._refuse = refuse
        self._rerun = rerun
        self._views: dict[str, ModuleType] = dict(special)
        self._replaced = _replacements(guards)

    def add_special(self, view: ModuleType) -> None:
        """Show `view` under its name."""
        self._views[view.__name__] = view

    def import_module(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002, ARG002 - the names that `__import__` has
        locals: Mapping[str, object] | None = None,  # noqa: A002, ARG002
        fromlist: Any = (),
        level: int = 0,
    ) -> object:
        """Import as `__import__` does, and return a view."""
        if not isinstance(name, str):
            raise TypeError("module name must be a string")
        name = str.__str__(name)
        if level:
            raise ImportError("attempted relative import with no known parent package")
        top = name.partition(".")[0]
        is_internal = type(fromlist) is list and fromlist in ([], ["__doc__"])
        if is_internal and not is_allowed(name, self._modules) and (name in sys.modules or top in self._modules):
            # Not the program but C code asks (strptime, numpy); it reads `sys.modules` itself and drops this answer.
            _real_import(name, None, None, ())
            return ModuleType(name)
        if not is_allowed(name, self._modules):
            if top not in self._installed:
                raise ModuleNotFoundError(f"No module named {top!r}", name=top)
            self._refuse(f"the module {name!r} is not among the allowed ones")
        if name not in self._views:
            if self._rerun is not None and top in HEAVY and top in self._installed:
                self._rerun()
            _real_import(name, None, None, ())
        if not fromlist:
            return self.view(sys.modules[top]) if top not in self._views else self._views[top]
        view = self._views[name] if name in self._views else self.view(sys.modules[name])
        for item in fromlist:
            if isinstance(item, str) and item != "*" and not hasattr(sys.modules.get(name), item):
                dotted = f"{name}.{str.__str__(item)}"
                if hasattr(sys.modules.get(name), "__path__") and is_allowed(dotted, self._modules):
                    try:
                        _real_import(dotted, None, None, ())
                    except ModuleNotFoundError as error:
                        if error.name != dotted:
                            raise
        return view

    def view(self, real: ModuleType) -> ModuleType:
        """Return the view of a module, made once."""
        name = real.__name__
        if name not in self._views:
            self._views[name] = self._make(real)
        return self._views[name]

    def _make(self, real: ModuleType) -> ModuleType:
        view = View(real, self._refuse)
        shown = view.__dict__
        only, denied = ONLY.get(real.__name__), DENIED.get(real.__name__, frozenset())

        def is_hidden(name: str, value: object) -> bool:
            return (
                (only is not None and name not in only)
                or name in denied
                or (name.startswith("_") and name not in {"__version__", "__all__"})
                or (isinstance(value, ModuleType) and not is_allowed(value.__name__, self._modules))
                or id(value) in _DANGEROUS
            )

        for name, value in vars(real).items():
            if not is_hidden(name, value) and not isinstance(value, ModuleType):
                shown[name] = self._replaced.get(id(value), value)
        if "__all__" in shown:
            shown["__all__"] = [name for name in real.__all__ if not is_hidden(name, getattr(real, name, None))]

        def read_missing(name: str) -> object:
            try:
                value = getattr(real, name)
            except AttributeError:
                raise AttributeError(
                    f"module {real.__name__!r} has no attribute {name!r}", name=name, obj=view
                ) from None
            if is_hidden(name, value):
                self._refuse(f"the name {name!r} of the module {real.__name__!r} is refused")
            found = self.view(value) if isinstance(value, ModuleType) else self._replaced.get(id(value), value)
            shown[name] = found
            return found

        shown["__getattr__"] = read_missing
        shown["__spec__"] = shown["__loader__"] = None
        return view


def _replacements(guards: Guards) -> dict[int, object]:
    """Return checked versions of the functions that read attributes by name, by the identity of the originals."""

    def attrgetter(*names: Any) -> object:
        guards.check_path(names)
        return operator.attrgetter(*names)

    def methodcaller(*arguments: Any, **keywords: Any) -> object:
        guards.check_path(arguments[:1])
        return operator.methodcaller(*arguments, **keywords)

    def update_wrapper(
        wrapper: Any,
        wrapped: Any,
        assigned: Any = functools.WRAPPER_ASSIGNMENTS,
        updated: Any = functools.WRAPPER_UPDATES,
    ) -> object:
        check_wrapping(assigned, updated)
        return functools.update_wrapper(wrapper, wrapped, assigned, updated)

    def wraps(
        wrapped: Any, assigned: Any = functools.WRAPPER_ASSIGNMENTS, updated: Any = functools.WRAPPER_UPDATES
    ) -> object:
        check_wrapping(assigned, updated)
        return functools.wraps(wrapped, assigned, updated)

    def check_wrapping(assigned: Any, updated: Any) -> None:
        if assigned is functools.WRAPPER_ASSIGNMENTS and updated is functools.WRAPPER_UPDATES:
            return
        usual = {*functools.WRAPPER_ASSIGNMENTS, *functools.WRAPPER_UPDATES}
        guards.check_path([name for name in (*tuple(assigned), *tuple(updated)) if name not in usual])

    return {
        id(operator.attrgetter): attrgetter,
        id(operator.methodcaller): methodcaller,
        id(functools.update_wrapper): update_wrapper,
        id(functools.wraps): wraps,
    }
