"""What AWS would call things in a policy: the resource a call names in a refusal, and the IAM action of an operation.

The ARN is the full one where the thing exists (Secrets Manager: with its six-character suffix); otherwise the id just
as the caller typed it (so users report). `*` where an operation has no resource, or the rig does not know its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from emulator.aws.backend import ACCOUNT, Backend
from emulator.aws.wire import WireRequest

# Where IAM's action differs from the API's name (service authorization reference).
_ACTIONS = {
    ("lambda", "Invoke"): "lambda:InvokeFunction", ("lambda", "InvokeAsync"): "lambda:InvokeAsync",
    ("lambda", "InvokeWithResponseStream"): "lambda:InvokeFunction",
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "ListObjectsV2"): "s3:ListBucket", ("s3", "ListObjects"): "s3:ListBucket",
    ("s3", "HeadBucket"): "s3:ListBucket", ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
    ("s3", "CopyObject"): "s3:PutObject", ("s3", "CreateMultipartUpload"): "s3:PutObject",
    ("s3", "UploadPart"): "s3:PutObject", ("s3", "CompleteMultipartUpload"): "s3:PutObject",
    ("s3", "DeleteObjects"): "s3:DeleteObject",
}
_PREFIXES = {"monitoring": "cloudwatch"}


def action(request: WireRequest) -> str:
    """IAM's name for the operation, e.g. `lambda:InvokeFunction`. API Gateway's are HTTP methods."""
    if request.service == "apigateway":
        return f"apigateway:{request.method}"
    own = f"{_PREFIXES.get(request.service, request.service)}:{request.operation}"
    return _ACTIONS.get((request.service, request.operation), own)


def find(request: WireRequest, backend: Backend) -> str:
    """The ARN, or the id as typed, of what the call is about."""
    finder = _FINDERS.get(request.service)
    return (finder(request, backend) if finder else "") or "*"


def _text(params: Mapping[str, object], *names: str) -> str:
    return next((value for name in names if isinstance(value := params.get(name), str) and value), "")


def _arn(request: WireRequest, name: str, kind: str) -> str:
    """A name as an ARN of its service, region and account; an ARN stays as it is."""
    if not name or name.startswith("arn:"):
        return name
    return f"arn:aws:{request.service}:{request.region}:{ACCOUNT}:{kind}{name}"


def _secret(request: WireRequest, backend: Backend) -> str:
    typed = _text(request.params, "SecretId", "Name")
    found = backend.models("secretsmanager", request.region).secrets.get(typed) if typed else None
    return str(found.arn) if found else typed


def _s3(request: WireRequest, backend: Backend) -> str:
    bucket, key = request.labels.get("Bucket", ""), request.labels.get("Key", "")
    return f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "") if bucket else ""


def _sqs(request: WireRequest, backend: Backend) -> str:
    named = _text(request.params, "QueueUrl", "QueueName").rstrip("/")
    return _arn(request, named.rsplit("/", 1)[-1], "")


def _dynamodb(request: WireRequest, backend: Backend) -> str:
    return _arn(request, _text(request.params, "TableName"), "table/")


def _lambda(request: WireRequest, backend: Backend) -> str:
    name = _text(request.params, "FunctionName")
    if name.count(":") == 2 and not name.startswith("arn:"):  # ACCOUNT:function:NAME
        name = name.rsplit(":", 1)[-1]
    arn = _arn(request, name, "function:")
    qualifier = _text(request.params, "Qualifier")
    return f"{arn}:{qualifier}" if arn and qualifier else arn


def _kms(request: WireRequest, backend: Backend) -> str:
    typed = _text(request.params, "KeyId")
    if typed.startswith(("alias/", "arn:")):
        found = backend.models("kms", request.region).get_key_id_from_alias(typed) if "alias/" in typed else None
        return _arn(request, found, "key/") if found else _arn(request, typed, "")
    return _arn(request, typed, "key/")


def _ssm(request: WireRequest, backend: Backend) -> str:
    return _arn(request, _text(request.params, "Name", "Path").lstrip("/"), "parameter/")


def _logs(request: WireRequest, backend: Backend) -> str:
    group = _text(request.params, "logGroupName", "logGroupIdentifier")
    stream = _text(request.params, "logStreamName")
    return _arn(request, group, "log-group:") + f":log-stream:{stream}" if group else ""


def _sts(request: WireRequest, backend: Backend) -> str:
    return _text(request.params, "RoleArn")


def _iam(request: WireRequest, backend: Backend) -> str:
    for member, kind in (("RoleName", "role/"), ("UserName", "user/"), ("GroupName", "group/"),
                         ("InstanceProfileName", "instance-profile/"), ("PolicyName", "policy/")):
        if name := _text(request.params, member):
            return f"arn:aws:iam::{ACCOUNT}:{kind}{name}"
    return _text(request.params, "PolicyArn", "PolicySourceArn")


_FINDERS: Mapping[str, Callable[[WireRequest, Backend], str]] = {
    "secretsmanager": _secret, "s3": _s3, "sqs": _sqs, "dynamodb": _dynamodb, "lambda": _lambda, "kms": _kms,
    "ssm": _ssm, "logs": _logs, "sts": _sts, "iam": _iam,
}
