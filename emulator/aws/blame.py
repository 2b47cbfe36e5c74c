"""Whose fault it is that moto stumbled: asked only after it raised, so it costs nothing on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.aws import models, rest_json, shapes
from emulator.aws.wire import WireRequest
from emulator.model import AwsError

UNKNOWN = AwsError("UnknownOperationException", "The requested operation is not recognized by the service.")


def operation_of(request: WireRequest) -> Any:
    """The operation in botocore's model, if the service has one of that name in the protocol it was called in."""
    for name in models.names(request.service):
        described = models.description(name)
        spoken = described["metadata"].get("protocols", [described["metadata"]["protocol"]])
        if request.operation in described["operations"] and request.protocol in spoken:
            return models.service_model(name).operation_model(request.operation)
    return None


def refusal(request: WireRequest) -> AwsError | None:
    """What AWS answers to a request that breaks the service's model; None when the request is in order."""
    operation = operation_of(request)
    if operation is None:
        return UNKNOWN
    shape = operation.input_shape
    if shape is None:
        return None
    try:
        wrong = shapes.report(shapes.violations(shape, _params(shape, request)) if "json" in request.protocol
                              else _missing(shape, request))
    except shapes.Malformed as error:
        return AwsError("SerializationException", str(error))
    return AwsError("ValidationException", wrong) if wrong else None


def _params(shape: Any, request: WireRequest) -> dict[str, Any]:
    if request.protocol == "rest-json":
        return rest_json.read(shape, request)
    params: dict[str, Any] = shapes.decode_json(shape, request.json or {})
    return params


def _missing(shape: Any, request: WireRequest) -> Iterator[str]:
    """Of forms, XML and CBOR only whether the required members are there at all."""
    for name in shape.required_members:
        member = shape.members[name]
        if not _present(member, member.serialization.get("name", name), request):
            yield shapes.null_at(name)


def _present(member: Any, name: str, request: WireRequest) -> bool:
    if request.protocol in ("query", "ec2"):
        return any(key.lower().split(".")[0] == name.lower() for key in request.params)
    place = member.serialization.get("location")
    places = {"uri": name in request.labels, "querystring": name in request.query, "header": bool(request.header(name))}
    return places.get(place, bool(request.body))
