"""The guards: what decides, while a program runs, whether a watched attribute may be read or written.

A refusal is final: it ends the program at once with a clear error and cannot be caught, so no program can go on
with another value than plain CPython would have given it. What is not refused behaves exactly as in CPython,
messages included. The program's own classes are those that CPython puts into `__main__`.

Not here: which attributes are watched (names.py), what a module shows (modules.py).
"""

from __future__ import annotations

import string
import sys
from _string import formatter_parser  # type: ignore[import-not-found]  # what str.format itself parses with
from collections.abc import Callable, Iterable
from types import FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any, NoReturn

from reasonkit.sandbox.names import (
    EXCEPTION_LABELS,
    FORBIDDEN,
    FORMAT_NAMES,
    FRAME_NAMES,
    FUNCTION_LABELS,
    NAMEDTUPLE_NAMES,
    WATCHED,
    WATCHED_PRIVATE,
    is_dunder,
    is_free,
)

Refuse = Callable[[str], NoReturn]

_MISSING = object()
_type_attribute = type.__getattribute__
_real_getattr, _real_setattr, _real_delattr, _real_vars = getattr, setattr, delattr, vars


def is_own_class(cls: type) -> bool:
    """Return whether a class was made by the program."""
    try:
        return bool(_type_attribute(cls, "__module__") == "__main__")
    except AttributeError:
        return False


