"""Building a client: from strings, from the environment when it is built, and without loading what is not needed."""

from __future__ import annotations

import inspect
import logging
import subprocess
import sys

import pytest

import reasonkit.clients.http as face
from reasonkit.clients.http import HTTPClient, from_address
from reasonkit.errors import AuthenticationFailed, ConnectionFailed, InputError, StatusError
from reasonkit.types import Reply, Request
from tests.clients.bad_server import BadServer, Manners, json_answer
from tests.clients.http.asking import AT_ONCE


def authorised(server: BadServer, client: HTTPClient) -> str | None:
    with client:
        *_, reply = client.stream(Request(prompt="q"))
    assert isinstance(reply, Reply)
    return server.seen[-1].headers.get("authorization")


def test_a_url_is_that_server() -> None:
    with BadServer() as server:
        assert authorised(server, from_address(server.url, model="tiny")) is None


def test_openai_is_the_server_and_the_key_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    with BadServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-environment")
        client = from_address("openai:some/model")
        assert client.describe() == {
            "client": "http",
            "base_url": server.url,
            "endpoint": "completions",
            "model": "some/model",
        }
        assert authorised(server, client) == "Bearer key-of-the-environment"
        assert authorised(server, from_address(server.url, model="m")) == "Bearer key-of-the-environment"


def test_without_a_server_in_the_environment_openai_is_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with from_address("openai:gpt-5-mini", api_key="k") as client:
        assert client.describe()["base_url"] == "https://api.openai.com/v1"
        assert client.capabilities.endpoint == "chat", "the newest models have no other"


def test_the_key_of_the_environment_goes_to_no_other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-environment")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with BadServer() as server:
        assert authorised(server, from_address(server.url, model="m")) is None


def test_a_key_that_is_given_is_sent() -> None:
    with BadServer() as server:
        assert authorised(server, from_address(server.url, model="m", api_key="given")) == "Bearer given"


@pytest.mark.parametrize(
    ("address", "model"), [("localhost:8000", None), ("openai:", None), ("openai:a", "b"), ("gguf:x", None)]
)
def test_another_string_is_refused(address: str, model: str | None) -> None:
    with pytest.raises(InputError):
        from_address(address, model=model)


@pytest.mark.parametrize(
    "options",
    [{"timeout_seconds": 0}, {"max_concurrency": 0}, {"endpoint": "responses"}, {"model": ""}, {"timeout_seconds": -1}],
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        HTTPClient("http://127.0.0.1/v1", **options)  # type: ignore[arg-type]


def test_the_factory_has_every_option_of_the_client() -> None:
    client, factory = inspect.signature(HTTPClient), inspect.signature(from_address)
    assert set(client.parameters) - {"base_url"} == set(factory.parameters) - {"address"}
    for name in set(client.parameters) - {"base_url"}:
        assert client.parameters[name].default == factory.parameters[name].default
        assert client.parameters[name].annotation == factory.parameters[name].annotation


def test_no_type_of_an_http_library_stands_in_the_face() -> None:
    for name in face.__all__:
        for member in [getattr(face, name), *vars(getattr(face, name)).values()]:
            if callable(member) and not isinstance(member, type):
                assert not any(
                    library in str(inspect.signature(member)) for library in ("httpx", "httpcore", "aiohttp")
                )


def test_importing_loads_no_http_library_and_building_no_aiohttp() -> None:
    program = (
        "import sys, reasonkit.clients.http as http\n"
        "libraries = {'httpx', 'httpcore', 'aiohttp', 'pydantic'}\n"
        "assert not libraries & set(sys.modules), libraries & set(sys.modules)\n"
        "client = http.HTTPClient('http://127.0.0.1:9/v1', model='m')\n"
        "assert 'aiohttp' not in sys.modules\n"
        "client.close()\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_each_wait_is_one_line_of_the_log_and_one_event(caplog: pytest.LogCaptureFixture) -> None:
    waits: list[float] = []
    busy = json_answer({"error": {"message": "come back"}}, 503)
    with BadServer([busy, busy]) as server, caplog.at_level(logging.INFO, logger="reasonkit"):
        options = {"retries": AT_ONCE, "on_wait": lambda seconds, reason: waits.append(seconds)}
        with HTTPClient(server.url, model="m", **options) as client:  # type: ignore[arg-type]
            list(client.stream(Request(prompt="q")))
    lines = [record.getMessage() for record in caplog.records if record.name == "reasonkit.clients.http"]
    assert len(lines) == len(waits) == 2
    assert all("come back" in line for line in lines)


def test_the_models_are_listed() -> None:
    manners = Manners(models=({"id": "a"}, {"id": "b"}), key="right")
    with BadServer(manners=manners) as server:
        with HTTPClient(server.url, api_key="right") as client:
            assert client.models() == ("a", "b")
        with HTTPClient(server.url, api_key="wrong") as client, pytest.raises(AuthenticationFailed):
            client.models()
    with HTTPClient(server.url) as client, pytest.raises(ConnectionFailed, match="is the server running"):
        client.models()
    with BadServer([json_answer({}, 404)]) as server, HTTPClient(server.url) as client:
        with pytest.raises(StatusError, match="404"):
            client.models()


@pytest.mark.parametrize("address", ["http://[::1", "http://[::1]:99999/v1", "https://[zz]/v1", "http://"])
def test_an_address_that_cannot_be_read_is_bad_input(address: str) -> None:
    with pytest.raises(InputError):
        from_address(address, model="m")
    with pytest.raises(InputError):
        HTTPClient(address, model="m")


def test_a_base_url_of_the_environment_that_cannot_be_read_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://[::1")
    with pytest.raises(InputError, match="is no address"):
        from_address("http://localhost:1/v1", model="m")
