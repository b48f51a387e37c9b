"""What a failure means, on the words that servers really use."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from reasonkit.clients.http.failures import Refusal, as_error, refused_parameter, retry_after
from reasonkit.clients.http.reply import read_error
from reasonkit.errors import (
    AuthenticationFailed,
    ContextOverflow,
    NoChatTemplate,
    RateLimited,
    ServerFailed,
    StatusError,
)

SENT = {
    "model": "m", "messages": [], "max_tokens": 5, "temperature": 0.0, "top_p": 1.0, "seed": 1, "stop": ["x"], "n": 2,
    "logprobs": True, "stream": True, "stream_options": {},
}  # fmt: skip


def refusal(status: int, body: bytes, **more: float | bool | None) -> Refusal:
    return Refusal(status, read_error(body), more.get("retry_after_seconds"), None)


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ((b'{"error":{"message":"Unsupported parameter: \'stop\' is not supported with this model.","type":'
         b'"invalid_request_error","param":"stop","code":"unsupported_parameter"}}'), "stop"),
        ((b'{"error":{"message":"Unsupported value: \'temperature\' does not support 0.0 with this model. Only the '
         b'default (1) value is supported.","param":"temperature","code":"unsupported_value"}}'), "temperature"),
        ((b'{"error":{"message":"Unsupported parameter: \'max_tokens\' is not supported with this model. Use '
         b'\'max_completion_tokens\' instead.","param":"max_tokens","code":"unsupported_parameter"}}'), "max_tokens"),
        (b'{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs are not permitted"}]}',
         "seed"),
        ((b'{"error":{"code":400,"message":"n_cmpl cannot be greater than the number of slots, please adjust -np",'
         b'"type":"invalid_request_error"}}'), "n"),
        (b'{"error":{"message":"`temperature` and `top_p` cannot both be specified for this model."}}', "top_p"),
        (b'{"detail":"Unexpected keys in the request: {\'stream_options\'}"}', "stream_options"),
        (b'{"error":{"message":"logprobs are not supported with this model"}}', "logprobs"),
        (b'{"message":"Unrecognized request argument supplied: n"}', "n"),
    ],
)  # fmt: skip
def test_a_refused_parameter_is_recognised(body: bytes, parameter: str) -> None:
    assert refused_parameter(refusal(400, body), SENT) == parameter


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"Your organization must be verified to use this model."}}',
        b'{"error":{"message":"max_tokens is too large: 999999. This model supports at most 4096"}}',
        b'{"error":{"message":"This model\'s maximum context length is 10 tokens. max_tokens must be less."}}',
        b'{"error":{"message":"Invalid value for the parameter presence_penalty","param":"presence_penalty"}}',
        b'{"error":{"message":"We could not parse the JSON body of your request. n"}}',
        b"<html><title>400 Bad Request</title></html>",
    ],
)
def test_another_mistake_is_no_refused_parameter(body: bytes) -> None:
    assert refused_parameter(refusal(400, body), SENT) is None


@pytest.mark.parametrize(
    ("status", "body", "prompt_tokens", "limit"),
    [
        (400, (b'{"error":{"message":"This model\'s maximum context length is 4097 tokens. However, you requested 4305 '
              b'tokens (49 in the messages, 4256 in the completion)."}}'), 49, 4097),
        (400, (b'{"object":"error","message":"This model\'s maximum context length is 2048 tokens. However, your request'
              b' has 3000 input tokens. Please reduce the length of the input messages.","code":400}'), 3000, 2048),
        (400, (b'{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it",'
              b'"type":"exceed_context_size_error","n_prompt_tokens":612,"n_ctx":512}}'), 612, 512),
    ],
)  # fmt: skip
def test_an_overflow_names_its_numbers(status: int, body: bytes, prompt_tokens: int, limit: int) -> None:
    error = as_error(refusal(status, body), shown="http://x", max_tokens=7, prompt_tokens=None)
    assert isinstance(error, ContextOverflow)
    assert (error.prompt_tokens, error.max_tokens, error.limit) == (prompt_tokens, 7, limit)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b'{"error":{"message":"Incorrect API key"}}', AuthenticationFailed),
        (403, b"{}", AuthenticationFailed),
        (429, b'{"error":{"message":"slow down"}}', RateLimited),
        (500, b"oops", ServerFailed),
        (418, b"oops", StatusError),
        (400, b'{"detail":"cannot use chat template functions: tokenizer.chat_template is not set"}', NoChatTemplate),
    ],
)
def test_the_error_of_the_tree_follows_the_status_and_the_words(status: int, body: bytes, kind: type) -> None:
    assert type(as_error(refusal(status, body), shown="http://x", max_tokens=1, prompt_tokens=None)) is kind


def test_a_page_is_quoted_by_its_title() -> None:
    page = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title><style>p{}</style></head>" + b"<p>x</p>" * 900
    message = str(as_error(refusal(502, page), shown="http://x", max_tokens=1, prompt_tokens=None))
    assert "502 Bad Gateway" in message
    assert len(message) < 300


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_passes_is_asked_again(status: int) -> None:
    assert refusal(status, b"x").passing


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 501, 307])
def test_what_does_not_pass_is_not(status: int) -> None:
    assert not refusal(status, b"x").passing


def test_a_spent_quota_does_not_pass_though_it_is_a_429() -> None:
    assert not refusal(429, b'{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}').passing


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": formatdate(1_000_007, usegmt=True)}, 7.0),
        ({"retry-after": formatdate(2_000_030, usegmt=True), "date": formatdate(2_000_000, usegmt=True)}, 30.0),
        ({"retry-after": formatdate(999_990, usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=1_000_000.0) == seconds
