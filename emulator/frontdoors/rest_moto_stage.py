"""UpdateStage as AWS has it, where moto takes anything and drops some: settings of methods, both kinds of logs.

Texts of refusals were pasted by users (the role, the destination, the single line, the setting's path), but for those
of a log level, a number or a region that is none, and of a format without a request id: their words are not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from emulator.frontdoors.rest_api import method_key

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
NUMBERS = ("throttling/burstLimit", "throttling/rateLimit", "caching/ttlInSeconds")
NO_ROLE = "CloudWatch Logs role ARN must be set in account settings to enable logging"
_METHOD = re.compile(r"/(?P<resource>.*)/(?P<method>\*|[A-Z]+)/(?P<setting>[a-zA-Z]+/[a-zA-Z]+)")
_WHOLE = re.compile(r"/(?P<resource>.*)/(?P<method>\*|[A-Z]+)")
_DESTINATION = re.compile(r"log-group:[a-zA-Z0-9_/.-]+|deliverystream/[a-zA-Z0-9_.-]+")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]+)?")
_REQUEST_ID = re.compile(r"\$context\.(requestId|extendedRequestId)\b")
_DESTINATION_PATH, _FORMAT_PATH = "/accessLogSettings/destinationArn", "/accessLogSettings/format"
Operation = dict[str, Any]


def update_stage(plain: Callable[..., Any], backend: Any, api: str, name: str, operations: list[Operation]) -> Any:
    """Around moto's own: AWS's refusal, or patches that moto understands."""
    from moto.apigateway.exceptions import BadRequestException

    if refusal := next(filter(None, (_refusal(one, backend) for one in operations)), ""):
        raise BadRequestException(refusal)
    stage = backend.get_stage(api, name)
    kept = [operation for operation in operations if not _removes(operation, stage)]
    return plain(api, name, list(_understood(kept, stage)))


def _refusal(operation: Operation, backend: Any) -> str:
    path, value = operation["path"], str(operation.get("value", ""))
    has_role = bool(backend.account.cloudwatch_role_arn)
    if operation["op"] == "remove":
        return ""
    if path == _DESTINATION_PATH:
        return _bad_destination(value, backend.account_id) or ("" if has_role else NO_ROLE)
    if path == _FORMAT_PATH:
        return _bad_format(value) or ("" if has_role else NO_ROLE)
    found = _METHOD.fullmatch(path)
    if found is None:
        return ""
    if found["setting"] not in SETTINGS:
        return f"Invalid method setting path: {found['setting']}. Must be one of: [{_named()}]"
    if found["setting"] in NUMBERS and not _NUMBER.fullmatch(value):
        return f"Invalid value '{value}' for {found['setting']}: it must be a number"
    if found["setting"] != "logging/loglevel" or value == "OFF":
        return ""
    if value not in LEVELS:
        return f"Invalid logging level '{value}'. Must be one of: [{', '.join(LEVELS)}]"
    return "" if has_role else NO_ROLE


def _bad_destination(arn: str, account: str) -> str:
    parts = arn.split(":", 5)
    if parts[0] != "arn" or len(parts) < 6:
        return ("Invalid ARN specified in the request. ARNs must start with 'arn:' and contain at least 6 elements "
                "separated by colons (:).")
    if _DESTINATION.fullmatch(parts[5]):
        nowhere = f"Invalid ARN specified in the request. There is no region '{parts[3]}'."
        return "" if _is_region(parts[3], account) else nowhere
    allowed = "a-z, A-Z, 0-9, '_', '-', '/', '.'"
    return f"Access Log destination must only contain characters {allowed}: '{parts[5]}'"


def _is_region(name: str, account: str) -> bool:
    from moto.logs.models import logs_backends

    return name in logs_backends[account].regions


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
    stage.method_settings.pop(_key(found, stage), None)
    return True


def _key(found: re.Match[str], stage: Any) -> str:
    """Under which the stage keeps a method's settings: as it was first written, with or without the first slash."""
    written = f"{found['resource'].replace('/', '~1')}/{found['method']}"
    return next((known for known in stage.method_settings if method_key(known) == method_key(written)), written)


def _understood(operations: Iterable[Operation], stage: Any) -> Iterable[Operation]:
    """moto drops settings of resources whose slashes are not escaped, knows no `add`, and has defaults of its own."""
    for operation in operations:
        found = _METHOD.fullmatch(operation["path"])
        if found and found["setting"] in SETTINGS:
            key = _key(found, stage)
            stage.method_settings.setdefault(key, dict(stage.method_settings.get("*/*", DEFAULTS)))
            yield {**operation, "op": "replace", "path": f"/{key}/{found['setting']}"}
        elif operation["path"].startswith("/accessLogSettings/") and operation["op"] == "add":
            yield {**operation, "op": "replace"}
        else:
            yield operation
