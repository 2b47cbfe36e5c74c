"""AppFlow's side of a connector: builds the request, invokes the function, keeps AppFlow's limits, judges the answer.

AppFlow waits 10 s for configuration, validation and metadata, 30 s for data, whatever the function's timeout (connector
SDK guide); a function that takes longer runs on, and nobody reads its answer. An answer may have 6 MB. No retries.
What a connector's author would want to know about a refused answer goes to `lint`, since AWS's sentence says nothing.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Any

from emulator.clock import Clock
from emulator.model import Invoker, Outcome

log = logging.getLogger(__name__)
PRINCIPAL = "appflow.amazonaws.com"
LIMIT_S = 10.0
DATA_LIMIT_S = 30.0
ANSWER_LIMIT = 6 * 1024 * 1024  # bytes
PAGE = 1000  # the SDKs' default of maxResult and maxResults

# Recorded on AWS: terraform-provider-aws #34422; cdk-appflow #90, where the parenthesis stands twice.
NO_VALID_RESPONSE = "Got error from connector. No valid response and error details found in the connector response."
# Lambda's own sentence for a service its function's policy does not name; what AppFlow makes of it was not seen.
NOT_PERMITTED = (
    f"User: {PRINCIPAL} is not authorized to perform: lambda:InvokeFunction on resource: {{arn}} because no "
    "resource-based policy allows the lambda:InvokeFunction action"
)
_CLIENT = " (Service: null; Status Code: 400; Error Code: Client; Request ID: null; Proxy: null)"
SERVER = "Error while communicating to connector: "
_AUTHENTICATION = "Error authenticating to connector: "

Request = dict[str, Any]
Lint = Callable[[str, str, Sequence[str]], None]
MayInvoke = Callable[[str], bool]
Before = Callable[[Request], None]


class ConnectorError(Exception):
    """A call that failed, as AppFlow reports it.

    code, message: of the AWS error. error_code: the connector's own (`RateLimitExceeded`), `NoSuchFunction`,
    `NotPermitted` or `Throttled` where it was not reached, empty where it gave none. answer: what it answered, as far
    as it was read.
    """

    def __init__(self, code: str, message: str, error_code: str = "", answer: Any = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.error_code, self.answer = code, message, error_code, answer


@dataclass(frozen=True)
class Context:
    """`connectorContext`. authentication_type: OAuth2 | BasicAuth | ApiKey | CustomAuth. Without a secret the connector
    gets no credentials. The last three are for the connector's logs, null outside a run."""

    settings: Mapping[str, str] = field(default_factory=dict)
    secret_arn: str = ""
    authentication_type: str = ""
    api_version: str | None = None
    entity_definition: Mapping[str, Any] | None = None
    flow_name: str | None = None
    profile: str | None = None
    execution_id: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As AppFlow sends it: every key, nulls included."""
        return {
            "credentials": self.credentials,
            "apiVersion": self.api_version,
            "connectorRuntimeSettings": dict(self.settings),
            "entityDefinition": self.entity_definition,
            "flowName": self.flow_name,
            "connectorProfileLabel": self.profile,
            "executionId": self.execution_id,
        }

    @property
    def credentials(self) -> dict[str, str] | None:
        if not self.secret_arn:
            return None
        return {"secretArn": self.secret_arn, "authenticationType": self.authentication_type}


def describe_configuration() -> Request:
    return {"type": "DescribeConnectorConfigurationRequest", "locale": "en-US"}


def validate_settings(scope: str, settings: Mapping[str, str]) -> Request:
    """scope: CONNECTOR_PROFILE | SOURCE | DESTINATION | SOURCE_AND_DESTINATION."""
    request = {"type": "ValidateConnectorRuntimeSettingsRequest", "scope": scope}
    return {**request, "connectorRuntimeSettings": dict(settings)}


def validate_credentials(context: Context) -> Request:
    request = {"type": "ValidateCredentialsRequest", "credentials": context.credentials}
    return {**request, "connectorRuntimeSettings": dict(context.settings)}


def list_entities(context: Context, path: str | None = None, token: str | None = None, most: int = PAGE) -> Request:
    request = {"type": "ListEntitiesRequest", "entitiesPath": path, "maxResult": most, "nextToken": token}
    return {**request, "connectorContext": context.as_json()}


def describe_entity(context: Context, entity: str) -> Request:
    return {"type": "DescribeEntityRequest", "entityIdentifier": entity, "connectorContext": context.as_json()}


def query_data(
    context: Context, entity: str, fields: Sequence[str], token: str | None = None, filtering: str | None = None,
    most: int = PAGE,
) -> Request:
    """filtering: an expression of the connector SDK's filter grammar. token: of the page before."""
    request = {"type": "QueryDataRequest", "entityIdentifier": entity, "selectedFieldNames": list(fields)}
    paging = {"filterExpression": filtering, "nextToken": token, "maxResults": most}
    return {**request, **paging, "connectorContext": context.as_json()}


def write_data(
    context: Context, entity: str, operation: str, id_fields: Sequence[str], records: Sequence[str]
) -> Request:
    """operation: INSERT | UPDATE | UPSERT | DELETE. records: JSON objects as text. allOrNone is never set: a flow's
    failOnFirstDestinationError is not passed on to the connector (reported on AWS: connector SDK for Java, #68)."""
    request = {"type": "WriteDataRequest", "entityIdentifier": entity, "operation": operation}
    rows = {"idFieldNames": list(id_fields), "records": list(records), "allOrNone": False}
    return {**request, **rows, "connectorContext": context.as_json()}


