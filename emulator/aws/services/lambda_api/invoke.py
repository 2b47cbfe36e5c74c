"""`Invoke`, on the warm path: no model, no serialiser; the thread that serves the request runs the function."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from emulator.aws.services.lambda_api.destinations import dead_letter_of
from emulator.aws.wire import WireRequest
from emulator.functions.events import EventQueue
from emulator.functions.registry import NoSuchFunction
from emulator.functions.service import Functions, Ready
from emulator.model import AwsCall, AwsReply, Outcome

SYNC_LIMIT = 6291456
ASYNC_LIMIT = 1048576
CONTEXT_LIMIT = 3583
TAIL = 4096  # bytes of log in LogResult
TYPES = ("RequestResponse", "Event", "DryRun")


def refusal(status: int, code: str, **members: str) -> AwsReply:
    """An error as Lambda's data plane writes it."""
    headers = (("content-type", "application/json"), ("x-amzn-errortype", code))
    return AwsReply(status, headers, json.dumps(members).encode(), code)


@dataclass(frozen=True)
class Invoking:
    """Answers Invoke and InvokeAsync."""

    functions: Functions
    queue: EventQueue

    def answer(self, call: AwsCall, request: WireRequest) -> AwsReply:
        kind = request.header("X-Amz-Invocation-Type") or "RequestResponse"
        if call.operation == "InvokeAsync":
            kind = "Event"
        if kind not in TYPES:
            text = f"1 validation error detected: Value '{kind}' at 'invocationType' failed to satisfy constraint: "
            return refusal(
                400, "ValidationException", message=f"{text}Member must satisfy enum value set: [{', '.join(TYPES)}]"
            )
        ready = self._admit(call, request, kind)
        if isinstance(ready, AwsReply):
            return ready
        if kind == "DryRun":
            return AwsReply(204, (), b"")
        if kind == "Event":
            return self._event(ready, request)
        tail = request.header("X-Amz-Log-Type") == "Tail"
        return answered(self.functions.run(ready), ready.invocation.function.version, tail)

    def _admit(self, call: AwsCall, request: WireRequest, kind: str) -> Ready | AwsReply:
        name = unquote(str(dict(request.labels)["FunctionName"]))
        limit = SYNC_LIMIT if kind == "RequestResponse" else ASYNC_LIMIT
        if len(request.body) > limit:
            text = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
            return refusal(413, "RequestEntityTooLargeException", Message=text)
        context = _client_context(request.header("X-Amz-Client-Context"))
        if isinstance(context, AwsReply):
            return context
        try:
            entry, version, qualifier = self.functions.registry.version(name, request.query.get("Qualifier", ""))
            if problem := _not_json(request.body):
                return problem
        except NoSuchFunction as error:
            return refusal(404, "ResourceNotFoundException", Type="User", Message=str(error))
        except ValueError as error:
            return refusal(400, "InvalidParameterValueException", Type="User", message=str(error))
        trace = request.header("X-Amzn-Trace-Id")
        return self.functions.admit(
            entry,
            version,
            qualifier,
            request.body or b"{}",
            "event" if kind == "Event" else "lambda",
            context,
            call.caller.arn,
            trace,
        )

    def _event(self, ready: Ready, request: WireRequest) -> AwsReply:
        function = ready.invocation.function
        entry = self.functions.registry.entry(function.name)
        config: dict[str, Any] = entry.event.get(request.query.get("Qualifier", ""), {})
        self.queue.submit(ready, config, dead_letter_of(entry.latest.shown))
        return AwsReply(202, (("x-amzn-requestid", ready.invocation.request_id),), b"")


def answered(outcome: Outcome, version: str, tail: bool) -> AwsReply:
    """An Outcome as Invoke's answer: a function's error is HTTP 200 with a header."""
    if outcome.status == "throttled":
        return refusal(429, "TooManyRequestsException", Reason=outcome.reason, Type="User", message="Rate Exceeded.")
    headers = [("content-type", "application/json"), ("x-amz-executed-version", version)]
    if outcome.function_error:
        headers.append(("x-amz-function-error", outcome.function_error))
    if tail:
        headers.append(("x-amz-log-result", base64.b64encode(outcome.log[-TAIL:]).decode()))
    return AwsReply(200, tuple(headers), outcome.payload, outcome.function_error)


def _not_json(body: bytes) -> AwsReply | None:
    try:
        if body:
            json.loads(body)
    except (ValueError, RecursionError) as error:
        column = getattr(error, "colno", 1)
        text = (
            "Could not parse request body into json: Could not parse payload into json: "
            f"{error}\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "
            f"line: {getattr(error, 'lineno', 1)}, column: {column}]"
        )
        return refusal(400, "InvalidRequestContentException", Type="User", message=text)
    return None


def _client_context(given: str) -> str | AwsReply:
    """The client context as one line of JSON."""
    if not given:
        return ""
    if len(given) > CONTEXT_LIMIT:
        return refusal(
            400,
            "InvalidRequestContentException",
            Type="User",
            message=f"Client context must be no more than {CONTEXT_LIMIT} bytes when base64-encoded.",
        )
    try:
        return json.dumps(json.loads(base64.b64decode(given, validate=True)))
    except (binascii.Error, ValueError):
        return refusal(
            400,
            "InvalidRequestContentException",
            Type="User",
            message="Client context must be a valid Base64-encoded JSON object.",
        )
