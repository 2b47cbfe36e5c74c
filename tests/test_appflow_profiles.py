"""AppFlow's connector profiles and the secrets it keeps for them, through boto3."""

import threading

import pytest
from appflow_rig import (
    APIKEY,
    BASIC,
    CONFIGURATION,
    CUSTOM,
    OAUTH2,
    OK,
    PROPERTIES,
    SECRET,
    config,
    error_of,
    failure,
    update,
)

from emulator.model import Outcome

pytest_plugins = ["appflow_rig"]  # fixtures: bare, plain, rig


def test_a_profile_is_made_with_its_secret_after_both_validations(rig):
    rig.register()
    assert rig.profile() == "arn:aws:appflow:us-east-1:123456789012:connectorprofile/acme"
    [said] = rig.appflow.describe_connector_profiles()["connectorProfileDetails"]
    arn, settings_ = said["credentialsArn"], PROPERTIES["profileProperties"]
    assert rig.connector.requests[1:] == [
        {"type": "ValidateCredentialsRequest", "credentials": {"secretArn": arn, "authenticationType": "OAuth2"},
         "connectorRuntimeSettings": settings_},
        {"type": "ValidateConnectorRuntimeSettingsRequest", "scope": "CONNECTOR_PROFILE",
         "connectorRuntimeSettings": settings_},
    ]
    assert arn.startswith(f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{SECRET}-")
    assert rig.secret(arn) == {"accessToken": "t-1", "refreshToken": "r-1"}
    assert rig.secrets.describe_secret(SecretId=arn)["OwningService"] == "appflow"
    assert said["connectorProfileProperties"] == {"CustomConnector": PROPERTIES}
    shown = [said[name] for name in ("connectorLabel", "connectorType", "connectionMode")]
    assert shown == ["crm", "CustomConnector", "Public"]


@pytest.mark.parametrize(
    ("credentials", "secret", "word"),
    [
        (BASIC, {"username": "u", "password": "p"}, "BasicAuth"),
        (APIKEY, {"apiKey": "k", "apiSecretKey": "s"}, "ApiKey"),
        (CUSTOM, {"a": "b", "customAuthenticationType": "hmac", "authenticationType": "CUSTOM"}, "CustomAuth"),
    ],
)
def test_each_kind_of_credentials_has_its_secret_and_its_word(plain, credentials, secret, word):
    plain.register()
    plain.profile(credentials=credentials)
    assert plain.secret() == secret
    assert plain.connector.requests[1]["credentials"]["authenticationType"] == word


def test_client_id_and_secret_are_kept_with_the_tokens(rig):
    rig.register()
    given = {**OAUTH2["oauth2"], "clientId": "c", "clientSecret": "s"}
    rig.profile(credentials={"authenticationType": "OAUTH2", "oauth2": given})
    assert rig.secret() == given


def test_an_unregistered_connector_is_awss_sentence(rig):
    assert error_of(rig.profile, label="MS_SharePoint_Connector") == (
        "ResourceNotFoundException", 404,
        ("Connector:MS_SharePoint_Connector is not registered. "
         "Please register it first before creating ConnectorProfile."),
    )


def test_bad_credentials_are_awss_sentence_and_leave_nothing(rig):
    rig.register()
    code, status, message = error_of(
        rig.profile, credentials={"authenticationType": "OAUTH2", "oauth2": {"accessToken": "stale"}}
    )
    client = " (Service: null; Status Code: 400; Error Code: Client; Request ID: null; Proxy: null)"
    assert (code, status) == ("ConnectorAuthenticationException", 401)
    assert message.startswith(
        'Error authenticating to connector: Failed to validate Connection while attempting "ValidateCredentials with '
        'CustomConnector" with connector failure Request failed with status code 401'
    )
    assert message.endswith(client + client)
    assert (rig.secret_names(), rig.appflow.describe_connector_profiles()["connectorProfileDetails"]) == ([], [])
    rig.profile()


def test_bad_settings_leave_nothing(rig):
    rig.register()
    code, _, message = error_of(rig.profile, properties={"profileProperties": {"is_sandbox_account": "false"}})
    assert code == "ConnectorServerException"
    assert "ValidateConnectorRuntimeSettings with CustomConnector" in message
    assert rig.secret_names() == []


@pytest.mark.parametrize("failing", ["ValidateCredentials", "ValidateConnectorRuntimeSettings"])
@pytest.mark.parametrize("said", [{}, Outcome("timeout", b"{}", "Unhandled"), Outcome("throttled", b"")])
def test_whatever_fails_leaves_nothing(plain, failing, said):
    plain.register()
    plain.connector.answers[failing] = said
    assert error_of(plain.profile, credentials=BASIC)[:2] == ("ConnectorServerException", 400)
    assert (plain.secret_names(), plain.service.implementation.store.profiles) == ([], {})


def test_the_rigs_own_failure_leaves_nothing_either(plain):
    def breaks(request):
        raise ZeroDivisionError

    plain.register()
    plain.connector.answers["ValidateCredentials"] = breaks
    assert error_of(plain.profile, credentials=BASIC)[1] == 500
    assert plain.secret_names() == []


@pytest.mark.parametrize(
    ("oauth2", "sentence"),
    [
        ({}, "Validation exception: AuthCode cannot be blank for connector: crm"),
        ({"clientId": "c"}, "Validation exception: AuthCode cannot be blank for connector: crm"),
        ({"clientId": "c", "clientSecret": "s"}, "Validation exception: AuthCode cannot be blank for connector: crm"),
        (None, "authenticationType OAUTH2 needs credentials in oauth2."),
    ],
)
def test_without_an_access_token_the_answer_says_what_is_missing(rig, oauth2, sentence):
    rig.register()
    given = {"authenticationType": "OAUTH2"} | ({"oauth2": oauth2} if oauth2 is not None else {})
    code, _, message = error_of(rig.profile, credentials=given)
    assert (code, sentence in message) == ("ValidationException", True)
    assert rig.connector.asked() == ["DescribeConnectorConfiguration"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"credentials": OAUTH2}, "does not support authenticationType OAUTH2: it supports BASIC, APIKEY, CUSTOM."),
        ({"credentials": None}, "connectorProfileCredentials.CustomConnector is required."),
        ({"credentials": {"authenticationType": "BASIC"}}, "needs credentials in basic"),
        ({"label": "crm", "credentials": BASIC, "properties": None}, "CustomConnector is required."),
    ],
)
def test_a_profile_that_cannot_be_is_a_validation_exception(plain, change, problem):
    plain.register()
    if change.get("properties", 0) is None:
        wrong = {"connectorProfileProperties": {"Amplitude": {}}}
        call = plain.appflow.create_connector_profile
        said = error_of(call, connectorProfileName="acme", connectorType="CustomConnector", connectorLabel="crm",
                        connectionMode="Public", connectorProfileConfig=wrong)
    else:
        said = error_of(plain.profile, **change)
    assert (said[0], problem in said[2]) == ("ValidationException", True)
    assert plain.secret_names() == []


