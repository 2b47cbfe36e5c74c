"""What FIS can do here: its actions and the resources they strike."""

from __future__ import annotations

from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.fis.actions import KINDS, RESOURCE_TYPE, Kind, kind_of
from emulator.aws.services.fis.store import Params, Store, page
from emulator.model import AwsCall

FUNCTION = {"resourceType": RESOURCE_TYPE, "description": "An AWS Lambda function"}


class CatalogOperations:
    """The methods are operations: params in, output out, both as botocore's model has them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def list_actions(self, params: Params, call: AwsCall) -> Params:
        return page("actions", [self._shown(KINDS[name]) for name in sorted(KINDS)], params)

    def get_action(self, params: Params, call: AwsCall) -> Params:
        kind = kind_of(params["id"])
        about = {key: {"description": p.about, "required": p.required} for key, p in kind.parameters.items()}
        return {"action": {**self._shown(kind), "parameters": about}}

    def _shown(self, kind: Kind) -> dict[str, Any]:
        targets = {key: {"resourceType": resource} for key, resource in kind.targets.items()}
        shown = {"id": kind.id, "arn": self.store.arn("action", kind.id), "description": kind.about}
        return {**shown, "targets": targets, "tags": {}}

    def list_target_resource_types(self, params: Params, call: AwsCall) -> Params:
        return page("targetResourceTypes", [FUNCTION], params)

    def get_target_resource_type(self, params: Params, call: AwsCall) -> Params:
        if params["resourceType"] != RESOURCE_TYPE:
            text = f"Target resource type {params['resourceType']} not found."
            raise ServiceError("ResourceNotFoundException", text)
        return {"targetResourceType": {**FUNCTION, "parameters": {}}}
