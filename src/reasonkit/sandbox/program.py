"""Run one program in this process, for good or ill, and say what came of it.

Called in a child that is locked already and ends afterwards. A refusal, too much output and the request for another
image end the process at once: they report and leave, so that no `except` can catch them.
Not here: the locks (child.py), the limits of time (zygote.py).
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import json
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from reasonkit.errors import InputError
from reasonkit.sandbox import evaluators, streams
from reasonkit.sandbox.conversion import Unconvertible, plain_value
from reasonkit.sandbox.guards import Guards
from reasonkit.sandbox.modules import Modules
from reasonkit.sandbox.policy import FILENAME, Policy, PolicyRefusal, compile_expression, compile_program
from reasonkit.sandbox.protocol import DONE, RERUN
from reasonkit.values import encode_value

MAX_MESSAGE = 2000
_NO_ANSWER = "no_answer"
_FRAMES_OF_EXEC = 2 if sys.version_info < (3, 12) else 1
"""What `exec` itself takes of the recursion limit, on top of the frames below it; called with a starred tuple, which
CPython never specialises to a call that takes less. Since 3.12 calls in C have a limit of their own."""
_real_eval, _real_exec, _real_compile = eval, exec, compile

_WARM = """
import math
def solution():
    total = 0
    for n in range(9):
        total += n * 1.5
    table = {"a": round(total, 2)}
    return [f"{total:.2f}", math.floor(table["a"])]
