"""The policy on a program's text: a RestrictedPython transformer that lets honest code run unchanged.

RestrictedPython refuses by default whatever syntax it does not know; that stays. What it refuses or rewrites without
need (annotated and augmented assignment, `nonlocal`, dunder methods, `match`, star imports, `print`) runs as written
here. Only what could lead out is rewritten: reads and writes of attributes whose names are watched become calls of a
guard. Annotations are expressions like all others: CPython runs them, so they run here, under the same guards.

A guard stands in the compiled code as a constant, so that no name, `globals()` or class body can put another in its
place. Not here: what guards decide (guards.py), which modules there are (modules.py), any isolation (linux/).
Source: RestrictedPython 9.0, `transformer.py`.
"""

# ruff: noqa: N802 - the visitors have the names that `ast` gives them

from __future__ import annotations

import ast
import secrets
import sys
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

from RestrictedPython import RestrictingNodeTransformer

from reasonkit.sandbox.definitions import Definitions, defined_names
from reasonkit.sandbox.names import (
    FORBIDDEN,
    WATCHED_PRIVATE,
    is_dunder,
    is_free,
)

FILENAME = "<program>"
MAX_SOURCE_BYTES = 1 << 20
_DEEP = 60
"""Nesting from which plain CPython's own limits are asked before ours."""
_VISITOR_RECURSION = 1_000_000

Guard = Callable[..., object]
_compile: Any = compile
"""CPython's own: the builtin is replaced by a checked one before a program runs."""


