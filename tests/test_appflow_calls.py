"""AppFlow's side of a connector: what it sends, how long it waits, what it makes of each answer."""

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.clock import Clock
from emulator.frontdoors import appflow, connector_contract
from emulator.frontdoors.appflow import ConnectorCalls, ConnectorError, Context
from emulator.model import Outcome

ARN = "arn:aws:lambda:us-east-1:123456789012:function:crm"
NO_VALID = (
    "Error while communicating to connector: Got error from connector. "
    "No valid response and error details found in the connector response."
)
CLIENT = " (Service: null; Status Code: 400; Error Code: Client; Request ID: null; Proxy: null)"
CONTEXT = Context({"instanceUrl": "https://x"}, "arn:secret", "OAuth2", "v51.0")
REQUESTS = {
    "DescribeConnectorConfiguration": appflow.describe_configuration(),
    "ValidateConnectorRuntimeSettings": appflow.validate_settings("SOURCE", {}),
    "ValidateCredentials": appflow.validate_credentials(CONTEXT),
    "ListEntities": appflow.list_entities(CONTEXT),
    "DescribeEntity": appflow.describe_entity(CONTEXT, "Account"),
    "QueryData": {"type": "QueryDataRequest"},
    "RetrieveData": {"type": "RetrieveDataRequest"},
    "WriteData": {"type": "WriteDataRequest"},
}
SUCCESS = {
    "ValidateCredentials": {"isSuccess": True, "errorDetails": None},
    "ListEntities": {
        "isSuccess": True,
        "errorDetails": None,
        "entities": [{"entityIdentifier": "Account", "hasNestedEntities": False, "isWritable": True, "label": "Account",
                      "description": None}],
        "nextToken": None,
        "cacheControl": {"timeToLive": 1, "timeToLiveUnit": "HOURS"},
    },
    "QueryData": {"isSuccess": True, "errorDetails": None, "nextToken": "p2", "records": ['{"Id": "1"}']},
}


class Fake:
    """An invoker that answers with one outcome, and keeps what it was asked."""

    def __init__(self, outcome=None, raises=None, until=None):
        self.outcome, self.raises, self.until, self.asked = outcome, raises, until, []

    def invoke(self, function, payload, origin, **more):
        self.asked.append((function, json.loads(payload), origin, more))
        if self.until:
            self.until.wait()
        if self.raises:
            raise self.raises
        return self.outcome


def answer(value, **more):
    return Outcome("ok", value if isinstance(value, bytes) else json.dumps(value).encode(), **more)


def call(outcome, kind="ListEntities", lint=None, **limits):
    return ConnectorCalls(Fake(outcome), Clock(), lint or (lambda *_: None), **limits).call(ARN, REQUESTS[kind])


def refused(outcome, kind="ListEntities", **more):
    with pytest.raises(ConnectorError) as caught:
        call(outcome, kind, **more)
    return caught.value


def failure(code, message="went wrong"):
    details = {"errorCode": code, "errorMessage": message, "retryAfterSeconds": None}
    return {"isSuccess": False, "errorDetails": details}


def test_the_function_is_invoked_by_arn_as_appflow():
    fake = Fake(answer(SUCCESS["ListEntities"]))
    ConnectorCalls(fake, Clock()).call(ARN, REQUESTS["ListEntities"])
    assert [(f, o, m) for f, _, o, m in fake.asked] == [(ARN, "appflow", {"caller": "appflow.amazonaws.com"})]


CTX = {
    "credentials": {"secretArn": "arn:secret", "authenticationType": "OAuth2"},
    "apiVersion": "v51.0",
    "connectorRuntimeSettings": {"instanceUrl": "https://x"},
    "entityDefinition": None,
    "flowName": None,
    "connectorProfileLabel": None,
    "executionId": None,
}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (appflow.describe_configuration(), {"type": "DescribeConnectorConfigurationRequest", "locale": "en-US"}),
        (
            appflow.validate_settings("CONNECTOR_PROFILE", {"a": "b"}),
            {"type": "ValidateConnectorRuntimeSettingsRequest", "scope": "CONNECTOR_PROFILE",
             "connectorRuntimeSettings": {"a": "b"}},
        ),
        (
            appflow.validate_credentials(CONTEXT),
            {"type": "ValidateCredentialsRequest", "credentials": CTX["credentials"],
             "connectorRuntimeSettings": {"instanceUrl": "https://x"}},
        ),
        (
            appflow.list_entities(CONTEXT),
            {"type": "ListEntitiesRequest", "entitiesPath": None, "maxResult": 1000, "nextToken": None,
             "connectorContext": CTX},
        ),
        (
            appflow.describe_entity(CONTEXT, "Account"),
            {"type": "DescribeEntityRequest", "entityIdentifier": "Account", "connectorContext": CTX},
        ),
    ],
)
def test_requests_are_as_appflow_sends_them(request_, expected):
    assert json.loads(json.dumps(request_)) == expected