class Guards:
    """The guards of one program.

    Args:
        refuse: ends the program with a message; does not return.
        private_names: private names that the program defines.
    """

    def __init__(self, refuse: Refuse) -> None:
        self._refuse = refuse
        self.private_names: frozenset[str] = frozenset()

    def table(self) -> dict[str, Callable[..., object]]:
        """Return the guards by the names that the policy knows them by."""
        return {"attribute": self.attribute, "writable": self.writable, "writable_name": self.writable_name}

    # Reading

    def attribute(self, owner: Any, name: str) -> object:
        """Return `owner.name`, or refuse."""
        if name in FORMAT_NAMES:
            return self._format_method(owner, name)
        self.check_readable(owner, name)
        if name == "__getattribute__":
            return self._reader(owner)
        if name in {"__setattr__", "__delattr__"}:
            return self._writer(owner, name)
        value = _real_getattr(owner, name)
        if name == "obj" and isinstance(value, ModuleType):
            self._refuse("an exception's `obj` may not lead to a module")
        return value

    def check_readable(self, owner: Any, name: str) -> None:
        """Refuse where `name` may not be read on `owner`."""
        if is_free(name):
            return
        cls = type(owner)
        own = is_own_class(cls) or (isinstance(owner, type) and is_own_class(owner))
        if name in FORBIDDEN:
            self._refuse(f"the attribute {name!r} is refused on every object")
        if own or (name in self.private_names and name not in WATCHED_PRIVATE):
            return
        if cls is super or (cls is type and name in {"__getattribute__", "__setattr__", "__delattr__"}):
            # On `super()` the object is one of the program's own; on a class it is looked at when it is used.
            if name in {"__getattribute__", "__setattr__", "__delattr__", "__reduce__", "__reduce_ex__", "__dir__"}:
                return
            if not is_dunder(name) and name not in WATCHED and name not in WATCHED_PRIVATE:
                return
        if cls is FunctionType and name in FUNCTION_LABELS and self._is_own_function(owner):
            return
        if cls is MethodType and name in FUNCTION_LABELS | {"__func__", "__self__"}:
            return
        if name == "__wrapped__" and type(_real_getattr(owner, name, None)) is FunctionType:
            return
        if name == "__dict__" and cls is SimpleNamespace:
            return
        if name in {"obj", "dump", "dumps", "mro", "get_field", "vformat"} and self._is_harmless(owner, name):
            return
        if name in {"__annotations__", "__sizeof__", "__dir__"} and not isinstance(owner, (type, ModuleType)):
            return  # labels of a value; of a foreign class they would start a walk to all others
        if not name.startswith("_") and name not in FRAME_NAMES and not _type_has(cls, name):
            return  # absent: CPython's own AttributeError follows
        self._refuse(f"the attribute {name!r} of a {cls.__name__} is refused: it is none of the program's own objects")

    def _is_harmless(self, owner: object, name: str) -> bool:
        match name:
            case "obj":
                return not isinstance(owner, ModuleType)
            case "mro":
                return not isinstance(owner, type)
            case "dump" | "dumps":
                return isinstance(owner, ModuleType)
        return not isinstance(owner, string.Formatter) and owner is not string.Formatter

    def _is_own_function(self, function: FunctionType) -> bool:
        return function.__globals__.get("__name__") == "__main__"

    def _reader(self, owner: Any) -> Callable[..., object]:
        """Return what stands for `owner.__getattribute__`: on a class it takes the object, else only the name."""
        real = _real_getattr(owner, "__getattribute__")

        def read(*arguments: Any) -> object:
            target = arguments[0] if len(arguments) == 2 else owner
            name = _exact(arguments[-1]) if arguments else None
            if type(name) is str and type(target) is not super:
                self._check_by_text(target, name)
            elif type(name) is str and name in FORBIDDEN | FRAME_NAMES:
                self._refuse(f"the attribute {name!r} is refused on every object")
            return real(*arguments)

        return read

    def _writer(self, owner: Any, method: str) -> Callable[..., object]:
        real = _real_getattr(owner, method)

        def write(*arguments: Any) -> object:
            taken = 2 if method == "__setattr__" else 1
            target = arguments[0] if len(arguments) == taken + 1 else owner
            name = _exact(arguments[-taken]) if len(arguments) >= taken else None
            if type(target) is not super:
                self.writable_name(target, name)
            elif name in FORBIDDEN:
                self._refuse(f"the attribute {name!r} may not be set")
            return real(*arguments)

        return write

    # Writing

    def writable(self, owner: Any) -> Any:
        """Return `owner`, or refuse where none of its attributes may be set."""
        if isinstance(owner, type):
            if not is_own_class(owner) and _type_attribute(type(owner), "__module__") != "builtins":
                self._refuse(f"the class {owner.__name__} is not the program's own: its attributes may not be set")
            if not is_own_class(owner) and owner.__flags__ & _HEAP_TYPE:
                self._refuse(f"the class {owner.__name__} is not the program's own: its attributes may not be set")
        elif isinstance(owner, ModuleType) and not hasattr(type(owner), "writable_names"):
            self._refuse(f"the module {owner.__name__} may not be changed")
        return owner

    def writable_name(self, owner: Any, name: Any) -> Any:
        """Return `owner`, or refuse where its attribute `name` may not be set."""
        self.writable(owner)
        name = _exact(name)
        if type(name) is not str or not name.startswith("_"):
            return owner
        if name in FORBIDDEN and not (name == "__traceback__" and isinstance(owner, BaseException)):
            self._refuse(f"the attribute {name!r} may not be set")
        if is_own_class(type(owner)) or (isinstance(owner, type) and is_own_class(owner)):
            return owner
        if isinstance(owner, FunctionType):
            allowed = name in FUNCTION_LABELS or not is_dunder(name)
        elif isinstance(owner, BaseException):
            allowed = name in EXCEPTION_LABELS or not is_dunder(name)
        else:
            allowed = not is_dunder(name) or isinstance(owner, SimpleNamespace)
        if not allowed:
            self._refuse(f"the attribute {name!r} of a {type(owner).__name__} may not be set")
        return owner

    # Builtins

    def getattr(self, owner: Any, name: Any, *default: Any) -> object:
        name = _exact(name)
        if type(name) is not str:
            return _real_getattr(owner, name, *default)
        if name in FORMAT_NAMES:
            return self._format_method(owner, name, *default)
        self._check_by_text(owner, name)
        value = _real_getattr(owner, name, *default)
        if name in {"__getattribute__", "__setattr__", "__delattr__", "obj"}:
            return self.attribute(owner, name)
        return value

    def _check_by_text(self, owner: Any, name: str) -> None:
        """Check a name that came as a string: where the attribute is absent, CPython's own error stands."""
        if is_free(name):
            return
        if name not in FORBIDDEN and name not in FRAME_NAMES and not _has(owner, name):
            return
        self.check_readable(owner, name)

    def setattr(self, owner: Any, name: Any, value: object) -> None:
        self.writable_name(owner, name)
        _real_setattr(owner, name, value)

    def delattr(self, owner: Any, name: Any) -> None:
        self.writable_name(owner, name)
        _real_delattr(owner, name)

    def vars(self, *owner: Any) -> object:
        if not owner:
            return sys._getframe(1).f_locals  # noqa: SLF001 - the caller's frame has no other door
        cls = type(owner[0])
        if len(owner) == 1 and not (
            is_own_class(cls)
            or (isinstance(owner[0], type) and is_own_class(owner[0]))
            or isinstance(owner[0], (ModuleType, SimpleNamespace))
            or not hasattr(owner[0], "__dict__")
        ):
            self._refuse(f"vars() of a {cls.__name__} is refused: it is none of the program's own objects")
        return _real_vars(*owner)

    # Formatting

    def _format_method(self, owner: Any, name: str, *default: Any) -> object:
        value = _real_getattr(owner, name, *default)
        if isinstance(owner, str) or (isinstance(owner, type) and issubclass(owner, str)):
            if getattr(type(owner) if isinstance(owner, str) else owner, name) is not getattr(str, name):
                return value  # the program's own method

            def checked(*arguments: Any, **keywords: Any) -> object:
                template = owner if isinstance(owner, str) else arguments[0] if arguments else ""
                if isinstance(template, str):
                    self.check_template(template)
                return value(*arguments, **keywords)

            return checked
        if isinstance(owner, string.Formatter) or (isinstance(owner, type) and issubclass(owner, string.Formatter)):
            self._refuse("string.Formatter is refused: use str.format")
        return value

    def check_template(self, template: str, depth: int = 0) -> None:
        """Refuse a format template that walks to attributes that may not be read."""
        template = str.__str__(template)
        try:
            fields = list(formatter_parser(template))
        except ValueError:
            return  # str.format raises the same
        for _, field, specification, _ in fields:
            for part in (field or "").replace("[", ".").replace("]", ".").split(".")[1:]:
                if part and not is_free(part) and part not in self.private_names:
                    self._refuse(f"the format template reads {part!r}, which is refused")
            if specification and depth < 3:
                self.check_template(specification, depth + 1)

    # Getters in disguise

    def check_path(self, names: Iterable[object]) -> None:
        """Refuse dotted attribute names that may not be read on every object."""
        for name in names:
            for part in str.split(name, ".") if isinstance(name, str) else ():
                if not is_free(part) and part not in self.private_names and part not in NAMEDTUPLE_NAMES:
                    self._refuse(f"reading {part!r} through operator is refused")


_HEAP_TYPE = 1 << 9


def _exact(name: Any) -> Any:
    """Return a name as CPython will read it: a subclass of str may lie in its methods, not in its characters."""
    return str.__str__(name) if isinstance(name, str) else name


def _has(owner: object, name: str) -> bool:
    try:
        return hasattr(owner, name)
    except Exception:  # noqa: BLE001 - a program's own __getattr__ raises what it likes; CPython raises it again
        return True


def _type_has(cls: type, name: str) -> bool:
    return any(name in _type_attribute(base, "__dict__") for base in _type_attribute(cls, "__mro__"))
