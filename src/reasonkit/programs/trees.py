"""What a program is made of, as far as its answer needs it: by its syntax tree and its symbol table, never by running.

Not here: finding the program in a text (`extraction`).
"""

from __future__ import annotations

import ast
import builtins
import copy
import symtable
import warnings

from reasonkit.types import ProgramError

STDOUT = "$stdout"
"""Stands for what the program prints, where the answer is that."""

_BUILTINS = frozenset(dir(builtins))


def parsed(source: str) -> ast.Module | ProgramError:
    """Parse a program; a ProgramError of kind syntax says why it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        return ProgramError(kind="syntax", message=error.msg, line=error.lineno)
    except (ValueError, RecursionError, MemoryError) as error:
        return ProgramError(kind="syntax", message=f"the program cannot be read: {error or type(error).__name__}")


def answer_of(tree: ast.Module) -> tuple[str | None, bool]:
    """Return the answer's expression, as `Execute` takes it, and whether there is an answer at all."""
    if any(_is_solution(node) for node in _module_statements(tree)):
        return "solution()", True
    if "answer" in bound_names(tree):
        return "answer", True
    if any(isinstance(node, ast.Call) and _name(node.func) == "print" for node in ast.walk(tree)):
        return STDOUT, True
    return None, bool(tree.body) and isinstance(tree.body[-1], ast.Expr)


def is_constant(tree: ast.Module) -> bool:
    """Tell a text of literals alone, such as the output of another program, from a program."""
    literal = ast.Constant | ast.Tuple | ast.List | ast.Dict | ast.UnaryOp
    return all(isinstance(statement, ast.Expr) and isinstance(statement.value, literal) for statement in tree.body)


def bound_names(tree: ast.Module) -> set[str]:
    """Return the names that the module itself binds: by assignment, import, loop, def or class."""
    table = _table(tree)
    if table is None:
        return set()
    return {name.get_name() for name in table.get_symbols() if name.is_assigned() or name.is_imported()}


def missing_names(tree: ast.Module) -> set[str]:
    """Return the global names that the module or a function in it reads but the module never binds."""
    table = _table(tree)
    used: set[str] = set()
    waiting = [] if table is None else [table]
    while waiting:
        scope = waiting.pop()
        at_top = scope.get_type() == "module"
        used |= {
            name.get_name() for name in scope.get_symbols() if name.is_referenced() and (at_top or name.is_global())
        }
        waiting.extend(scope.get_children())
    return used - bound_names(tree) - _BUILTINS


def _table(tree: ast.Module) -> symtable.SymbolTable | None:
    """Return the module's symbol table; None where the scopes contradict each other and it would not compile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return symtable.symtable(ast.unparse(_Apart().visit(copy.deepcopy(tree))), "<program>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Apart(ast.NodeTransformer):
    """Puts each comprehension of the module itself into a function of its own.

    Since Python 3.12 comprehensions are inlined (PEP 709), and a symbol table counts their loop names as the module's.
    """

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            return node
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp):
            none = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
            return ast.Call(func=ast.Lambda(args=none, body=node), args=[], keywords=[])
        return self.generic_visit(node)


def _module_statements(tree: ast.Module) -> list[ast.stmt]:
    """List the statements that run in the module itself, those in its if, for, with and try included."""
    waiting: list[ast.stmt] = list(tree.body)
    found: list[ast.stmt] = []
    while waiting:
        statement = waiting.pop()
        found.append(statement)
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for part in ("body", "orelse", "finalbody", "handlers"):
                waiting.extend(getattr(statement, part, []))
    return found


def _is_solution(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef) and node.name == "solution":
        arguments = node.args
    elif (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Lambda)
        and any(_name(target) == "solution" for target in node.targets)
    ):
        arguments = node.value.args
    else:
        return False
    required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return required == 0 and all(default is not None for default in arguments.kw_defaults)


def _name(node: ast.AST) -> str | None:
    return node.id if isinstance(node, ast.Name) else None
