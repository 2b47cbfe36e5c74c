"""The event of a REST proxy integration, against what AWS recorded."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.frontdoors.rest_api import Integration, RestApi, Route, Stage
from emulator.frontdoors.rest_event import RAW_HEADERS, Ids, Request, Routed, build_event, raw_path, read_request
from emulator.frontdoors.rest_router import Router

HOST = "abc123.execute-api.us-east-1.localhost"
AT = datetime(2019, 2, 26, 15, 29, 33, 250_000, tzinfo=timezone.utc)
IDS = Ids("6a7c9b1e-0000-4000-8000-000000000001", "Vts2pH6ArPEFcuQ=", "1-5c755b9d-aaaaaaaaaaaaaaaaaaaaaaaa")
HEADERS = (
    ("Host", HOST), ("User-Agent", "python-requests/testing"), ("Accept", "*/*"), ("tEsT-HEADeR", "aValUE"),
    ("authorization", "random-value"), ("Connection", "keep-alive"), ("Content-Length", "0"),
)


def routed(*, method="GET", headers=HEADERS, query="", body=b"", binary=(), variables=None, parameters=None, **more):
    request = Request(method, HOST, "/test/test-path", query, headers, body, "203.0.113.9", "https", "443")
    integration = Integration("AWS_PROXY", "POST", "arn:aws:lambda:us-east-1:123456789012:function:f", 29.0)
    route = Route("res1", "/{proxy+}", "ANY", "NONE", False, more.pop("operation", ""), integration)
    api = RestApi("abc123", "us-east-1", "dep1", binary, "HEADER", Router())
    return Routed(
        request, Stage("test", variables or {}, api), "/test-path", "/test/test-path", HOST, IDS, AT,
        route, {"proxy": "test-path"} if parameters is None else parameters, **more,
    )


def event(**request):
    return json.loads(build_event(routed(**request), "123456789012"))


def test_the_whole_event_is_as_recorded():
    headers = {
        "Accept": "*/*", "Authorization": "random-value", "Host": HOST, "tEsT-HEADeR": "aValUE",
        "User-Agent": "python-requests/testing", "X-Amzn-Trace-Id": "Root=1-5c755b9d-aaaaaaaaaaaaaaaaaaaaaaaa",
        "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Port": "443", "X-Forwarded-Proto": "https",
    }
    assert event() == {
        "resource": "/{proxy+}", "path": "/test-path", "httpMethod": "GET",
        "headers": headers, "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None, "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": "test-path"}, "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012", "apiId": "abc123", "deploymentId": "dep1", "domainName": HOST,
            "domainPrefix": "abc123", "extendedRequestId": "Vts2pH6ArPEFcuQ=", "httpMethod": "GET",
            "identity": {
                "accessKey": None, "accountId": None, "caller": None, "cognitoAuthenticationProvider": None,
                "cognitoAuthenticationType": None, "cognitoIdentityId": None, "cognitoIdentityPoolId": None,
                "principalOrgId": None, "sourceIp": "203.0.113.9", "user": None,
                "userAgent": "python-requests/testing", "userArn": None,
            },
            "path": "/test/test-path", "protocol": "HTTP/1.1", "requestId": "6a7c9b1e-0000-4000-8000-000000000001",
            "requestTime": "26/Feb/2019:15:29:33 +0000", "requestTimeEpoch": 1551194973250, "resourceId": "res1",
            "resourcePath": "/{proxy+}", "stage": "test",
        },
        "body": None, "isBase64Encoded": False,
    }


def test_members_stand_in_awss_order():
    assert list(event()) == [
        "resource", "path", "httpMethod", "headers", "multiValueHeaders", "queryStringParameters",
        "multiValueQueryStringParameters", "pathParameters", "stageVariables", "requestContext", "body",
        "isBase64Encoded",
    ]


def test_query_values_are_decoded_and_plus_is_a_space():
    query = "&".join([
        "dateTimeOffset=2023-06-12T18:05:10.123456+00:00", "email=test%2Balias@gmail.com", "plus=test+alias@gmail.com",
        "url=https://www.google.com/", "whitespace=foo%20bar", "zhash=abort/",
    ])
    assert event(query=query)["queryStringParameters"] == {
        "dateTimeOffset": "2023-06-12T18:05:10.123456 00:00", "email": "test+alias@gmail.com",
        "plus": "test alias@gmail.com", "url": "https://www.google.com/", "whitespace": "foo bar", "zhash": "abort/",
    }


def test_the_last_of_several_query_values_wins():
    made = event(query="category=electronics&category=books&price=10&price=20&price=30&flag")
    assert made["queryStringParameters"] == {"category": "books", "price": "30", "flag": ""}
    assert made["multiValueQueryStringParameters"]["price"] == ["10", "20", "30"]


def test_repeated_headers_are_lists_and_the_last_wins():
    made = event(headers=(("X-A", "1"), ("X-A", "2")))
    assert made["headers"]["X-A"] == "2"
    assert made["multiValueHeaders"]["X-A"] == ["1", "2"]


@pytest.mark.parametrize("name", ["Connection", "Content-MD5", "Max-Forwards", "Server", "TE", "Trailer",
                                  "www-authenticate", "Proxy-Authenticate", "Transfer-Encoding"])
def test_headers_that_never_reach_a_function(name):
    assert name not in event(headers=((name, "x"),))["headers"]


def test_forwarded_for_is_appended_to():
    made = event(headers=(("x-forwarded-for", "10.0.0.1"), ("X-Forwarded-Proto", "gopher")))
    assert made["headers"]["X-Forwarded-For"] == "10.0.0.1, 203.0.113.9"
    assert made["headers"]["X-Forwarded-Proto"] == "https"
    assert made["requestContext"]["identity"]["sourceIp"] == "203.0.113.9"


def test_the_clients_own_trace_is_kept():
    sent = "Root=1-00000000-000000000000000000000001;Sampled=1"
    assert event(headers=(("X-Amzn-Trace-Id", sent),))["headers"]["X-Amzn-Trace-Id"] == sent


def test_empty_maps_are_null_and_stage_variables_are_given():
    made = event(parameters={}, variables={"table": "orders"})
    assert made["pathParameters"] is None
    assert made["stageVariables"] == {"table": "orders"}


def test_an_api_key_and_an_operation_name_appear_where_there_are_any():
    context = event(api_key=("kid", "kvalue"), operation="ListOrders")["requestContext"]
    assert (context["identity"]["apiKey"], context["identity"]["apiKeyId"]) == ("kvalue", "kid")
    assert context["operationName"] == "ListOrders"


@pytest.mark.parametrize(("content_type", "binary", "body", "encoded"), [
    ("image/png", ("image/png",), "/9g=", True),
    ("IMAGE/PNG; x=y", ("image/*",), "/9g=", True),
    ("", ("*/*",), "/9g=", True),
    ("text/plain", ("image/png",), "��", False),
    ("image/png", (), "��", False),
])
def test_a_body_is_base64_where_its_type_is_binary(content_type, binary, body, encoded):
    made = event(method="POST", headers=(("Content-Type", content_type),), body=b"\xff\xd8", binary=binary)
    assert (made["body"], made["isBase64Encoded"]) == (body, encoded)


def test_no_body_is_null_even_where_everything_is_binary():
    made = event(binary=("*/*",))
    assert (made["body"], made["isBase64Encoded"]) == (None, False)


@pytest.mark.parametrize(("environ", "path"), [
    ({"REQUEST_URI": "/dev/a%2Fb/c+d?x=/y"}, "/dev/a%2Fb/c+d"),
    ({"REQUEST_URI": "//dev//a"}, "//dev//a"),
    ({"REQUEST_URI": "http://host:1/dev/a?x"}, "/dev/a"),
    ({"PATH_INFO": "/dev/a b@c"}, "/dev/a%20b@c"),
    ({}, ""),
])
def test_the_path_is_the_one_sent(environ, path):
    assert raw_path(environ) == path


def test_a_server_may_hand_over_headers_as_sent():
    environ = {"REQUEST_METHOD": "GET", "HTTP_X_A": "1", RAW_HEADERS: [("x-A", "1"), ("x-A", "2")]}
    assert read_request(environ, b"").headers == (("x-A", "1"), ("x-A", "2"))


def test_without_them_names_are_title_case_and_utf8_is_read():
    environ = {"REQUEST_METHOD": "GET", "HTTP_X_NAME": "é".encode().decode("latin-1"), "CONTENT_TYPE": "a/b"}
    assert read_request(environ, b"").headers == (("X-Name", "é"), ("Content-Type", "a/b"))


@given(st.text(), st.binary(), st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=4))
def test_any_request_makes_an_event(query, body, headers):
    environ = {"REQUEST_METHOD": "POST", "QUERY_STRING": query, RAW_HEADERS: headers}
    request = read_request(environ, body)
    made = event(query=request.query, body=request.body, headers=request.headers)
    assert made["httpMethod"] == "GET"
