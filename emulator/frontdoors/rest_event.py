"""A client's request as API Gateway hears it, and the event a function gets for it (REST, payload version 1.0).

Shapes, order of members and the rules on slashes, case and decoding follow what AWS recorded (Jul 2024): an empty map
is null, neither `path` nor the path parameters are decoded, query strings are, and the last of several values wins.
Headers are those of a regional endpoint: CloudFront adds none.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from emulator.frontdoors.rest_api import Route, Stage

Pairs = tuple[tuple[str, str], ...]
RAW_HEADERS = "lambdarig.headers"  # a server that keeps names as sent and repeated headers apart puts them here

# never reach a function (recorded; the last rows are the server's own business)
_DROPPED = frozenset({
    "connection", "content-length", "content-md5", "expect", "max-forwards", "proxy-authenticate", "server", "te",
    "trailer", "transfer-encoding", "upgrade", "www-authenticate",
})
_REWRITTEN = {"authorization": "Authorization", "host": "Host", "user-agent": "User-Agent"}
_to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_OWN = frozenset({"x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"})


@dataclass(frozen=True)
class Request:
    """A request before routing. raw_path: everything between host and query, not decoded. body: whole."""

    method: str
    host: str
    raw_path: str
    query: str
    headers: Pairs
    body: bytes
    source_ip: str
    scheme: str
    port: str

    @cached_property
    def by_name(self) -> Mapping[str, str]:
        """Last value of each header, lower-case names."""
        return {name.lower(): value for name, value in self.headers}


@dataclass(frozen=True)
class Ids:
    """request: uuid. extended: the x-amz-apigw-id. root: trace id, `1-5759e988-bd862e3fe1be46a994272793`."""

    request: str
    extended: str
    root: str


@dataclass(frozen=True)
class Identity:
    """Who signed the request, as `requestContext.identity` shows it: nothing where nobody did. caller: AWS's unique id,
    `AROA...:SESSION` of a role's session. cognito: the four `cognito...` members of a Cognito identity."""

    access_key: str | None = None
    account_id: str | None = None
    caller: str | None = None
    user_arn: str | None = None
    cognito: Mapping[str, str] = field(default_factory=dict)


NOBODY = Identity()


@dataclass(frozen=True)
class Arrived:
    """A request with the stage it is for. path: without the stage. full_path: with it, as sent."""

    request: Request
    stage: Stage
    path: str
    full_path: str
    domain: str
    ids: Ids
    at: datetime


@dataclass(frozen=True)
class Routed(Arrived):
    """A request with its route. parameters: of the path, not decoded. api_key: (id, value)."""

    route: Route
    parameters: Mapping[str, str]
    api_key: tuple[str, str] | None = None
    identity: Identity = NOBODY


def read_request(environ: Mapping[str, Any], body: bytes) -> Request:
    """From a WSGI environ; the raw path from REQUEST_URI where the server gives it."""
    return Request(
        method=environ["REQUEST_METHOD"],
        host=environ.get("HTTP_HOST", ""),
        raw_path=_text(raw_path(environ)),
        query=_text(environ.get("QUERY_STRING", "")),
        headers=tuple((n, _text(v)) for n, v in environ.get(RAW_HEADERS) or _environ_headers(environ)),
        body=body,
        source_ip=environ.get("REMOTE_ADDR") or "127.0.0.1",
        scheme=environ.get("wsgi.url_scheme", "http"),
        port=str(environ.get("SERVER_PORT", "443")),
    )


def raw_path(environ: Mapping[str, Any]) -> str:
    """The path as sent, percent-encoding and all."""
    uri = str(environ.get("REQUEST_URI") or environ.get("RAW_URI") or "")
    if not uri:
        return quote(str(environ.get("PATH_INFO", "")).encode("latin-1"), safe="/:@!$&'()*+,;=~")
    if uri.startswith("/"):
        return uri.split("?", 1)[0].split("#", 1)[0]
    return urlsplit(uri).path or "/"


def build_event(routed: Routed, account: str) -> bytes:
    """The event's JSON, UTF-8."""
    request, stage, route = routed.request, routed.stage, routed.route
    headers = passed_headers(routed)
    query = query_pairs(request)
    body, is_base64 = body_text(request, stage.api.binary_types)
    event = {
        "resource": route.resource,
        "path": routed.path,
        "httpMethod": request.method,
        "headers": dict(headers) or None,
        "multiValueHeaders": _lists(headers) or None,
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _lists(query) or None,
        "pathParameters": dict(routed.parameters) or None,
        "stageVariables": dict(stage.variables) or None,
        "requestContext": _context(routed, account),
        "body": body,
        "isBase64Encoded": is_base64,
    }
    return _to_json(event).encode()


