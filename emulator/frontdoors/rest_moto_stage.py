"""UpdateStage as AWS has it, where moto takes anything and drops some: settings of methods, both kinds of logs.

Texts of refusals were pasted by users (the role, the destination, the single line, the setting's path), but for the two
that say that a log level does not exist and that a format lacks a request id: their words are not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

SETTINGS = (  # in the order in which AWS names them
    "metrics/enabled", "logging/dataTrace", "logging/loglevel", "throttling/burstLimit", "throttling/rateLimit",
    "caching/ttlInSeconds", "caching/enabled", "caching/dataEncrypted", "caching/requireAuthorizationForCacheControl",
    "caching/unauthorizedCacheControlHeaderStrategy",
)
DEFAULTS = {
    "metricsEnabled": False, "loggingLevel": "OFF", "dataTraceEnabled": False, "throttlingBurstLimit": 5000,
    "throttlingRateLimit": 10000.0, "cachingEnabled": False, "cacheTtlInSeconds": 300, "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}
LEVELS = ("OFF", "ERROR", "INFO")
NO_ROLE = "CloudWatch Logs role ARN must be set in account settings to enable logging"
_METHOD = re.compile(r"/(?P<resource>.*)/(?P<method>\*|[A-Z]+)/(?P<setting>[a-zA-Z]+/[a-zA-Z]+)")
_WHOLE = re.compile(r"/(?P<resource>.*)/(?P<method>\*|[A-Z]+)")
_DESTINATION = re.compile(r"log-group:[a-zA-Z0-9_/.-]+|deliverystream/[a-zA-Z0-9_.-]+")
_REQUEST_ID = re.compile(r"\$context\.(requestId|extendedRequestId)\b")
_DESTINATION_PATH, _FORMAT_PATH = "/accessLogSettings/destinationArn", "/accessLogSettings/format"
Operation = dict[str, Any]


def update_stage(plain: Callable[..., Any], backend: Any, api: str, name: str, operations: list[Operation]) -> Any:
    """Around moto's own: AWS's refusal, or patches that moto understands."""
    from moto.apigateway.exceptions import BadRequestException

    refusal = next(filter(None, (_refusal(one, bool(backend.account.cloudwatch_role_arn)) for one in operations)), "")
    if refusal:
        raise BadRequestException(refusal)
    stage = backend.get_stage(api, name)
    kept = [operation for operation in operations if not _removes(operation, stage)]
    return plain(api, name, list(_understood(kept, stage)))


def _refusal(operation: Operation, has_role: bool) -> str:
    path, value = operation["path"], str(operation.get("value", ""))
    if operation["op"] == "remove":
        return ""
    if path == _DESTINATION_PATH:
        return _bad_destination(value) or ("" if has_role else NO_ROLE)
    if path == _FORMAT_PATH:
        return _bad_format(value) or ("" if has_role else NO_ROLE)
    found = _METHOD.fullmatch(path)
    if found is None:
        return ""
    if found["setting"] not in SETTINGS:
        return f"Invalid method setting path: {found['setting']}. Must be one of: [{_named()}]"
    if found["setting"] != "logging/loglevel" or value == "OFF":
        return ""
    if value not in LEVELS:
        return f"Invalid logging level '{value}'. Must be one of: [{', '.join(LEVELS)}]"
    return "" if has_role else NO_ROLE


def _bad_destination(arn: str) -> str:
    parts = arn.split(":", 5)
    if parts[0] != "arn" or len(parts) < 6:
        return ("Invalid ARN specified in the request. ARNs must start with 'arn:' and contain at least 6 elements "
                "separated by colons (:).")
    if _DESTINATION.fullmatch(parts[5]):
        return ""
    allowed = "a-z, A-Z, 0-9, '_', '-', '/', '.'"
    return f"Access Log destination must only contain characters {allowed}: '{parts[5]}'"


def _bad_format(format: str) -> str:
    if "\n" in format.rstrip("\n"):
        return ("Access Log format must be single line, new line character is allowed only at end of the format: "
                f"'{format}'")
    if not _REQUEST_ID.search(format):
        return "Access Log format must include at least $context.requestId or $context.extendedRequestId"
    return ""


def _named() -> str:
    """The list as AWS prints it, with its one missing space."""
    return ", ".join(f".../{setting}" for setting in SETTINGS).replace("loglevel, ", "loglevel,")


def _removes(operation: Operation, stage: Any) -> bool:
    """`remove /*/*`: a method's settings go; moto does nothing."""
    found = _WHOLE.fullmatch(operation["path"]) if operation["op"] == "remove" else None
    if found is None or "variables" in found["resource"]:
        return False
    stage.method_settings.pop(f"{found['resource'].replace('/', '~1')}/{found['method']}", None)
    return True


def _understood(operations: Iterable[Operation], stage: Any) -> Iterable[Operation]:
    """moto drops settings of resources whose slashes are not escaped, knows no `add`, and has defaults of its own."""
    for operation in operations:
        found = _METHOD.fullmatch(operation["path"])
        if found and found["setting"] in SETTINGS:
            key = f"{found['resource'].replace('/', '~1')}/{found['method']}"
            stage.method_settings.setdefault(key, dict(stage.method_settings.get("*/*", DEFAULTS)))
            yield {**operation, "op": "replace", "path": f"/{key}/{found['setting']}"}
        elif operation["path"].startswith("/accessLogSettings/") and operation["op"] == "add":
            yield {**operation, "op": "replace"}
        else:
            yield operation
