"""What a call needs: the IAM actions on which resources, mostly just one.

Source: service authorization reference.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import unquote

from emulator.aws import resources
from emulator.aws.backend import ACCOUNT, Backend
from emulator.aws.wire import WireRequest
from emulator.model import AwsCall

# Nobody needs a permission for these (STS API reference).
FREE = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})
KMS_REFUSAL = "Access to KMS is not allowed"  # Secrets Manager's whole text, seen in three projects' issues
OWN_KEY = "alias/aws/secretsmanager"
_KEY = re.compile("<Key>([^<]+)</Key>")
_KMS_ACTIONS = {
    "GetSecretValue": ("kms:Decrypt",),
    **dict.fromkeys(("CreateSecret", "PutSecretValue", "UpdateSecret"), ("kms:GenerateDataKey", "kms:Decrypt")),
}


@dataclass(frozen=True)
class Need:
    """resource: what policies are matched with. named: what a refusal calls it, where that differs. refusal: a text of
    the service's own instead of AWS's sentence. known: False when the rig cannot tell the resource."""

    action: str
    resource: str
    named: str = ""
    context: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""
    known: bool = True


def needs(call: AwsCall, request: WireRequest, backend: Backend) -> Iterator[Need]:
    """All that must be allowed for the call, in the order in which AWS refuses it."""
    if call.action in FREE:
        return
    own = _OWN.get((call.service, call.operation), _plain)
    yield from own(call, request)
    if call.action == "secretsmanager:BatchGetSecretValue":
        yield from _each(call, backend)
    if call.service == "secretsmanager" and call.operation in _KMS_ACTIONS:
        yield from _key(call, backend)
    if call.service == "lambda" and (role := call.params.get("Role")):
        yield Need("iam:PassRole", str(role), context={"iam:PassedToService": "lambda.amazonaws.com"})


def _plain(call: AwsCall, request: WireRequest) -> Iterator[Need]:
    resource = call.resource
    yield Need(call.action, resource, known=resource != "*" or resources.knows(call.service))


def _new_secret(call: AwsCall, request: WireRequest) -> Iterator[Need]:
    """Policies are matched with the ARN it will have, whatever its six characters; a refusal has the name."""
    name = call.params.get("Name", "")
    arn = f"arn:aws:secretsmanager:{call.region}:{ACCOUNT}:secret:{name}-??????"
    yield Need(call.action, arn, named=call.resource)


def _all_buckets(call: AwsCall, request: WireRequest) -> Iterator[Need]:
    """AWS's own examples grant it on `arn:aws:s3:::*`; a refusal names nothing."""
    yield Need(call.action, "arn:aws:s3:::*", named="*")


def _objects(call: AwsCall, request: WireRequest) -> Iterator[Need]:
    """DeleteObjects: every key, `*` where a body names none. (AWS answers 200, and refuses them one by one.)"""
    keys = [unescape(key) for key in _KEY.findall(request.body.decode("utf-8", "replace"))]
    for key in dict.fromkeys(keys or ["*"]):
        yield Need(call.action, f"{call.resource}/{key}")


def _each(call: AwsCall, backend: Backend) -> Iterator[Need]:
    """GetSecretValue of each too (API reference). AWS lists under Errors those it refuses; here one refuses all."""
    action, typed = "secretsmanager:GetSecretValue", call.params.get("SecretIdList")
    if call.params.get("Filters"):
        yield Need("secretsmanager:ListSecrets", "*")
        yield Need(action, "*", known=False)
    known = backend.models("secretsmanager", call.region).secrets
    for name in typed if isinstance(typed, list) else ():
        secret = known.get(name) if isinstance(name, str) else None
        yield Need(action, str(secret.arn if secret else name))


def _copy(call: AwsCall, request: WireRequest) -> Iterator[Need]:
    yield from _plain(call, request)
    source = unquote(request.header("X-Amz-Copy-Source")).partition("?")[0].lstrip("/")
    yield Need("s3:GetObject", f"arn:aws:s3:::{source}")


def _tables(call: AwsCall, request: WireRequest) -> Iterator[Need]:
    items: Any = call.params.get("RequestItems")
    for name in items if isinstance(items, dict) else ("*",):
        table = f"arn:aws:dynamodb:{call.region}:{ACCOUNT}:table/{name}"
        yield Need(call.action, name if name.startswith("arn:") else table)


