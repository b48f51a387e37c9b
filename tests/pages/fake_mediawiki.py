"""A loopback server that answers as the MediaWiki API does, and misbehaves when told to.

Replies have the shapes of https://www.mediawiki.org/wiki/API:Query (format=json, the default format version): pages by
their number, normalized titles, redirects with each step of a chain, `missing` and `invalid` marks.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

Misbehaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Wiki:
    """What the server knows, what it is to do wrong next, and what it was asked."""

    articles: dict[str, str] = field(default_factory=dict)
    """Plain-text extract by title."""
    redirects: dict[str, str] = field(default_factory=dict)
    disambiguations: dict[str, str] = field(default_factory=dict)
    """HTML by title."""
    next: list[Misbehaviour] = field(default_factory=list)
    """What each of the next requests meets instead of an answer."""
    always: Misbehaviour | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def answer(self, wanted: dict[str, str]) -> dict[str, Any]:
        if wanted.get("list") == "search":
            return {"batchcomplete": "", "query": self._hits(wanted)}
        title = wanted["titles"]
        query: dict[str, Any] = {}
        shown = title.replace("_", " ").strip()
        shown = shown[:1].upper() + shown[1:]
        if shown != title:
            query["normalized"] = [{"from": title, "to": shown}]
        if re.search(r"[\[\]{}<>|]", shown):
            invalid = {
                "title": shown,
                "invalidreason": "The requested page title contains invalid characters.",
                "invalid": "",
            }
            return {"query": {"pages": {"-1": invalid}}}
        if shown.startswith("De:"):
            return {"query": {"interwiki": [{"title": shown, "iw": "de"}]}}
        steps: list[dict[str, str]] = []
        while "redirects" in wanted and shown in self.redirects and len(steps) < 5:
            steps.append({"from": shown, "to": self.redirects[shown]})
            shown = self.redirects[shown]
        if steps:
            query["redirects"] = steps
        query["pages"] = self._page(shown, wanted)
        return {"batchcomplete": "", "query": query}

    def _page(self, title: str, wanted: dict[str, str]) -> dict[str, Any]:
        if title not in self.articles and title not in self.disambiguations and title not in self.redirects:
            return {"-1": {"ns": 0, "title": title, "missing": ""}}
        number = str(1000 + sum(title.encode()))
        page: dict[str, Any] = {"pageid": int(number), "ns": 0, "title": title}
        if "inprop" in wanted:
            page["fullurl"] = f"https://en.wikipedia.org/wiki/{quote(title.replace(' ', '_'))}"
        if title in self.disambiguations and "pageprops" in wanted.get("prop", ""):
            page["pageprops"] = {"disambiguation": ""}
        if "extracts" in wanted.get("prop", ""):
            page["extract"] = self.articles[title]
            page["revisions"] = [{"revid": 2, "parentid": 1}]
        elif "revisions" in wanted.get("prop", ""):
            page["revisions"] = [
                {"contentformat": "text/x-wiki", "contentmodel": "wikitext", "*": self.disambiguations[title]}
            ]
        return {number: page}

    def _hits(self, wanted: dict[str, str]) -> dict[str, Any]:
        text = wanted["srsearch"].casefold()
        titles = [*self.articles, *self.disambiguations]
        hits = [title for title in titles if all(word in title.casefold() for word in text.split())]
        found: dict[str, Any] = {"searchinfo": {"totalhits": len(hits)} if "srinfo" not in wanted else {}}
        near = get_close_matches(text, {title.casefold(): title for title in titles}, n=1)
        if not hits and near and "srinfo" in wanted:
            found["searchinfo"] = {"suggestion": near[0], "suggestionsnippet": near[0]}
        found["search"] = [{"ns": 0, "title": title} for title in hits[: int(wanted.get("srlimit", 10))]]
        return found


@contextmanager
def served(wiki: Wiki) -> Iterator[str]:
    """Serve a wiki on a loopback port; gives the address of its api.php."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            with wiki.lock:
                wiki.at_once += 1
                wiki.most_at_once = max(wiki.most_at_once, wiki.at_once)
                wanted = {
                    name: values[0]
                    for name, values in parse_qs(urlsplit(self.path).query, keep_blank_values=True).items()
                }
                wiki.asked.append(wanted)
                wiki.headers.append(dict(self.headers.items()))
                wrong = wiki.next.pop(0) if wiki.next else wiki.always
            try:
                if wrong is not None:
                    wrong(self)
                else:
                    send(self, 200, json.dumps(wiki.answer(wanted)).encode())
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            finally:
                with wiki.lock:
                    wiki.at_once -= 1

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/w/api.php"
    finally:
        wiki.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def send(
    handler: BaseHTTPRequestHandler, status: int, body: bytes, *, kind: str = "application/json", **headers: str
) -> None:
    """Send one reply; a header's underscores become hyphens."""
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def status(code: int, **headers: str) -> Misbehaviour:
    return lambda handler: send(handler, code, b"{}", **headers)


def html(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b"<html><body>Our servers are busy</body></html>", kind="text/html; charset=utf-8")


def error(code: str, **headers: str) -> Misbehaviour:
    body = json.dumps({"error": {"code": code, "info": "as said"}}).encode()
    return lambda handler: send(handler, 200, body, **headers)


def silent(wiki: Wiki) -> Misbehaviour:
    """Say nothing until the server is shut down."""

    def wait(handler: BaseHTTPRequestHandler) -> None:
        wiki.over.wait(30)
        handler.close_connection = True

    return wait


def trickling(wiki: Wiki) -> Misbehaviour:
    """Send a byte now and then, without end."""

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        for _ in range(2_000):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            if wiki.over.wait(0.01):
                break
        handler.close_connection = True

    return trickle


def broken_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"query"')
    handler.close_connection = True
