"""Secrets Manager: moto's, with AWS's status and texts where moto has others, and rotation by the rig's own functions.

Recorded on AWS, or reported by users: every error a client can make is HTTP 400; a stage nobody has, a secret marked
for deletion, and a secret without a rotation function have texts of their own.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.aws.backend import Backend
from emulator.aws.errors_wire import write_error
from emulator.aws.wire import WireRequest
from emulator.model import AwsCall, AwsError, AwsReply

if TYPE_CHECKING:
    from emulator.aws.services.secret_rotation import Rotation

NOT_FOUND = AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
DELETED = AwsError(
    "InvalidRequestException",
    "You can't perform this operation on the secret because it was marked for deletion.",
)
NAME_TAKEN = AwsError(
    "InvalidRequestException",
    "You can't create this secret because a secret with this name is already scheduled for deletion.",
)
BAD_NAME = AwsError(
    "ValidationException",
    "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
)
BAD_TOKEN = AwsError("InvalidNextTokenException", "The NextToken value is invalid.")
REPLICA = AwsError(
    "InvalidParameterException",
    "Operation not permitted on a replica secret. Call must be made in primary secret's region.",
)
_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]*")
_NOT_ONCE_DELETED = (
    "GetSecretValue", "PutSecretValue", "UpdateSecret", "RotateSecret", "UpdateSecretVersionStage", "TagResource",
    "UntagResource",
)


class SecretsManager:
    """A Service named `secretsmanager`. Without a rotation, RotateSecret is moto's."""

    def __init__(self, backend: Backend, rotation: Rotation | None = None) -> None:
        self.backend, self.rotation = backend, rotation

    def answer(self, call: AwsCall, request: WireRequest) -> AwsReply:
        """What the secrets are now."""
        if call.operation == "RotateSecret" and self.rotation:
            refused = refusal(request, secret_of(self.backend, request))
            return write_error(request, refused) if refused else self.rotation.rotate(request)
        return serve(self.backend, request)


def serve(backend: Backend, request: WireRequest, account: str = "") -> AwsReply:
    """moto's answer, put right. account: whose secrets, the rig's own if none is given."""
    secret = secret_of(backend, request, account)
    if refused := refusal(request, secret):
        return write_error(request, refused)
    reply = backend.answer(request)
    if reply.status >= 400:
        return replace(reply, status=400) if reply.status < 500 else reply
    if request.operation == "UpdateSecretVersionStage" and secret:
        follow(getattr(secret, "source", secret))
    if request.operation == "ListSecretVersionIds" and secret:
        return replace(reply, body=json.dumps({**json.loads(reply.body), "ARN": secret.arn}).encode())
    return reply


def secret_of(backend: Backend, request: WireRequest, account: str = "") -> Any:
    """moto's object for the secret a request names, by name, ARN or partial ARN; None where there is none."""
    typed = request.params.get("SecretId") or request.params.get("Name")
    secrets = backend.models("secretsmanager", request.region, account).secrets
    return secrets.get(typed) if isinstance(typed, str) else None


def refusal(request: WireRequest, secret: Any) -> AwsError | None:
    """What moto would let pass, or say otherwise."""
    name = request.params.get("Name")
    if request.operation == "CreateSecret" and isinstance(name, str) and not _NAME.fullmatch(name):
        return BAD_NAME
    token = request.params.get("NextToken")
    if request.operation in ("ListSecrets", "BatchGetSecretValue") and token and not _is_token(token):
        return BAD_TOKEN
    if secret is None:
        return NOT_FOUND if request.operation in ("ListSecretVersionIds", "RotateSecret") else None
    if request.operation == "RotateSecret" and hasattr(secret, "source"):
        return REPLICA
    if secret.is_deleted():
        if request.operation == "CreateSecret":
            return NAME_TAKEN
        return DELETED if request.operation in _NOT_ONCE_DELETED else None
    stage = request.params.get("VersionStage")
    if request.operation == "GetSecretValue" and stage and not request.params.get("VersionId"):
        return None if any(stage in version["version_stages"] for version in secret.versions.values()) else _no(stage)
    return None


def _is_token(given: object) -> bool:
    """moto's are offsets."""
    return isinstance(given, str) and given.isdecimal() and len(given) < 10


def follow(secret: Any) -> None:
    """moto reads a version of its own choice where no stage is asked for: let it be the one that is AWSCURRENT."""
    current = [name for name, version in secret.versions.items() if "AWSCURRENT" in version["version_stages"]]
    secret.set_default_version_id(current[0] if current else None)


def _no(stage: object) -> AwsError:
    text = f"Secrets Manager can't find the specified secret value for staging label: {stage}"
    return AwsError("ResourceNotFoundException", text)
