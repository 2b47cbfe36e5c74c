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
    ("s3", "DeleteObjects"): "s3:DeleteObject", ("s3", "UploadPartCopy"): "s3:PutObject",
    ("s3", "ListObjectVersions"): "s3:ListBucketVersions", ("s3", "ListParts"): "s3:ListMultipartUploadParts",
    ("s3", "ListMultipartUploads"): "s3:ListBucketMultipartUploads", ("s3", "SelectObjectContent"): "s3:GetObject",
    ("s3", "GetBucketEncryption"): "s3:GetEncryptionConfiguration",
    ("s3", "PutBucketEncryption"): "s3:PutEncryptionConfiguration",
    ("s3", "DeleteBucketEncryption"): "s3:PutEncryptionConfiguration",
    ("s3", "GetBucketLifecycleConfiguration"): "s3:GetLifecycleConfiguration",
    ("s3", "PutBucketLifecycleConfiguration"): "s3:PutLifecycleConfiguration",
    ("s3", "DeleteBucketLifecycle"): "s3:PutLifecycleConfiguration",
    ("s3", "GetBucketNotificationConfiguration"): "s3:GetBucketNotification",
    ("s3", "PutBucketNotificationConfiguration"): "s3:PutBucketNotification",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("s3", "PutPublicAccessBlock"): "s3:PutBucketPublicAccessBlock",
    ("s3", "DeletePublicAccessBlock"): "s3:PutBucketPublicAccessBlock",
    ("s3", "DeleteBucketTagging"): "s3:PutBucketTagging",
    ("sqs", "SendMessageBatch"): "sqs:SendMessage", ("sqs", "DeleteMessageBatch"): "sqs:DeleteMessage",
    ("sqs", "ChangeMessageVisibilityBatch"): "sqs:ChangeMessageVisibility", ("sns", "PublishBatch"): "sns:Publish",
}
_PREFIXES = {"monitoring": "cloudwatch", "email": "ses"}


def action(request: WireRequest) -> str:
    """IAM's name for the operation, e.g. `lambda:InvokeFunction`. API Gateway's are HTTP methods."""
    if request.service == "apigateway":
        return f"apigateway:{request.method}"
    own = f"{_PREFIXES.get(request.service, request.service)}:{request.operation}"
    return _ACTIONS.get((request.service, request.operation), own)


def find(request: WireRequest, backend: Backend) -> str:
    """The ARN, or the id as typed, of what the call is about."""
    finder = _FINDERS.get(request.service, _by_member)
    return finder(request, backend) or "*"


def knows(service: str) -> bool:
    """Whether `*` from `find` means that the operation has no resource, and not that the rig cannot tell it."""
    return service in _FINDERS or service in _MEMBERS


def key_arn(typed: str, region: str, backend: Backend) -> str:
    """The KMS key that an id, an ARN or an alias means; the alias itself when there is none."""
    if ":alias/" in typed or typed.startswith("alias/"):
        found = backend.models("kms", region).get_key_id_from_alias(typed[typed.index("alias/") :])
        typed = f"key/{found}" if found else typed
    if typed.startswith("arn:"):
        return typed
    kind = "" if typed.startswith(("key/", "alias/")) else "key/"
    return f"arn:aws:kms:{region}:{ACCOUNT}:{kind}{typed}"


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
    index = _text(request.params, "IndexName")
    table = _arn(request, _text(request.params, "TableName"), "table/")
    return f"{table}/index/{index}" if table and index else table


def _lambda(request: WireRequest, backend: Backend) -> str:
    name = _text(request.params, "FunctionName")
    if name.count(":") == 2 and not name.startswith("arn:"):  # ACCOUNT:function:NAME
        name = name.rsplit(":", 1)[-1]
    if not name:
        layer = _arn(request, _text(request.params, "LayerName"), "layer:")
        version = _text(request.params, "VersionNumber")
        return (f"{layer}:{version}" if version else layer) or _text(request.params, "Resource", "ARN")
    arn = _arn(request, name, "function:")
    qualifier = _text(request.params, "Qualifier")
    return f"{arn}:{qualifier}" if qualifier and arn.count(":") == 6 else arn


def _kms(request: WireRequest, backend: Backend) -> str:
    typed = _text(request.params, "KeyId")
    return key_arn(typed, request.region, backend) if typed else ""


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
            return _known_arn(member, name, backend) or f"arn:aws:iam::{ACCOUNT}:{kind}{name}"
    return _text(request.params, "PolicyArn", "PolicySourceArn")


def _known_arn(member: str, name: str, backend: Backend) -> str:
    """Of a role, user or group that there is: with its path."""
    kept = {"RoleName": "roles", "UserName": "users", "GroupName": "groups"}.get(member)
    entities = list(getattr(backend.models("iam", "aws"), kept).values()) if kept else []
    return next((str(entity.arn) for entity in entities if entity.name == name), "")


def _apigateway(request: WireRequest, backend: Backend) -> str:
    return f"arn:aws:apigateway:{request.region}::{request.path}"


def _by_member(request: WireRequest, backend: Backend) -> str:
    """The first of the members that name a resource of the service, as its ARN."""
    for member, kind in _MEMBERS.get(request.service, ()):
        if name := _text(request.params, member):
            return _arn(request, name, kind)
    return ""


_MEMBERS: Mapping[str, tuple[tuple[str, str], ...]] = {  # where the name is in a request, and what stands before it
    "sns": (("TopicArn", ""), ("TargetArn", ""), ("SubscriptionArn", ""), ("ResourceArn", ""), ("Name", "")),
    "states": (("stateMachineArn", ""), ("executionArn", ""), ("activityArn", ""), ("resourceArn", "")),
    "kinesis": (("StreamARN", ""), ("StreamName", "stream/")),
    "firehose": (("DeliveryStreamName", "deliverystream/"),),
    "cognito-idp": (("UserPoolId", "userpool/"),),
    "cognito-identity": (("IdentityPoolId", "identitypool/"), ("ResourceArn", "")),
    "appflow": (
        ("flowName", "flow/"), ("connectorProfileName", "connectorprofile/"), ("connectorLabel", "connector/"),
        ("resourceArn", ""),
    ),
}


_FINDERS: Mapping[str, Callable[[WireRequest, Backend], str]] = {
    "secretsmanager": _secret, "s3": _s3, "sqs": _sqs, "dynamodb": _dynamodb, "lambda": _lambda, "kms": _kms,
    "ssm": _ssm, "logs": _logs, "sts": _sts, "iam": _iam, "apigateway": _apigateway,
}
