"""kms_denied: the secret may be read, the key that encrypts it may not be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault
from emulator.model import AwsCall, AwsError, AwsReply
from emulator.scope import Match

DENIED = AwsError("AccessDeniedException", "Access to KMS is not allowed")
WRITES = ("CreateSecret", "PutSecretValue", "UpdateSecret")
VALUES = ("SecretString", "SecretBinary")


@dataclass(frozen=True)
class KmsDenied(Fault):
    """The secret answers as one whose customer managed key the caller may not use, also where it has none, so that no
    key need be made; where it has one, take away the permission instead, and IAM decides as on AWS. Reads are
    refused where they would succeed: Secrets Manager looks for the permission and for the secret first. Of writes
    (`match: {operation: "*"}`) those that bring a value are refused; calls that need no key pass."""

    name: ClassVar[str] = "kms_denied"
    default_match: ClassVar[Match] = Match(service="secretsmanager", operation="GetSecretValue", origin="function")

    def on_aws_call(self, call: AwsCall, proceed: Callable[[], Any], ctx: Context) -> Any:
        if call.operation in WRITES and any(value in call.params for value in VALUES):
            return DENIED
        reply = proceed()
        read = call.operation == "GetSecretValue" and isinstance(reply, AwsReply) and reply.status < 300
        return DENIED if read else reply
