"""Addresses: what is sent, what is shown, and that they differ."""

from __future__ import annotations

import pytest

from reasonkit.clients.http.address import parse_address
from reasonkit.errors import InputError


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ("http://localhost:8000/v1", "http://localhost:8000/v1/completions"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1/completions"),
        ("http://localhost:8000/v1/chat/completions", "http://localhost:8000/v1/completions"),
        (" https://[::1]:8/v1 ", "https://[::1]:8/v1/completions"),
        ("https://h.example/a?api-version=1", "https://h.example/a/completions?api-version=1"),
    ],
)
def test_the_path_is_put_under_the_base(given: str, target: str) -> None:
    assert parse_address(given, None).target("/completions") == target


@pytest.mark.parametrize("given", ["localhost:8000", "ftp://x/v1", "http://", "http://x:port/v1", ""])
def test_what_is_no_base_url_is_refused(given: str) -> None:
    with pytest.raises(InputError):
        parse_address(given, None)


def test_a_user_in_the_url_is_sent_as_basic_authorisation_and_not_shown() -> None:
    address = parse_address("https://ann:s3cr%20t@h.example/v1", None)
    assert address.shown == "https://h.example/v1"
    assert address.headers == (("authorization", "Basic YW5uOnMzY3IgdA=="),)
    assert "s3cr" not in repr(address)
    assert "YW5u" not in repr(address)


def test_a_bad_url_is_quoted_without_its_password() -> None:
    with pytest.raises(InputError) as caught:
        parse_address("ftp://ann:hunter2@h/v1", None)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        "Incorrect API key provided: my-own-key-123. You can find",
        "Bearer my-own-key-123",
        "key sk-proj-abcdef0123456789 is wrong",
        "key sk-ab*****************6789 is wrong",
        "https://ann:hunter2@proxy.example is down",
    ],
)
def test_nothing_that_looks_like_a_secret_is_left_in_a_message(said: str) -> None:
    address = parse_address("https://h.example/v1", "my-own-key-123")
    redacted = address.redact(said)
    assert not any(secret in redacted for secret in ("my-own-key", "abcdef", "6789", "hunter2"))
    assert "[hidden]" in redacted


def test_a_key_with_a_line_feed_is_refused_without_being_quoted() -> None:
    with pytest.raises(InputError) as caught:
        parse_address("https://h.example/v1", "topsecret\n")
    assert "topsecret" not in str(caught.value)
