"""Which modules a program may import, and what of them it sees.

Data only: the views are made in modules.py. Ground rule: public names, no other module's object, nothing that opens,
starts, waits or evaluates. A module that a caller adds to the list gets the ground rule alone.
"""

from __future__ import annotations

DEFAULT_MODULES: tuple[str, ...] = (
    "abc", "array", "ast", "base64", "binascii", "bisect", "calendar", "cmath", "collections", "colorsys", "contextlib",
    "copy", "dataclasses", "dateutil", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "graphlib",
    "hashlib", "heapq", "io", "itertools", "json", "math", "mpmath", "numbers", "numpy", "operator", "pprint", "random",
    "re", "secrets", "statistics", "string", "struct", "sympy", "sys", "textwrap", "time", "types", "typing",
    "unicodedata", "uuid", "warnings", "zoneinfo", "__future__",
)  # fmt: skip

HEAVY = frozenset({"sympy", "numpy", "mpmath", "scipy", "pandas", "networkx"})
"""Packages that are slow to import and large to fork: they live in an image of their own."""

ONLY: dict[str, frozenset[str]] = {
    "ast": frozenset({"literal_eval"}),
    "io": frozenset({"StringIO", "BytesIO", "TextIOBase", "IOBase", "SEEK_SET", "SEEK_CUR", "SEEK_END"}),
    "types": frozenset({
        "SimpleNamespace", "MappingProxyType", "FunctionType", "LambdaType", "MethodType", "GeneratorType",
        "BuiltinFunctionType", "NoneType", "GenericAlias", "UnionType", "EllipsisType", "NotImplementedType",
        "DynamicClassAttribute",
    }),
    "uuid": frozenset({"UUID", "uuid3", "uuid4", "uuid5", "NAMESPACE_DNS", "NAMESPACE_URL", "NAMESPACE_OID"}),
    "warnings": frozenset({"warn", "filterwarnings", "simplefilter", "catch_warnings", "resetwarnings"}),
    "zoneinfo": frozenset({"ZoneInfo", "ZoneInfoNotFoundError", "available_timezones"}),
}  # fmt: skip
"""Modules of which only these names are shown."""

DENIED: dict[str, frozenset[str]] = {
    "time": frozenset({"sleep", "clock_settime", "clock_settime_ns", "pthread_getcpuclockid"}),
    "string": frozenset({"Formatter"}),
    "contextlib": frozenset({"chdir"}),
    "calendar": frozenset({"different_locale", "LocaleTextCalendar", "LocaleHTMLCalendar", "main"}),
    "enum": frozenset({"global_enum_repr", "show_flag_values"}),
    "secrets": frozenset({"SystemRandom"}),
    "dateutil": frozenset({"zoneinfo"}),
    "dateutil.tz": frozenset({"tzfile", "tzical"}),
    "numpy": frozenset({
        "load", "save", "savez", "savez_compressed", "loadtxt", "savetxt", "genfromtxt", "fromfile", "fromregex",
        "memmap", "DataSource", "f2py", "ctypeslib", "testing", "distutils", "lib", "core", "compat", "emath",
        "test", "info", "source", "show_config", "show_runtime", "get_include", "rec", "strings", "char",
        "dtypes", "exceptions", "matlib", "doc", "array_api", "setbufsize",
    }),
    "sympy": frozenset({
        "preview", "test", "doctest", "source", "init_session", "plot", "plot_backends", "plot_implicit",
        "plot_parametric", "plot3d", "plot3d_parametric_line", "plot3d_parametric_surface", "textplot", "PlotGrid",
        "plotting", "testing", "external", "interactive", "release", "deprecated",
    }),
    "sympy.utilities": frozenset({
        "autowrap", "codegen", "runtests", "mathml", "source", "pkgdata", "tmpfiles", "magic", "timeutils",
        "exceptions", "decorator", "misc",
    }),
    "sympy.parsing": frozenset({"latex", "autolev", "c", "fortran", "sym_expr", "ast_parser"}),
    "sympy.printing": frozenset({"preview", "tree", "tensorflow", "theanocode", "aesaracode", "pytorch", "jscode"}),
    "mpmath": frozenset({"plot", "cplot", "splot", "runtests", "doctests", "ctx_mp", "ctx_base", "visualization"}),
}  # fmt: skip
"""Public names that are refused all the same: they open, start, wait, draw, or lead to what does."""


def is_allowed(name: str, modules: frozenset[str]) -> bool:
    """Return whether the module `name`, dotted where it lies in a package, may be imported.

    A listed package brings its submodules, but for private and denied ones.
    """
    parts = name.split(".")
    if not any(".".join(parts[:end]) in modules for end in range(1, len(parts) + 1)):
        return False
    return not any(
        part in DENIED.get(".".join(parts[:place]), ()) or (part.startswith("_") and name not in modules)
        for place, part in enumerate(parts)
        if place
    )