"""

_REHEARSALS = 20
"""CPython 3.11 specialises code after eight calls, and what specialised badly again after a few more."""
_RESERVE_BYTES = 2 << 20
"""Address space that is given back when memory runs out, so that the error can be told. Of `bytes`: as long as nobody
writes there it takes no memory, and a child need not fill it."""

Report = Callable[[int, bytes], NoReturn]


class Ended(Exception):
    """The program has ended with an error; carries its kind, message and line."""

    def __init__(self, kind: str, message: str, line: int | None = None) -> None:
        super().__init__(kind, message, line)
        self.kind, self.message, self.line = kind, message, line


class Machine:
    """What runs one program.

    Prepared before the program is known, so that a waiting child has nothing left to do.

    Args:
        modules: what may be imported.
        installed: top-level modules that exist.
        output_bytes: limit of what is printed.
        heavy: whether this image holds the heavy libraries.
        report: sends the outcome and ends the process.
        policed: False leaves the policy out, for attacks on the other layers alone.
    """

    def __init__(
        self,
        *,
        modules: frozenset[str],
        installed: frozenset[str],
        output_bytes: int,
        heavy: bool,
        report: Report,
        policed: bool = True,
    ) -> None:
        self._report = report
        self._policed = policed
        self._limit = output_bytes
        self._raw, self._stdout = streams.capture(output_bytes, self._overflow)
        _, self._stderr = streams.capture(output_bytes, self._overflow)
        self._guards = Guards(self._refuse)
        self._modules = Modules(
            modules,
            installed=installed,
            refuse=self._refuse,
            guards=self._guards,
            rerun=None if heavy else self._rerun,
            special={},
        )
        self._builtins = _builtins(self._guards, self._modules, self._refuse) if policed else vars(builtins)
        self._reserve: bytes | None = None
        self._base = 0

    def prepare(self, preload: tuple[str, ...]) -> None:
        """Do once, in the zygote, all that programs may share: the views of what is loaded, the streams, the checks."""
        for name in preload:
            if name in sys.modules:
                self._modules.import_module(name)
        streams.install(self._stdout, self._stderr)
        if self._policed:
            evaluators.install(self._refuse)
            self._modules.add_special(streams.SystemView(self._refuse, lambda: self._base))

    def rehearse(self) -> None:
        """Run a small program of ours until CPython has specialised all code on the way; once, in the zygote.

        Specialising writes into the code, and what a child writes to is copied first, a page at a time, in every child.
        """
        self._base = _depth() + _FRAMES_OF_EXEC
        for _ in range(_REHEARSALS):
            self._try_out()
            with contextlib.suppress(Ended):
                self._execute("1 / 0", {"kind": "last"}, self._base)

    def settle(self) -> None:
        """Do in a fresh child whatever can be done before the program is known.

        A small program of ours runs first, by the same path: the memory that a fork shares is copied page by page when
        it is first written to, and that is the most of what a short program costs.
        """
        self._base = _depth() + _FRAMES_OF_EXEC
        self._try_out()
        self._reserve = bytes(_RESERVE_BYTES)

    def _try_out(self) -> None:
        value = self._execute(_WARM, {"kind": "expression", "text": "solution()"}, self._base)
        json.dumps({"value": value, "stdout": self._raw.text()})

    def run(self, request: Mapping[str, Any]) -> NoReturn:
        """Run the program and report; does not return."""
        try:
            value = self._execute(request["program"], request["answer"], self._base)
        except Ended as ended:
            self._finish(None, ended)
        self._finish(value, None)

    def _execute(self, source: str, answer: Mapping[str, Any], base: int) -> object:
        gc.disable()  # until the program begins: its compilation leaves no cycles worth the looking
        main = types.ModuleType("__main__")
        namespace = main.__dict__
        namespace["__builtins__"] = self._builtins
        sys.modules["__main__"] = main
        policy: Policy | None = None
        try:
            if self._policed:
                body, last, policy = compile_program(source, self._guards.table())
                self._guards.private_names = policy.private_names
            else:
                body, last = _unpoliced(source)
        except PolicyRefusal as refusal:
            raise Ended("refused", str(refusal), refusal.line) from None
        except (SyntaxError, RecursionError) as error:
            line = getattr(error, "lineno", None)
            raise Ended("syntax", f"{type(error).__name__}: {getattr(error, 'msg', error)}", line) from None
        sys.setrecursionlimit(1000 + base)
        gc.freeze()  # nor need any collection look at what was there before the program
        gc.enable()
        value: object = None
        try:
            if body is not None:
                _real_exec(*(body, namespace))
            if last is not None:
                value = _real_eval(*(last, namespace))
        except SystemExit as leaving:
            if leaving.code not in (None, 0) or answer["kind"] != "stdout":
                raise self._raised(leaving) from None
        except BaseException as error:  # noqa: BLE001 - whatever a program raises is its outcome
            raise self._raised(error) from None
        self._flush()
        match answer["kind"]:
            case "last":
                if last is None:
                    raise Ended(_NO_ANSWER, "the program does not end in an expression")
                return self._converted(value)
            case "stdout":
                return None
            case "variable":
                if answer["name"] not in namespace:
                    raise Ended(_NO_ANSWER, f"the program sets no variable {answer['name']!r}")
                return self._converted(namespace[answer["name"]])
        code = self._expression(answer["text"], namespace, policy)
        try:
            value = _real_eval(*(code, namespace))
        except BaseException as error:  # noqa: BLE001 - as above
            raise self._raised(error) from None
        self._flush()
        return self._converted(value)

    def _expression(self, text: str, namespace: dict[str, Any], policy: Policy | None) -> types.CodeType:
        try:
            if policy is None:
                code = _real_compile(text.strip(), "<answer>", "eval", dont_inherit=True)
                names = frozenset(code.co_names)
            else:
                code, names = compile_expression(text, self._guards.table(), policy)
        except PolicyRefusal as refusal:
            raise Ended("refused", str(refusal)) from None
        except (SyntaxError, RecursionError) as error:
            raise Ended("syntax", f"the answer's expression {text!r}: {error}") from None
        for name in sorted(names):
            if policy is not None and name not in namespace and name not in self._builtins:
                raise Ended(_NO_ANSWER, f"the program defines no {name!r}, which the answer {text!r} needs")
        return code

    def _converted(self, value: object) -> object:
        try:
            return encode_value(plain_value(value))
        except (Unconvertible, InputError) as error:
            raise Ended("unconvertible", str(error)) from None
        except MemoryError as error:
            raise self._raised(error) from None
        except BaseException as error:  # noqa: BLE001 - a hostile __str__ raises what it likes
            self._reserve = None
            raise Ended("unconvertible", f"the answer could not be converted: {_describe(error)}") from None

    def _raised(self, error: BaseException) -> Ended:
        self._reserve = None
        kind = "memory" if isinstance(error, MemoryError) else "exception"
        line = None
        traceback = error.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == FILENAME:
                line = traceback.tb_lineno
            traceback = traceback.tb_next
        error.__traceback__ = None
        return Ended(kind, _describe(error), line)

    # Ways out

    def _flush(self) -> None:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, 5000))
        try:
            self._stdout.flush()
        except (ValueError, OSError, UnicodeError):
            return  # the program has closed it
        finally:
            sys.setrecursionlimit(limit)

    def _finish(self, value: object, ended: Ended | None) -> NoReturn:
        self._flush()
        sys.setrecursionlimit(5000)
        outcome: dict[str, object] = {"value": value, "stdout": self._raw.text()}
        if ended is not None:
            outcome["error"] = [ended.kind, ended.message[:MAX_MESSAGE], ended.line]
        self._report(DONE, json.dumps(outcome).encode())

    def _refuse(self, message: str) -> NoReturn:
        self._leave("refused", message)

    def _overflow(self) -> NoReturn:
        self._leave("output", f"the program printed more than {self._limit} bytes")

    def _rerun(self) -> NoReturn:
        self._report(RERUN, b"")

    def _leave(self, kind: str, message: str) -> NoReturn:
        sys.setrecursionlimit(sys.getrecursionlimit() + 1000)
        line, frame = None, sys._getframe(1)  # noqa: SLF001 - the caller's frame has no other door
        while frame is not None and line is None:
            line = frame.f_lineno if frame.f_code.co_filename == FILENAME else None
            frame = frame.f_back  # type: ignore[assignment]
        outcome = {"value": None, "stdout": self._raw.text(), "error": [kind, message[:MAX_MESSAGE], line]}
        self._report(DONE, json.dumps(outcome).encode())


def _depth() -> int:
    """Return how many frames lie below a program's own first one, less the one that a script has too."""
    depth, frame = 0, sys._getframe(1)  # noqa: SLF001 - the caller's frame has no other door
    while frame is not None:
        depth += 1
        frame = frame.f_back  # type: ignore[assignment]
    return depth


