"""The OpenAPI document of the control plane. A test holds it against the routes."""

from __future__ import annotations

from typing import Any

from emulator.catalogue import RULE_KEYS
from emulator.scope import MATCH_KEYS, PER, WHEN_KEYS

_WHEN: dict[str, dict[str, Any]] = {
    "after": {"type": "integer", "minimum": 0},
    "times": {"type": ["integer", "null"], "minimum": 1},
    "every": {"type": "integer", "minimum": 1},
    "between": {"type": ["array", "null"], "items": {"type": "number", "minimum": 0}, "minItems": 2, "maxItems": 2},
    "probability": {"type": "number", "minimum": 0, "maximum": 1},
    "ttl": {"type": ["number", "null"], "exclusiveMinimum": 0},
    "per": {"enum": list(PER)},
}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "fault": {"type": "string", "description": "A name that `lambdarig faults` lists."},
    "name": {"type": "string", "description": "Its label in the record; the fault's name where none is given."},
    "with": {"type": "object", "description": "The fault's parameters."},
    "match": {
        "type": "object",
        "additionalProperties": False,
        "properties": {key: {"type": "string", "description": "`*` and `?` are wildcards"} for key in MATCH_KEYS},
    },
    "when": {"type": "object", "additionalProperties": False, "properties": {key: _WHEN[key] for key in WHEN_KEYS}},
    "optional": {"type": "boolean", "description": "May end without having struck."},
}
_RULE: dict[str, Any] = {
    "type": "object",
    "required": ["fault"],
    "additionalProperties": False,
    "properties": {key: _SCHEMAS[key] for key in RULE_KEYS},
}
_RULES: dict[str, Any] = {
    "oneOf": [
        _RULE,
        {
            "type": "object",
            "required": ["faults"],
            "additionalProperties": False,
            "properties": {"faults": {"type": "array", "items": _RULE}},
        },
    ]
}
_ADVANCE: dict[str, Any] = {
    "type": "object",
    "required": ["advance"],
    "additionalProperties": False,
    "properties": {"advance": {"type": "number", "minimum": 0}},
}
# method, path, summary, request body schema, status on success
ROUTES: tuple[tuple[str, str, str, dict[str, Any] | None, int], ...] = (
    ("get", "/_rig/health", "Answers as soon as the rig serves requests.", None, 200),
    ("get", "/_rig/status", "Functions, environments and rules in force.", None, 200),
    ("post", "/_rig/reset", "As if just started: no rules, functions, AWS state, environments or record.", None, 200),
    ("post", "/_rig/stop", "End the rig.", None, 200),
    ("post", "/_rig/clock", "Move rig time forward, in seconds.", _ADVANCE, 200),
    ("get", "/_rig/faults", "Rules in force.", None, 200),
    ("post", "/_rig/faults", "Arm a rule, or several at once, before the next request.", _RULES, 201),
    ("delete", "/_rig/faults", "Disarm and heal every rule.", None, 200),
    ("delete", "/_rig/faults/{name}", "Disarm and heal one rule.", None, 200),
    (
        "get",
        "/_rig/timeline",
        "What happened, and its fingerprint. `since`: only events after this sequence number.",
        None,
        200,
    ),
    ("get", "/_rig/openapi.json", "This document.", None, 200),
)


def document(version: str) -> dict[str, Any]:
    """OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, summary, body, status in ROUTES:
        paths.setdefault(path, {})[method] = _operation(path, summary, body, status)
    info = {"title": "lambdarig control", "version": version, "description": "For loopback clients only."}
    return {"openapi": "3.1.0", "info": info, "paths": paths}


def _operation(path: str, summary: str, body: dict[str, Any] | None, status: int) -> dict[str, Any]:
    answers = {
        str(status): {"description": "done", "content": {"application/json": {"schema": {"type": "object"}}}},
        "403": {"description": "not a loopback client"},
    }
    operation: dict[str, Any] = {"summary": summary, "responses": answers}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if body is not None or path.endswith("timeline"):
        answers["400"] = {"description": "refused: `message` names the key and the choices"}
    parameters = []
    if "{name}" in path:
        answers["404"] = {"description": "no rule of that name is armed"}
        parameters.append({"name": "name", "in": "path", "required": True, "schema": {"type": "string"}})
    if path.endswith("timeline"):
        parameters.append({"name": "since", "in": "query", "schema": {"type": "integer", "minimum": 0}})
    return {**operation, "parameters": parameters} if parameters else operation
