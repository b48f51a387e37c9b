"""Calling a tool's function, sync or async, from a thread or from an event loop, with or without a time limit.

A sync function with a limit gets a daemon thread of its own, so that one that never returns holds up neither a pool nor
the interpreter's end. An async function that is called from a thread runs on one background loop, so that what it
opened (a connection pool) lives on between calls, and so that it works where a loop already runs (a notebook).
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from functools import partial
from typing import Any

from reasonkit.errors import ToolCrashed, ToolError
from reasonkit.tools.crashes import crashes


class TimedOut(ToolError):
    """A tool gave no answer within its time limit."""

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(f"{name} gave no answer within {seconds:g} s.")


class Caller:
    """Calls functions; holds the background loop, which begins with the first async function called from a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def call(self, name: str, function: Callable[[], Any], *, is_async: bool, seconds: float | None) -> object:
        """Call `function` and wait for what it returns.

        Args:
            name: the tool's, for messages.
            function: takes nothing; returns the answer, or a coroutine if `is_async`.
            is_async: whether it is an async function.
            seconds: the time limit, or None.

        Raises:
            ToolError: the tool's own, or `TimedOut`.
            ToolCrashed: the tool raised something else.
        """
        future: Future[Any]
        if is_async:
            future = asyncio.run_coroutine_threadsafe(_awaited(name, function), self._running())
        elif seconds is None:
            return _called(name, function)
        else:
            future = _in_thread(partial(_called, name, function))
        try:
            wait([future], timeout=seconds)
            return _result(name, future, seconds)
        finally:
            future.cancel()

    async def acall(self, name: str, function: Callable[[], Any], *, is_async: bool, seconds: float | None) -> object:
        """Call `function` without blocking the event loop; as `call` does otherwise."""
        future: asyncio.Future[Any]
        if is_async:
            future = asyncio.ensure_future(_awaited(name, function))
        elif seconds is None:
            return await asyncio.to_thread(_called, name, function)
        else:
            future = asyncio.wrap_future(_in_thread(partial(_called, name, function)))
        try:
            await asyncio.wait({future}, timeout=seconds)
            return _result(name, future, seconds)
        finally:
            if not future.done():
                future.cancel()
                future.add_done_callback(_read)

    def close(self) -> None:
        """End the background loop; what still runs on it is cancelled."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name="reasonkit-tools", daemon=True)
                self._thread.start()
            return self._loop


def _called(name: str, function: Callable[[], Any]) -> object:
    with crashes(f"the tool {name!r}"):
        return function()


async def _awaited(name: str, function: Callable[[], Coroutine[Any, Any, Any]]) -> object:
    with crashes(f"the tool {name!r}"):
        return await function()


def _result(name: str, future: "Future[Any] | asyncio.Future[Any]", seconds: float | None) -> object:
    if not future.done():
        raise TimedOut(name, seconds or 0.0)
    if future.cancelled():
        raise ToolCrashed(f"the tool {name!r} cancelled itself")
    return future.result()


def _in_thread(function: Callable[[], Any]) -> "Future[Any]":
    future: Future[Any] = Future()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            result = context.run(function)
        except BaseException as error:  # noqa: BLE001 - carried over to the caller, who judges it
            if not future.cancelled():
                future.set_exception(error)
        else:
            if not future.cancelled():
                future.set_result(result)

    threading.Thread(target=work, name="reasonkit-tool", daemon=True).start()
    return future


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def _read(task: "asyncio.Future[Any]") -> None:
    """Take the exception of a task that nobody waits for any more, so that asyncio does not report it as lost."""
    if not task.cancelled():
        task.exception()
