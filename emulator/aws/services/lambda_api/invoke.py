"""`Invoke`, on the warm path: no model, no serialiser; the thread that serves the request runs the function."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from emulator.aws.services.lambda_api.destinations import dead_letter_of
from emulator.aws.wire import WireRequest
from emulator.functions.events import EventQueue
from emulator.functions.registry import LATEST, Entry, Unresolved, Version
from emulator.functions.service import Functions, Ready
from emulator.http_connection import HungUp
from emulator.model import AwsCall, AwsReply, Invocation, Outcome

SYNC_LIMIT = 6291456
ASYNC_LIMIT = 1048576
CONTEXT_LIMIT = 3583
TAIL = 4096  # bytes of log in LogResult
TYPES = ("Event", "RequestResponse", "DryRun")
LOG_TYPES = ("None", "Tail")
CAPITAL = ("ResourceNotFoundException", "AccessDeniedException")  # their member is `Message`, others' is `message`
UNTYPED = ("ValidationException", "AccessDeniedException")


def refusal(status: int, code: str, **members: str) -> AwsReply:
    """An error as Lambda's data plane writes it."""
    headers = (("content-type", "application/json"), ("x-amzn-errortype", code))
    return AwsReply(status, headers, json.dumps(members, separators=(",", ":")).encode(), code)


def refused(code: str, message: str, status: int = 400) -> AwsReply:
    """An error that has a message, and says that it is the user's."""
    typed = {} if code in UNTYPED else {"Type": "User"}
    return refusal(status, code, **typed, **{"Message" if code in CAPITAL else "message": message})


@dataclass(frozen=True)
class Found:
    """What the request names, before an invocation is made of it."""

    entry: Entry
    version: Version
    qualifier: str
    client_context: str


@dataclass(frozen=True)
class Invoking:
    """Answers Invoke and InvokeAsync."""

    functions: Functions
    queue: EventQueue

    def answer(self, call: AwsCall, request: WireRequest) -> AwsReply:
        kind = request.header("X-Amz-Invocation-Type") or "RequestResponse"
        if call.operation == "InvokeAsync":
            kind = "Event"
        log_type = request.header("X-Amz-Log-Type") or "None"
        problem = _not_among("invocationType", kind, TYPES) or _not_among("logType", log_type, LOG_TYPES)
        found = problem or self._find(request, kind)
        if isinstance(found, AwsReply):
            return found
        if kind == "DryRun":
            return AwsReply(204, (), b"")
        ready = self._admit(found, call, request, kind)
        if kind == "Event":
            return self._event(ready)
        return answered(self.functions.run(ready), ready.invocation, log_type == "Tail")

    def _find(self, request: WireRequest, kind: str) -> Found | AwsReply:
        """Everything AWS checks before it counts an invocation."""
        limit = ASYNC_LIMIT if kind == "Event" else SYNC_LIMIT
        if len(request.body) > limit:
            text = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
            return refusal(413, "RequestEntityTooLargeException", Message=text)
        context = _client_context(request.header("X-Amz-Client-Context"))
        if isinstance(context, AwsReply):
            return context
        try:
            name, qualifier = str(dict(request.labels)["FunctionName"]), request.query.get("Qualifier", "")
            entry, version, wanted = self.functions.registry.version(name, qualifier)
        except Unresolved as error:
            return refused(error.code, str(error), error.status)
        return _not_json(request.body) or Found(entry, version, wanted, context)

    def _admit(self, found: Found, call: AwsCall, request: WireRequest, kind: str) -> Ready:
        return self.functions.admit(
            found.entry,
            found.version,
            found.qualifier,
            request.body or b"{}",
            "event" if kind == "Event" else "lambda",
            found.client_context,
            call.caller.arn,
            request.header("X-Amzn-Trace-Id"),
        )

    def _event(self, ready: Ready) -> AwsReply:
        entry = self.functions.registry.entry(ready.invocation.function.name)
        config: dict[str, Any] = entry.event.get(ready.qualifier or LATEST, {})
        self.queue.submit(ready, config, dead_letter_of(ready.version.shown))
        return AwsReply(202, _identified(ready.invocation), b"")


def _identified(invocation: Invocation) -> tuple[tuple[str, str], ...]:
    """The request id is the one that the handler sees and the log tells."""
    return ("x-amzn-requestid", invocation.request_id), ("x-amzn-trace-id", invocation.trace_id)


def answered(outcome: Outcome, invocation: Invocation, tail: bool) -> AwsReply:
    """An Outcome as Invoke's answer: a function's error is HTTP 200 with a header. Raises HungUp for a lost one."""
    if outcome.status == "lost":
        raise HungUp
    if outcome.status == "throttled":
        return refusal(429, "TooManyRequestsException", Reason=outcome.reason, Type="User", message="Rate Exceeded.")
    headers = [("content-type", "application/json"), ("x-amz-executed-version", invocation.function.version)]
    headers += _identified(invocation)
    if outcome.function_error:
        headers.append(("x-amz-function-error", outcome.function_error))
    if tail:
        headers.append(("x-amz-log-result", base64.b64encode(outcome.log[-TAIL:]).decode()))
    return AwsReply(200, tuple(headers), outcome.payload, outcome.function_error)


def _not_among(member: str, given: str, choices: tuple[str, ...]) -> AwsReply | None:
    if given in choices:
        return None
    text = f"1 validation error detected: Value '{given}' at '{member}' failed to satisfy constraint: Member must "
    return refused("ValidationException", f"{text}satisfy enum value set: [{', '.join(choices)}]")


def _no_constant(name: str) -> Any:
    raise json.JSONDecodeError(f"Non-standard token '{name}'", name, 0)


_JSON = json.JSONDecoder(parse_constant=_no_constant)  # Python's own takes NaN and Infinity


def _not_json(body: bytes) -> AwsReply | None:
    try:
        if body:
            _JSON.decode(body.decode())
    except (ValueError, RecursionError) as error:
        text = (
            "Could not parse request body into json: Could not parse payload into json: "
            f"{error}\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "
            f"line: {getattr(error, 'lineno', 1)}, column: {getattr(error, 'colno', 1)}]"
        )
        return refused("InvalidRequestContentException", text)
    return None


def _client_context(given: str) -> str | AwsReply:
    """The client context as one line of JSON."""
    if not given:
        return ""
    if len(given) > CONTEXT_LIMIT:
        text = f"Client context must be no more than {CONTEXT_LIMIT} bytes when base64-encoded."
        return refused("InvalidRequestContentException", text)
    try:
        return json.dumps(json.loads(base64.b64decode(given, validate=True)))
    except (ValueError, RecursionError):  # binascii's error is a ValueError
        return refused("InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
