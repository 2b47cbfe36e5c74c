"""The condition keys of a request. Source: global condition context keys, and the services' own.

aws:SecureTransport is true however the rig was reached: that the rig speaks HTTP says nothing of the program under
test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from emulator.aws.wire import WireRequest
from emulator.clock import Clock
from emulator.model import AwsCall

Context = dict[str, str | Sequence[str]]
_FLAT_TAG = re.compile(r"Tags\.(?:member|entry|Tag)\.(\d+)\.(Key|Value)|Tag\.(\d+)\.(Key|Value)")
# Request members that are condition keys `SERVICE:MEMBER`; keys ignore case.
_MEMBERS = {
    "secretsmanager": (
        "SecretId", "Name", "Description", "KmsKeyId", "VersionId", "VersionStage", "RecoveryWindowInDays",
        "ForceDeleteWithoutRecovery", "RotationLambdaARN", "BlockPublicPolicy",
    ),
    "sts": ("ExternalId", "RoleSessionName", "SourceIdentity"),
    "iam": ("PermissionsBoundary", "PolicyArn"),
    "lambda": ("Principal", "FunctionUrlAuthType"),
    "s3": ("prefix", "delimiter", "max-keys", "versionId"),
}
_S3_HEADERS = ("x-amz-acl", "x-amz-server-side-encryption", "x-amz-copy-source", "x-amz-storage-class")


def context(call: AwsCall, request: WireRequest, clock: Clock, functions_arn: str) -> Context:
    """functions_arn: what comes before a function's name in its ARN."""
    epoch = clock.epoch()
    keys: Context = {
        "aws:CurrentTime": datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(epoch)), "aws:RequestedRegion": call.region, "aws:SecureTransport": "true",
        "aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "false",
    }
    sent = {"aws:UserAgent": request.header("User-Agent"), "aws:Referer": request.header("Referer"),
            "aws:SourceIp": str(request.environ.get("REMOTE_ADDR", ""))}
    keys |= {key: value for key, value in sent.items() if value}
    if call.caller.function:
        keys["lambda:SourceFunctionArn"] = functions_arn + call.caller.function
    return {**keys, **_own(call, request), **_tags(call.params)}


def resource_tags(service: str, tags: Mapping[str, str]) -> Context:
    """aws:ResourceTag/KEY, and the service's own spelling."""
    return {f"{prefix}:ResourceTag/{key}": value for key, value in tags.items() for prefix in ("aws", service)}


def _own(call: AwsCall, request: WireRequest) -> Context:
    keys: Context = {
        f"{call.service}:{name}": _text(value)
        for name in _MEMBERS.get(call.service, ()) if isinstance(value := call.params.get(name), str | int)
    }
    if call.service == "s3":
        keys |= {f"s3:{name}": value for name in _S3_HEADERS if (value := request.header(name))}
    return keys


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tags(params: Mapping[str, Any]) -> Context:
    """aws:RequestTag/KEY and aws:TagKeys."""
    tags = dict(_pairs(params))
    names = tuple(tags) or tuple(key for key in _listed(params.get("TagKeys")) if isinstance(key, str))
    found: Context = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    return {**found, "aws:TagKeys": names} if names else found


def _pairs(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """From a mapping, a list of Key and Value, or the query protocol's flat members."""
    given = params.get("Tags")
    if isinstance(given, dict):
        yield from ((str(key), str(value)) for key, value in given.items())
    for tag in _listed(given):
        if isinstance(tag, dict) and "Key" in tag:
            yield str(tag["Key"]), str(tag.get("Value", ""))
    for name, value in params.items():
        found = _FLAT_TAG.fullmatch(name)
        if found and (found[2] or found[4]) == "Key":
            yield str(value), str(params.get(name[: -len("Key")] + "Value", ""))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
