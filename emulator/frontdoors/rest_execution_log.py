"""A request's lines in the execution log of a REST API, in AWS's order and words.

Sources: CloudWatch events pasted in full (2017, 2018 without data trace, 2019 with), ERROR level of five failures (May
2025), invocations from the console (2020 to 2025; there response headers come before the body).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone

from emulator.frontdoors.refusals import MALFORMED, Refusal
from emulator.frontdoors.rest_event import Routed, body_text, epoch_ms, passed_headers, query_pairs, trace_root
from emulator.frontdoors.rest_lambda import source_arn
from emulator.frontdoors.rest_trail import Endpoint, Trail
from emulator.model import HttpReply

LIMIT = 1024  # characters of a line, without the request id before it
ERROR, INFO, DATA = 1, 2, 3  # from which level a line is written; DATA: with data trace
Line = tuple[int, int, str]  # level, milliseconds since the epoch, text
_SECRET = ("authorization", "x-api-key")
_SIGNED = (
    "accept;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-source-arn;"
    "x-amzn-apigateway-api-id;x-amzn-lambda-integration-tag;x-amzn-trace-id"
)


def lines(trail: Trail, routed: Routed, reply: HttpReply, account: str, ended: int) -> Iterator[Line]:
    """All lines of an admitted request, whatever the level. ended: when the reply was ready."""
    began = epoch_ms(routed.at)
    for level, text in _before(trail, routed):
        yield level, began, text
    if trail.endpoint is not None:
        yield from _call(trail.endpoint, routed, account)
    for level, text in _after(trail, routed, reply):
        yield level, ended, text


def printed(line: str, request_id: str) -> str:
    """As CloudWatch gets it."""
    cut = line if len(line) <= LIMIT else f"{line[:LIMIT]} [TRUNCATED]"
    return f"({request_id}) {cut}"


def masked(secret: str) -> str:
    """All but the last six characters; a short one whole."""
    return "*" * (len(secret) - 6) + secret[-6:] if len(secret) > 6 else "*" * len(secret)


def _before(trail: Trail, routed: Routed) -> Iterator[tuple[int, str]]:
    """Until the integration is called."""
    request, route, stage = routed.request, routed.route, routed.stage
    key, at = masked(_api_key(routed)), f"{stage.api.id}/{stage.name}"
    yield INFO, f"Extended Request Id: {routed.ids.extended}"
    yield INFO, f"Verifying Usage Plan for request: {routed.ids.request}. API Key: {key} API Stage: {at}"
    if not trail.executing:
        return
    if not route.api_key_required:
        method = f"{route.http_method} {route.resource}"
        yield INFO, (f"API Key {key} authorized because method '{method}' does not require API Key. "
                     "Request will not contribute to throttle or quota limits")
    yield INFO, f"Usage Plan check succeeded for API Key {key} and API Stage {at}"
    yield INFO, f"Starting execution for request: {routed.ids.request}"
    yield INFO, f"HTTP Method: {request.method}, Resource Path: {routed.path}"
    yield DATA, f"Method request path: {_braced(routed.parameters.items())}"
    yield DATA, f"Method request query string: {_braced(query_pairs(request))}"
    yield DATA, f"Method request headers: {_braced(passed_headers(routed))}"
    body, binary = body_text(request, stage.api.binary_types)
    yield DATA, f"Method request body before transformations: {'[Binary Data]' if binary else body or ''}"


def not_authorized(routed: Routed) -> str:
    """Why a request without a valid API key goes no further (pasted by a user)."""
    api, route = routed.stage.api, routed.route
    return (
        f"API Key {masked(_api_key(routed))} not authorized because method '{route.http_method} {route.resource}' "
        f"requires API Key and API Key is not associated with a Usage Plan for API Stage {api.id}/{routed.stage.name}: "
        "No Usage Plan found for key and API Stage"
    )


def _api_key(routed: Routed) -> str:
    return routed.request.by_name.get("x-api-key", "") if routed.route.api_key_required else ""


def _call(endpoint: Endpoint, routed: Routed, account: str) -> Iterator[Line]:
    """Lambda is asked, and perhaps answers."""
    sent, received = round(endpoint.sent * 1000), round(endpoint.received * 1000)
    uri = f"https://lambda.{routed.stage.api.region}.amazonaws.com/2015-03-31/functions/{endpoint.function}/invocations"
    yield DATA, sent, f"Endpoint request URI: {uri}"
    yield DATA, sent, f"Endpoint request headers: {_braced(_request_headers(endpoint, routed, account).items())}"
    yield DATA, sent, f"Endpoint request body after transformations: {_text(endpoint.event)}"
    yield DATA, sent, f"Sending request to {uri}"
    if endpoint.status is None:
        return
    yield DATA, received, f"Received response. Status: {endpoint.status}, Integration latency: {endpoint.latency_ms} ms"
    yield DATA, received, f"Endpoint response headers: {_braced(_response_headers(endpoint, routed).items())}"


def _after(trail: Trail, routed: Routed, reply: HttpReply) -> Iterator[tuple[int, str]]:
    endpoint = trail.endpoint
    if endpoint is not None and endpoint.status is not None:
        malformed = isinstance(reply, Refusal) and reply.said == MALFORMED.said
        yield ERROR if malformed else DATA, f"Endpoint response body before transformations: {_text(endpoint.payload)}"
    if isinstance(reply, Refusal):
        yield from ((ERROR, line) for line in reply.said)
        yield ERROR, f"Method completed with status: {reply.status}"
    else:
        yield DATA, f"Method response body after transformations: {_text(reply.body)}"
        yield DATA, f"Method response headers: {_braced(reply.headers)}"
        yield INFO, "Successfully completed execution"
        yield INFO, f"Method completed with status: {reply.status}"
    if endpoint is not None and endpoint.outcome is not None and endpoint.outcome.request_id:
        yield INFO, f"AWS Integration Endpoint RequestId : {endpoint.outcome.request_id}"
        yield INFO, f"X-ray Tracing ID : {trace_root(routed)}"


def _request_headers(endpoint: Endpoint, routed: Routed, account: str) -> Mapping[str, str]:
    """What API Gateway signs and sends; signature and token are drawn from the request's id."""
    api, date = routed.stage.api, datetime.fromtimestamp(endpoint.sent, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    drawn = hashlib.sha512(routed.ids.request.encode()).hexdigest()
    scope = f"ASIA{drawn[:16].upper()}/{date[:8]}/{api.region}/lambda/aws4_request"
    return {
        "x-amzn-lambda-integration-tag": routed.ids.request,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={_SIGNED}, Signature={drawn[:64]}",
        "X-Amz-Date": date,
        "x-amzn-apigateway-api-id": api.id,
        "X-Amz-Source-Arn": source_arn(routed, account),
        "Accept": "application/json",
        "User-Agent": f"AmazonAPIGateway_{api.id}",
        "X-Amz-Security-Token": f"IQoJb3JpZ2luX2VjE{drawn * 6}",
    }


def _response_headers(endpoint: Endpoint, routed: Routed) -> Mapping[str, str]:
    """Of Lambda's answer to Invoke."""
    outcome, payload = endpoint.outcome, endpoint.payload
    assert outcome is not None
    date = datetime.fromtimestamp(endpoint.received, timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {
        "Date": date,
        "Content-Type": "application/json",
        "Content-Length": str(len(payload)),
        "Connection": "keep-alive",
        "x-amzn-RequestId": outcome.request_id,
        "X-Amz-Function-Error": outcome.function_error,
        "x-amzn-Remapped-Content-Length": "0",
        "X-Amz-Executed-Version": outcome.version if endpoint.status == 200 else "",
        "X-Amzn-Trace-Id": f"root={trace_root(routed)};sampled=0",
    }
    return {name: value for name, value in headers.items() if value}


def _braced(pairs: Iterable[tuple[str, str]]) -> str:
    """`{A=b, C=d}`, as Java prints a map: a repeated name once, with its last value; what is secret is masked."""
    shown = {name: masked(value) if name.lower() in _SECRET else value for name, value in pairs}
    return "{" + ", ".join(f"{name}={value}" for name, value in shown.items()) + "}"


def _text(body: bytes) -> str:
    """A body's beginning, as far as a line can hold it."""
    return body[: LIMIT * 4 + 4].decode("utf-8", "replace")
