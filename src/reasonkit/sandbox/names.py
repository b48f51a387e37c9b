"""Attribute names, sorted by what they can lead to: the tables behind the policy and its guards.

Four kinds. *Free* names may be read on anything: ordinary ones, and the data model's own methods and labels.
*Watched* names are looked at when they are read: `format`, frames, code. *Private* names (one underscore) are free
where the program itself defines them, else watched. All other dunder names are watched. Not here: what the guards
decide.
"""

from __future__ import annotations

_OPERATORS = (
    "lt le eq ne gt ge hash bool len length_hint getitem setitem delitem missing iter next reversed contains "
    "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or "
    "radd rsub rmul rmatmul rtruediv rfloordiv rmod rdivmod rpow rlshift rrshift rand rxor ror "
    "iadd isub imul imatmul itruediv ifloordiv imod ipow ilshift irshift iand ixor ior "
    "neg pos abs invert complex int float index round trunc floor ceil "
    "str repr format bytes enter exit await aiter anext aenter aexit"
)
FREE_DUNDERS = frozenset(
    f"__{name}__"
    for name in (
        _OPERATORS + " init new del call class name qualname doc module get set delete set_name getattr "
        "init_subclass class_getitem prepare instancecheck subclasscheck subclasshook match_args slots "
        "post_init copy deepcopy cause context suppress_context notes version origin args parameters "
        "orig_bases members dataclass_fields version_info isabstractmethod abstractmethods hash_info"
    ).split()
)
"""Dunder names whose values lead nowhere: operators, constructors and labels."""

FRAME_NAMES = frozenset({
    "tb_frame", "tb_next", "f_back", "f_builtins", "f_code", "f_generator", "f_globals", "f_locals", "f_trace",
    "co_code", "gi_frame", "gi_code", "gi_yieldfrom", "cr_await", "cr_frame", "cr_code", "cr_origin",
    "ag_await", "ag_frame", "ag_code",
})  # fmt: skip
"""What leads from a traceback, generator or coroutine to the frames of the interpreter."""

FORMAT_NAMES = frozenset({"format", "format_map"})
"""Methods of str whose template may walk attributes."""

WATCHED = (
    FRAME_NAMES
    | FORMAT_NAMES
    | frozenset({
        "mro", "obj", "vformat", "get_field", "tofile", "tobuffer", "dump", "dumps", "ctypes",
        "co_consts", "co_names", "co_varnames",
    })
)  # fmt: skip

NAMEDTUPLE_NAMES = frozenset({"_asdict", "_replace", "_fields", "_make", "_field_defaults"})
"""The documented methods of a named tuple, private in name only."""

FORBIDDEN = frozenset({
    "__globals__", "__builtins__", "__code__", "__closure__", "__loader__", "__spec__", "__import__", "__traceback__",
    "__array_interface__", "__array_struct__",
})  # fmt: skip
"""Names that are refused on every object, the program's own included; no class may define them."""

WATCHED_PRIVATE = frozenset({"_evaluate", "_os", "_sys", "_io", "_subprocess", "_builtins", "_modules", "_getframe"})
"""Private names that stay watched even where a program defines them."""

FUNCTION_LABELS = frozenset({
    "__name__", "__qualname__", "__doc__", "__module__", "__wrapped__", "__annotations__", "__defaults__", "__dict__",
    "__type_params__", "__isabstractmethod__", "__kwdefaults__",
})  # fmt: skip
"""What may be read and set on a function."""

EXCEPTION_LABELS = frozenset({"__cause__", "__context__", "__suppress_context__", "__notes__", "__traceback__"})
"""What may be set on an exception."""


def is_dunder(name: str) -> bool:
    """Return whether `name` is one of the language's own."""
    return len(name) > 4 and name.startswith("__") and name.endswith("__")


def is_free(name: str) -> bool:
    """Return whether an attribute of this name may be read on anything, without a look at the object."""
    if name.startswith("_"):
        return name in {"_", "__"} or name in FREE_DUNDERS or name in NAMEDTUPLE_NAMES
    return name not in WATCHED
