"""CreateFunction's parameters -> a Version, and a Version -> AWS's FunctionConfiguration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.lambda_api.shop import invalid
from emulator.functions.registry import Version
from emulator.functions.service import stable_uuid
from emulator.functions.variables import RESERVED
from emulator.model import Function

ENVIRONMENT_LIMIT = 4096
LIMITS = {"Timeout": (1, 900), "MemorySize": (128, 10240)}
SHOWN = (
    "Description",
    "DeadLetterConfig",
    "KMSKeyArn",
    "TracingConfig",
    "VpcConfig",
    "Architectures",
    "FileSystemConfigs",
    "SnapStart",
)


def check(params: Mapping[str, Any]) -> None:
    """Limits that botocore's model does not hold (it has those of managed instances). Raises ServiceError."""
    for name, (low, high) in LIMITS.items():
        value = params.get(name)
        if value is not None and not low <= value <= high:
            bound = f"greater than or equal to {low}" if value < low else f"less than or equal to {high}"
            member = name[0].lower() + name[1:]
            raise ServiceError(
                "ValidationException",
                f"1 validation error detected: Value '{value}' at '{member}' "
                f"failed to satisfy constraint: Member must have value {bound}",
            )
    check_environment((params.get("Environment") or {}).get("Variables") or {})


def check_runtime(runtime: object, runtimes: tuple[str, ...]) -> None:
    """Raises ServiceError; comes before the model's own check, whose code and words are not Lambda's."""
    if isinstance(runtime, str) and runtime not in runtimes:
        raise invalid(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(runtimes)}] or be a valid ARN"
        )


def check_environment(variables: Mapping[str, str]) -> None:
    """Raises ServiceError for reserved names and for more than 4 KB."""
    taken = sorted(RESERVED & variables.keys())
    if taken:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you "
            f"have provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(taken)}"
        )
    measured = json.dumps(dict(variables), separators=(",", ":"))
    if len(measured.encode()) > ENVIRONMENT_LIMIT:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you "
            f"have provided exceeded the 4KB limit. String measured: {measured}"
        )


def configured(function: Function, params: Mapping[str, Any], layers: tuple[Path, ...] | None) -> Function:
    """`function` with what `params` (of Create or UpdateFunctionConfiguration) say; a new revision."""
    logging = params.get("LoggingConfig") or {}
    image = params.get("ImageConfig") or {}
    given: dict[str, Any] = {
        "runtime": params.get("Runtime"),
        "handler": params.get("Handler"),
        "role": params.get("Role"),
        "timeout_s": params.get("Timeout"),
        "memory_mb": params.get("MemorySize"),
        "ephemeral_mb": (params.get("EphemeralStorage") or {}).get("Size"),
        "environment": (params["Environment"].get("Variables") or {}) if "Environment" in params else None,
        "log_group": logging.get("LogGroup"),
        **_logging(function, logging),
        "layers": layers,
        "image_command": tuple(image["Command"]) if "Command" in image else None,
        "image_entrypoint": tuple(image["EntryPoint"]) if "EntryPoint" in image else None,
    }
    return replace(function, **{name: value for name, value in given.items() if value is not None})


def _logging(function: Function, given: Mapping[str, str]) -> dict[str, str]:
    """Members of Function that tell how it logs; levels are JSON's alone."""
    levels = {"log_level": given.get("ApplicationLogLevel"), "system_log_level": given.get("SystemLogLevel")}
    form = given.get("LogFormat", function.log_format)
    if form == "JSON":
        kept = {name: value or getattr(function, name) or "INFO" for name, value in levels.items()}
        return {"log_format": form, **kept}
    if any(levels.values()):
        raise invalid(
            'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change '
            'the LogFormat to "JSON" and try again.'
        )
    return {"log_format": form, "log_level": "", "system_log_level": ""}


def revised(function: Function) -> Function:
    """The same function with the revision id that follows."""
    return replace(function, revision=stable_uuid(f"{function.arn}/{function.revision}"))


def timestamp(moment: datetime) -> str:
    """LastModified: `2026-11-21T10:00:00.000+0000`."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def _shown_logging(function: Function) -> dict[str, str]:
    levels = {"ApplicationLogLevel": function.log_level, "SystemLogLevel": function.system_log_level}
    told = {name: level for name, level in levels.items() if level}
    return {"LogFormat": function.log_format, **told, "LogGroup": function.log_group}


def shown(version: Version, qualified: bool = False, state: str = "Active") -> dict[str, Any]:
    """FunctionConfiguration. qualified: the ARN carries the version, as for published ones."""
    function = version.function
    answer: dict[str, Any] = {
        "FunctionName": function.name,
        "FunctionArn": f"{function.arn}:{function.version}" if qualified else function.arn,
        "Role": function.role,
        "CodeSize": version.code_size,
        "Description": "",
        "Timeout": int(function.timeout_s),
        "MemorySize": function.memory_mb,
        "LastModified": version.modified,
        "CodeSha256": version.code_sha256,
        "Version": function.version,
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": stable_uuid(f"{function.arn}/{function.revision}/{function.version}"),
        "State": state,
        "LastUpdateStatus": "Successful",
        "PackageType": version.package_type,
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": function.ephemeral_mb},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": _shown_logging(function),
        **{name: value for name, value in version.shown.items() if value not in ([], {"ImageConfig": {}})},
    }
    if state == "Pending":
        answer |= {"StateReason": "The function is being created.", "StateReasonCode": "Creating"}
    optional = {"Runtime": function.runtime, "Handler": function.handler}
    answer |= {name: value for name, value in optional.items() if value}
    if function.environment:
        answer["Environment"] = {"Variables": dict(function.environment)}
    return answer
