"""Plain CPython, as the sandbox's measure: run programs with `exec`, each in a fork, and print what came of them."""

from __future__ import annotations

import ast
import io
import json
import os
import sys
import types
import warnings
from typing import Any


def outcome(program: str, answer: str | None) -> list[Any]:
    from reasonkit.sandbox.conversion import Unconvertible, plain_value
    from reasonkit.values import encode_value

    raw = io.BytesIO()
    sys.stdin, sys.stderr = io.StringIO(""), io.StringIO()
    sys.stdout = out = io.TextIOWrapper(raw, encoding="utf-8", newline="\n")
    sys.argv = ["program.py"]
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    value, error, line = None, None, None
    try:
        tree = ast.parse(program, "<program>")
        last = tree.body[-1] if tree.body else None
        if isinstance(last, ast.Expr):
            del tree.body[-1]
        exec(compile(tree, "<program>", "exec", dont_inherit=True), main.__dict__)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<program>", "eval"), main.__dict__)
        if answer not in (None, "$stdout"):
            value = eval(answer, main.__dict__)
        if answer == "$stdout":
            value = None
    except SystemExit as leaving:
        if leaving.code not in (None, 0) or answer != "$stdout":
            error, line = f"SystemExit: {leaving}", last_line(leaving)
    except BaseException as failure:  # noqa: BLE001 - the outcome, whatever it is
        text = failure.msg if isinstance(failure, SyntaxError) else str(failure)
        error = f"{type(failure).__name__}: {text}" if text else type(failure).__name__
        line = last_line(failure)
    out.flush()
    try:
        value = encode_value(plain_value(value))
    except Unconvertible as refused:
        value, error = None, str(refused)
    return [value, raw.getvalue().decode(), error, line]


def last_line(failure: BaseException) -> int | None:
    line: int | None = getattr(failure, "lineno", None)
    traceback = failure.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == "<program>":
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def main() -> None:
    for name in ("reasonkit", "reasonkit.sandbox"):
        shell = types.ModuleType(name)
        shell.__path__ = [f"{sys.argv[1]}/{name.replace('.', '/')}"]
        sys.modules[name] = shell
    warnings.simplefilter("ignore")
    import numpy  # noqa: F401, ICN001
    import sympy  # noqa: F401

    results = []
    for program, answer in json.load(sys.stdin):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(reader)
            with os.fdopen(writer, "w") as channel:
                json.dump(outcome(program, answer), channel)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as channel:
            said = channel.read()
        os.wait()
        results.append(json.loads(said) if said else [None, "", "crashed", None])
    print(json.dumps(results))


if __name__ == "__main__":
    main()
