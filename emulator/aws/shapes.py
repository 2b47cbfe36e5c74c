"""Values <-> the wire, by botocore's shapes: read, validate as AWS does, write. Shared by every modelled service.

In Python a value is what boto3 would give: blobs are bytes, timestamps aware datetimes, absent members are absent.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from email.utils import format_datetime
from functools import lru_cache
from typing import Any

_KINDS = {str: "STRING_VALUE", bool: "BOOLEAN_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE"}
_WHOLE = ("integer", "long", "short", "byte")
_JAVA_TOKEN = re.compile(r"\\p\{\w+\}|\\.|[\[\]]|[^\\\[\]]+")
_JAVA = {  # what Python's `re` lacks, as the inside of a character class
    r"\p{Alpha}": "a-zA-Z", r"\p{Digit}": "0-9", r"\p{Alnum}": "a-zA-Z0-9", r"\p{ASCII}": r"\x00-\x7f",
    r"\p{Graph}": "!-~", r"\p{Print}": " -~", r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": r"\s",
    r"\p{IsAlphabetic}": r"\w", r"\p{Punct}": r"!-/:-@\[-`{-~",
}
_JAVA_SURROGATES = (r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010ffff")


class Malformed(ValueError):
    """The bytes cannot be what the model says: AWS's SerializationException, in the manner of its text."""


# --- reading ------------------------------------------------------------------------------------------


def decode_json(shape: Any, value: Any) -> Any:
    """A JSON value as Python's. Unknown members are ignored and nulls are absent, as AWS treats them."""
    if getattr(shape, "is_document_type", False):
        return value
    read = _READ.get(shape.type_name, _scalar)
    try:
        return read(shape, value)
    except RecursionError:
        raise Malformed("Start of structure or map found where not expected.") from None


def decode_text(shape: Any, text: str) -> Any:
    """A label, header or query value."""
    kind = shape.type_name
    try:
        if kind == "boolean":
            return {"true": True, "false": False}[text.lower()]
        if kind in _WHOLE:
            return int(text)
        if kind in ("float", "double"):
            return float(text)
        return _timestamp(shape, text) if kind == "timestamp" else text
    except (KeyError, ValueError):
        raise Malformed(f"STRING_VALUE can not be converted to {_article(kind)}") from None