class PolicyRefusal(Exception):
    """The text holds something that is refused before anything runs."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


def compile_program(source: str, guards: Mapping[str, Guard]) -> tuple[CodeType | None, CodeType | None, Policy]:
    """Compile a program under the policy.

    Returns:
        The code of all but a last expression, the code of the last expression (None where the program does not end
        in one), and the policy, which knows the private names that the program defines.

    Raises:
        SyntaxError: as CPython would.
        PolicyRefusal: the text is refused.
    """
    tree = _parse(source, "exec")
    assert isinstance(tree, ast.Module)
    policy = Policy(tree)
    policy.apply(tree)
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        final = _finish(ast.Expression(last.value), "eval", guards)
        del tree.body[-1]
    else:
        final = None
    return _finish(tree, "exec", guards), final, policy


def compile_expression(source: str, guards: Mapping[str, Guard], policy: Policy) -> tuple[CodeType, frozenset[str]]:
    """Compile an answer's expression under the policy of its program.

    Returns:
        The code, and the names that it reads.

    Raises:
        SyntaxError, PolicyRefusal: as above.
    """
    tree = _parse(source.strip(), "eval")
    names = frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    policy.apply(tree)
    return _finish(tree, "eval", guards), names


def _parse(source: str, mode: str) -> ast.AST:
    if len(source) > MAX_SOURCE_BYTES:
        raise PolicyRefusal(f"the program is longer than {MAX_SOURCE_BYTES} characters", None)
    try:
        tree = _compile(source, FILENAME, mode, ast.PyCF_ONLY_AST, dont_inherit=True)
    except (MemoryError, RecursionError) as error:
        raise SyntaxError(f"the program is nested too deeply for CPython ({error or type(error).__name__})") from None
    except ValueError as error:  # null bytes, lone surrogates
        raise SyntaxError(str(error)) from None
    assert isinstance(tree, ast.AST)
    if _depth(tree) > _DEEP:
        # Where CPython's own compiler gives up on deep nesting, so do we, with its words.
        _compile(source, FILENAME, mode, dont_inherit=True)
    return tree


def _depth(tree: ast.AST) -> int:
    """Return how deep the tree is, without recursion; stops counting where it is clear."""
    depth, layer = 0, [tree]
    while layer and depth <= _DEEP:
        layer = [child for node in layer for child in ast.iter_child_nodes(node)]
        depth += 1
    return depth


def _finish(tree: ast.AST, mode: str, guards: Mapping[str, Guard]) -> CodeType:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(_VISITOR_RECURSION)
    try:
        code: CodeType = _compile(tree, FILENAME, mode, dont_inherit=True)
    finally:
        sys.setrecursionlimit(limit)
    return _bind(code, guards)


def _bind(code: CodeType, guards: Mapping[str, Guard]) -> CodeType:
    """Put the guards where their placeholders stand among the constants."""
    constants = tuple(
        _bind(constant, guards)
        if isinstance(constant, CodeType)
        else guards[constant.removeprefix(_PLACEHOLDER).decode()]
        if type(constant) is bytes and constant.startswith(_PLACEHOLDER)
        else constant
        for constant in code.co_consts
    )
    return code.replace(co_consts=constants)


_PLACEHOLDER = b"guard:" + secrets.token_bytes(16)
"""What stands for a guard until the code is compiled; drawn anew in every process, so no program can write it."""


class Policy(RestrictingNodeTransformer):  # type: ignore[misc]  # RestrictedPython's types are not read here
    """The transformer for one program.

    Args:
        tree: the program; looked through once for what it defines.
    """

    def __init__(self, tree: ast.Module) -> None:
        super().__init__()
        self._definitions = Definitions(tree)
        self._classes: list[str] = []

    @property
    def private_names(self) -> frozenset[str]:
        return self._definitions.private_names

    def apply(self, tree: ast.AST) -> None:
        """Rewrite `tree` in place.

        Raises:
            PolicyRefusal: it holds what is refused.
        """
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(_VISITOR_RECURSION)
        try:
            self.visit(tree)
        finally:
            sys.setrecursionlimit(limit)
        if self.errors:
            line, _, message = self.errors[0].removeprefix("Line ").partition(": ")
            raise PolicyRefusal(message, int(line) if line.isdecimal() else None)

    def _guarded(self, guard: str, node: ast.expr, *arguments: ast.expr) -> ast.Call:
        call = ast.Call(ast.Constant(_PLACEHOLDER + guard.encode()), list(arguments), [])
        ast.copy_location(call, node)
        return ast.fix_missing_locations(call)

    def _is_plain(self, name: str) -> bool:
        """Whether an attribute of this name may be read without asking a guard."""
        return is_free(name) or (name in self._definitions.private_names and name not in WATCHED_PRIVATE)

    def _mangled(self, name: str) -> str:
        if self._classes and name.startswith("__") and not name.endswith("__"):
            return f"_{self._classes[-1].lstrip('_')}{name}" if self._classes[-1].strip("_") else name
        return name

    def _refuse_definition(self, node: ast.AST, name: str) -> None:
        if name in FORBIDDEN:
            self.error(node, f"a program may not define or set {name!r}")

    # Expressions

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.node_contents_visit(node)
        name = node.attr
        if isinstance(node.ctx, ast.Load):
            if self._is_plain(name):
                return node
            return self._guarded("attribute", node, node.value, ast.Constant(self._mangled(name)))
        self._refuse_definition(node, name)
        if self._is_plain(name) and not is_dunder(name):
            if not self._definitions.may_be_foreign_class(node.value):
                return node
            node.value = self._guarded("writable", node.value, node.value)
        else:
            node.value = self._guarded("writable_name", node.value, node.value, ast.Constant(self._mangled(name)))
        return node

    # Statements

    def visit_TryStar(self, node: ast.AST) -> ast.AST:
        self.error(node, "`except*` is refused: CPython has crashed on what its handlers may return")
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._visit_function(node)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self._refuse_definition(node, node.name)
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.args = self.visit(node.args)
        node.returns = self.visit(node.returns) if node.returns else None
        for parameter in getattr(node, "type_params", ()):
            self.visit(parameter)
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        for part in (node.decorator_list, node.bases, node.keywords, getattr(node, "type_params", [])):
            part[:] = [self.visit(item) for item in part]
        for statement in node.body:
            for name in defined_names(statement):
                self._refuse_definition(statement, name)
        self._classes.append(node.name)
        node.body = [self.visit(statement) for statement in node.body]
        self._classes.pop()
        return node

    # Patterns

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.AST:
        for name in node.kwd_attrs:
            if not self._is_plain(name):
                self.error(node, f"a pattern may not read the attribute {name!r}")
        if node.patterns:
            names = self._definitions.match_args(node.cls, len(node.patterns))
            if names is None:
                self.error(node, f"the positional pattern {ast.unparse(node.cls)}(...) is refused: name its attributes")
            elif names:
                node.kwd_attrs = [*names, *node.kwd_attrs]
                node.kwd_patterns = [*node.patterns, *node.kwd_patterns]
                node.patterns = []
        self.node_contents_visit(node)
        return node

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Attribute) and not self._is_plain(inner.attr):
                self.error(node, f"a pattern may not read the attribute {inner.attr!r}")
        return node


AS_WRITTEN = (
    *("Name", "Lambda", "Subscript", "Call", "NamedExpr", "comprehension", "Await"),
    *("Assign", "AugAssign", "AnnAssign", "For", "With", "Nonlocal", "Module", "Import", "ImportFrom", "ExceptHandler"),
    *("AsyncFor", "AsyncWith", "TypeAlias", "TypeVar", "ParamSpec", "TypeVarTuple"),
    *("Match", "match_case", "MatchSingleton", "MatchSequence", "MatchMapping", "MatchStar", "MatchAs", "MatchOr"),
)
"""Syntax that RestrictedPython rewrites, refuses or does not know, and that runs as written here."""

for _name in AS_WRITTEN:
    setattr(Policy, f"visit_{_name}", RestrictingNodeTransformer.node_contents_visit)