def test_other_modes_types_and_missing_labels_are_refused(plain):
    plain.register()
    common = {"connectorProfileName": "acme", "connectorProfileConfig": config(BASIC)}
    create = plain.appflow.create_connector_profile
    for wrong in (
        {"connectorType": "CustomConnector", "connectorLabel": "crm", "connectionMode": "Private"},
        {"connectorType": "Slack", "connectionMode": "Public"},
        {"connectorType": "CustomConnector", "connectionMode": "Public"},
    ):
        assert error_of(create, **common, **wrong)[0] == "ValidationException"


def test_a_connector_without_authentication_needs_no_secret(plain):
    plain.connector.answers["DescribeConnectorConfiguration"] = {**CONFIGURATION, "authenticationConfig": None}
    plain.register()
    plain.profile(credentials=None)
    [said] = plain.appflow.describe_connector_profiles()["connectorProfileDetails"]
    assert ("credentialsArn" in said, plain.secret_names()) == (False, [])
    assert plain.connector.asked() == ["DescribeConnectorConfiguration", "ValidateConnectorRuntimeSettings"]


def test_a_profile_name_is_taken_once_even_while_it_is_being_made(plain):
    plain.register()
    entered, go, first = threading.Event(), threading.Event(), []

    def slow(request):
        entered.set()
        go.wait()
        return OK

    plain.connector.answers["ValidateCredentials"] = slow
    maker = threading.Thread(target=lambda: first.append(plain.profile(credentials=BASIC)))
    maker.start()
    entered.wait()
    assert error_of(plain.profile, credentials=BASIC)[:2] == ("ConflictException", 409)
    go.set()
    maker.join()
    assert (len(first), error_of(plain.profile, credentials=BASIC)[0]) == (1, "ConflictException")


