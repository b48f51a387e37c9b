"""llama.cpp in this process: one owner of the model, asked in JSON.

The library under it, xllamacpp, holds llama.cpp's own server as an object. That server insists on listening; here it
listens on a Unix socket in a private folder (on Windows: on a loopback port), behind a random key, and nothing but the
tokenizer is asked over it. Completions go through the object itself. Not here: requests and replies of this library,
which `client.py` translates.

Source: https://github.com/xorbitsai/xllamacpp (MIT), https://github.com/ggml-org/llama.cpp/tree/master/tools/server
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasonkit.errors import ClientClosed, ClientError, InputError, MissingExtra, WorkerDied

_SILENT = -1
_LONGEST_SOCKET_PATH = 100
"""Bytes; the systems' own limits are 104 and 108."""
_starting = threading.Lock()
"""llama.cpp's start sets process-wide state, so that models are started one after another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How a model is loaded."""

    path: Path
    context: int
    """Tokens of each slot."""
    slots: int
    """Requests that are computed side by side."""
    threads: int
    exact: bool
    """Keep keys and values in fp32 and compute attention plainly, so that text equals that of other backends."""


class Engine:
    """A loaded model; safe to ask from several threads.

    Raises:
        MissingExtra: xllamacpp is not installed.
        InputError: llama.cpp cannot load the file; the message holds its reason.
    """

    def __init__(self, options: EngineOptions) -> None:
        try:
            import xllamacpp
        except ImportError as error:
            raise MissingExtra("a GGUF model", "gguf") from error
        self._key = secrets.token_urlsafe(24)
        folder = tempfile.mkdtemp(prefix="reasonkit-")
        self._remove_folder = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        params = _params(xllamacpp, options)
        params.api_keys = [self._key]
        socket_path = f"{folder}/model.sock"
        if hasattr(socket, "AF_UNIX") and len(socket_path.encode()) <= _LONGEST_SOCKET_PATH:
            params.hostnames = [socket_path]
        self._changed = threading.Condition()
        self._running = 0
        self._closed = False
        try:
            with _starting:
                self._server: Any = xllamacpp.Server(params)
        except RuntimeError as error:
            self._remove_folder()
            raise InputError(f"llama.cpp cannot load {str(options.path)!r}: {_why_not(options.path)}") from error
        self._address: str = self._server.listening_address
        self._await_loop(options.context)

    @property
    def closed(self) -> bool:
        return self._closed

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Return the token ids of `text`; with `special` as a prompt is tokenised, else as a bare piece of text."""
        body = {"content": text, "add_special": special, "parse_special": special}
        tokens = self._post("/tokenize", body)["tokens"]
        return list(tokens)

    def render_chat(self, messages: Sequence[Mapping[str, str]], *, thinking: bool) -> str:
        """Return a chat as the text that the model's own template makes of it."""
        body = {"messages": list(messages), "chat_template_kwargs": {"enable_thinking": thinking}}
        return str(self._post("/apply-template", body)["prompt"])

    def complete(self, payload: Mapping[str, Any], on_chunk: Callable[[dict[str, Any]], bool]) -> None:
        """Compute a completion; `on_chunk` is called in this thread with each piece and returns whether to stop.

        What `on_chunk` raises, KeyboardInterrupt included, ends the computation and is raised here.
        """
        raised: list[BaseException] = []

        def guarded(chunk: dict[str, Any]) -> bool:
            if self._closed:
                return True
            try:
                return on_chunk(chunk)
            except BaseException as error:  # noqa: BLE001  (llama.cpp would swallow it; it is raised below)
                raised.append(error)
                return True

        with self._asked() as server:
            server.handle_completions({**payload, "stream": True}, guarded)
        if raised:
            raise raised[0]
        if self._closed:
            raise ClientClosed("the model was closed while it answered")

    def close(self) -> None:
        """Stop what is computed, wait for it, and free the model."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._running == 0)
            self._server = None
        self._remove_folder()

    @contextmanager
    def _asked(self) -> Iterator[Any]:
        """Hold the server for one question, so that closing waits for it."""
        with self._changed:
            if self._closed:
                raise ClientClosed("the model is closed; make a new client")
            self._running += 1
            server = self._server
        try:
            yield server
        finally:
            del server
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _await_loop(self, context: int) -> None:
        """Return once llama.cpp's loop runs: freed before, it would begin after it was told to end, and never end.

        A prompt that is too long goes through the loop and is refused there without any computation.
        """
        self._server.handle_completions({"prompt": [0] * (2 * context + 512), "max_tokens": 1})

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self._key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        )
        with self._asked():
            try:
                with _connect(self._address) as connection:
                    connection.sendall(head.encode() + content)
                    answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
            except OSError as error:
                raise WorkerDied(f"llama.cpp does not answer any more: {error}") from error
        status, _, rest = answer.partition(b"\r\n")
        reply = json.loads(rest.partition(b"\r\n\r\n")[2])
        if b" 200 " not in status + b" ":
            raise ClientError(f"llama.cpp refused {path}: {reply.get('error', reply)}")
        return dict(reply)


def _connect(address: str) -> socket.socket:
    if address.startswith("unix://"):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(address.removeprefix("unix://"))
        return connection
    host, _, port = address.rpartition("://")[2].rpartition(":")
    return socket.create_connection((host, int(port)))


def _params(xllamacpp: Any, options: EngineOptions) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = str(options.path)
    params.n_ctx = options.context * options.slots
    params.n_parallel = options.slots
    params.kv_unified = False
    params.cpuparams.n_threads = options.threads
    params.cpuparams_batch.n_threads = options.threads
    params.n_threads_http = 1
    params.verbosity = _SILENT
    params.warmup = False
    params.fit_params = False
    params.ui = False
    params.endpoint_slots = False
    params.cache_ram_mib = 0
    if options.exact:
        params.cache_type_k = xllamacpp.ggml_type.GGML_TYPE_F32
        params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return params


_PROBE = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.verbosity, params.n_ctx, params.port = sys.argv[1], 1, 256, 0
params.hostnames = [sys.argv[2]] if sys.argv[2] else params.hostnames
params.api_keys = [sys.argv[3]]
xllamacpp.Server(params)
"""


def _why_not(path: Path) -> str:
    """Return llama.cpp's reason not to load a file, from a second try in a process whose log can be read."""
    with tempfile.TemporaryDirectory(prefix="reasonkit-") as folder:
        address = f"{folder}/probe.sock" if hasattr(socket, "AF_UNIX") else ""
        command = [sys.executable, "-c", _PROBE, str(path), address, secrets.token_urlsafe(24)]
        try:
            run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return "it gave no reason"
    if run.returncode == 0:
        return "it loads alone with a small context, so memory is short: lower max_context or slots"
    errors = [line.partition(" E ")[2] for line in run.stderr.splitlines() if " E " in line]
    reasons = [line.partition("error loading model: ")[2] for line in errors if "error loading model: " in line]
    return (reasons or errors or ["it gave no reason"])[0].strip()
