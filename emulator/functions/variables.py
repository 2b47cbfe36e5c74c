"""The environment variables of an execution environment, as recorded on Lambda."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from emulator.functions import frames
from emulator.model import ON_DEMAND, Function

# Reserved on AWS: a function's configuration may not set them.
RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)

DEFAULTS = {
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
    "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
    "_AWS_XRAY_DAEMON_PORT": "2000",
    "SHLVL": "0",
    "TZ": ":UTC",
}


def log_stream(function: Function, env_id: str, seed: int, day: datetime) -> str:
    """`2026/11/21/[$LATEST]<32 hex>`; with a log group of the function's own, its name stands before the version."""
    digits = hashlib.sha256(f"{seed}/{function.key}/{env_id}".encode()).hexdigest()[:32]
    name = "" if function.log_group == f"/aws/lambda/{function.name}" else function.name
    return f"{day:%Y/%m/%d}/{name}[{function.version}]{digits}"


def variables(
    function: Function, stream: str, credentials: Mapping[str, str], endpoint: str, initialization: str = ON_DEMAND
) -> dict[str, str]:
    """What AWS sets, over what the function's configuration sets, over AWS's defaults that a configuration may change.
    credentials: the three AWS_ variables."""
    given = {
        "_HANDLER": function.handler or "",
        frames.VARIABLE: frames.DESCRIPTOR,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_REGION": function.region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization,
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": "/var/task",
    }
    if function.runtime:
        given["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{function.runtime}"
    if function.log_format == "JSON":
        given |= {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": function.log_level}
    language = {} if function.image else {"LANG": "en_US.UTF-8"}
    return {**language, **DEFAULTS, **function.environment, **given, **credentials}
