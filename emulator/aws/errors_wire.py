"""Errors in the service's own protocol: the bytes from which an SDK reads Code, Message and status.

A fault says `AwsError("AccessDeniedException", sentence)` whatever the service. Errors common to all services change
name and status with the protocol (COMMON); an error the service models takes its own status, message member and, in
XML, its code from the model. A status other than AwsError's default of 400 always stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape

from emulator.aws import models
from emulator.aws.wire import WireRequest
from emulator.model import AwsError, AwsReply

# code -> protocol -> (code on the wire, status). `query-compatible` is JSON spoken by a service that used to speak
# query: its SDKs read the old code from x-amzn-query-error. Sourced: access denied in json, rest-json and query,
# and the names of expired tokens. The rest, `query-compatible` too, is AWS's convention and was not compared with AWS.
COMMON: Mapping[str, Mapping[str, tuple[str, int]]] = {
    "AccessDeniedException": {
        "json": ("AccessDeniedException", 400), "rest-json": ("AccessDeniedException", 403),
        "query": ("AccessDenied", 403), "rest-xml": ("AccessDenied", 403), "ec2": ("UnauthorizedOperation", 403),
        "query-compatible": ("AccessDenied", 403),
    },
    "ThrottlingException": {
        "json": ("ThrottlingException", 400), "rest-json": ("ThrottlingException", 429),
        "query": ("Throttling", 400), "rest-xml": ("SlowDown", 503), "ec2": ("RequestLimitExceeded", 503),
        "query-compatible": ("Throttling", 400),
    },
    "ExpiredTokenException": {
        "json": ("ExpiredTokenException", 400), "rest-json": ("ExpiredTokenException", 403),
        "query": ("ExpiredToken", 403), "rest-xml": ("ExpiredToken", 400), "ec2": ("ExpiredToken", 400),
        "query-compatible": ("ExpiredToken", 403),
    },
    "UnrecognizedClientException": {
        "json": ("UnrecognizedClientException", 400), "rest-json": ("UnrecognizedClientException", 403),
        "query": ("InvalidClientTokenId", 403), "rest-xml": ("InvalidAccessKeyId", 403), "ec2": ("AuthFailure", 401),
        "query-compatible": ("InvalidClientTokenId", 403),
    },
    "InvalidSignatureException": {
        "json": ("InvalidSignatureException", 400), "rest-json": ("InvalidSignatureException", 403),
        "query": ("SignatureDoesNotMatch", 403), "rest-xml": ("SignatureDoesNotMatch", 403),
        "ec2": ("AuthFailure", 401), "query-compatible": ("SignatureDoesNotMatch", 403),
    },
    "IncompleteSignatureException": {
        "json": ("IncompleteSignatureException", 400), "rest-json": ("IncompleteSignatureException", 403),
        "query": ("IncompleteSignature", 400), "rest-xml": ("AuthorizationHeaderMalformed", 400),
        "ec2": ("AuthFailure", 401), "query-compatible": ("IncompleteSignature", 400),
    },
    "RequestTimeTooSkewed": {"json": ("RequestTimeTooSkewed", 403)},
    "MissingAuthenticationTokenException": {
        "json": ("MissingAuthenticationTokenException", 400), "rest-json": ("MissingAuthenticationTokenException", 403),
        "query": ("MissingAuthenticationToken", 403), "rest-xml": ("AccessDenied", 403),
        "ec2": ("AuthFailure", 401), "query-compatible": ("MissingAuthenticationToken", 403),
    },
    "InternalFailure": {"json": ("InternalFailure", 500), "rest-xml": ("InternalError", 500)},
    "ServiceUnavailable": {"json": ("ServiceUnavailable", 503)},
    "UnknownOperationException": {
        "json": ("UnknownOperationException", 400), "rest-json": ("UnknownOperationException", 404),
        "query": ("InvalidAction", 400), "rest-xml": ("MethodNotAllowed", 405), "ec2": ("InvalidAction", 400),
        "query-compatible": ("InvalidAction", 400),
    },
}
_XML = "<?xml version='1.0' encoding='UTF-8'?>\n"
_XML_CODE = re.compile(rb"<Code>([^<]+)</Code>")


def write_error(request: WireRequest, error: AwsError, members: Mapping[str, object] | None = None,
                headers: tuple[tuple[str, str], ...] = ()) -> AwsReply:
    """An error as the service itself would send it. members: further members of the error, under their wire names."""
    shape = models.error_shape(request.service, error.code) if request.service else {}
    code, status = _named(request, error, shape)
    member = _message_member(shape, error.code)
    content_type, body = _body(request, code, error.message, member, members or {}, status)
    out = [("content-type", content_type), ("x-amzn-requestid", request.request_id), *headers]
    if request.protocol == "rest-json":
        out.append(("x-amzn-errortype", code))
    if query_compatible(request):
        out.append(("x-amzn-query-error", f"{code};{'Sender' if status < 500 else 'Receiver'}"))
    return AwsReply(status, tuple(out), b"" if request.method == "HEAD" else body, code)


def query_compatible(request: WireRequest) -> bool:
    """True for JSON and CBOR clients that read a query protocol's error codes (SQS, CloudWatch)."""
    return request.header("X-Amzn-Query-Mode") == "true" and request.protocol in ("json", "smithy-rpc-v2-cbor")


