"""IAM's policy simulator: SimulateCustomPolicy, SimulatePrincipalPolicy and the context keys they ask for.

moto has none of it. Everything else of IAM goes on to `rest`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from emulator.aws.authorization.organization import control_policies
from emulator.aws.backend import Backend
from emulator.aws.endpoint import Service
from emulator.aws.iam import simulate
from emulator.aws.iam.decide import Policies
from emulator.aws.iam.policy import Policy, PolicyError, parse
from emulator.aws.iam.principals import NoSuchEntity, gather
from emulator.aws.modelled import ModelledService, ServiceError
from emulator.model import AwsCall

Params = dict[str, Any]
_SOURCE = re.compile(r"arn:aws[\w-]*:iam::\d{12}:(?:user|group|role)/(?:[\x21-\x7e]+/)?[\w+=,.@-]+")


def iam_service(backend: Backend, rest: Service) -> ModelledService:
    """The Service named `iam`."""
    return ModelledService("iam", Simulator(backend), "ValidationError", rest.answer)


class Simulator:
    """The operations, by botocore's model."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def simulate_custom_policy(self, params: Params, call: AwsCall) -> Params:
        return _answered(lambda: simulate.simulate_custom_policy(params))

    def simulate_principal_policy(self, params: Params, call: AwsCall) -> Params:
        """With the service control policies that bind the account."""
        attached = self._attached(params["PolicySourceArn"])
        scps, _ = control_policies(self.backend)
        return _answered(lambda: simulate.simulate_principal_policy(params, replace(attached, scps=scps)))

    def get_context_keys_for_custom_policy(self, params: Params, call: AwsCall) -> Params:
        return {"ContextKeyNames": simulate.context_keys(_parsed(params))}

    def get_context_keys_for_principal_policy(self, params: Params, call: AwsCall) -> Params:
        attached = self._attached(params["PolicySourceArn"])
        return {"ContextKeyNames": simulate.context_keys([*attached.identity, *_parsed(params)])}

    def _attached(self, arn: str) -> Policies:
        if not _SOURCE.fullmatch(arn):
            text = f"Invalid Entity Arn: {arn} does not clearly define entity type and name."
            raise ServiceError("InvalidInput", text)
        try:
            return gather(self.backend.models("iam", "aws"), arn).policies
        except NoSuchEntity as error:
            raise ServiceError("NoSuchEntity", error.answer.message, 404) from None
        except PolicyError as error:  # CloudFormation's, which moto does not check
            raise ServiceError("PolicyEvaluation", error.message, 500) from None


def _answered(simulation: Any) -> Params:
    try:
        answer: Params = simulation()
        return answer
    except simulate.SimulationError as error:
        raise ServiceError("InvalidInput", error.answer.message) from None


def _parsed(params: Params) -> list[Policy]:
    try:
        return [parse(text, f"PolicyInputList.{n}") for n, text in enumerate(params.get("PolicyInputList", ()), 1)]
    except PolicyError as error:
        raise ServiceError("InvalidInput", error.message) from None