def test_the_sdk_reads_every_request():
    from custom_connector_sdk.lambda_handler import requests

    for kind in ("ValidateConnectorRuntimeSettings", "ValidateCredentials", "ListEntities", "DescribeEntity"):
        assert getattr(requests, f"{kind}Request").from_dict(REQUESTS[kind])


def test_without_a_secret_there_are_no_credentials():
    assert Context(api_version="1").as_json()["credentials"] is None


@pytest.mark.parametrize("kind", SUCCESS)
def test_recorded_answers_are_accepted(kind):
    assert call(answer(SUCCESS[kind]), kind).isSuccess


def test_a_type_key_and_unknown_fields_are_ignored():
    said = {**SUCCESS["ListEntities"], "type": "ListEntitiesResponse", "more": {"x": [1]}}
    assert call(answer(said)).entities[0].entityIdentifier == "Account"


def test_scalars_become_text_as_the_java_sdk_reads_them():
    said = {"isSuccess": "true", "records": None, "nextToken": 7}
    assert (call(answer(said), "QueryData").nextToken, call(answer(said), "QueryData").records) == ("7", [])


@pytest.mark.parametrize(
    ("outcome", "problem"),
    [
        (Outcome("error", b'{"errorMessage":"boom","errorType":"RuntimeError"}', "Unhandled"), "failed (error)"),
        (Outcome("timeout", b"{}", "Unhandled"), "failed (timeout)"),
        (Outcome("oom", b"{}", "Unhandled"), "failed (oom)"),
        (Outcome("init_error", b"{}", "Unhandled"), "failed (init_error)"),
        (Outcome("too_large", b"{}", "Unhandled"), "failed (too_large)"),
        (answer(b""), "Invalid JSON"),
        (answer(b"\xff\xfe"), "Invalid JSON"),
        (Outcome("lost", b""), "the connection to Lambda ended without an answer"),
        (answer(b"[" * 100_000), "Invalid JSON"),
        (answer(None), "(the whole answer)"),
        (answer([]), "(the whole answer)"),
        (answer("text"), "(the whole answer)"),
        (answer({}), "isSuccess: Field required"),
        (answer({"isSuccess": None}), "isSuccess"),
        (answer({"isSuccess": "yes"}), "isSuccess"),
        (answer({"isSuccess": False}), "errorDetails: isSuccess is false"),
        (answer({"isSuccess": False, "errorDetails": None}), "errorDetails: isSuccess is false"),
        (answer(failure("Oops")), "errorDetails.errorCode"),
        (answer({"isSuccess": False, "errorDetails": {"errorCode": "ServerError"}}), "errorDetails.errorMessage"),
        (answer(failure("ServerError", None)), "errorDetails.errorMessage"),
        (answer({"isSuccess": True, "entities": [{"entityIdentifier": "A"}]}), "entities[0].hasNestedEntities"),
        (answer({"isSuccess": True, "entities": {}}), "entities"),
        (answer({"isSuccess": True, "cacheControl": {"timeToLive": 1, "timeToLiveUnit": "WEEKS"}}), "timeToLiveUnit"),
        (answer({"isSuccess": True, "nextToken": "x" * (6 * 1024 * 1024)}), "bytes; AppFlow takes"),
    ],
)
def test_an_unusable_answer_is_awss_sentence_and_a_lint_that_says_why(outcome, problem):
    told = []
    error = refused(outcome, lint=lambda *it: told.append(it))
    assert (error.code, error.message) == ("ConnectorServerException", NO_VALID)
    [(arn, kind, problems)] = told
    assert (arn, kind) == (ARN, "ListEntities")
    assert problem in "; ".join(problems)


def test_without_a_lint_the_log_says_why(caplog):
    with pytest.raises(ConnectorError):
        ConnectorCalls(Fake(answer({})), Clock()).call(ARN, REQUESTS["ListEntities"])
    assert f"connector {ARN}, ListEntities: isSuccess: Field required" in caplog.text