def _transaction(call: AwsCall, request: WireRequest) -> Iterator[Need]:
    """The permissions are those of the single operations (developer guide, transactions)."""
    items: Any = call.params.get("TransactItems")
    for item in items if isinstance(items, list) else ():
        for kind, asked in item.items() if isinstance(item, dict) else ():
            name = asked.get("TableName") if isinstance(asked, dict) else None
            action = "ConditionCheckItem" if kind == "ConditionCheck" else f"{kind}Item"
            table = f"arn:aws:dynamodb:{call.region}:{ACCOUNT}:table/{name}"
            yield Need(f"dynamodb:{action}", str(name) if str(name).startswith("arn:") else table)


def _statement(call: AwsCall, request: WireRequest) -> Iterator[Need]:
    """PartiQL: its text is not read here."""
    yield Need(call.action, "*", known=False)


def _parameters(call: AwsCall, request: WireRequest) -> Iterator[Need]:
    names: Any = call.params.get("Names")
    for name in names if isinstance(names, list) and names else ("*",):
        bare = str(name).lstrip("/")
        yield Need(call.action, bare if bare.startswith("arn:") else
                   f"arn:aws:ssm:{call.region}:{ACCOUNT}:parameter/{bare}")


def _role(call: AwsCall, request: WireRequest) -> Iterator[Need]:
    """Tags and a source identity take permissions of their own, on both sides (STS API reference)."""
    yield from _plain(call, request)
    if any(name.startswith("Tags.member.") for name in call.params):
        yield Need("sts:TagSession", call.resource)
    if call.params.get("SourceIdentity"):
        yield Need("sts:SetSourceIdentity", call.resource)


def _ciphertext(call: AwsCall, request: WireRequest) -> Iterator[Need]:
    """Decrypt may leave out the key: the ciphertext names it (moto's begins with its id)."""
    if call.params.get("KeyId"):
        yield from _plain(call, request)
        return
    try:
        key = base64.b64decode(str(call.params.get("CiphertextBlob", "")))[:36].decode()
    except ValueError:  # of base64, or of UTF-8
        key = "*"
    yield Need(call.action, f"arn:aws:kms:{call.region}:{ACCOUNT}:key/{key}")


def _key(call: AwsCall, backend: Backend) -> Iterator[Need]:
    """A customer managed key is used on the caller's behalf, with the caller's permissions."""
    wanted = call.params.get("SecretId")
    known = backend.models("secretsmanager", call.region).secrets
    secret = known.get(wanted) if isinstance(wanted, str) else None
    typed = str(call.params.get("KmsKeyId") or getattr(secret, "kms_key_id", None) or OWN_KEY)
    if typed == OWN_KEY or typed.endswith(f":{OWN_KEY}"):
        return
    service = "secretsmanager.amazonaws.com"
    context = {
        "kms:ViaService": f"secretsmanager.{call.region}.amazonaws.com", "aws:CalledVia": service,
        "aws:CalledViaFirst": service, "aws:CalledViaLast": service, "aws:ViaAWSService": "true",
        "kms:CallerAccount": ACCOUNT,
    }
    if secret:
        context["kms:EncryptionContext:SecretARN"] = secret.arn
    arn = resources.key_arn(typed, call.region, backend)
    for action in _KMS_ACTIONS[call.operation]:
        yield Need(action, arn, context=context, refusal=KMS_REFUSAL)


_OWN: Mapping[tuple[str, str], Callable[[AwsCall, WireRequest], Iterator[Need]]] = {
    ("secretsmanager", "CreateSecret"): _new_secret,
    ("sts", "AssumeRole"): _role,
    ("ssm", "GetParameters"): _parameters,
    ("ssm", "DeleteParameters"): _parameters,
    ("s3", "ListBuckets"): _all_buckets,
    ("s3", "DeleteObjects"): _objects,
    ("s3", "CopyObject"): _copy,
    ("s3", "UploadPartCopy"): _copy,
    ("dynamodb", "BatchGetItem"): _tables,
    ("dynamodb", "BatchWriteItem"): _tables,
    ("dynamodb", "TransactGetItems"): _transaction,
    ("dynamodb", "TransactWriteItems"): _transaction,
    ("dynamodb", "ExecuteStatement"): _statement,
    ("dynamodb", "BatchExecuteStatement"): _statement,
    ("dynamodb", "ExecuteTransaction"): _statement,
    ("kms", "Decrypt"): _ciphertext,
}
