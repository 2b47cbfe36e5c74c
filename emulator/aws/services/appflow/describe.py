"""A connector's words in the API's: field by field, as AWS's recorded answers for its example connector have them.

Recorded: a missing boolean is false, a missing list of supported values is empty, other missing members are left out;
connectorType is upper case in DescribeConnector alone; trigger types come sorted; registeredBy is CUSTOM.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from emulator.aws.services.appflow.store import Profile, Registration

_TRIGGERS = {"ONDEMAND": "OnDemand", "SCHEDULED": "Scheduled"}
_DESTINATIONS = ["S3", "CustomConnector", "Salesforce"]


def connector(registration: Registration) -> dict[str, Any]:
    """ConnectorConfiguration."""
    said = registration.configuration
    return _present(
        canUseAsSource="SOURCE" in said.connectorModes,
        canUseAsDestination="DESTINATION" in said.connectorModes,
        supportedDestinationConnectors=_DESTINATIONS if "SOURCE" in said.connectorModes else [],
        supportedSchedulingFrequencies=_or_all(said.triggerFrequenciesSupported, "Frequency"),
        isPrivateLinkEnabled=False,
        isPrivateLinkEndpointUrlRequired=False,
        supportedTriggerTypes=sorted(_TRIGGERS[t] for t in _or_all(said.supportedTriggerTypes, "Trigger")),
        connectorType="CUSTOMCONNECTOR",
        connectorLabel=registration.label,
        connectorDescription=registration.description or said.connectorName,
        connectorOwner=said.connectorOwner,
        connectorName=said.connectorName,
        connectorVersion=said.connectorVersion,
        connectorArn=registration.arn,
        connectorModes=said.connectorModes,
        authenticationConfig=_authentication(said.authenticationConfig),
        connectorRuntimeSettings=[_setting(setting) for setting in said.connectorRuntimeSetting],
        supportedApiVersions=said.supportedApiVersions,
        supportedOperators=_or_all(said.operatorsSupported, "Operator"),
        supportedWriteOperations=_or_all(said.supportedWriteOperations, "WriteOperation"),
        connectorProvisioningType="LAMBDA",
        connectorProvisioningConfig={"lambda": {"lambdaArn": registration.lambda_arn}},
        logoURL=said.logoURL,
        registeredAt=registration.registered_at,
        registeredBy="CUSTOM",
        supportedDataTransferTypes=said.supportedDataTransferTypes,
    )


def detail(registration: Registration) -> dict[str, Any]:
    """ConnectorDetail, as the lists have it."""
    said = registration.configuration
    return _present(
        connectorDescription=registration.description or said.connectorName,
        connectorName=said.connectorName,
        connectorOwner=said.connectorOwner,
        connectorVersion=said.connectorVersion,
        connectorType="CustomConnector",
        connectorLabel=registration.label,
        registeredAt=registration.registered_at,
        registeredBy="CUSTOM",
        connectorProvisioningType="LAMBDA",
        connectorModes=said.connectorModes,
        supportedDataTransferTypes=said.supportedDataTransferTypes,
    )


def profile(kept: Profile) -> dict[str, Any]:
    """ConnectorProfile. No credentials: those are in the secret."""
    return _present(
        connectorProfileArn=kept.arn,
        connectorProfileName=kept.name,
        connectorType="CustomConnector",
        connectorLabel=kept.label,
        connectionMode=kept.connection_mode,
        credentialsArn=kept.secret_arn or None,
        connectorProfileProperties={"CustomConnector": dict(kept.properties)},
        createdAt=kept.created_at,
        lastUpdatedAt=kept.updated_at,
    )


def entity(said: Any) -> dict[str, Any]:
    """ConnectorEntity."""
    return _present(name=said.entityIdentifier, label=said.label, hasNestedEntities=said.hasNestedEntities)


def entity_field(said: Any) -> dict[str, Any]:
    """ConnectorEntityField."""
    limits = said.constraints
    kind = _present(
        fieldType=said.dataType,
        filterOperators=said.filterOperators,
        supportedValues=limits.allowedValues if limits else [],
        valueRegexPattern=limits and limits.allowedValuesRegexPattern,
        supportedDateFormat=limits and limits.allowedDateFormat,
        fieldValueRange=_range(limits and limits.allowedValueRange),
        fieldLengthRange=_range(limits and limits.allowedLengthRange),
    )
    return _present(
        identifier=said.fieldName,
        label=said.label,
        isPrimaryKey=bool(said.isPrimaryKey),
        defaultValue=said.defaultValue,
        isDeprecated=bool(said.isDeprecated),
        supportedFieldTypeDetails={"v1": kind},
        description=said.description,
        sourceProperties=_source(said.readProperties),
        destinationProperties=_destination(said.writeProperties),
        customProperties=said.customProperties,
    )


def _source(said: Any) -> dict[str, Any] | None:
    names = ("isRetrievable", "isQueryable", "isTimestampFieldForIncrementalQueries")
    return {name: bool(getattr(said, name)) for name in names} if said else None


def _destination(said: Any) -> dict[str, Any] | None:
    names = ("isCreatable", "isNullable", "isUpsertable", "isUpdatable", "isDefaultedOnCreate")
    if said is None:
        return None
    return {name: bool(getattr(said, name)) for name in names} | {
        "supportedWriteOperations": said.supportedWriteOperations
    }


def _range(said: Any) -> dict[str, float] | None:
    return {"maximum": said.maxRange, "minimum": said.minRange} if said else None


def _setting(said: Any) -> dict[str, Any]:
    return _present(
        key=said.key,
        dataType=said.dataType,
        isRequired=said.required,
        label=said.label,
        description=said.description,
        scope=said.scope,
        connectorSuppliedValueOptions=said.connectorSuppliedValueOptions,
    )


def _authentication(said: Any) -> dict[str, Any]:
    return _present(
        isBasicAuthSupported=bool(said and said.isBasicAuthSupported),
        isApiKeyAuthSupported=bool(said and said.isApiKeyAuthSupported),
        isOAuth2Supported=bool(said and said.isOAuth2Supported),
        isCustomAuthSupported=bool(said and said.isCustomAuthSupported),
        oAuth2Defaults=_oauth2(said.oAuth2Defaults) if said and said.oAuth2Defaults else None,
        customAuthConfigs=[_custom(kind) for kind in said.customAuthConfig] if said and said.customAuthConfig else None,
    )


def _oauth2(said: Any) -> dict[str, Any]:
    custom = said.oAuth2CustomProperties
    return _present(
        oauthScopes=said.oAuthScopes,
        tokenUrls=said.tokenURL,
        authCodeUrls=said.authURL,
        oauth2GrantTypesSupported=said.oAuth2GrantTypesSupported,
        oauth2CustomProperties=None if custom is None else [_parameter(item) for item in custom],
    )


def _custom(said: Any) -> dict[str, Any]:
    parameters = [_parameter(item) for item in said.authParameters]
    return {"customAuthenticationType": said.authenticationType, "authParameters": parameters}


def _parameter(said: Any) -> dict[str, Any]:
    return _present(
        key=said.key,
        isRequired=said.required,
        label=said.label,
        description=said.description,
        isSensitiveField=said.sensitiveField,
        connectorSuppliedValues=said.connectorSuppliedValues,
        type=said.type,
    )


def _or_all(said: Iterable[str] | None, name: str) -> list[str]:
    from emulator.frontdoors import connector_contract

    return list(get_args(getattr(connector_contract, name)) if said is None else said)


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
