"""What a program's text defines: its private names, and the fields of its classes.

Looked up once, before the policy rewrites anything. Not here: what follows from it (policy.py).
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from reasonkit.sandbox.names import is_dunder, is_free

_SELF_MATCHING = frozenset({
    "bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple",
})  # fmt: skip
"""Builtin types whose one positional pattern is matched against the subject itself."""


class Definitions:
    """What one program defines.

    Args:
        tree: the program.
    """

    def __init__(self, tree: ast.AST) -> None:
        private: set[str] = set()
        self._rebound: set[str] = set()
        self._read: set[str] = set()
        self._classes: dict[str, ast.ClassDef] = {}
        self._fields: dict[str, tuple[str, ...] | None] = {}
        self._foreign: set[str] = set()
        self._imports_all = False
        aliases: list[tuple[str, ast.expr]] = []
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(attr=name, ctx=ast.Store()) if name.startswith("_"):
                    private.add(name)
                case ast.ClassDef():
                    private.update(name for statement in node.body for name in defined_names(statement))
                    self._bind(node.name)
                    self._classes[node.name] = node
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    self._bind(name)
                case ast.alias(name="*"):
                    self._imports_all = True
                case ast.alias(name=name, asname=alias):
                    self._bind(alias or name.partition(".")[0])
                    self._foreign.add(alias or name.partition(".")[0])
                case ast.arg(arg=name):
                    self._bind(name)
                case ast.Name(id=name, ctx=ast.Load()):
                    self._read.add(name)
                case ast.Name(id=name):
                    self._bind(name)
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    if isinstance(value, ast.Call):
                        self._fields[name] = _named_tuple_fields(value)
                    aliases.append((name, value))
        self.private_names = frozenset(name for name in private if name.startswith("_") and not is_dunder(name))

        for _ in range(4):  # an alias of an alias of an alias
            self._foreign |= {name for name, value in aliases if self.may_be_foreign_class(value)}

    def _bind(self, name: str) -> None:
        self._rebound.add(name)

    def may_be_foreign_class(self, node: ast.expr) -> bool:
        """Return whether an expression plainly names a module or a class that is not the program's own.

        A class that was handed around under another name is not seen here: setting its attributes changes this one
        process, which ends with the program.
        """
        match node:
            case ast.Name(id=name):
                if name in self._foreign:
                    return True
                return name not in self._rebound and (self._imports_all or hasattr(builtins, name))
            case ast.Attribute(value=owner, attr=name):
                return name == "__class__" or self.may_be_foreign_class(owner)
            case ast.Call(func=ast.Name(id="type")):
                return True
            case ast.Call() | ast.Subscript():
                return False
        return True

    def match_args(self, cls: ast.expr, count: int) -> tuple[str, ...] | None:
        """Return the attributes that `count` positional patterns of a class read.

        Returns:
            Their names; empty for a builtin type that matches the subject itself; None where the text does not say.
        """
        if not isinstance(cls, ast.Name):
            return None
        if cls.id in self._classes:
            names = self._class_fields(self._classes[cls.id], 0)
        elif cls.id in self._fields:
            names = self._fields[cls.id]
        elif cls.id in _SELF_MATCHING and hasattr(builtins, cls.id) and count == 1:
            return None if cls.id in self._rebound or self._read & {"globals", "locals", "vars"} else ()
        else:
            return None
        if names is None or count > len(names) or not all(self._may_read(name) for name in names[:count]):
            return None
        return names[:count]

    def _may_read(self, name: str) -> bool:
        return is_free(name) or name in self.private_names

    def _class_fields(self, node: ast.ClassDef, depth: int) -> tuple[str, ...] | None:
        if depth > 20:
            return None
        for statement in node.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id="__match_args__")], value=ast.Tuple(elts=items)):
                    names = [item.value for item in items if isinstance(item, ast.Constant)]
                    texts = tuple(name for name in names if isinstance(name, str))
                    return texts if len(texts) == len(items) else None
        inherited: tuple[str, ...] = ()
        for base in reversed(node.bases):
            if isinstance(base, ast.Name) and base.id in self._classes:
                inherited += self._class_fields(self._classes[base.id], depth + 1) or ()
        own = tuple(
            statement.target.id
            for statement in node.body
            if isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and "ClassVar" not in ast.unparse(statement.annotation)
            and not _is_left_out(statement.value)
        )
        is_record = any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list) or any(
            "NamedTuple" in ast.unparse(base) for base in node.bases
        )
        if any(_is_keyword_only(item) for item in (*node.decorator_list, *node.body)):
            return None
        if is_record:
            return tuple(dict.fromkeys((*inherited, *own)))
        return inherited or None


def defined_names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement in a class body defines, its inner blocks included."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=[ast.Name(id="__slots__")], value=value):
            for item in ast.walk(value):
                if isinstance(item, ast.Constant) and isinstance(item.value, str):
                    yield item.value
        case _:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id
                elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    yield node.name


def _is_left_out(value: ast.expr | None) -> bool:
    """Whether a dataclass field is none of the constructor's arguments."""
    return isinstance(value, ast.Call) and any(
        keyword.arg in {"init", "kw_only"} and isinstance(keyword.value, ast.Constant) for keyword in value.keywords
    )


def _is_keyword_only(node: ast.AST) -> bool:
    match node:
        case ast.Call(keywords=keywords):
            return any(keyword.arg in {"kw_only", "match_args"} for keyword in keywords)
        case ast.AnnAssign(annotation=annotation):
            return "KW_ONLY" in ast.unparse(annotation)
    return False


def _named_tuple_fields(call: ast.Call) -> tuple[str, ...] | None:
    match call:
        case ast.Call(func=ast.Name(id="namedtuple") | ast.Attribute(attr="namedtuple"), args=[_, fields], keywords=[]):
            match fields:
                case ast.Constant(value=str(text)):
                    return tuple(text.replace(",", " ").split())
                case ast.List(elts=items) | ast.Tuple(elts=items):
                    return tuple(str(item.value) for item in items if isinstance(item, ast.Constant))
    return None
