"""IAM: moto's, with what moto leaves out - AWS's managed policies, users' permissions boundaries, checked documents."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from html import escape
from typing import Any

from emulator.aws.backend import Backend
from emulator.aws.errors_wire import write_error
from emulator.aws.iam.policy import PolicyError, PolicyType
from emulator.aws.iam.validation import validate
from emulator.aws.wire import WireRequest
from emulator.model import AwsCall, AwsError, AwsReply

_AWS_MANAGED = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/(?:.*/)?([\w+=,.@-]+)")
_IDENTITY = ("PutRolePolicy", "PutUserPolicy", "PutGroupPolicy", "CreatePolicy", "CreatePolicyVersion")
_DOCUMENTS = {
    **dict.fromkeys(_IDENTITY, ("PolicyDocument", PolicyType.IDENTITY)),
    "CreateRole": ("AssumeRolePolicyDocument", PolicyType.TRUST),
    "UpdateAssumeRolePolicy": ("PolicyDocument", PolicyType.TRUST),
}
_BOUNDARY = (
    "<PermissionsBoundary><PermissionsBoundaryType>PermissionsBoundaryPolicy</PermissionsBoundaryType>"
    "<PermissionsBoundaryArn>{arn}</PermissionsBoundaryArn></PermissionsBoundary>"
)
_DONE = (
    '<{operation}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata>'
    "<RequestId>{request}</RequestId></ResponseMetadata></{operation}Response>"
)


class Iam:
    """A Service named `iam`."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._lock = threading.Lock()

    def answer(self, call: AwsCall, request: WireRequest) -> AwsReply:
        """moto's answer, but for users' boundaries."""
        try:
            _check(call)
        except PolicyError as error:
            return write_error(request, error.answer)
        models = self.backend.models("iam", "aws")
        with self._lock:
            self._bring(models, call)
        if call.operation in ("PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary"):
            return self._user_boundary(models, call, request)
        reply = self.backend.answer(request)
        wanted = call.params.get("PermissionsBoundary")
        if call.operation == "CreateUser" and wanted and reply.status == 200:
            self._bind(models.users[call.params["UserName"]], str(wanted))
            return _with_boundary(reply, str(wanted))
        return reply

    def _bring(self, models: Any, call: AwsCall) -> None:
        """Make known to moto those of AWS's policies that the call names, or all where it lists them. moto would read
        them all at its start, or none."""
        if call.operation == "ListPolicies" and call.params.get("Scope") != "Local":
            names = list(_aws_managed())
        else:
            found = (_AWS_MANAGED.fullmatch(value) for value in call.params.values() if isinstance(value, str))
            names = [match[1] for match in found if match]
        for name in names:
            known = _aws_managed().get(name)
            if known and f"arn:{models.partition}:iam::aws:policy{known['Path']}{name}" not in models.managed_policies:
                policy = _managed(models, name)
                models.managed_policies[policy.arn] = policy

    def _user_boundary(self, models: Any, call: AwsCall, request: WireRequest) -> AwsReply:
        name, arn = str(call.params.get("UserName", "")), str(call.params.get("PermissionsBoundary", ""))
        user = models.users.get(name)
        if user is None:
            return _none_such(request, f"The user with name {name} cannot be found.")
        if call.operation.startswith("Put") and arn not in models.managed_policies:
            return _none_such(request, f"Policy {arn} does not exist or is not attachable.")
        self._bind(user, arn)
        body = _DONE.format(operation=call.operation, request=request.request_id)
        return AwsReply(200, (("content-type", "text/xml"), ("x-amzn-requestid", request.request_id)), body.encode())

    def _bind(self, user: Any, arn: str) -> None:
        """As moto keeps it for roles; `permissions_boundary` is what its answers show."""
        user.permissions_boundary_arn = arn or None
        shown = {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}
        user.permissions_boundary = shown if arn else None


def _check(call: AwsCall) -> None:
    """What is stored can be evaluated. Raises PolicyError with AWS's text."""
    member, kind = _DOCUMENTS.get(call.operation, ("", PolicyType.IDENTITY))
    text = call.params.get(member)
    if isinstance(text, str):
        validate(text, kind)


@lru_cache(maxsize=1)
def _aws_managed() -> Mapping[str, Any]:
    """By name; 1,600 documents, read once in 30 ms."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    known: dict[str, Any] = json.loads(aws_managed_policies_data)
    return known


def managed_policy(models: Any, arn: str) -> str | None:
    """A managed policy's document as it is now, the account's own or AWS's; None where there is none."""
    policy = models.managed_policies.get(arn)
    if policy is None and (match := _AWS_MANAGED.fullmatch(arn)) and match[1] in _aws_managed():
        policy = _managed(models, match[1])
    if policy is None or policy.arn != arn:
        return None
    document = next(v.document for v in policy.versions if v.version_id == policy.default_version_id)
    return document if isinstance(document, str) else json.dumps(document)


def _managed(models: Any, name: str) -> Any:
    from moto.iam.models import AWSManagedPolicy

    return AWSManagedPolicy.from_data(name, models.account_id, models.region_name, _aws_managed()[name])


def _none_such(request: WireRequest, message: str) -> AwsReply:
    return write_error(request, AwsError("NoSuchEntity", message, 404))


def _with_boundary(reply: AwsReply, arn: str) -> AwsReply:
    shown = _BOUNDARY.format(arn=escape(arn)).encode()
    body = reply.body.replace(b"</User>", shown + b"</User>")
    headers = tuple((name, value) for name, value in reply.headers if name != "content-length")
    return replace(reply, headers=headers, body=body)
