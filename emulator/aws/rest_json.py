"""The rest-json protocol by botocore's shapes: members from label, query, header and body, and back into them."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.shapes import decode_json, decode_text, encode_json, encode_members, encode_text
from emulator.aws.wire import WireRequest
from emulator.model import AwsReply


def read(shape: Any, request: WireRequest) -> dict[str, Any]:
    """Members of a request, each from its place; `Malformed` when one cannot be what the model says."""
    params: dict[str, Any] = {}
    payload = shape.serialization.get("payload")
    for name, member in shape.members.items():
        place = member.serialization.get("location")
        if place:
            value = _placed(member, member.serialization.get("name", name), place, request)
        elif payload:
            value = _payload(member, request) if name == payload else None
        else:
            continue
        if value is not None:
            params[name] = value
    if payload is None and request.body:
        body_members = decode_json(shape, request.json or {})
        params |= {k: v for k, v in body_members.items() if not shape.members[k].serialization.get("location")}
    return params


def _payload(member: Any, request: WireRequest) -> Any:
    if member.type_name == "blob":
        return request.body
    if member.type_name == "string":
        return request.body.decode("utf-8", "replace")
    return decode_json(member, request.json) if request.body and request.json is not None else None


def _placed(member: Any, name: str, place: str, request: WireRequest) -> Any:
    if place == "headers":
        return _prefixed(name, request)
    if place == "querystring" and member.type_name == "list":
        return [decode_text(member.member, item) for item in request.query_list(name)] or None
    text = {"uri": request.labels, "querystring": request.query}.get(place, {}).get(name)
    if place == "header":
        text = request.header(name) or None
    return None if text is None else decode_text(member, text)


def _prefixed(prefix: str, request: WireRequest) -> dict[str, str] | None:
    start = "HTTP_" + prefix.upper().replace("-", "_")
    found = {k[len(start):].lower().replace("_", "-"): v for k, v in request.environ.items() if k.startswith(start)}
    return found or None


def write(shape: Any, status: int, result: dict[str, Any]) -> AwsReply:
    """An answer; status: the operation's, unless a member carries it."""
    headers: list[tuple[str, str]] = []
    members = shape.members if shape else {}
    inside = []
    for name, member in members.items():
        place = member.serialization.get("location")
        if place == "statusCode":
            status = result.get(name, status)
        elif place == "header" and result.get(name) is not None:
            headers.append((member.serialization["name"].lower(), encode_text(member, result[name])))
        elif place == "headers":
            prefix = member.serialization["name"].lower()
            headers += [(prefix + key.lower(), value) for key, value in (result.get(name) or {}).items()]
        elif not place:
            inside.append(name)
    content_type, body = _rest_body(shape, inside, result)
    return AwsReply(status, (("content-type", content_type), *headers), body if status != 204 else b"")


def _rest_body(shape: Any, inside: list[str], result: dict[str, Any]) -> tuple[str, bytes]:
    payload = shape.serialization.get("payload") if shape else None
    if payload is None:
        return "application/json", json.dumps(encode_members(shape, result, inside) if shape else {}).encode()
    member, value = shape.members[payload], result.get(payload)
    if member.type_name in ("blob", "string"):
        data = value.encode() if isinstance(value, str) else bytes(value or b"")
        return "application/octet-stream" if member.type_name == "blob" else "text/plain", data
    return "application/json", json.dumps(encode_json(member, value)).encode() if value is not None else b""
