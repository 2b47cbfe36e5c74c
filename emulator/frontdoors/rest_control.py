"""The service `apigateway` at the AWS endpoint: moto's control plane, mended, and what API Gateway does elsewhere.

It makes a stage's execution log group as soon as the stage logs and is deployed, and says welcome in a group of its own
when the account's role for logs is set. That role is tried: IAM must let API Gateway assume it, and let it write logs.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.backend import Backend
from emulator.aws.errors_wire import write_error
from emulator.aws.iam.decide import Policies, decide
from emulator.aws.iam.policy import PolicyType
from emulator.aws.iam.principals import NoSuchEntity, gather, trust_policy
from emulator.aws.iam.request import Principal, Request
from emulator.aws.wire import WireRequest
from emulator.clock import Clock
from emulator.frontdoors.rest_api import find_stage
from emulator.frontdoors.rest_lambda import PRINCIPAL
from emulator.frontdoors.rest_logs import Append, execution_group, stream
from emulator.frontdoors.rest_moto import mend_moto
from emulator.model import AwsCall, AwsError, AwsReply

WELCOME = "/aws/apigateway/welcome"
NOT_ALLOWED = (
    "The role ARN does not have required permissions configured. Please grant trust permission for API Gateway and add "
    "the required role policy."
)
INCOMPLETE = "A patch operation needs op and path, and add and replace a value"  # AWS's words are not known
_DEPLOYING = ("CreateDeployment", "CreateStage", "UpdateStage")
_WRITING = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")


class RestControl:
    """append: as in rest_logs."""

    def __init__(self, backend: Backend, append: Append, clock: Clock) -> None:
        self._backend, self._append, self._clock = backend, append, clock

    def answer(self, call: AwsCall, request: WireRequest) -> AwsReply:
        mend_moto()
        if _is_incomplete(call):
            return write_error(request, AwsError("BadRequestException", INCOMPLETE))
        role = _role(call) if call.operation == "UpdateAccount" else ""
        if role and not self._may_log(role):
            return write_error(request, AwsError("BadRequestException", NOT_ALLOWED))
        reply = self._backend.answer(request)
        if reply.status < 300 and role:
            said = (round(self._clock.wall() * 1000), "Cloudwatch logs enabled for API Gateway")
            self._append(WELCOME, stream(WELCOME), [said], call.region)
        if reply.status < 300 and call.operation in _DEPLOYING:
            self._make_groups(call.region)
        return reply

    def _make_groups(self, region: str) -> None:
        """Of every stage that logs executions; one that is there already stays as it is."""
        models, logs = self._backend.models("apigateway", region), self._backend.models("logs", region)
        for api in list(models.apis.values()):
            for name in list(api.stages):
                stage = find_stage(models, api.id, name)
                if stage and stage.logging and stage.logging.executions:
                    logs.ensure_log_group(execution_group(api.id, name))

    def _may_log(self, role: str) -> bool:
        """A role that nobody made in IAM decides nothing."""
        iam = self._backend.models("iam", "aws")
        try:
            trust, found = trust_policy(iam, role), gather(iam, role)
        except NoSuchEntity:
            return True
        trusted = Policies(resource=(trust,), resource_kind=PolicyType.TRUST)
        if not decide(Request(Principal(PRINCIPAL), "sts:AssumeRole", role), trusted).allowed:
            return False
        return all(decide(Request(found.principal, action), found.policies).allowed for action in _WRITING)


def _is_incomplete(call: AwsCall) -> bool:
    """Whether an operation of a patch lacks what moto takes for granted."""
    operations: Any = call.params.get("patchOperations")
    return isinstance(operations, list) and not all(
        isinstance(one, dict) and {"op", "path", *(["value"] if one.get("op") != "remove" else [])} <= one.keys()
        for one in operations
    )


def _role(call: AwsCall) -> str:
    """The role that UpdateAccount sets; empty for other patches."""
    operations: Any = call.params.get("patchOperations") or ()
    return next((str(one.get("value") or "") for one in operations if one.get("path") == "/cloudwatchRoleArn"), "")
