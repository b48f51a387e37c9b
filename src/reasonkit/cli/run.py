"""One question from the command line: streamed, recorded, replayed, or only shown."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from reasonkit.cli.show import Printer, execution_json, printable, result_json
from reasonkit.errors import InputError
from reasonkit.types import Result

if TYPE_CHECKING:
    from reasonkit.agents.agent import Agent
    from reasonkit.agents.methods import Method

    A = TypeVar("A", bound=Agent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is common to the commands that ask one question."""

    question: str
    trace: Path | None
    replay: Path | None
    as_json: bool
    dry_run: bool
    prompt: str | None = None
    from_step: int | None = None
    say: str | None = None
    observe: str | None = None
    show_program: bool = False
    save_program: Path | None = None


def run(method: type[Method], build: Callable[[], Agent], asked: Asked) -> int:
    """Run one question as the options say; return the exit code.

    Raises:
        InputError: options do not go together, or a file cannot be read or written; before anything is asked where
            that can be known.
    """
    for option, file in (("--trace", asked.trace), ("--replay", asked.replay), ("--save-program", asked.save_program)):
        if file is not None and file.is_dir():
            raise InputError(f"{option} {str(file)!r} is a folder; name a file")
    if asked.save_program is not None and not asked.save_program.parent.is_dir():
        raise InputError(f"--save-program {str(asked.save_program)!r}: there is no such folder; make it first")
    if asked.from_step is None and (asked.say is not None or asked.observe is not None):
        raise InputError("--say and --observe belong to a step: give --replay FILE and --from-step NUMBER")
    if asked.from_step is not None:
        return _forked(build, asked.from_step, asked)
    if asked.replay is not None:
        return _replayed(method, asked.replay, asked)
    if not asked.question.strip():
        raise InputError('there is no question; write it in quotes: reasonkit react "Who wrote Hamlet?"')
    with build() as agent:
        if asked.dry_run:
            return _previewed(agent, asked)
        result = _streamed(agent, asked)
    if result.error is not None and not result.usage.requests:
        raise InputError(f"nothing was answered: {result.error.message}")
    return _code(result)


def _streamed(agent: Agent, asked: Asked) -> Result:
    from reasonkit.agents.events import AnswerEvent

    printer = Printer(quiet=asked.as_json)
    result: Result | None = None
    with first_interrupt_cancels(agent):
        for event in agent.stream(asked.question, trace=asked.trace):
            printer.show(event)
            if isinstance(event, AnswerEvent):
                result = event.result
    if result is None:
        raise KeyboardInterrupt
    if result.error is None or result.usage.requests:
        _print(result, asked)
    return result


def _replayed(method: type[Method], path: Path, asked: Asked) -> int:
    return _shown(method.replay(path, prompt=asked.prompt), path, asked)


def _forked(build: Callable[[], Agent], step: int, asked: Asked) -> int:
    if asked.replay is None:
        raise InputError("--from-step needs a recorded run: give --replay FILE, and --trace NEW to record the fork")
    with build() as agent, first_interrupt_cancels(agent):
        results = agent.fork(
            asked.replay, step=step, trace=asked.trace, completion=asked.say, observation=asked.observe
        )
    return _shown(results, asked.replay, asked)


def _shown(results: list[Result], path: Path, asked: Asked) -> int:
    if asked.question and asked.question not in [result.question.text for result in results]:
        recorded = repr(results[0].question.text) if results else "missing"
        raise InputError(f"{path}: the recorded question is {recorded}; leave the question out")
    printer = Printer(quiet=asked.as_json)
    for result in results:
        printer.replay(result)
        _print(result, asked)
    return max((_code(result) for result in results), default=1)


def _previewed(agent: Agent, asked: Asked) -> int:
    preview = agent.preview(asked.question)
    if asked.as_json:
        request: object = preview.request
        if isinstance(preview.request, tuple):
            request = [{"role": turn.role, "content": turn.content} for turn in preview.request]
        print(json.dumps({"request": request, "tokens": preview.tokens, "sha256": preview.sha256}, ensure_ascii=False))
        return 0
    sys.stdout.write(str(preview))
    sys.stdout.flush()
    tokens = "an unknown number of" if preview.tokens is None else preview.tokens
    print(f"\n{tokens} tokens, sha256 {preview.sha256}; nothing was sent", file=sys.stderr)
    return 0


def run_program(file: Path, *, as_json: bool) -> int:
    """Run a saved program in the sandbox, without a model; return the exit code."""
    from reasonkit.agents.programs import run_again
    from reasonkit.answers import canonical

    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: not a readable program: {error}") from None
    execution = run_again(source)
    answer = None if execution.error is not None else canonical(execution.value)
    if as_json:
        print(json.dumps({"answer": answer, "program": source, "execution": execution_json(execution)}))
    elif answer is not None:
        print(answer)
    if execution.error is not None and not as_json:
        print(f"reasonkit: no answer: {execution.error.kind}: {execution.error.message}", file=sys.stderr)
    return 0 if answer is not None else 1


def _print(result: Result, asked: Asked) -> None:
    _say(result, asked)
    if asked.save_program is not None and result.program:
        sys.stdout.flush()
        try:
            asked.save_program.write_text(result.program, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{asked.save_program}: the program was not saved: {error.strerror}") from None


def _say(result: Result, asked: Asked) -> None:
    if asked.as_json:
        print(json.dumps(result_json(result), ensure_ascii=False))
        return
    if asked.show_program and result.program:
        print(printable(result.program), file=sys.stderr)
    if result.votes:
        counted = ", ".join(f"{vote.answer}: {vote.count}" for vote in result.votes)
        print(f"votes: {printable(counted)}; without an answer: {result.abstained}", file=sys.stderr)
    if result.answer is not None:
        print(result.answer)
    else:
        why = f": {result.error.message}" if result.error else ""
        if result.execution is not None and result.execution.error is not None:
            why = f": {result.execution.error.kind}: {result.execution.error.message}"
        print(f"reasonkit: no answer ({result.stop_reason}){why}", file=sys.stderr)
    if result.trace is not None:
        print(f"recorded in {result.trace}", file=sys.stderr)


def _code(result: Result) -> int:
    if result.stop_reason == "cancelled":
        return 130
    return 0 if result.answer is not None else 1


class Cancellable(Protocol):
    """What can be asked to end early."""

    def cancel(self) -> None:
        """End after the requests under way."""
        ...


@contextmanager
def first_interrupt_cancels(running: Cancellable) -> Iterator[None]:
    """Let the first Ctrl-C finish the call under way and save; the second ends at once."""

    def cancel(number: int, frame: object) -> None:
        del number, frame
        signal.signal(signal.SIGINT, signal.default_int_handler)
        running.cancel()
        print("\nreasonkit: finishing the call under way; Ctrl-C again ends at once", file=sys.stderr)

    before = signal.signal(signal.SIGINT, cancel)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