class ConnectorCalls:
    """lint: told (function ARN, kind of request, problems) of every answer refused; logged by default. may_invoke:
    does the function's policy let AppFlow in? Without it every function does. before: told of each request before it
    is sent; may raise."""

    def __init__(
        self, invoker: Invoker, clock: Clock, lint: Lint | None = None, limit_s: float = LIMIT_S,
        data_limit_s: float = DATA_LIMIT_S, may_invoke: MayInvoke | None = None, before: Before | None = None,
    ) -> None:
        self._invoker, self._clock, self.lint = invoker, clock, lint or _to_log
        self._may_invoke, self._before = may_invoke or (lambda arn: True), before or (lambda request: None)
        self._limits = {"QueryData": data_limit_s, "RetrieveData": data_limit_s, "WriteData": data_limit_s}
        self._limit_s = limit_s

    def call(self, arn: str, request: Request) -> Any:
        """The connector's successful answer, a model of `connector_contract`. Raises ConnectorError."""
        kind = request["type"].removesuffix("Request")
        self._before(request)
        answer = self._judge(arn, kind, self._run(arn, kind, json.dumps(request).encode()))
        if answer.isSuccess:
            return answer
        raise _failure(kind, answer)

    def _run(self, arn: str, kind: str, payload: bytes) -> Outcome:
        if not self._may_invoke(arn):
            raise ConnectorError("AccessDeniedException", NOT_PERMITTED.format(arn=arn), "NotPermitted")
        limit_s, begin = self._limits.get(kind, self._limit_s), self._clock.monotonic()
        try:
            outcome = self._start(arn, payload).result(limit_s)
        except FutureTimeout:
            raise self.refused(arn, kind, f"no answer after {limit_s:g} s; the function runs on") from None
        except LookupError as error:
            message = str(error.args[0] if error.args else error)
            raise ConnectorError("ConnectorServerException", SERVER + message, "NoSuchFunction") from None
        elapsed = self._clock.monotonic() - begin + outcome.virtual_s
        if elapsed > limit_s:
            raise self.refused(arn, kind, f"answered after {elapsed:.1f} s; AppFlow waits {limit_s:g} s")
        return outcome

    def _start(self, arn: str, payload: bytes) -> Future[Outcome]:
        """A thread of its own: AppFlow stops waiting, the function does not stop running."""
        answered: Future[Outcome] = Future()

        def run() -> None:
            try:
                answered.set_result(self._invoker.invoke(arn, payload, "appflow", caller=PRINCIPAL))
            except BaseException as error:
                answered.set_exception(error)

        threading.Thread(target=run, name="appflow-call", daemon=True).start()
        return answered

    def _judge(self, arn: str, kind: str, outcome: Outcome) -> Any:
        from emulator.frontdoors.connector_contract import Unreadable, read

        if outcome.status == "throttled":
            raise ConnectorError("ConnectorServerException", f"{SERVER}Rate Exceeded.", "Throttled")
        if outcome.status == "lost":
            raise self.refused(arn, kind, "the function ran; the connection to Lambda ended without an answer")
        if outcome.status != "ok":
            raise self.refused(arn, kind, f"the function failed ({outcome.status}): {_head(outcome.payload)}")
        if len(outcome.payload) > ANSWER_LIMIT:
            raise self.refused(arn, kind, f"answered {len(outcome.payload)} bytes; AppFlow takes {ANSWER_LIMIT}")
        try:
            return read(kind, outcome.payload)
        except Unreadable as error:
            raise self.refused(arn, kind, *error.problems) from None

    def refused(self, arn: str, kind: str, *problems: str) -> ConnectorError:
        """The lint gets the problems, the API its sentence."""
        self.lint(arn, kind, problems)
        return ConnectorError("ConnectorServerException", SERVER + NO_VALID_RESPONSE)


def refused_credentials(action: str, text: str) -> str:
    """AppFlow's sentence where the service does not take a profile's credentials. action: what AppFlow attempted."""
    return _AUTHENTICATION + _attempted(action, text)


def _attempted(action: str, text: str) -> str:
    attempting = f'Failed to validate Connection while attempting "{action} with CustomConnector"'
    return f"{attempting} with connector failure {text}{_CLIENT * 2}"


def _failure(kind: str, answer: Any) -> ConnectorError:
    """The connector says no: its error details in AppFlow's sentence."""
    details = answer.errorDetails
    text = details.errorMessage if details else _by_field(answer.errorsByInputField)
    if kind.startswith("Validate"):
        text = _attempted(kind, text)
    error_code = details.errorCode if details else "InvalidArgument"
    if error_code == "InvalidCredentials":
        return ConnectorError("ConnectorAuthenticationException", _AUTHENTICATION + text, error_code, answer)
    return ConnectorError("ConnectorServerException", SERVER + text, error_code, answer)


def _by_field(errors: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}={value}" for key, value in errors.items()) + "}"


def _head(payload: bytes) -> str:
    return payload[:500].decode("utf-8", "replace")


def _to_log(arn: str, kind: str, problems: Sequence[str]) -> None:
    log.warning("connector %s, %s: %s", arn, kind, "; ".join(problems))
