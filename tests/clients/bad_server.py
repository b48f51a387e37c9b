"""A loopback server of the OpenAI protocol that misbehaves as told: in its manners, or byte by byte.

`Manners` is the table of what real servers do with a request that they understand. `Raw` answers are bytes, pauses and
broken connections, for what goes wrong below the protocol. Each request takes the next answer of the script; when the
script has run out, the server answers with its manners.
"""

from __future__ import annotations

import gzip
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

DROP = "drop"
"""Close the connection at once, with a reset."""
HANG = "hang"
"""Say nothing more until the client goes away."""
REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        held: dict[str, Any] = json.loads(self.body)
        return held

    @property
    def chat(self) -> bool:
        return self.path.partition("?")[0].endswith("/chat/completions")


@dataclass(frozen=True)
class Raw:
    """An answer in pieces: bytes to send, seconds to wait, DROP, or HANG."""

    pieces: tuple[bytes | float | str, ...]


@dataclass(frozen=True, kw_only=True)
class Manners:
    """What the server makes of a request that it understands."""

    text: Callable[[dict[str, Any], int], str] = lambda body, index: "The answer is 4."
    """What the model writes, before any stop: of the request and the number of the choice."""
    stop: Literal["honour", "return", "ignore"] = "honour"
    refuse: tuple[str, ...] = ()
    """Parameters answered with 400."""
    n: bool = True
    endpoints: tuple[str, ...] = ("chat", "completions")
    done: bool = True
    """Whether a stream ends with [DONE]."""
    usage: bool = True
    logprobs: Literal["chat", "completions"] | None = None
    """The shape in which they come."""
    detail_errors: bool = False
    """Whether errors come as {"detail": ...}."""
    finish: str | None = "stop"
    chunk: int = 3
    """Characters in a streamed piece."""
    models: tuple[dict[str, Any], ...] = ({"id": "tiny", "object": "model"},)
    key: str | None = None
    """The only key that is let in."""
    context: int | None = None
    """Words that fit; more are a 400."""
    overflow: Literal["refuse", "cut", "garbage"] = "refuse"
    prefill: Literal["plain", "flags"] | None = None
    """How a last assistant turn is continued."""
    grammar: str | None = None
    """The field in which it is read; then the text is the first word that it allows."""
    cached: bool = False
    """Whether a prompt that came before is said to be cached."""
    streams: bool = True


