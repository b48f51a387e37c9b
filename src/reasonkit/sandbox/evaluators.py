"""One gate for every library function that evaluates text: sympy's parsers, lambdify, typing's forward references.

Such functions end in `eval`, `exec` or `compile`. In the child these three are replaced, once and everywhere, by
checked ones: text is parsed and must be an expression or generated function of a harmless kind, else the program is
refused. So `sympify("x**2 + 1")` works and `sympify("().__class__")` does not. Code objects pass, since a program
has no way to make one. Not here: the program's own text (policy.py).
"""

from __future__ import annotations

import ast
import builtins
import sys
from typing import Any

from reasonkit.sandbox.guards import Refuse
from reasonkit.sandbox.names import WATCHED, is_dunder

_DUNDERS = frozenset(
    {"__class__", "__qualname__", "__setattr__", "__delattr__", "__post_init__", "__hash__", "__new__"}
)
"""What the standard library's own generated code reads (dataclasses, namedtuple)."""

_NAMES = frozenset({
    "eval", "exec", "compile", "open", "getattr", "setattr", "delattr", "vars", "globals", "locals", "input",
    "breakpoint", "help", "memoryview", "dir", "exit", "quit", "preview", "plot", "test", "doctest", "source",
    "init_session", "autowrap", "ufuncify", "codegen", "__import__", "__builtins__", "__loader__", "__spec__",
    "__build_class__",
})  # fmt: skip

_IMPORTABLE = frozenset({
    "math", "cmath", "mpmath", "numpy", "sympy", "sympy.functions", "numpy.linalg", "scipy", "scipy.special", "numexpr",
    "sympy.utilities.lambdify", "functools", "__future__", "itertools",
})  # fmt: skip

_HARMLESS_MODULE_NAMES = frozenset(
    {"random", "math", "cmath", "fractions", "copy", "operator", "statistics", "trace", "test"}
)

_LOADERS = frozenset({"importlib._bootstrap", "importlib._bootstrap_external"})


def install(refuse: Refuse) -> None:
    """Replace `eval`, `exec` and `compile` in this process by checked ones."""
    real_eval, real_exec, real_compile = builtins.eval, builtins.exec, builtins.compile

    def check(text: Any, mode: str) -> None:
        if isinstance(text, (bytes, bytearray, memoryview)):
            text = bytes(text).decode("utf-8", "replace")
        if isinstance(text, str):
            problem = find_problem(str.__str__(text), mode, real_compile)
            if problem is not None:
                refuse(f"evaluating the text {str.__str__(text)[:60]!r} is refused: {problem}")
        elif isinstance(text, ast.AST):
            problem = _problem_in(text)
            if problem is not None:
                refuse(f"evaluating a syntax tree is refused: {problem}")

    def checked_eval(text: Any, *arguments: Any) -> Any:
        check(text, "eval")
        return real_eval(text, *(arguments or _callers()))

    def checked_exec(text: Any, *arguments: Any, **keywords: Any) -> None:
        check(text, "exec")
        real_exec(text, *(arguments or _callers()), **keywords)

    def checked_compile(source: Any, filename: Any, mode: str, *arguments: Any, **keywords: Any) -> Any:
        caller = sys._getframe(1)  # noqa: SLF001 - the caller's frame has no other door
        if caller.f_globals.get("__name__") not in _LOADERS:
            flags = arguments[0] if arguments else keywords.get("flags", 0)
            if not flags & ast.PyCF_ONLY_AST:
                check(source, mode)
        return real_compile(source, filename, mode, *arguments, **keywords)

    def _callers() -> tuple[dict[str, Any], Any]:
        frame = sys._getframe(2)  # noqa: SLF001 - the caller's frame has no other door
        return frame.f_globals, frame.f_locals

    builtins.eval, builtins.exec, builtins.compile = checked_eval, checked_exec, checked_compile


def find_problem(text: str, mode: str, parse: Any = compile) -> str | None:
    """Return why `text` may not be evaluated, None where it may, or where it is no Python and will fail by itself."""
    try:
        tree = parse(text.lstrip() if mode == "eval" else text, "<text>", mode, ast.PyCF_ONLY_AST)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return _problem_in(tree)


def _problem_in(tree: ast.AST) -> str | None:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=owner, attr=name):
                if (is_dunder(name) and name not in _DUNDERS) or name in WATCHED:
                    return f"it reads the attribute {name!r}"
                # Generated dataclass methods read private fields, of nothing but their own object.
                of_self = isinstance(owner, ast.Name) and owner.id in {"self", "other"}
                if name.startswith("_") and not is_dunder(name) and not of_self:
                    return f"it reads the private attribute {name!r}"
                if name in sys.stdlib_module_names and name not in _HARMLESS_MODULE_NAMES:
                    return f"it reads {name!r}, the name of a module"
            case ast.Name(id=name):
                if name in _NAMES:
                    return f"it uses the name {name!r}"
            case ast.Import(names=names):
                if any(alias.name not in _IMPORTABLE for alias in names):
                    return "it imports a module"
            case ast.ImportFrom(module=module):
                if module not in _IMPORTABLE:
                    return "it imports a module"
            case ast.ClassDef() | ast.AsyncFunctionDef() | ast.Await() | ast.TryStar():
                return f"it holds a {type(node).__name__}"
    return None
