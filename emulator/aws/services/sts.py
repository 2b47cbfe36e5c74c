"""STS: functions learn who they are; everything else is moto's."""

from __future__ import annotations

import base64
import hashlib

from emulator.aws.backend import Backend
from emulator.aws.wire import WireRequest
from emulator.model import AwsCall, AwsReply

_IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>{arn}</Arn><UserId>{user}</UserId><Account>{account}</Account></GetCallerIdentityResult>"
    "<ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
)


class Sts:
    """A Service named `sts`: moto does not know the credentials that the rig issues to environments."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def answer(self, call: AwsCall, request: WireRequest) -> AwsReply:
        """GetCallerIdentity of a function: its assumed role."""
        if call.operation != "GetCallerIdentity" or not call.caller.function:
            return self.backend.answer(request)
        role, session = call.caller.arn.split("/")[1:3]
        body = _IDENTITY.format(
            arn=call.caller.arn, user=f"{self._role_id(role)}:{session}", account=self.backend.account,
            request=request.request_id,
        )
        return AwsReply(200, (("content-type", "text/xml"), ("x-amzn-requestid", request.request_id)), body.encode())

    def _role_id(self, role: str) -> str:
        """The role's own unique id where IAM has the role; a stable one where it was never made."""
        for known in list(self.backend.models("iam", "aws").roles.values()):
            if known.name == role:
                return str(known.id)
        return "AROA" + base64.b32encode(hashlib.sha256(role.encode()).digest())[:17].decode()