def error_code(reply: AwsReply) -> str:
    """The error code an answer carries, in whatever protocol; empty when it is no error or names none."""
    if reply.status < 400:
        return ""
    headers = dict(reply.headers)
    if typed := headers.get("x-amzn-errortype"):
        return typed.split(":")[0]
    if found := _XML_CODE.search(reply.body):
        return found[1].decode("utf-8", "replace")
    try:
        body = json.loads(reply.body)
    except ValueError:
        return ""
    named = body.get("__type") or body.get("code") or "" if isinstance(body, dict) else ""
    return str(named).rpartition("#")[2]


def _named(request: WireRequest, error: AwsError, shape: Mapping[str, object]) -> tuple[str, int]:
    family = "query-compatible" if query_compatible(request) else request.protocol
    modelled = shape.get("error", {})
    assert isinstance(modelled, Mapping)
    if not modelled and error.code in COMMON:
        code, status = COMMON[error.code].get(family) or COMMON[error.code]["json"]
    else:
        speaks_xml = family in ("query", "ec2", "rest-xml", "query-compatible")
        code = str(modelled.get("code", error.code)) if speaks_xml else error.code
        status = int(modelled.get("httpStatusCode", 400))
    return code, status if error.status == 400 else error.status


def _message_member(shape: Mapping[str, object], code: str) -> str:
    """AWS spells it `Message` or `message`, error by error, as the model says (AccessDenied: `Message`)."""
    members = shape.get("members", {})
    assert isinstance(members, Mapping)
    modelled = next((name for name in members if name.lower() == "message"), "")
    return modelled or ("Message" if code == "AccessDeniedException" else "message")


def _body(request: WireRequest, code: str, message: str, member: str, members: Mapping[str, object],
          status: int) -> tuple[str, bytes]:
    """(content type, body)."""
    protocol = request.protocol
    if protocol == "json":
        version = "1.0" if request.content_type.endswith("1.0") else "1.1"
        return f"application/x-amz-json-{version}", json.dumps({"__type": code, **members, member: message}).encode()
    if protocol == "rest-json":
        return "application/json", json.dumps({**members, member: message}).encode()
    if protocol == "smithy-rpc-v2-cbor":
        return "application/cbor", _cbor_map({"__type": code, "message": message})
    return "text/xml", (_XML + _xml(request, escape(code, quote=False), escape(message, quote=False), status)).encode()


def _xml(request: WireRequest, code: str, message: str, status: int) -> str:
    inner, rid = f"<Code>{code}</Code><Message>{message}</Message>", request.request_id
    if request.protocol == "ec2":
        return f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{rid}</RequestID></Response>"
    if request.service == "s3" and not request.path.startswith("/v20180820/"):
        return f"<Error>{inner}<RequestId>{rid}</RequestId><HostId>lambdarig</HostId></Error>"
    side = "Sender" if status < 500 else "Receiver"
    return f"<ErrorResponse><Error><Type>{side}</Type>{inner}</Error><RequestId>{rid}</RequestId></ErrorResponse>"


def _cbor_map(texts: Mapping[str, str]) -> bytes:
    """RFC 8949: a map (major type 5) of text strings (major type 3), fewer than 24 pairs."""
    return bytes([0xA0 | len(texts)]) + b"".join(_cbor_text(text) for pair in texts.items() for text in pair)


def _cbor_text(text: str) -> bytes:
    data = text.encode()
    return b"\x7a" + len(data).to_bytes(4, "big") + data
