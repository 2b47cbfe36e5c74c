"""The function's resource policy: AddPermission, RemovePermission, GetPolicy."""

from __future__ import annotations

import json
import re
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.lambda_api.shop import Params, Shop, entry_of, find, invalid, name_of
from emulator.functions.registry import Entry
from emulator.functions.service import stable_uuid
from emulator.model import AwsCall

_ACCOUNT = re.compile(r"\d{12}")
_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::\d{12}:.+")
_SERVICE = re.compile(r"[a-z0-9.-]+\.(amazonaws\.com(\.cn)?|amazon\.com)")


class PermissionOperations:
    """The methods are operations: params in, output out, both as botocore's model has them."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def add_permission(self, params: Params, call: AwsCall) -> Params:
        entry, _, qualifier = find(self.shop.registry, params)
        statement = self._statement(params, entry, qualifier)
        with self.shop.registry.lock:
            statements = entry.policy.setdefault(qualifier, [])
            if any(s["Sid"] == statement["Sid"] for s in statements):
                message = f"The statement id ({statement['Sid']}) provided already exists. Please provide a new "
                raise ServiceError(
                    "ResourceConflictException",
                    message + "statement id, or remove the existing statement.",
                    Type="User",
                )
            statements.append(statement)
        return {"Statement": json.dumps(statement, separators=(",", ":"))}

    def get_policy(self, params: Params, call: AwsCall) -> Params:
        statements = self._statements(params)
        if not statements:
            raise ServiceError("ResourceNotFoundException", "The resource you requested does not exist.", Type="User")
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
        text = json.dumps(policy, separators=(",", ":"))
        return {"Policy": text, "RevisionId": stable_uuid(text)}

    def remove_permission(self, params: Params, call: AwsCall) -> Params:
        statements = self._statements(params)
        if not statements:
            raise ServiceError(
                "ResourceNotFoundException", "No policy is associated with the given resource.", Type="User"
            )
        kept = [s for s in statements if s["Sid"] != params["StatementId"]]
        if len(kept) == len(statements):
            message = f"Statement {params['StatementId']} is not found in resource policy."
            raise ServiceError("ResourceNotFoundException", message, Type="User")
        statements[:] = kept
        return {}

    def _statements(self, params: Params) -> list[dict[str, Any]]:
        entry = entry_of(self.shop.registry, params)
        qualifier = params.get("Qualifier") or name_of(self.shop.registry, params)[1]
        return entry.policy.get(qualifier, [])

    def _statement(self, params: Params, entry: Entry, qualifier: str) -> dict[str, Any]:
        arn = entry.latest.function.arn
        statement: dict[str, Any] = {
            "Sid": params["StatementId"],
            "Effect": "Allow",
            "Principal": _principal(params["Principal"]),
            "Action": params["Action"],
            "Resource": f"{arn}:{qualifier}" if qualifier else arn,
        }
        conditions: dict[str, dict[str, str]] = {}
        if account := params.get("SourceAccount"):
            conditions["StringEquals"] = {"AWS:SourceAccount": account}
        if organisation := params.get("PrincipalOrgID"):
            conditions.setdefault("StringEquals", {})["aws:PrincipalOrgID"] = organisation
        if source := params.get("SourceArn"):
            conditions["ArnLike"] = {"AWS:SourceArn": source}
        if conditions:
            statement["Condition"] = conditions
        return statement


def _principal(given: str) -> Any:
    if given == "*":
        return "*"
    if _SERVICE.fullmatch(given):
        return {"Service": given}
    if _ACCOUNT.fullmatch(given):
        return {"AWS": f"arn:aws:iam::{given}:root"}
    if _ARN.fullmatch(given):
        return {"AWS": given}
    raise invalid("The provided principal was invalid. Please check the principal and try again.")