def _describe(error: BaseException) -> str:
    name = type(error).__name__
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - a program's own __str__
        text = "(its text could not be had)"
    return f"{name}: {text[:MAX_MESSAGE]}" if text else name


def _unpoliced(source: str) -> tuple[types.CodeType | None, types.CodeType | None]:
    import ast

    tree = ast.parse(source, FILENAME)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    body = _real_compile(tree, FILENAME, "exec", dont_inherit=True)
    if not isinstance(last, ast.Expr):
        return body, None
    return body, _real_compile(ast.Expression(last.value), FILENAME, "eval", dont_inherit=True)


def _builtins(guards: Guards, modules: Modules, refuse: Callable[[str], NoReturn]) -> dict[str, Any]:
    """Return the builtins of a program: CPython's own, but for what opens, evaluates or reads by name."""
    table = {
        name: value for name, value in vars(builtins).items() if name not in {"__spec__", "__loader__", "copyright"}
    }

    def refused(name: str) -> Callable[..., NoReturn]:
        def call(*_arguments: object, **_keywords: object) -> NoReturn:
            refuse(f"{name}() is refused")

        call.__name__ = call.__qualname__ = name
        return call

    def leave(code: object = None) -> NoReturn:
        raise SystemExit(code)

    table |= {name: refused(name) for name in ("open", "eval", "exec", "compile", "breakpoint", "help")}
    table |= {"exit": leave, "quit": leave, "__import__": modules.import_module}
    table |= {"getattr": guards.getattr, "setattr": guards.setattr, "delattr": guards.delattr, "vars": guards.vars}
    return table