def test_a_secret_of_that_name_is_a_conflict_and_is_left_alone(plain):
    plain.register()
    plain.secrets.create_secret(Name=SECRET, SecretString='{"mine": "1"}')
    assert error_of(plain.profile, credentials=BASIC)[0] == "ConflictException"
    assert plain.secret() == {"mine": "1"}


def test_a_name_that_no_secret_may_have_is_made_one(plain):
    plain.register("crm#1")
    plain.profile(name="a#b=c", label="crm#1", credentials=BASIC)
    assert plain.secret_names() == ["appflow!123456789012-crm-1-a-b=c"]


def test_a_hundred_profiles_are_the_quota(plain):
    plain.connector.answers["DescribeConnectorConfiguration"] = {**CONFIGURATION, "authenticationConfig": None}
    plain.register()
    for number in range(100):
        plain.profile(name=f"p{number}", credentials=None)
    assert error_of(plain.profile, name="p100", credentials=None)[:2] == ("ServiceQuotaExceededException", 402)


def test_an_update_writes_the_same_secret_and_a_failed_one_puts_it_back(plain):
    plain.register()
    plain.profile(credentials=BASIC)
    update(plain, APIKEY)
    assert plain.secret() == {"apiKey": "k", "apiSecretKey": "s"}
    assert plain.connector.requests[-2]["credentials"]["authenticationType"] == "ApiKey"
    plain.connector.answers["ValidateConnectorRuntimeSettings"] = failure("InvalidArgument", "no")
    assert error_of(update, plain, BASIC, {"profileProperties": {"x": "y"}})[0] == "ConnectorServerException"
    assert plain.secret() == {"apiKey": "k", "apiSecretKey": "s"}
    [said] = plain.appflow.describe_connector_profiles()["connectorProfileDetails"]
    assert said["connectorProfileProperties"] == {"CustomConnector": PROPERTIES}
    assert len(plain.secret_names()) == 1


def test_an_update_without_credentials_keeps_them_and_asks_the_connector(plain):
    plain.register()
    plain.profile(credentials=BASIC)
    update(plain, None, {"profileProperties": {"x": "y"}})
    assert plain.connector.requests[-2]["type"] == "ValidateCredentialsRequest"
    assert plain.connector.requests[-1]["connectorRuntimeSettings"] == {"x": "y"}
    assert plain.secret() == {"username": "u", "password": "p"}


def test_deleting_a_profile_deletes_its_secret_for_good(rig):
    rig.register()
    rig.profile()
    rig.appflow.delete_connector_profile(connectorProfileName="acme")
    said = error_of(rig.appflow.delete_connector_profile, connectorProfileName="acme")
    assert said == ("ResourceNotFoundException", 404, "Connector Profile with name acme does not exist.")
    assert rig.secret_names() == []
    rig.profile()


def test_a_profile_whose_secret_somebody_deleted_can_be_deleted(rig):
    rig.register()
    rig.profile()
    rig.secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    rig.appflow.delete_connector_profile(connectorProfileName="acme")


@pytest.mark.parametrize(
    ("gone", "code"),
    [({"ForceDeleteWithoutRecovery": True}, "ResourceNotFoundException"),
     ({"RecoveryWindowInDays": 7}, "ConflictException")],
)
def test_a_profile_whose_secret_somebody_deleted_cannot_have_other_credentials(plain, gone, code):
    plain.register()
    plain.profile(credentials=BASIC)
    plain.secrets.delete_secret(SecretId=SECRET, **gone)
    assert error_of(update, plain, APIKEY)[0] == code
    update(plain, None)


def test_profiles_are_found_by_name_label_and_type(plain):
    plain.register()
    plain.register("other")
    for name, label in (("one", "crm"), ("two", "crm"), ("three", "other")):
        plain.profile(name=name, label=label, credentials=BASIC)

    def names(**filters):
        found = plain.appflow.describe_connector_profiles(**filters)["connectorProfileDetails"]
        return [profile["connectorProfileName"] for profile in found]

    assert names() == ["one", "three", "two"]
    assert names(connectorProfileNames=["two", "nobody"]) == ["two"]
    assert names(connectorLabel="other") == ["three"]
    assert names(connectorType="Slack") == []
