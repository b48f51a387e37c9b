"""Connections: kept, reopened, closed with their loop, encrypted, sent through a proxy."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reasonkit.clients.http import HTTPClient
from reasonkit.errors import ClientClosed, ConnectionFailed, InputError
from reasonkit.types import Delta, Reply, Request
from tests.clients.bad_server import DROP, HANG, STREAM_HEAD, BadServer, Raw, chunk, delta, event, http
from tests.clients.http.asking import AT_ONCE, FORMS, Form, ask, ask_all

ANSWER = http(200, b'{"choices": [{"text": "fine", "finish_reason": "stop"}]}', [("content-type", "application/json")])


@pytest.mark.parametrize("form", FORMS)
def test_a_kept_connection_that_the_server_has_closed_costs_no_try(form: Form) -> None:
    with BadServer([Raw((ANSWER, DROP))] * 4) as server:
        came, _ = ask_all(form, server.url, *[Request(prompt="q")] * 4, retries=0)
        assert server.connections == 4
    for pieces in came:
        reply = pieces[-1]
        assert isinstance(reply, Reply)
        assert reply.completions[0].text == "fine"
        assert not reply.completions[0].notices


@pytest.mark.parametrize("form", ["httpx", "aiohttp"])
def test_cancelling_the_task_closes_the_connection(form: Form) -> None:
    async def main(url: str) -> None:
        async with HTTPClient(url, model="m", transport=form) as client:
            shown = asyncio.Event()

            async def read() -> None:
                async for piece in client.astream(Request(prompt="q", stream=True)):
                    assert isinstance(piece, Delta)
                    shown.set()

            task = asyncio.create_task(read())
            await shown.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with BadServer([Raw((STREAM_HEAD, chunk(event(delta("The"))), HANG))]) as server:
        asyncio.run(main(server.url))
        assert server.left.wait(5)


@pytest.mark.parametrize("form", ["httpx", "aiohttp"])
def test_cancelling_a_request_that_waits_for_its_turn_leaves_the_turn_to_others(form: Form) -> None:
    async def main(url: str) -> list[str]:
        async with HTTPClient(url, model="m", transport=form, max_concurrency=1) as client:

            async def one() -> str:
                pieces = [piece async for piece in client.astream(Request(prompt="q"))]
                assert isinstance(pieces[-1], Reply)
                return pieces[-1].completions[0].text

            tasks = [asyncio.create_task(one()) for _ in range(5)]
            await asyncio.sleep(0)
            tasks[1].cancel()
            tasks[2].cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            return [text for text in done if isinstance(text, str)]

    with BadServer() as server:
        assert len(asyncio.run(main(server.url))) == 3


@pytest.mark.parametrize("form", ["httpx", "aiohttp"])
def test_one_client_serves_one_event_loop_after_another_and_leaves_nothing_open(form: Form) -> None:
    with BadServer() as server:
        client = HTTPClient(server.url, model="m", transport=form)

        async def one() -> str:
            pieces = [piece async for piece in client.astream(Request(prompt="q"))]
            assert isinstance(pieces[-1], Reply)
            return pieces[-1].completions[0].text

        for _ in range(3):  # nobody closes the client: each loop takes its connections with it
            assert asyncio.run(one()) == "The answer is 4."
        assert server.connections == 3


def test_threads_share_the_connections_of_a_client() -> None:
    with BadServer() as server:
        with HTTPClient(server.url, model="m") as client:

            def work() -> None:
                for _ in range(5):
                    list(client.stream(Request(prompt="q")))

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(server.seen) == 20
        assert server.connections <= 4


@pytest.mark.parametrize("form", FORMS)
def test_the_proxy_that_the_environment_names_is_used(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with BadServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
        assert ask(form, "http://model.example/v1", Request(prompt="q")).completions[0].text == "The answer is 4."
        assert proxy.seen[0].path == "http://model.example/v1/completions"
        assert proxy.seen[0].headers["host"] == "model.example"


def test_a_server_that_the_environment_exempts_is_reached_without_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with BadServer() as proxy, BadServer() as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        ask("sync", server.url, Request(prompt="q"))
        assert not proxy.seen


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
         "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[BadServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with BadServer(tls=context) as server:
        yield server


@pytest.mark.parametrize("form", FORMS)
def test_an_encrypted_server_is_asked_over_one_kept_connection(
    form: Form, tls_server: BadServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    requests = [Request(prompt="q"), Request(prompt="q", stream=True), Request(prompt="q")]
    came, _ = ask_all(form, tls_server.url, *requests)
    assert all(isinstance(pieces[-1], Reply) for pieces in came)
    assert tls_server.connections == 1


@pytest.mark.parametrize("form", FORMS)
def test_a_certificate_that_nobody_vouches_for_is_refused(form: Form, tls_server: BadServer) -> None:
    with pytest.raises(ConnectionFailed, match=r"(?i)certificate"):
        ask(form, tls_server.url, Request(prompt="q"), retries=0)
    assert not tls_server.seen


def test_an_unknown_transport_is_refused() -> None:
    with pytest.raises(InputError, match="'curl'"):
        HTTPClient("http://127.0.0.1/v1", model="m", transport="curl")


def test_a_transport_for_the_other_form_is_refused() -> None:
    with HTTPClient("http://127.0.0.1/v1", model="m", transport=object()) as client:
        with pytest.raises(InputError, match="async use only"):
            list(client.stream(Request(prompt="q")))


def test_a_client_closed_while_it_waits_sends_nothing_more() -> None:
    client = HTTPClient("http://127.0.0.1:9/v1", model="m", retries=AT_ONCE, on_wait=lambda *_: client.close())
    with pytest.raises(ClientClosed):
        list(client.stream(Request(prompt="q")))
