"""What a function may answer behind a Lambda proxy integration of a REST API, and the HTTP reply made of it.

An object with only statusCode, headers, multiValueHeaders, body and isBase64Encoded, each optional; anything else is
malformed and gives 502 (recorded on AWS). Values of both header maps are merged, multiValueHeaders first.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

from emulator.frontdoors.refusals import MALFORMED, SERVER_ERROR
from emulator.frontdoors.rest_event import is_binary
from emulator.model import HttpReply

KEYS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
# the gateway sets these itself; the function's value moves to x-amzn-Remapped-NAME
_REMAPPED = {name.lower(): f"x-amzn-Remapped-{name}" for name in (
    "Connection", "Content-Length", "Date", "Proxy-Authenticate", "Server", "Trailer", "Upgrade", "WWW-Authenticate",
)}
_log = logging.getLogger(__name__)
_DROPPED = frozenset({"keep-alive", "te", "transfer-encoding"})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NO_BODY = frozenset({204, 304})


class Malformed(Exception):
    """The function's answer breaks the contract; the argument says how."""


def read_answer(payload: bytes, accept: str, binary_types: tuple[str, ...]) -> HttpReply:
    """The reply a function's answer makes. accept: the client's Accept header, which decides on binary bodies."""
    try:
        answer = _members(payload)
        status, headers = _status(answer.get("statusCode")), _headers(answer)
        text = answer.get("body") or ""
        if not isinstance(text, str):
            raise Malformed("body is not a string")
        body = text.encode("utf-8", "replace")
        encoded = _flag(answer.get("isBase64Encoded"))
    except Malformed as problem:
        _log.warning("Malformed Lambda proxy response: %s", problem)
        return MALFORMED
    if encoded and binary_types and is_binary(accept, binary_types):
        try:
            body = base64.b64decode(body, validate=True)
        except binascii.Error:
            return SERVER_ERROR
    return HttpReply(status, headers, b"" if status in _NO_BODY else body)


def _members(payload: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if not isinstance(answer, dict):
        raise Malformed("not an object")
    if unknown := answer.keys() - KEYS:
        raise Malformed(f"unknown members {sorted(unknown)}")
    return answer


def _status(value: object) -> int:
    """An integer or its digits; absent is 200. 0 and what HTTP has no room for are malformed (recorded for 0)."""
    if value is None:
        return 200
    if isinstance(value, str) and re.fullmatch("[0-9]{1,4}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Malformed("statusCode is not an integer")
    if not 200 <= value <= 599:
        raise Malformed("statusCode is out of range")
    return value


def _flag(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Malformed("isBase64Encoded is not a boolean")


def _headers(answer: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    singles, lists = answer.get("headers") or {}, answer.get("multiValueHeaders") or {}
    if not isinstance(singles, dict) or not isinstance(lists, dict):
        raise Malformed("headers are not an object")
    if not all(isinstance(values, list) for values in lists.values()):
        raise Malformed("a multiValueHeaders value is not a list")
    merged = [(name, _value(value)) for name, values in lists.items() for value in values]
    seen = {(name.lower(), value) for name, value in merged}
    merged += [(name, text) for name, value in singles.items() if (name.lower(), text := _value(value)) not in seen]
    headers = tuple(_sent(merged))
    if any(name.lower() == "content-type" for name, _ in headers):
        return headers
    return (("Content-Type", "application/json"), *headers)


def _value(value: object) -> str:
    """Booleans and numbers as JSON writes them; what is not a scalar is malformed."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, (bool, int, float)):
        return "" if value is None else json.dumps(value)
    raise Malformed("a header is not a scalar")


def _sent(headers: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Names and values as WSGI carries them (UTF-8 bytes as latin-1)."""
    for name, value in headers:
        if not _NAME.fullmatch(name) or _CONTROL.search(value):
            raise Malformed(f"header {name!r} cannot be sent")
        if name.lower() not in _DROPPED:
            text = value if value.isascii() else value.encode("utf-8", "replace").decode("latin-1")
            yield _REMAPPED.get(name.lower(), name), text
