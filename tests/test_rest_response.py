"""What a function may answer behind a proxy integration: recorded on AWS unless a row says otherwise."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.frontdoors.refusals import MALFORMED, SERVER_ERROR
from emulator.frontdoors.rest_response import read_answer

JSON = ("Content-Type", "application/json")


def read(answer, accept="*/*", binary_types=()):
    return read_answer(json.dumps(answer).encode(), accept, binary_types)


@pytest.mark.parametrize(("answer", "status", "headers", "body"), [
    ({}, 200, [JSON], b""),
    ({"statusCode": 200}, 200, [JSON], b""),
    ({"statusCode": "201"}, 201, [JSON], b""),
    ({"statusCode": None}, 200, [JSON], b""),
    ({"statusCode": 200, "headers": None}, 200, [JSON], b""),
    ({"headers": {"test-header": "value"}}, 200, [JSON, ("test-header", "value")], b""),
    ({"headers": {"header-bool": True, "no": False}}, 200, [JSON, ("header-bool", "true"), ("no", "false")], b""),
    ({"headers": {"n": 1, "f": 1.5}}, 200, [JSON, ("n", "1"), ("f", "1.5")], b""),
    ({"headers": {"content-type": "text/plain"}, "body": "hi"}, 200, [("content-type", "text/plain")], b"hi"),
    ({"body": "é"}, 200, [JSON], "é".encode()),
    ({"body": None}, 200, [JSON], b""),
    ({"multiValueHeaders": {"m": ["1", "2"]}}, 200, [JSON, ("m", "1"), ("m", "2")], b""),
    ({"multiValueHeaders": {"m": ["multi"]}, "headers": {"m": "solo"}}, 200,
     [JSON, ("m", "multi"), ("m", "solo")], b""),
    ({"multiValueHeaders": {"m": ["same"]}, "headers": {"M": "same"}}, 200, [JSON, ("m", "same")], b""),
    ({"headers": {"Date": "x", "Content-Length": "9", "www-authenticate": "Basic"}}, 200,
     [JSON, ("x-amzn-Remapped-Date", "x"), ("x-amzn-Remapped-Content-Length", "9"),
      ("x-amzn-Remapped-WWW-Authenticate", "Basic")], b""),
    ({"headers": {"Transfer-Encoding": "chunked"}}, 200, [JSON], b""),
    ({"headers": {"X": "é"}}, 200, [JSON, ("X", "é".encode().decode("latin-1"))], b""),
    ({"statusCode": 204, "body": "dropped"}, 204, [JSON], b""),
    ({"body": "dGVzdC1kYXRh", "isBase64Encoded": True}, 200, [JSON], b"dGVzdC1kYXRh"),
    ({"body": "dGVzdC1kYXRh"}, 200, [JSON], b"dGVzdC1kYXRh"),
])
def test_a_well_formed_answer_is_sent(answer, status, headers, body):
    reply = read(answer)
    assert (reply.status, list(reply.headers), reply.body) == (status, headers, body)


@pytest.mark.parametrize("answer", [
    {"statusCode": 200, "wrongValue": "value"},
    {"body": {"not": "a string"}},
    {"body": 5},
    {"statusCode": "test"},
    {"statusCode": 0},
    {"statusCode": 1000},
    {"statusCode": True},
    {"statusCode": 200.5},
    {"multiValueHeaders": {"m": "not a list"}},
    {"headers": ["a"]},
    {"headers": {"a": ["b"]}},
    {"headers": {"bad name": "b"}},
    {"headers": {"a": "split\r\nSet-Cookie: x"}},
    {"isBase64Encoded": "yes"},
    {"errorMessage": "boom", "errorType": "Exception"},
    "justAString", 5, None, [], [{"statusCode": 200}],
])
def test_a_malformed_answer_is_502(answer):
    assert read(answer) is MALFORMED


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b"[" * 200_000])
def test_what_is_not_json_is_502(payload):
    assert read_answer(payload, "", ()) is MALFORMED


@pytest.mark.parametrize(("accept", "binary_types", "decoded"), [
    ("image/png", ("image/png",), True),
    ("image/png, text/html", ("image/png",), True),
    ("text/html, image/png", ("image/png",), False),
    ("image/png;q=0.9", ("image/*",), True),
    ("*/*", ("image/png",), False),
    ("", ("*/*",), True),
    ("image/png", (), False),
])
def test_base64_is_decoded_where_the_first_accepted_type_is_binary(accept, binary_types, decoded):
    encoded = base64.b64encode(b"\x00\xff").decode()
    reply = read({"body": encoded, "isBase64Encoded": True}, accept, binary_types)
    assert reply.body == (b"\x00\xff" if decoded else encoded.encode())


def test_bad_base64_is_500():
    assert read({"body": "not base64!", "isBase64Encoded": True}, "a/b", ("*/*",)) is SERVER_ERROR


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=5,
)


@given(st.dictionaries(
    st.sampled_from(["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"]), ANYTHING,
) | ANYTHING)
def test_any_answer_gives_a_reply_that_wsgi_can_send(answer):
    reply = read_answer(json.dumps(answer).encode(), "", ("*/*",))
    assert 200 <= reply.status <= 599
    for name, value in reply.headers:
        assert name.isascii()
        assert not set("\r\n\x00") & set(value.encode("latin-1").decode("latin-1"))
