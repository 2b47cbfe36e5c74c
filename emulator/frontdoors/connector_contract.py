"""What a connector may answer, type by type: the shapes of AWS's connector SDKs (Java 1.x, Python 1.0.5).

Field names are those on the wire. AppFlow reads with the Java SDK's rules, and so do these: unknown fields are ignored,
null or absent lists are empty, a number or boolean where a string is meant is taken as its text; a missing mandatory
field or an unknown enum value makes the whole answer unreadable.

Imports pydantic: import this where it is needed, not on the start path.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError


def _text(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _flag(value: object) -> object:
    if isinstance(value, str) and value in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return value.lower() == "true"
    return value != 0 if isinstance(value, int) else value


def _list(value: object) -> object:
    return [] if value is None else value


Text = Annotated[str, Field(strict=True), BeforeValidator(_text)]
Flag = Annotated[bool, Field(strict=True), BeforeValidator(_flag)]
Texts = Annotated[list[Text], BeforeValidator(_list)]
Number = Annotated[float, Field(allow_inf_nan=False)]

ErrorCode = Literal[
    "InvalidArgument", "InvalidCredentials", "AccessDenied", "RequestTimeout", "RateLimitExceeded",
    "ServiceUnavailable", "ClientError", "ServerError", "UnknownError", "PartialWriteFailure", "ResourceNotFoundError",
]
DataType = Literal[
    "String", "Integer", "Float", "Double", "Long", "Short", "BigInteger", "BigDecimal", "ByteArray", "Boolean", "Date",
    "DateTime", "Struct", "Map", "List",
]
Operator = Literal[
    "PROJECTION", "LESS_THAN", "GREATER_THAN", "BETWEEN", "LESS_THAN_OR_EQUAL_TO", "GREATER_THAN_OR_EQUAL_TO",
    "EQUAL_TO", "CONTAINS", "NOT_EQUAL_TO", "ADDITION", "SUBTRACTION", "MULTIPLICATION", "DIVISION", "MASK_ALL",
    "MASK_FIRST_N", "MASK_LAST_N", "VALIDATE_NON_NULL", "VALIDATE_NON_ZERO", "VALIDATE_NON_NEGATIVE",
    "VALIDATE_NUMERIC", "NO_OP",
]
Frequency = Literal["BYMINUTE", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "ONCE"]
Trigger = Literal["SCHEDULED", "ONDEMAND"]
WriteOperation = Literal["INSERT", "UPDATE", "UPSERT", "DELETE"]
Mode = Literal["SOURCE", "DESTINATION"]
Scope = Literal["CONNECTOR_PROFILE", "SOURCE", "DESTINATION", "SOURCE_AND_DESTINATION"]
TimeUnit = Literal["NANOSECONDS", "MICROSECONDS", "MILLISECONDS", "SECONDS", "MINUTES", "HOURS", "DAYS"]


class Shape(BaseModel):
    """A JSON object, frozen."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ErrorDetails(Shape):
    errorCode: ErrorCode
    errorMessage: Text
    retryAfterSeconds: int | None = None


class Answer(Shape):
    """What every answer has. With isSuccess false only this much is read."""

    isSuccess: Flag
    errorDetails: ErrorDetails | None = None
    errorsByInputField: dict[str, Text] | None = None


class CacheControl(Shape):
    timeToLive: int | None = None
    timeToLiveUnit: TimeUnit | None = None


class Entity(Shape):
    entityIdentifier: Text
    hasNestedEntities: Flag
    isWritable: Flag | None = None
    label: Text | None = None
    description: Text | None = None


class Range(Shape):
    minRange: Number
    maxRange: Number


class Constraints(Shape):
    allowedLengthRange: Range | None = None
    allowedValueRange: Range | None = None
    allowedValues: Texts = []
    allowedValuesRegexPattern: Text | None = None
    allowedDateFormat: Text | None = None


class ReadProperties(Shape):
    isRetrievable: Flag | None = None
    isNullable: Flag | None = None
    isQueryable: Flag | None = None
    isTimestampFieldForIncrementalQueries: Flag | None = None


class WriteProperties(Shape):
    isCreatable: Flag | None = None
    isUpdatable: Flag | None = None
    isNullable: Flag | None = None
    isUpsertable: Flag | None = None
    isDefaultedOnCreate: Flag | None = None
    supportedWriteOperations: Annotated[list[WriteOperation], BeforeValidator(_list)] = []


class FieldDefinition(Shape):
    fieldName: Text
    dataType: DataType
    dataTypeLabel: Text | None = None
    label: Text | None = None
    description: Text | None = None
    isPrimaryKey: Flag | None = None
    defaultValue: Text | None = None
    isDeprecated: Flag | None = None
    constraints: Constraints | None = None
    readProperties: ReadProperties | None = None
    writeProperties: WriteProperties | None = None
    filterOperators: Annotated[list[Operator], BeforeValidator(_list)] = []
    customProperties: dict[str, Text] | None = None


