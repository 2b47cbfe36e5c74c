"""Connector profiles: a connector, its settings and a secret, held together only after the connector has agreed.

OAuth 2.0 tokens are asked for first. Then the secret is written, since ValidateCredentials names it; then credentials,
then settings are validated; on any failure the secret is as it was before.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow import describe, oauth2
from emulator.aws.services.appflow.asking import ask
from emulator.aws.services.appflow.credentials import Secrets, block_of, secret_string
from emulator.aws.services.appflow.entities import Metadata
from emulator.aws.services.appflow.renewal import Renewal
from emulator.aws.services.appflow.store import Params, Profile, Registration, Store, custom_connector_only, page
from emulator.frontdoors.appflow import ConnectorCalls, validate_credentials, validate_settings
from emulator.model import AwsCall

log = logging.getLogger(__name__)
QUOTA = 100  # connector profiles of an account
_FLAGS = {
    "OAUTH2": "isOAuth2Supported", "BASIC": "isBasicAuthSupported", "APIKEY": "isApiKeyAuthSupported",
    "CUSTOM": "isCustomAuthSupported",
}


class ProfileOperations:
    """The methods are operations: params in, output out, both as botocore's model has them."""

    def __init__(
        self, store: Store, calls: ConnectorCalls, secrets: Secrets, metadata: Metadata, renewal: Renewal
    ) -> None:
        self.store, self._calls, self._secrets, self._metadata = store, calls, secrets, metadata
        self._renewal = renewal

    def create_connector_profile(self, params: Params, call: AwsCall) -> Params:
        custom_connector_only(params)
        arn = self.store.arn("connectorprofile", params["connectorProfileName"])
        return self.store.once("CreateConnectorProfile", params, lambda: self._create(arn, params))

    def _create(self, arn: str, params: Params) -> Params:
        name, label = params["connectorProfileName"], params.get("connectorLabel")
        if not label:
            raise ServiceError("ValidationException", "connectorLabel is required for connectorType CustomConnector.")
        with self.store.claim(arn):
            if name in self.store.profiles:
                raise ServiceError("ConflictException", f"Connector Profile with name {name} already exists.")
            unless = " Please register it first before creating ConnectorProfile."
            registration = self.store.registration(label, unless)
            if len(self.store.profiles) >= QUOTA:
                message = f"The account already has {QUOTA} connector profiles."
                raise ServiceError("ServiceQuotaExceededException", message)
            given, properties = _given(registration, params)
            now = self.store.now()
            made = Profile(name, arn, label, params["connectionMode"], properties, "", "", now, now)
            with self._with_secret(registration, made, given, params.get("kmsArn")) as ready:
                self._validate(registration, ready)
                with self.store.lock:
                    self.store.profiles[name] = ready
        return {"connectorProfileArn": arn}

    @contextmanager
    def _with_secret(
        self, registration: Registration, profile: Profile, given: Params | None, kms_arn: str | None
    ) -> Iterator[Profile]:
        """The profile with a new secret, which goes again when the block fails."""
        if given is None:
            yield profile
            return
        filled, text = self._filled(registration, profile, given)
        arn = self._secrets.create(profile.label, profile.name, text, kms_arn)
        try:
            yield replace(filled, secret_arn=arn)
        except BaseException:
            self._undo(arn, None)
            raise

    def _filled(self, registration: Registration, profile: Profile, given: Params) -> tuple[Profile, str]:
        """The profile with these credentials, and the text of its secret. Its tokens are asked for here."""
        block_of(given)
        granted = self._renewal.first(registration, profile, given)
        kind, renew_at = given["authenticationType"], self._renewal.renew_at(granted)
        return replace(profile, authentication_type=kind, renew_at=renew_at), secret_string(given, granted)

    def update_connector_profile(self, params: Params, call: AwsCall) -> Params:
        """Credentials left out stay as they are; they are validated with the new settings all the same."""
        arn = self.store.arn("connectorprofile", params["connectorProfileName"])
        return self.store.once("UpdateConnectorProfile", params, lambda: self._update(arn, params))

    def _update(self, arn: str, params: Params) -> Params:
        name = params["connectorProfileName"]
        with self.store.claim(arn), self._renewal.alone(name):
            kept = self.store.profile(name)
            registration = self.store.registration(kept.label)
            given, properties = _given(registration, params, kept)
            if given is None:
                self._renewal.ready(name)
                kept = self.store.profile(name)
            changed = replace(
                kept, connection_mode=params["connectionMode"], properties=properties, updated_at=self.store.now()
            )
            with self._with_changed(registration, changed, given) as ready:
                self._validate(registration, ready)
                with self.store.lock:
                    self.store.profiles[name] = ready
            if given is not None:
                self._renewal.replaced(name)
        self._metadata.forget(name)
        return {"connectorProfileArn": arn}

    @contextmanager
    def _with_changed(self, registration: Registration, profile: Profile, given: Params | None) -> Iterator[Profile]:
        """The profile with new credentials in its secret, which has the old ones again when the block fails."""
        if given is None or not profile.secret_arn:
            with self._with_secret(registration, profile, given, None) as ready:
                yield ready
            return
        filled, text = self._filled(registration, profile, given)
        before = self._secrets.read(profile.secret_arn)
        self._secrets.write(profile.secret_arn, text)
        try:
            yield filled
        except BaseException:
            self._undo(profile.secret_arn, before)
            raise

    def _undo(self, arn: str, before: str | None) -> None:
        try:
            self._secrets.delete(arn) if before is None else self._secrets.write(arn, before)
        except ServiceError as error:
            log.warning("secret %s could not be put back after a failed validation: %s", arn, error)

    def _validate(self, registration: Registration, profile: Profile) -> None:
        if profile.secret_arn:
            ask(self._calls, registration.lambda_arn, validate_credentials(profile.context()))
        ask(self._calls, registration.lambda_arn, validate_settings("CONNECTOR_PROFILE", profile.settings))

    def delete_connector_profile(self, params: Params, call: AwsCall) -> Params:
        """The secret goes with it. If it cannot be deleted the profile stays. One that flows use goes only by force."""
        name = params["connectorProfileName"]
        arn = self.store.arn("connectorprofile", name)
        with self.store.claim(arn), self._renewal.alone(name):
            kept = self.store.profile(name)
            users = self._flows_of(name)
            if users and not params.get("forceDelete"):
                message = f"Connector Profile with name {name} is in use by flows: {', '.join(users)}."
                raise ServiceError("ConflictException", message)
            if kept.secret_arn:
                self._secrets.delete(kept.secret_arn)
            with self.store.lock:
                del self.store.profiles[name]
                self.store.forget(arn)
        self._metadata.forget(name)
        return {}

    def _flows_of(self, profile: str) -> list[str]:
        with self.store.lock:
            return sorted(f.name for f in self.store.flows.values() if f.connector["connectorProfileName"] == profile)

    def describe_connector_profiles(self, params: Params, call: AwsCall) -> Params:
        """Names and types are filters; a name nobody has is simply not there."""
        names, label = params.get("connectorProfileNames"), params.get("connectorLabel")
        if params.get("connectorType", "CustomConnector") != "CustomConnector":
            return {"connectorProfileDetails": []}
        with self.store.lock:
            fitting = {
                name: profile
                for name, profile in self.store.profiles.items()
                if (not names or name in names) and (not label or profile.label == label)
            }
        found, more = page(fitting, params, "profiles")
        return {"connectorProfileDetails": [describe.profile(profile) for profile in found], **more}