@pytest.mark.parametrize("code", connector_contract.ErrorCode.__args__)
@pytest.mark.parametrize("kind", REQUESTS)
def test_every_error_code_of_every_request_has_its_exception(kind, code):
    error = refused(answer(failure(code, "no {way}")), kind)
    authentication = code == "InvalidCredentials"
    text = "no {way}"
    if kind.startswith("Validate"):
        action = f'Failed to validate Connection while attempting "{kind} with CustomConnector" with connector failure '
        text = f"{action}no {{way}}{CLIENT}{CLIENT}"
    prefix = "Error authenticating to connector: " if authentication else "Error while communicating to connector: "
    code_of_aws = "ConnectorAuthenticationException" if authentication else "ConnectorServerException"
    assert (error.code, error.message, error.error_code) == (code_of_aws, prefix + text, code)


def test_settings_refused_by_field_alone_name_the_fields():
    said = {"isSuccess": False, "errorsByInputField": {"instanceUrl": "bad", "x": "worse"}, "errorDetails": None}
    error = refused(answer(said), "ValidateConnectorRuntimeSettings")
    assert "connector failure {instanceUrl=bad, x=worse} (Service: null" in error.message
    assert refused(answer(said), "ListEntities").message == NO_VALID


def test_a_partial_write_keeps_its_results():
    results = [{"isSuccess": False, "recordId": 4, "errorMessage": "dup"}]
    error = refused(answer({**failure("PartialWriteFailure"), "writeRecordResults": results}), "WriteData")
    assert error.answer.writeRecordResults[0].recordId == "4"


def test_throttled_is_a_server_error():
    error = refused(Outcome("throttled", b"", reason="ReservedFunctionConcurrentInvocationLimitExceeded"))
    assert (error.code, error.error_code) == ("ConnectorServerException", "Throttled")


def test_no_such_function_is_a_server_error_with_lambdas_text():
    calls = ConnectorCalls(Fake(raises=LookupError(f"Function not found: {ARN}")), Clock())
    with pytest.raises(ConnectorError, match=f"Function not found: {ARN}") as caught:
        calls.call(ARN, REQUESTS["ListEntities"])
    assert caught.value.error_code == "NoSuchFunction"


def test_the_rigs_own_failure_is_not_the_connectors():
    with pytest.raises(ZeroDivisionError):
        ConnectorCalls(Fake(raises=ZeroDivisionError()), Clock()).call(ARN, REQUESTS["ListEntities"])


@pytest.mark.parametrize(
    ("kind", "seconds", "late"),
    [("ListEntities", 9, False), ("ListEntities", 10.5, True), ("DescribeConnectorConfiguration", 10.5, True),
     ("QueryData", 10.5, False), ("QueryData", 31, True), ("WriteData", 29, False), ("RetrieveData", 31, True)],
)
def test_appflow_waits_ten_seconds_and_thirty_for_data(kind, seconds, late):
    said = SUCCESS.get(kind, {"isSuccess": True})
    if late:
        assert refused(answer(said, virtual_s=seconds), kind).message == NO_VALID
    else:
        assert call(answer(said, virtual_s=seconds), kind).isSuccess


def test_at_the_limit_the_caller_is_answered_and_the_function_runs_on():
    ended = threading.Event()
    fake, told = Fake(answer(SUCCESS["ListEntities"]), until=ended), []
    calls = ConnectorCalls(fake, Clock(), lambda *it: told.append(it), limit_s=0.01)
    with pytest.raises(ConnectorError, match="No valid response"):
        calls.call(ARN, REQUESTS["ListEntities"])
    assert told == [(ARN, "ListEntities", ("no answer after 0.01 s; the function runs on",))]
    assert not ended.is_set()
    ended.set()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
NAMES = sorted({name for shape in connector_contract.ANSWERS.values() for name in shape.model_fields})
ANSWER = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6).flatmap(
    lambda rest: st.booleans().map(lambda success: {"isSuccess": success, **rest})
)


def ending(kind, payload):
    """`ok`, or the error's code: whatever else is raised fails the test."""
    try:
        return "ok" if call(answer(payload), kind).isSuccess else "not ok"
    except ConnectorError as error:
        return error.code


@given(kind=st.sampled_from(sorted(REQUESTS)), said=JSON | ANSWER)
def test_any_json_is_an_answer_or_a_connector_error(kind, said):
    assert ending(kind, said) in ("ok", "ConnectorServerException", "ConnectorAuthenticationException")


@given(kind=st.sampled_from(sorted(REQUESTS)), payload=st.binary(max_size=50))
def test_any_bytes_are_an_answer_or_a_connector_error(kind, payload):
    assert ending(kind, payload) in ("ok", "ConnectorServerException")