class EntityDefinition(Shape):
    entity: Entity
    fields: Annotated[list[FieldDefinition], BeforeValidator(_list)]
    customProperties: dict[str, Text] | None = None


class AuthParameter(Shape):
    key: Text
    required: Flag
    label: Text
    description: Text
    sensitiveField: Flag | None = None
    connectorSuppliedValues: list[Text] | None = None
    type: Literal["TOKEN_URL", "AUTH_URL"] | None = None


class CustomAuthConfig(Shape):
    authenticationType: Text = Field(validation_alias=AliasChoices("authenticationType", "customAuthenticationType"))
    authParameters: Annotated[list[AuthParameter], BeforeValidator(_list)] = []


class OAuth2Defaults(Shape):
    oAuthScopes: list[Text] | None = None
    tokenURL: Texts = []
    authURL: list[Text] | None = None
    oAuth2GrantTypesSupported: Annotated[
        list[Literal["CLIENT_CREDENTIALS", "AUTHORIZATION_CODE", "JWT_BEARER"]], BeforeValidator(_list)
    ] = []
    oAuth2CustomProperties: list[AuthParameter] | None = Field(
        None, validation_alias=AliasChoices("oAuth2CustomProperties", "oauth2CustomProperties")
    )
    addBasicAuthHeader: Flag | None = None
    oAuth2ContentType: Literal["URL_ENCODED", "APPLICATION_JSON"] | None = None
    oAuth2MethodType: Literal["HTTP_POST", "HTTP_GET"] | None = None


class AuthenticationConfig(Shape):
    isBasicAuthSupported: Flag | None = None
    isApiKeyAuthSupported: Flag | None = None
    isOAuth2Supported: Flag | None = None
    isCustomAuthSupported: Flag | None = None
    oAuth2Defaults: OAuth2Defaults | None = None
    customAuthConfig: list[CustomAuthConfig] | None = None


class RuntimeSetting(Shape):
    key: Text
    dataType: Literal["String", "Date", "DateTime", "Long", "Integer", "Boolean"]
    required: Flag
    label: Text
    description: Text
    scope: Scope
    connectorSuppliedValueOptions: list[Text] | None = None


class Configuration(Answer):
    """DescribeConnectorConfiguration. Lists a connector leaves out mean all there are (the Java SDK's defaults)."""

    connectorOwner: Text
    connectorName: Text
    connectorVersion: Text
    connectorModes: Annotated[list[Mode], BeforeValidator(_list)] = []
    authenticationConfig: AuthenticationConfig | None = None
    connectorRuntimeSetting: Annotated[list[RuntimeSetting], BeforeValidator(_list)] = []
    supportedApiVersions: Texts = []
    operatorsSupported: list[Operator] | None = None
    triggerFrequenciesSupported: list[Frequency] | None = None
    supportedTriggerTypes: list[Trigger] | None = None
    supportedWriteOperations: list[WriteOperation] | None = None
    supportedDataTransferTypes: list[Literal["RECORD", "FILE"]] | None = None
    logoURL: Text | None = None


class Entities(Answer):
    entities: Annotated[list[Entity], BeforeValidator(_list)] = []
    nextToken: Text | None = None
    cacheControl: CacheControl | None = None


class Definition(Answer):
    entityDefinition: EntityDefinition
    cacheControl: CacheControl | None = None


class Records(Answer):
    """QueryData, and RetrieveData without nextToken. Each record is a JSON object as text."""

    records: Texts = []
    nextToken: Text | None = None


class WriteRecordResult(Shape):
    isSuccess: Flag
    recordId: Text | None = None
    errorMessage: Text | None = None


class Written(Answer):
    writeRecordResults: Annotated[list[WriteRecordResult], BeforeValidator(_list)] = []


ANSWERS: dict[str, type[Answer]] = {
    "DescribeConnectorConfiguration": Configuration,
    "ValidateConnectorRuntimeSettings": Answer,
    "ValidateCredentials": Answer,
    "ListEntities": Entities,
    "DescribeEntity": Definition,
    "QueryData": Records,
    "RetrieveData": Records,
    "WriteData": Written,
}


class Unreadable(ValueError):
    """An answer AppFlow could not use. problems: `entities[3].label: ...`, for the connector's author."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def read(kind: str, payload: bytes) -> Any:
    """The answer to a request of this kind: its model, or a bare Answer that says why not. Raises Unreadable."""
    answer = _read(Answer, payload)
    if answer.isSuccess:
        return _read(ANSWERS.get(kind, Answer), payload)
    if answer.errorDetails is None and not (kind == "ValidateConnectorRuntimeSettings" and answer.errorsByInputField):
        raise Unreadable(["errorDetails: isSuccess is false and no error details are given"])
    return _read(Written, payload) if kind == "WriteData" else answer


def _read(shape: type[Answer], payload: bytes) -> Any:
    try:
        return shape.model_validate_json(payload)
    except ValidationError as error:
        problems = [f"{_place(item['loc'])}: {item['msg']}" for item in error.errors(include_url=False)]
        raise Unreadable(problems) from None


def _place(location: tuple[int | str, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".") or "(the whole answer)"