def _given(registration: Registration, params: Params, kept: Profile | None = None) -> tuple[Params | None, Params]:
    """(CustomConnectorProfileCredentials or None, CustomConnectorProfileProperties). ValidationException as AWS's."""
    if params["connectionMode"] != "Public":
        raise ServiceError("ValidationException", "Custom connectors do not support connectionMode Private.")
    config = params["connectorProfileConfig"]
    properties: Any = config["connectorProfileProperties"].get("CustomConnector")
    if properties is None:
        raise ServiceError("ValidationException", "connectorProfileProperties.CustomConnector is required.")
    given: Any = (config.get("connectorProfileCredentials") or {}).get("CustomConnector")
    authentication = registration.configuration.authenticationConfig
    supported = [kind for kind, flag in _FLAGS.items() if authentication and getattr(authentication, flag)]
    if given is None and supported and not (kept and kept.secret_arn):
        raise ServiceError("ValidationException", "connectorProfileCredentials.CustomConnector is required.")
    if given is not None and given["authenticationType"] not in supported:
        message = f"Connector:{registration.label} does not support authenticationType {given['authenticationType']}"
        raise ServiceError("ValidationException", f"{message}: it supports {', '.join(supported) or 'none'}.")
    kind = given["authenticationType"] if given else kept and kept.authentication_type
    if kind == "OAUTH2" and properties.get("oAuth2Properties"):
        _check_oauth2(registration, properties["oAuth2Properties"])
    return given, properties


def _check_oauth2(registration: Registration, properties: Params) -> None:
    defaults = registration.configuration.authenticationConfig.oAuth2Defaults
    if problem := next(oauth2.problems(registration.label, defaults, properties), ""):
        raise ServiceError("ValidationException", problem)
