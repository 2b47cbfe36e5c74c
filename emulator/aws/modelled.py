"""An own AWS service from botocore's model: only the behaviour has to be written.

    class Flows:
        def list_flows(self, params, call): return {"flows": []}
    services = {"appflow": ModelledService("appflow", Flows())}

Requests are read and validated by the model (rest-json, json and query), answers and errors written by it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from typing import Any

from emulator.aws import models, query, rest_json
from emulator.aws.backend import unserved
from emulator.aws.errors_wire import write_error
from emulator.aws.shapes import Malformed, decode_json, encode_json, encode_members, encode_text, report, violations
from emulator.aws.wire import WireRequest
from emulator.model import AwsCall, AwsError, AwsReply


class ServiceError(Exception):
    """What an implementation raises to answer with an error.

    code: the shape's name in the model, or one of AWS's common errors. members: the error's other members
    under their names in the model. status: 400 means the model's own.
    """

    def __init__(self, code: str, message: str = "", status: int = 400, **members: object) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.members = code, message, status, members


class ModelledService:
    """implementation: an object with a method `snake_case_operation(params, call) -> dict` per operation it serves.

    name: boto3's name. params: members by the model's names as boto3 takes them; blobs are bytes, timestamps datetimes.
    rest: answers the operations without a method; without it they are refused.
    """

    def __init__(
        self, name: str, implementation: object, validation_code: str = "ValidationException",
        rest: Callable[[AwsCall, WireRequest], AwsReply] | None = None,
    ) -> None:
        self.name, self.implementation, self.validation_code, self.rest = name, implementation, validation_code, rest

    @cached_property
    def model(self) -> Any:
        """botocore's ServiceModel, loaded by the first call."""
        return models.service_model(self.name)

    def answer(self, call: AwsCall, request: WireRequest) -> AwsReply:
        """Read, validate, call, write."""
        from botocore import xform_name

        method = getattr(self.implementation, xform_name(request.operation), None)
        if method is None and self.rest:
            return self.rest(call, request)
        if request.operation not in models.description(self.name)["operations"]:
            return write_error(request, AwsError("UnknownOperationException", "The operation is not recognized."))
        if method is None:
            return write_error(request, unserved(request))
        operation = self.model.operation_model(request.operation)
        try:
            return self._write(request, operation, method(self.params(request), call) or {})
        except ServiceError as error:
            return self.refuse(request, error)

    def params(self, request: WireRequest) -> dict[str, Any]:
        """The request's members by the model; ServiceError when they break it."""
        shape = self.model.operation_model(request.operation).input_shape
        if shape is None:
            return {}
        try:
            params = self._read(shape, request)
        except Malformed as error:
            raise ServiceError("SerializationException", str(error)) from None
        if wrong := report(violations(shape, params)):
            raise ServiceError(self.validation_code, wrong)
        return params

    def _read(self, shape: Any, request: WireRequest) -> dict[str, Any]:
        if request.protocol == "json":
            members: dict[str, Any] = decode_json(shape, request.json or {})
            return members
        return query.read(shape, request) if request.protocol == "query" else rest_json.read(shape, request)

    def refuse(self, request: WireRequest, error: ServiceError) -> AwsReply:
        """An error as the model writes it: its status, its own `Message` or `message`, other members, headers."""
        names = {str(shape.name) for shape in self.model.error_shapes}
        shape = self.model.shape_for(error.code) if error.code in names else None
        placed = {k: v for k, v in error.members.items() if shape and shape.members[k].serialization.get("location")}
        headers = tuple(
            (shape.members[k].serialization["name"].lower(), encode_text(shape.members[k], v))
            for k, v in placed.items()
        ) if shape else ()
        rest = {k: v for k, v in error.members.items() if k not in placed}
        members = encode_members(shape, rest, rest) if shape else rest
        return write_error(request, AwsError(error.code, error.message, error.status), members, headers)

    def _write(self, request: WireRequest, operation: Any, result: dict[str, Any]) -> AwsReply:
        shape, status = operation.output_shape, int(operation.http.get("responseCode", 200))
        if request.protocol == "json":
            body = json.dumps(encode_json(shape, result) if shape else {}).encode()
            return AwsReply(200, (("content-type", request.content_type or "application/x-amz-json-1.1"),), body)
        if request.protocol == "query":
            return query.write(operation, result, request)
        return rest_json.write(shape, status, result)
