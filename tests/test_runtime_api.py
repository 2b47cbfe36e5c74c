"""The Runtime API as AWS's clients meet it: statuses, bodies, states, and whatever else may come over the socket."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lambda_fixtures import PREFIX, Client, request, runtime_client
from runtime_fixtures import running

from emulator.functions.runtime_api import error_type
from emulator.functions.runtime_http import RESPONSE_LIMIT

pytest_plugins = ["runtime_fixtures"]  # fixture: client


def started(client: Client) -> None:
    pass


def ready(client: Client) -> None:
    client.poll_next()
    client.sock = client.connect()  # the first connection waits for its event


def answered(client: Client) -> None:
    running(client)
    client.call("POST", "invocation/id-1/response", b"1")


def failed(client: Client) -> None:
    running(client)
    client.call("POST", "invocation/id-1/error", b"{}")


def init_failed(client: Client) -> None:
    client.call("POST", "init/error", b"{}")


STATES = {
    "Started": started,
    "Ready": ready,
    "Running": running,
    "InvocationResponse": answered,
    "InvocationErrorResponse": failed,
    "InitError": init_failed,
}
CALLS = {
    "next": ("GET", "invocation/next", "Ready"),
    "response": ("POST", "invocation/id-1/response", "InvocationResponse"),
    "error": ("POST", "invocation/id-1/error", "InvocationErrorResponse"),
    "init/error": ("POST", "init/error", "InitError"),
}
ALLOWED = {
    ("Started", "next"),
    ("Started", "init/error"),
    ("Ready", "next"),
    ("Running", "response"),
    ("Running", "error"),
    ("InvocationResponse", "next"),
    ("InvocationErrorResponse", "next"),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("call", CALLS)
def test_a_call_in_a_state(client, state, call):
    STATES[state](client)
    assert client.api.state == state
    method, path, target = CALLS[call]
    client.send(request(method, path, b"{}" if method == "POST" else b""))
    if (state, call) in ALLOWED and call == "next":
        client.pump()
        assert client.api.state == "Ready"
        return
    status, headers, body = client.answer()
    assert headers["content-type"] == "application/json"
    if (state, call) in ALLOWED:
        assert (status, body) == (202, b'{"status":"OK"}\n')
        assert client.api.state == target
    elif call in ("response", "error") and state in ("Started", "Ready", "InitError"):
        assert (status, body) == (400, b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}\n')
    else:
        text = f"State transition from {state} to {target} failed for runtime. Error: State transition is not allowed"
        assert status == 403
        assert json.loads(body) == {"errorMessage": text, "errorType": "InvalidStateTransition"}
        assert client.api.state == state


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("POST", "invocation/id-2/response", 400, "InvalidRequestID"),
        ("POST", "invocation/id-2/error", 400, "InvalidRequestID"),
        ("POST", "invocation/next", 405, "MethodNotAllowed"),
        ("GET", "invocation/id-1/response", 405, "MethodNotAllowed"),
        ("DELETE", "init/error", 405, "MethodNotAllowed"),
        ("GET", "next", 404, "NotFound"),
        ("POST", "response", 404, "NotFound"),
        ("GET", "restore/next", 404, "NotFound"),
        ("GET", "/2015-03-31/runtime/invocation/next", 404, "NotFound"),
        ("PUT", "/2022-07-01/telemetry", 404, "NotFound"),
        ("GET", "/", 404, "NotFound"),
    ],
)
def test_what_a_running_runtime_is_refused(client, method, path, status, kind):
    running(client)
    answer = client.call(method, path, b"{}" if method == "POST" else b"")
    assert answer[0] == status
    assert json.loads(answer[2])["errorType"] == kind
    assert client.api.state == "Running"


@pytest.mark.parametrize("path", ["/ping", PREFIX + "ping"])
def test_ping_is_pong(client, path):
    assert client.call("GET", path)[::2] == (200, b"pong")


def test_error_bodies_are_escaped_as_go_writes_json(client):
    body = client.call("GET", "/<a>&b")[2]
    assert rb"\u003ca\u003e\u0026b" in body
    assert body.endswith(b"}\n")


def test_next_carries_the_event_and_its_headers(client):
    client.poll_next()
    status, headers, body = client.deliver("id-7", b'{"a":1}', **{"Lambda-Runtime-Deadline-Ms": "12"})
    assert (status, body) == (200, b'{"a":1}')
    assert headers["lambda-runtime-aws-request-id"] == "id-7"
    assert headers["lambda-runtime-deadline-ms"] == "12"
    assert headers["content-type"] == "application/json"


def test_a_query_string_is_ignored(client):
    client.send(request("GET", "invocation/next?x=1"))
    assert client.until_happens().kind == "next"


@pytest.mark.parametrize(("call", "kind"), [("response", "response"), ("error", "error")])
def test_what_was_posted_happens(client, call, kind):
    running(client)
    client.call("POST", f"invocation/id-1/{call}", b'{"r":1}')
    assert (client.happened[-1].kind, client.happened[-1].body) == (kind, b'{"r":1}')


def test_an_init_error_carries_its_type(client):
    headers = {"Lambda-Runtime-Function-Error-Type": "Runtime.ImportModuleError"}
    client.call("POST", "init/error", b"{}", headers)
    assert client.happened[-1].error_type == "Runtime.ImportModuleError"


@pytest.mark.parametrize(
    ("given", "call", "kept"),
    [
        ("Runtime.ExitError", "init/error", "Runtime.ExitError"),
        ("Function.Timeout", "error", "Function.Timeout"),
        ("ValueError", "error", "Function.Unknown"),
        ("Runtime.lower", "init/error", "Runtime.Unknown"),
        ("Runtime.X1", "init/error", "Runtime.Unknown"),
        ("", "error", ""),
    ],
)
def test_error_types_of_neither_family_are_unknown(given, call, kept):
    assert error_type({"lambda-runtime-function-error-type": given}, call) == kept


def test_a_response_of_the_limit_is_taken(client):
    running(client)
    assert client.call("POST", "invocation/id-1/response", b"x" * RESPONSE_LIMIT)[0] == 202
    assert len(client.happened[-1].body) == RESPONSE_LIMIT


def test_a_response_past_the_limit_is_413_and_happens_as_too_large(client):
    running(client)
    status, _, body = client.call("POST", "invocation/id-1/response", b"x" * (RESPONSE_LIMIT + 1))
    assert status == 413
    assert json.loads(body) == {
        "errorMessage": "Exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "RequestEntityTooLarge",
    }
    assert client.happened[-1].kind == "too_large"
    client.poll_next()  # the client may go on


CHUNKED = {"Transfer-Encoding": "chunked", "Lambda-Runtime-Function-Response-Mode": "streaming"}


def chunked(*chunks: bytes, trailers: str = "") -> bytes:
    framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = "\r\n".join(
        [f"POST {PREFIX}invocation/id-1/response HTTP/1.1", "Host: rig", *(f"{k}: {v}" for k, v in CHUNKED.items())]
    )
    return head.encode() + b"\r\n\r\n" + framed + b"0\r\n" + trailers.encode() + b"\r\n"


def test_a_chunked_response_is_put_together(client):
    running(client)
    for part in (chunked(b'{"a":', b"1}")[i : i + 7] for i in range(0, 400, 7)):
        client.send(part)
    assert client.answer()[0] == 202
    assert client.happened[-1].body == b'{"a":1}'


def test_an_error_in_the_trailers_is_an_error(client):
    running(client)
    document = b'{"errorType":"E","errorMessage":"m"}'
    trailers = (
        "Lambda-Runtime-Function-Error-Type: Function.Broken\r\n"
        f"Lambda-Runtime-Function-Error-Body: {base64.b64encode(document).decode()}\r\n"
    )
    client.send(chunked(b"half", trailers=trailers))
    assert client.answer()[0] == 202
    seen = client.happened[-1]
    assert (seen.kind, seen.body, seen.error_type) == ("error", document, "Function.Broken")


def test_only_streaming_is_a_response_mode(client):
    running(client)
    headers = {"Lambda-Runtime-Function-Response-Mode": "buffered"}
    status, _, body = client.call("POST", "invocation/id-1/response", b"1", headers)
    assert status == 400
    assert json.loads(body)["errorType"] == "InvalidFunctionResponseMode"
    assert client.happened[-1].error_type == "Runtime.InvalidResponseModeHeader"


def test_pipelined_calls_are_served_in_order(client):
    running(client)
    client.send(request("POST", "invocation/id-1/response", b"1") + request("GET", "invocation/next"))
    assert client.answer()[0] == 202
    while len(client.happened) < 3:
        client.pump()
    assert [one.kind for one in client.happened] == ["next", "response", "next"]
    assert client.deliver("id-2")[1]["lambda-runtime-aws-request-id"] == "id-2"


def test_a_request_in_single_bytes(client):
    for byte in request("GET", "invocation/next"):
        client.send(bytes([byte]))
    assert client.until_happens().kind == "next"


def test_expect_100_continue_is_answered(client):
    running(client)
    client.send(request("POST", "invocation/id-1/response", b"", {"Expect": "100-continue", "Content-Length": "2"}))
    first = b""
    while b"\r\n\r\n" not in first:
        client.pump()
        client.sock.setblocking(False)
        try:
            first += client.sock.recv(100)
        except BlockingIOError:
            continue
        finally:
            client.sock.settimeout(5)
    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_an_offer_of_http2_goes_on_as_http1(client):
    """java.net.http.HttpClient makes it with its first request."""
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAEAAAAIAAAAB"}
    client.send(request("GET", "invocation/next", headers=offer))
    assert client.until_happens().kind == "next"
    client.deliver("id-1")
    assert client.call("POST", "invocation/id-1/response", b"1")[0] == 202


def test_a_second_next_takes_the_first_ones_place(client):
    client.poll_next()
    client.sock = client.connect()
    client.send(request("GET", "invocation/next"))
    for _ in range(5):
        client.pump()
    client.deliver("id-1")
    assert client.call("POST", "invocation/id-1/response", b"1")[0] == 202
    assert [one.kind for one in client.happened] == ["next", "response"]


def test_an_event_waits_for_a_client_that_let_go_of_its_next(client):
    client.poll_next()
    client.sock.close()
    client.pump()
    client.api.deliver("id-1", {}, b"{}", client.clock.monotonic() + 10)
    client.sock = client.connect()
    assert client.call("GET", "invocation/next")[1]["lambda-runtime-aws-request-id"] == "id-1"
    assert client.api.state == "Running"


def test_a_client_that_does_not_read_its_event_costs_no_more_than_the_deadline(client):
    client.poll_next()
    begin = client.clock.monotonic()
    client.api.deliver("id-1", {}, b"x" * (64 << 20), begin + 0.05)
    assert client.api.wait(begin + 0.05).kind == "deadline"
    assert client.clock.monotonic() - begin < 2


# --- anything at all --------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        b"GET ", b"POST ", b"CONNECT ", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b" HTTP/9.9\r\n", b"\r\n", b"\r\n\r\n",
        b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"Upgrade: websocket\r\n",
        b"Connection: Upgrade\r\n", b"ffffffffffffffffff\r\n", b"0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        PREFIX.encode() + b"invocation/next", PREFIX.encode() + b"invocation/id-1/response", b"\x00\xff\xfe", b"%00",
    ]
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(PIECES, st.binary(max_size=40)), max_size=12), st.booleans())
def test_garbage_never_ends_the_driver(pieces, hurry):
    with runtime_client() as client:
        rogue = client.connect()
        rogue.sendall(b"".join(pieces))
        if hurry:
            rogue.close()
        for _ in range(3):
            client.pump()
        rogue.close()
        client.pump()
        assert client.call("GET", "/ping")[0] == 200


def test_an_event_may_allow_a_smaller_answer_in_the_limits_own_words(client):
    client.poll_next()
    client.api.deliver("id-1", {}, b"{}", client.clock.monotonic() + 10, 3)
    client.answer()
    status, _, body = client.call("POST", "invocation/id-1/response", b"1234")
    assert (status, b"6291556 bytes" in body, client.happened[-1].kind) == (413, True, "too_large")
    client.poll_next()
    client.deliver("id-2")
    client.sock = client.connect()
    assert client.call("POST", "invocation/id-2/response", b"1234")[0] == 202
