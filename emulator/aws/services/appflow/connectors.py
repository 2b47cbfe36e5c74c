"""The registry of connectors."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow import describe
from emulator.aws.services.appflow.asking import configuration
from emulator.aws.services.appflow.entities import Metadata
from emulator.aws.services.appflow.store import Params, Registration, Store, custom_connector_only, page
from emulator.frontdoors.appflow import ConnectorCalls
from emulator.model import AwsCall

_LABEL = re.compile(r"[a-zA-Z0-9][\w!@#.-]+")


class ConnectorOperations:
    """The methods are operations: params in, output out, both as botocore's model has them."""

    def __init__(self, store: Store, calls: ConnectorCalls, metadata: Metadata) -> None:
        self.store, self._calls, self._metadata = store, calls, metadata

    def register_connector(self, params: Params, call: AwsCall) -> Params:
        """Ask the function what it is, once, and keep the answer. Without a label the connector's own name is taken."""
        lambda_arn = _lambda_arn(params)
        if lambda_arn is None:
            raise ServiceError("ValidationException", "connectorProvisioningConfig.lambda is required.")
        return self.store.once("RegisterConnector", params, lambda: self._register(lambda_arn, params))

    def _register(self, lambda_arn: str, params: Params) -> Params:
        label, said = params.get("connectorLabel"), None
        if not label:
            said = configuration(self._calls, lambda_arn)
            label = said.connectorName
        if not _LABEL.fullmatch(label):
            raise ServiceError("ValidationException", f"connectorLabel is required: {label!r} cannot be one.")
        arn = self.store.arn("connector", label)
        with self.store.claim(arn):
            if label in self.store.registrations:
                raise ServiceError("ConflictException", f"Connector with label {label} already exists.")
            said = said or configuration(self._calls, lambda_arn)
            description = params.get("description") or ""
            made = Registration(label, arn, lambda_arn, description, said, self.store.now())
            with self.store.lock:
                self.store.registrations[label] = made
        return {"connectorArn": arn}

    def update_connector_registration(self, params: Params, call: AwsCall) -> Params:
        """The same or another function is asked again; a failure leaves the registration as it was."""
        arn = self.store.arn("connector", params["connectorLabel"])
        return self.store.once("UpdateConnectorRegistration", params, lambda: self._update(arn, params))

    def _update(self, arn: str, params: Params) -> Params:
        with self.store.claim(arn):
            kept = self.store.registration(params["connectorLabel"])
            lambda_arn = _lambda_arn(params) or kept.lambda_arn
            said = configuration(self._calls, lambda_arn)
            description = params.get("description", kept.description)
            with self.store.lock:
                self.store.registrations[kept.label] = replace(
                    kept, lambda_arn=lambda_arn, description=description, configuration=said
                )
                of_it = [profile.name for profile in self.store.profiles.values() if profile.label == kept.label]
        for name in of_it:
            self._metadata.forget(name)
        return {"connectorArn": arn}

    def unregister_connector(self, params: Params, call: AwsCall) -> Params:
        label = params["connectorLabel"]
        arn = self.store.arn("connector", label)
        with self.store.claim(arn), self.store.lock:
            self.store.registration(label)
            users = sorted(profile.name for profile in self.store.profiles.values() if profile.label == label)
            if users and not params.get("forceDelete"):
                message = f"Connector:{label} is in use by connector profiles: {', '.join(users)}."
                raise ServiceError("ConflictException", message)
            del self.store.registrations[label]
            self.store.forget(arn)
        return {}

    def describe_connector(self, params: Params, call: AwsCall) -> Params:
        custom_connector_only(params)
        if not params.get("connectorLabel"):
            raise ServiceError("ValidationException", "connectorLabel is required for connectorType CustomConnector.")
        return {"connectorConfiguration": describe.connector(self.store.registration(params["connectorLabel"]))}

    def list_connectors(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            found, more = page(self.store.registrations, params, "connectors")
        return {"connectors": [describe.detail(registration) for registration in found], **more}

    def describe_connectors(self, params: Params, call: AwsCall) -> Params:
        """Of AWS's own connectors the rig has none; the registered ones are type CustomConnector."""
        types = params.get("connectorTypes")
        if types and "CustomConnector" not in types:
            return {"connectorConfigurations": {}, "connectors": []}
        return {"connectorConfigurations": {}, **self.list_connectors(params, call)}


def _lambda_arn(params: Params) -> str | None:
    provisioning: dict[str, Any] = params.get("connectorProvisioningConfig") or {}
    arn: str | None = (provisioning.get("lambda") or {}).get("lambdaArn")
    return arn