def json_answer(held: Any, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Raw:
    return Raw((http(status, json.dumps(held).encode(), [("content-type", "application/json"), *headers]),))


def page(text: str, status: int) -> Raw:
    return Raw((http(status, text.encode(), [("content-type", "text/html; charset=utf-8")]),))


def http(status: int, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return a whole answer as bytes."""
    return head(status, [*headers, ("content-length", str(len(body)))]) + body


def head(status: int, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def chunk(data: bytes) -> bytes:
    """Return data as one piece of a chunked body; empty data ends it."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


STREAM_HEAD = head(200, [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")])


def event(held: Any) -> bytes:
    return b"data: " + (held if isinstance(held, bytes) else json.dumps(held, ensure_ascii=False).encode()) + b"\n\n"


def delta(text: str, index: int = 0, finish: str | None = None, *, chat: bool = False) -> dict[str, Any]:
    said: dict[str, Any] = {"delta": {"content": text}} if chat else {"text": text}
    return {"choices": [{"index": index, "finish_reason": finish, **said}]}


def completion(*texts: str, finish: str | None = "stop", usage: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the JSON of a completions answer."""
    choices = [{"index": number, "text": text, "finish_reason": finish} for number, text in enumerate(texts)]
    return {"object": "text_completion", "choices": choices, **({"usage": usage} if usage else {})}


@dataclass
class BadServer:
    """The server; use it as a context manager.

    Args:
        script: answers for the first requests, in the order of their arrival.
        manners: for all others.
        tls: encrypts, if given.
    """

    script: Sequence[Raw | Manners] = ()
    manners: Manners = field(default_factory=Manners)
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self.abandoned = 0
        """Connections that the client closed in the middle of an answer."""
        self.left = threading.Event()
        """Set when a client has closed a connection in the middle of an answer."""
        self._lock = threading.Lock()
        self._closing = threading.Event()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 512

        self._server = Server(("127.0.0.1", 0), Handler, bind_and_activate=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def bodies(self) -> list[dict[str, Any]]:
        """Return the JSON of every POST."""
        return [seen.json for seen in self.seen if seen.method == "POST"]

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1
        connection.settimeout(5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls is not None:
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except OSError:
                return
        reader = connection.makefile("rb")
        try:
            while (seen := _read_request(reader)) is not None:
                with self._lock:
                    number = len(self.seen)
                    self.seen.append(seen)
                answer = self.script[number] if number < len(self.script) else self.manners
                pieces = answer.pieces if isinstance(answer, Raw) else behave(answer, seen)
                if not self._send(connection, pieces):
                    return
        except OSError:
            self._note_abandoned()
        finally:
            reader.close()
            connection.close()

    def _send(self, connection: socket.socket, pieces: Any) -> bool:
        """Send an answer; return whether the connection lives on."""
        for piece in pieces:
            if isinstance(piece, bytes):
                connection.sendall(piece)
            elif isinstance(piece, float):
                if self._closing.wait(piece):
                    return False
            elif piece == HANG:
                while not self._closing.is_set():
                    connection.settimeout(0.05)
                    try:
                        if not connection.recv(1):
                            self._note_abandoned()
                            return False
                    except TimeoutError:
                        continue
                return False
            else:  # a reset instead of a tidy end
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.close()
                return False
        return True

    def _note_abandoned(self) -> None:
        with self._lock:
            self.abandoned += 1
        self.left.set()


def _read_request(reader: Any) -> Seen | None:
    first = reader.readline()
    if not first:
        return None
    method, path, _ = first.decode().split(" ", 2)
    headers = {}
    while (line := reader.readline().decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Seen(method, path, headers, reader.read(int(headers.get("content-length", 0))))


def behave(manners: Manners, seen: Seen) -> Iterator[bytes | float | str]:
    """Give the answer of a server with these manners."""
    if manners.key is not None and seen.headers.get("authorization") != f"Bearer {manners.key}":
        said = seen.headers.get("authorization", "nothing")
        yield _error(manners, 401, f"Incorrect API key provided: {said}", code="invalid_api_key")
        return
    if seen.path.endswith("/models"):
        yield json_answer({"object": "list", "data": list(manners.models)}).pieces[0]
        return
    if seen.method == "GET" or ("chat" if seen.chat else "completions") not in manners.endpoints:
        yield _error(manners, 404, "Not Found")
        return
    body = seen.json
    for parameter in manners.refuse:
        if parameter in body:
            yield _error(
                manners,
                400,
                f"Unsupported parameter: '{parameter}' is not supported with this model."
                + (" Use 'max_completion_tokens' instead." if parameter == "max_tokens" else ""),
                code="unsupported_parameter",
                param=parameter,
            )
            return
    words = _words(body)
    if manners.context is not None and manners.overflow == "cut":
        words = min(words, manners.context)
    if manners.context is not None and manners.overflow == "refuse" and words + body["max_tokens"] > manners.context:
        yield _error(
            manners,
            400,
            f"This model's maximum context length is {manners.context} tokens. However, your request has {words} "
            "input tokens. Please reduce the length of the input messages.",
            code="context_length_exceeded",
        )
        return
    count = body.get("n", 1) if manners.n else 1
    texts = [_stopped(manners, _written(manners, body, index), body.get("stop") or []) for index in range(count)]
    usage: dict[str, Any] = {"prompt_tokens": words, "completion_tokens": sum(len(text.split()) for text in texts)}
    if manners.cached:
        usage["prompt_tokens_details"] = {"cached_tokens": words - 1}
    if body.get("stream") and manners.streams:
        yield from _stream(manners, seen, texts, usage)
        return
    choices = []
    for index, text in enumerate(texts):
        written: dict[str, Any] = {"message": {"role": "assistant", "content": text}} if seen.chat else {"text": text}
        choices.append({"index": index, "finish_reason": manners.finish, **written, **_logprobs(manners, text, body)})
    held = {"object": "x", "choices": choices, **({"usage": usage} if manners.usage else {})}
    packed = json.dumps(held).encode()
    headers = [("content-type", "application/json")]
    if "gzip" in seen.headers.get("accept-encoding", ""):
        packed = gzip.compress(packed)
        headers.append(("content-encoding", "gzip"))
    yield http(200, packed, headers)


def _written(manners: Manners, body: dict[str, Any], index: int) -> str:
    """Return what the model writes, a grammar and a last assistant turn heeded where the manners say so."""
    if manners.grammar is not None and manners.grammar in body:
        held = body[manners.grammar]
        return str(held["grammar"] if isinstance(held, dict) else held).split('"')[1]
    text = manners.text(body, index)
    last = body.get("messages", [{"role": "user"}])[-1]
    asked = manners.prefill == "plain" or (manners.prefill == "flags" and body.get("continue_final_message"))
    if last["role"] == "assistant" and asked and text.startswith(last["content"]):
        return text.removeprefix(last["content"])
    return text


def _stream(manners: Manners, seen: Seen, texts: list[str], usage: dict[str, Any]) -> Iterator[bytes]:
    yield STREAM_HEAD
    longest = max(map(len, texts))
    for start in range(0, longest, manners.chunk):
        for index, text in enumerate(texts):
            if text[start : start + manners.chunk]:
                yield chunk(event(delta(text[start : start + manners.chunk], index, chat=seen.chat)))
    for index in range(len(texts)):
        if manners.finish is not None:
            yield chunk(event(delta("", index, manners.finish, chat=seen.chat)))
    if manners.usage and seen.json.get("stream_options", {}).get("include_usage"):
        yield chunk(event({"choices": [], "usage": usage}))
    if manners.done:
        yield chunk(event(b"[DONE]"))
    yield chunk(b"")


def _stopped(manners: Manners, text: str, stop: list[str]) -> str:
    found = [(text.find(mark), mark) for mark in stop if mark in text]
    if not found or manners.stop == "ignore":
        return text
    start, mark = min(found)
    return text[:start] if manners.stop == "honour" else text[: start + len(mark)]


def _logprobs(manners: Manners, text: str, body: dict[str, Any]) -> dict[str, Any]:
    if manners.logprobs is None or "logprobs" not in body:
        return {}
    tokens = [word + " " for word in text.split()]
    if manners.logprobs == "chat":
        return {"logprobs": {"content": [{"token": token, "logprob": -0.5} for token in tokens]}}
    return {"logprobs": {"tokens": tokens, "token_logprobs": [None, *([-0.5] * (len(tokens) - 1))]}}


def _words(body: dict[str, Any]) -> int:
    prompt = body.get("prompt") or " ".join(message["content"] for message in body.get("messages", []))
    return len(prompt.split())


def _error(manners: Manners, status: int, message: str, **more: str) -> bytes:
    held = {"detail": message} if manners.detail_errors else {"error": {"message": message, **more}}
    return http(status, json.dumps(held).encode(), [("content-type", "application/json")])
