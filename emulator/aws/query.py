"""The query protocol by botocore's shapes: a form `Names.member.1=a` into members, and members into XML."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from emulator.aws.shapes import Malformed, decode_text, encode_text, write_timestamp
from emulator.aws.wire import WireRequest
from emulator.model import AwsReply

_Form = dict[str, Any]  # `A.member.1=x` as {"A": {"member": {"1": {"": "x"}}}}


def read(shape: Any, request: WireRequest) -> dict[str, Any]:
    """Members of a request; `Malformed` when one cannot be what the model says."""
    form: _Form = {}
    for name, text in request.params.items():
        parts = name.split(".")
        if "" in parts:  # `A..b`, `A.`: no member is called so
            continue
        at = form
        for part in parts:
            at = at.setdefault(part, {})
        at[""] = text
    return _structure(shape, form)


def write(operation: Any, result: Mapping[str, Any], request: WireRequest) -> AwsReply:
    """An answer: `<OpResponse><OpResult>...</OpResult><ResponseMetadata>...`."""
    namespace = operation.service_model.metadata.get("xmlNamespace", "")
    root = Element(f"{operation.name}Response", {"xmlns": namespace} if namespace else {})
    if shape := operation.output_shape:
        _write(root, shape.serialization.get("resultWrapper", f"{operation.name}Result"), shape, result)
    SubElement(SubElement(root, "ResponseMetadata"), "RequestId").text = request.request_id
    headers = (("content-type", "text/xml"), ("x-amzn-requestid", request.request_id))
    return AwsReply(200, headers, tostring(root))


def _value(shape: Any, form: _Form) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, form)
    if kind == "list":
        name = shape.member.serialization.get("name", "member")
        return [_value(shape.member, item) for item in _numbered(shape, form, name)]
    if kind == "map":
        pairs = [(pair.get("key", {}), pair.get("value", {})) for pair in _numbered(shape, form, "entry")]
        return {_value(shape.key, key): _value(shape.value, value) for key, value in pairs}
    return _scalar(shape, str(form.get("", "")))


def _structure(shape: Any, form: _Form) -> dict[str, Any]:
    sent = {name: member.serialization.get("name", name) for name, member in shape.members.items()}
    return {name: _value(shape.members[name], form[key]) for name, key in sent.items() if key in form}


def _numbered(shape: Any, form: _Form, name: str) -> list[_Form]:
    """A list's items or a map's entries; `Names=` is an empty list."""
    items = form if shape.serialization.get("flattened") else form.get(name, {})
    return [items[number] for number in sorted((key for key in items if _is_number(key)), key=int)]


def _is_number(key: str) -> bool:
    return key.isdecimal() and len(key) < 10


def _scalar(shape: Any, text: str) -> Any:
    if shape.type_name != "blob":
        return decode_text(shape, text)
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Malformed("Blob value is not valid base64") from None


def _write(parent: Element, name: str, shape: Any, value: Any) -> None:
    kind = shape.type_name
    if kind == "list" and shape.serialization.get("flattened"):
        for item in value:
            _write(parent, name, shape.member, item)
        return
    own = SubElement(parent, name)
    if kind == "structure":
        _write_members(own, shape, value)
    elif kind == "list":
        for item in value:
            _write(own, shape.member.serialization.get("name", "member"), shape.member, item)
    elif kind == "map":
        for key, item in value.items():
            entry = SubElement(own, "entry")
            _write(entry, "key", shape.key, key)
            _write(entry, "value", shape.value, item)
    elif kind == "timestamp":
        own.text = str(write_timestamp(shape, value, "iso8601"))
    else:
        own.text = encode_text(shape, value)


def _write_members(parent: Element, shape: Any, values: Mapping[str, Any]) -> None:
    """A name the model lacks is a bug of the service."""
    if unknown := set(values) - set(shape.members):
        raise KeyError(f"{shape.name} has no member {', '.join(sorted(unknown))}")
    for name, member in shape.members.items():
        if values.get(name) is not None:
            _write(parent, member.serialization.get("name", name), member, values[name])