def is_binary(media_type: str, binary_types: Iterable[str]) -> bool:
    """Whether one of the API's binaryMediaTypes covers it; of several only the first counts. `*/*` covers none too."""
    first = media_type.split(",")[0].split(";")[0].strip().lower()
    return any(fnmatchcase(first, kind.lower()) or kind == "*/*" for kind in binary_types)


def _text(wsgi: str) -> str:
    """WSGI hands bytes over as latin-1; AWS reads UTF-8."""
    return wsgi if wsgi.isascii() else wsgi.encode("latin-1", "replace").decode("utf-8", "replace")


def _environ_headers(environ: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """WSGI keeps neither case nor repetition of names: `Title-Case`, values joined by the server."""
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            yield key[5:].replace("_", "-").title(), value
        elif key in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            yield key.replace("_", "-").title(), value


def query_pairs(request: Request) -> list[tuple[str, str]]:
    """The query string, decoded."""
    return parse_qsl(request.query, keep_blank_values=True)


def passed_headers(routed: Routed) -> list[tuple[str, str]]:
    """The headers that API Gateway passes on, with its own, by name."""
    request = routed.request
    kept = [
        (_REWRITTEN.get(name.lower(), name), value) for name, value in request.headers
        if (low := name.lower()) not in _DROPPED and low not in _OWN
    ]
    earlier = request.by_name.get("x-forwarded-for")
    kept += [
        ("X-Amzn-Trace-Id", trace_header(routed)),
        ("X-Forwarded-For", f"{earlier}, {request.source_ip}" if earlier else request.source_ip),
        ("X-Forwarded-Port", request.port),
        ("X-Forwarded-Proto", request.scheme),
    ]
    return sorted(kept, key=lambda pair: pair[0].lower())


def trace_header(routed: Arrived) -> str:
    """The client's own trace if it sent one, else a new root."""
    sent = routed.request.by_name.get("x-amzn-trace-id", "")
    return sent if "Root=" in sent else f"Root={routed.ids.root}"


def trace_root(routed: Arrived) -> str:
    """`1-5759e988-bd862e3fe1be46a994272793` of the trace."""
    parts = trace_header(routed).split(";")
    return next(part.split("Root=")[1] for part in parts if "Root=" in part)


def _lists(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, value in pairs:
        lists.setdefault(name, []).append(value)
    return lists


def body_text(request: Request, binary_types: tuple[str, ...]) -> tuple[str | None, bool]:
    """(body as a function gets it, is it base64)."""
    if not request.body:
        return None, False
    if binary_types and is_binary(request.by_name.get("content-type", ""), binary_types):
        return base64.b64encode(request.body).decode(), True
    return request.body.decode("utf-8", "replace"), False


def _context(routed: Routed, account: str) -> dict[str, Any]:
    stage, route, at = routed.stage, routed.route, routed.at
    operation = {"operationName": route.operation_name} if route.operation_name else {}
    return {
        "resourceId": route.resource_id,
        "resourcePath": route.resource,
        **operation,
        "httpMethod": routed.request.method,
        "extendedRequestId": routed.ids.extended,
        "requestTime": clf(at),
        "path": routed.full_path,
        "accountId": account,
        "protocol": "HTTP/1.1",
        "stage": stage.name,
        "domainPrefix": stage.api.id,
        "requestTimeEpoch": epoch_ms(at),
        "requestId": routed.ids.request,
        "identity": identity(routed),
        "domainName": routed.domain,
        "deploymentId": stage.api.deployment,
        "apiId": stage.api.id,
    }


def identity(routed: Routed) -> dict[str, str | None]:
    """`requestContext.identity`, which is `$context.identity` in an access log."""
    key = {"apiKey": routed.api_key[1], "apiKeyId": routed.api_key[0]} if routed.api_key else {}
    who = routed.identity
    return {
        "cognitoIdentityPoolId": who.cognito.get("cognitoIdentityPoolId"),
        "accountId": who.account_id,
        "cognitoIdentityId": who.cognito.get("cognitoIdentityId"),
        "caller": who.caller,
        "sourceIp": routed.request.source_ip,
        "principalOrgId": None,
        "accessKey": who.access_key,
        "cognitoAuthenticationType": who.cognito.get("cognitoAuthenticationType"),
        "cognitoAuthenticationProvider": who.cognito.get("cognitoAuthenticationProvider"),
        "userArn": who.user_arn,
        "userAgent": routed.request.by_name.get("user-agent"),
        "user": who.caller,
        **key,
    }


def epoch_ms(at: datetime) -> int:
    """Milliseconds since the epoch."""
    return int(at.timestamp() * 1000)


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def clf(at: datetime) -> str:
    """`26/Feb/2019:15:29:33 +0000`, in English whatever the locale."""
    return f"{at.day:02}/{_MONTHS[at.month - 1]}/{at.year}:{at:%H:%M:%S} +0000"