def _structure(shape: Any, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("Start of structure or map expected." if not isinstance(value, list) else
                        "Start of list found where not expected")
    found = {}
    for name, member in shape.members.items():
        raw = value.get(member.serialization.get("name", name))
        if raw is not None:
            found[name] = decode_json(member, raw)
    return found


def _list(shape: Any, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Malformed("Expected list or null")
    return [None if item is None else decode_json(shape.member, item) for item in value]


def _map(shape: Any, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("Expected map or null")
    return {key: None if item is None else decode_json(shape.value, item) for key, item in value.items()}


def _blob(shape: Any, value: Any) -> bytes:
    try:
        return base64.b64decode(_scalar(shape, value), validate=True)
    except (binascii.Error, ValueError) as error:
        if isinstance(error, Malformed):
            raise
        raise Malformed("Blob value is not valid base64") from None


def _timestamp(shape: Any, value: Any) -> datetime:
    """Epoch seconds as a number or text, ISO 8601, or an HTTP date."""
    from botocore.utils import parse_timestamp

    try:
        if isinstance(value, bool):
            raise ValueError(value)
        moment: datetime = parse_timestamp(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    except (ValueError, TypeError, OverflowError, OSError, RuntimeError):
        raise Malformed(f"{_KINDS.get(type(value), 'Value')} can not be converted to a Timestamp") from None


def _scalar(shape: Any, value: Any) -> Any:
    kind = shape.type_name
    wanted = str if kind in ("string", "blob", "character") else bool if kind == "boolean" else (int, float)
    if isinstance(value, (dict, list)):
        found = "structure or map" if isinstance(value, dict) else "list"
        raise Malformed(f"Start of {found} found where not expected.")
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean"):
        raise Malformed(f"{_KINDS[type(value)]} can not be converted to {_article(kind)}")
    try:
        return int(value) if kind in _WHOLE else value
    except (ValueError, OverflowError):
        raise Malformed(f"NUMBER_VALUE can not be converted to {_article(kind)}") from None


def _article(kind: str) -> str:
    name = "String" if kind in ("string", "blob", "character") else kind.capitalize()
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


_READ: Mapping[str, Callable[[Any, Any], Any]] = {
    "structure": _structure, "list": _list, "map": _map, "blob": _blob, "timestamp": _timestamp,
}


# --- validating ---------------------------------------------------------------------------------------


def violations(shape: Any, value: Any) -> Iterator[str]:
    """AWS's sentence for each thing wrong with `value`, in the model's order."""
    return _wrong(shape, value, "")


def report(sentences: Iterable[str]) -> str:
    """AWS's message for violations; empty when there are none."""
    found = list(sentences)
    count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: "
    return count + "; ".join(found) if found else ""


def null_at(name: str) -> str:
    """The sentence for a required member that is not there."""
    return _said(None, _joined("", name), "Member must not be null")


def _wrong(shape: Any, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        for name in shape.required_members:
            if value.get(name) is None:
                yield _said(None, _joined(path, name), "Member must not be null")
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _wrong(member, value[name], _joined(path, name))
        return
    yield from (_said(value, path, constraint) for constraint in _broken(shape, value))
    if kind == "list":
        for number, item in enumerate(value, 1):
            yield from _item(shape.member, item, f"{path}.{number}.member")
    if kind == "map":
        for key, item in value.items():
            yield from _wrong(shape.key, key, f"{path}.key")
            yield from _item(shape.value, item, f"{path}.{key}.member")


def _item(shape: Any, item: Any, path: str) -> Iterator[str]:
    if item is None:
        yield _said(None, path, "Member must not be null")
    else:
        yield from _wrong(shape, item, path)


def _joined(path: str, name: str) -> str:
    """AWS prints Java's property names: `functionName` for FunctionName."""
    return f"{path}.{name[0].lower()}{name[1:]}" if path else name[0].lower() + name[1:]


def _said(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{_shown(value)}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_shown(item)}" for key, item in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _broken(shape: Any, value: Any) -> Iterator[str]:
    rules, kind = shape.metadata, shape.type_name
    if kind in ("string", "list", "map", "blob"):
        yield from _bounds(rules, len(value), "length")
    elif kind in (*_WHOLE, "float", "double"):
        yield from _bounds(rules, value, "value")
    if kind == "string":
        pattern = _pattern(rules["pattern"]) if "pattern" in rules else None
        if pattern and not pattern.fullmatch(value):
            yield f"Member must satisfy regular expression pattern: {rules['pattern']}"
        if "enum" in rules and value not in rules["enum"]:
            yield f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]"


def _bounds(rules: Mapping[str, Any], size: float, what: str) -> Iterator[str]:
    if "min" in rules and size < rules["min"]:
        yield f"Member must have {what} greater than or equal to {rules['min']}"
    if "max" in rules and size > rules["max"]:
        yield f"Member must have {what} less than or equal to {rules['max']}"


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str] | None:
    """A model's Java pattern; None (not checked) where Python's `re` has no such thing, as other Unicode classes.

    Java's `\\w`, `\\d` and `\\s` are ASCII. Letters by `\\p` are read a little wider, as Python's `\\w`: it has no
    class for them alone.
    """
    flags = re.ASCII if "\\p{" not in text else 0
    try:
        return re.compile("".join(_translated(text.replace(*_JAVA_SURROGATES))), flags)
    except re.error:
        return None


def _translated(text: str) -> Iterator[str]:
    inside = False
    for token in _JAVA_TOKEN.findall(text):
        inside = token == "[" or (inside and token != "]")
        known = _JAVA.get(token)
        yield token if known is None else known if inside else f"[{known}]"


# --- writing ------------------------------------------------------------------------------------------


def encode_json(shape: Any, value: Any) -> Any:
    """A Python value as what `json.dumps` takes."""
    kind = shape.type_name
    if getattr(shape, "is_document_type", False):
        return value
    if kind == "structure":
        return encode_members(shape, value, shape.members)
    if kind == "list":
        return [encode_json(shape.member, item) for item in value]
    if kind == "map":
        return {key: encode_json(shape.value, item) for key, item in value.items()}
    if kind == "blob":
        return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
    return write_timestamp(shape, value, "unixtimestamp") if kind == "timestamp" else value


def encode_members(shape: Any, value: Mapping[str, Any], names: Any) -> dict[str, Any]:
    """These members of a structure, under their wire names. A name the model lacks is a bug of the service."""
    if unknown := set(value) - set(shape.members):
        raise KeyError(f"{shape.name} has no member {', '.join(sorted(unknown))}")
    return {
        shape.members[name].serialization.get("name", name): encode_json(shape.members[name], value[name])
        for name in names if value.get(name) is not None
    }


def encode_text(shape: Any, value: Any) -> str:
    """A header's value."""
    if shape.type_name == "boolean":
        return "true" if value else "false"
    return str(write_timestamp(shape, value, "rfc822") if shape.type_name == "timestamp" else value)


def write_timestamp(shape: Any, value: Any, default: str) -> float | str:
    """In the member's own format: epoch seconds, RFC 822 or ISO 8601. Takes a datetime or epoch seconds."""
    form = str(shape.serialization.get("timestampFormat", default)).lower()
    seconds = value.timestamp() if isinstance(value, datetime) else float(value)
    if form == "unixtimestamp":
        return round(seconds, 3)
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return format_datetime(moment, usegmt=True) if form == "rfc822" else moment.strftime("%Y-%m-%dT%H:%M:%SZ")
