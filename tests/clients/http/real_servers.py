"""The two servers that install from a package index, each in a process of its own with the same tiny random model.

Run as a script it is the llama.cpp server: `python real_servers.py llama MODEL.gguf PORT`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

START_SECONDS = 120.0


@contextmanager
def llama_server(model: Path) -> Iterator[str]:
    """Run llama.cpp's server, with two slots of 256 tokens; give its base URL."""
    port = _free_port()
    command = [sys.executable, __file__, "llama", str(model), str(port)]
    with _running(command, port, "/health", dict(os.environ), model.parent / "llama.log"):
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def transformers_server(model: Path, *flags: str) -> Iterator[str]:
    """Run `transformers serve`; give its base URL."""
    port = _free_port()
    cache = model.parent / "cache"
    (cache / "hub").mkdir(parents=True, exist_ok=True)  # /v1/models fails without it
    command = [
        sys.executable, "-m", "transformers.cli.transformers", "serve", str(model), "--device", "cpu", "--dtype",
        "float32", "--host", "127.0.0.1", "--port", str(port), *flags,
    ]  # fmt: skip
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(cache)}
    with _running(command, port, "/health", environment, model.parent / "transformers.log"):
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def _running(command: list[str], port: int, health: str, environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file, env=environment) as process:
        try:
            until = time.monotonic() + START_SECONDS
            while not _answers(port, health):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{command[0]} did not start: {log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.1)
            yield
        finally:
            process.kill()


def _answers(port: int, path: str) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _serve_llama(model: str, port: int) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = 512
    params.n_parallel = 2
    params.cpuparams.n_threads = 1
    params.use_jinja = True
    server = xllamacpp.Server(params)
    while server.listening_address:
        time.sleep(1)


if __name__ == "__main__":
    _serve_llama(sys.argv[2], int(sys.argv[3]))
