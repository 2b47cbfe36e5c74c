"""AppFlow's registry of connectors and its tags, through boto3; any answer of a connector is survived."""

import functools
import json

import pytest
from appflow_rig import ARN, BASIC, CACHED, CONFIGURATION, DEFINED, OK, awss, error_of, failure, the_rig
from botocore import xform_name
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.frontdoors import connector_contract
from emulator.model import Outcome

pytest_plugins = ["appflow_rig"]  # fixtures: bare, plain, rig


def test_registering_asks_the_connector_once_and_describing_not_at_all(rig):
    assert rig.register() == "arn:aws:appflow:us-east-1:123456789012:connector/crm"
    said = rig.described()
    assert rig.connector.asked() == ["DescribeConnectorConfiguration"]
    assert said["connectorName"] == said["connectorDescription"] == "SamplePythonSalesforceConnector"
    assert said["authenticationConfig"]["oAuth2Defaults"]["authCodeUrls"][0].endswith("/authorize")
    assert [setting["key"] for setting in said["connectorRuntimeSettings"]] == ["instanceUrl", "is_sandbox_account"]
    assert said["connectorProvisioningConfig"] == {"lambda": {"lambdaArn": ARN}}


def test_a_connector_is_described_as_aws_expects_of_its_example(bare):
    expected = awss("describe-connector")["connectorConfiguration"]
    oauth2 = expected["authenticationConfig"]["oAuth2Defaults"]
    bare.connector.answers["DescribeConnectorConfiguration"] = {
        "connectorOwner": "SampleConnector", "connectorName": "SampleSalesforceConnector", "connectorVersion": "1.0",
        "connectorModes": ["SOURCE", "DESTINATION"], "supportedApiVersions": ["v51.0"], "isSuccess": True,
        "authenticationConfig": {
            "isBasicAuthSupported": None, "isApiKeyAuthSupported": None, "isOAuth2Supported": True,
            "isCustomAuthSupported": None, "customAuthConfig": None,
            "oAuth2Defaults": {
                "tokenURL": oauth2["tokenUrls"], "authURL": oauth2["authCodeUrls"],
                "oAuthScopes": oauth2["oauthScopes"],
                "oAuth2GrantTypesSupported": ["AUTHORIZATION_CODE"], "oAuth2CustomProperties": None,
                "addBasicAuthHeader": False, "oAuth2ContentType": "URL_ENCODED", "oAuth2MethodType": "HTTP_POST",
            },
        },
        "connectorRuntimeSetting": [
            {"key": s["key"], "dataType": "String", "required": True, "label": s["label"], "scope": s["scope"],
             "description": s["description"], "connectorSuppliedValueOptions": None}
            for s in expected["connectorRuntimeSettings"]
        ],
        "operatorsSupported": expected["supportedOperators"], "supportedWriteOperations": ["INSERT"],
        "triggerFrequenciesSupported": expected["supportedSchedulingFrequencies"],
        "supportedTriggerTypes": ["SCHEDULED", "ONDEMAND"], "logoURL": None, "errorDetails": None,
    }
    bare.register()
    said = bare.described()
    del said["connectorArn"]  # newer than AWS's file
    for older in ("refreshUrls", "redirectUris"):  # no longer in AWS's model: no client can read them
        del oauth2[older]
    expected["connectorProvisioningConfig"]["lambda"]["lambdaArn"] = ARN
    for varying in ("registeredAt", "registeredBy", "connectorLabel"):  # the suite blanks these, too
        expected[varying] = said[varying] = None
    assert said == expected


def test_what_a_connector_leaves_out_means_all_there_is(plain):
    plain.register(description="Our own CRM")
    said = plain.described()
    assert len(said["supportedOperators"]) == 21
    assert said["supportedTriggerTypes"] == ["OnDemand", "Scheduled"]
    assert (said["canUseAsSource"], said["canUseAsDestination"]) == (True, False)
    assert said["connectorDescription"] == "Our own CRM"
    [custom] = said["authenticationConfig"]["customAuthConfigs"]
    assert custom == {"customAuthenticationType": "hmac", "authParameters": []}


def test_a_label_is_taken_once(rig):
    rig.register()
    assert error_of(rig.register)[:2] == ("ConflictException", 409)
    assert rig.connector.asked() == ["DescribeConnectorConfiguration"]


def test_without_a_label_the_connectors_name_is_taken(plain):
    config = {"lambda": {"lambdaArn": ARN}}
    arn = plain.appflow.register_connector(connectorProvisioningConfig=config)["connectorArn"]
    assert arn.endswith(":connector/CRM-of-o")
    assert plain.connector.asked() == ["DescribeConnectorConfiguration"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"connectorName": "AppFlow connector"}, "connectorName must not start with aws, amazon or appflow"),
        ({"connectorOwner": "Amazon"}, "connectorOwner must not start with aws, amazon or appflow"),
        ({"connectorModes": []}, "connectorModes must not be empty"),
        ({"supportedApiVersions": None}, "supportedApiVersions must not be empty"),
        ({"connectorModes": ["DESTINATION"], "supportedWriteOperations": []}, "supportedWriteOperations must not"),
        ({"logoURL": "http://x/logo.png"}, "http://x/logo.png is not an https URL"),
        ({"authenticationConfig": {"isOAuth2Supported": True}}, "isOAuth2Supported needs oAuth2Defaults"),
        ({"authenticationConfig": {"customAuthConfig": [{"authenticationType": "x"}]}}, "customAuthConfig needs"),
    ],
)
def test_a_configuration_that_breaks_the_rules_is_refused(plain, change, problem):
    plain.connector.answers["DescribeConnectorConfiguration"] = {**CONFIGURATION, **change}
    code, status, message = error_of(plain.register)
    assert (code, status) == ("ValidationException", 400)
    assert problem in message
    assert plain.appflow.list_connectors()["connectors"] == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"isSuccess": True}, ("ConnectorServerException", 400)),
        (failure("ServerError", "down"), ("ConnectorServerException", 400)),
        (failure("InvalidCredentials", "who"), ("ConnectorAuthenticationException", 401)),
        (Outcome("error", b"{}", "Unhandled"), ("ConnectorServerException", 400)),
        (Outcome("throttled", b""), ("ConnectorServerException", 400)),
        (Outcome("ok", json.dumps(CONFIGURATION).encode(), virtual_s=11), ("ConnectorServerException", 400)),
    ],
)
def test_a_connector_that_does_not_say_what_it_is_is_not_registered(plain, said, expected):
    plain.connector.answers["DescribeConnectorConfiguration"] = said
    assert error_of(plain.register)[:2] == expected
    assert plain.appflow.list_connectors()["connectors"] == []


def test_a_function_that_is_not_there_cannot_be_registered(rig):
    config = {"lambda": {"lambdaArn": ARN + "-of-nobody"}}
    said = error_of(rig.appflow.register_connector, connectorLabel="crm", connectorProvisioningConfig=config)
    assert said[:2] == ("ResourceNotFoundException", 404)
    assert said[2].endswith(f"Function not found: {ARN}-of-nobody")


@pytest.mark.parametrize("arn", ["arn:aws:s3:us-east-1:123456789012:bucket", "arn:aws:lambda:us-east-1:1:function:x"])
def test_a_provisioning_that_is_no_lambda_function_is_refused(rig, arn):
    config = {"lambda": {"lambdaArn": arn}}
    said = error_of(rig.appflow.register_connector, connectorLabel="crm", connectorProvisioningConfig=config)
    assert said[:2] == ("ValidationException", 400)
    assert error_of(rig.appflow.register_connector, connectorLabel="crm")[0] == "ValidationException"


def test_a_label_with_a_space_is_refused_with_awss_sentence(rig):
    assert error_of(rig.register, "Google BigQuery") == (
        "ValidationException", 400,
        ("1 validation error detected: Value 'Google BigQuery' at 'connectorLabel' failed to satisfy constraint: "
         "Member must satisfy regular expression pattern: [a-zA-Z0-9][\\w!@#.-]+"),
    )


def test_the_same_client_token_is_the_same_registration(rig):
    assert rig.register(clientToken="once") == rig.register(clientToken="once")
    assert error_of(rig.register, "other", clientToken="once")[0] == "ConflictException"
    rig.clock.advance(8 * 3600)
    assert error_of(rig.register, clientToken="once")[2].endswith("already exists.")
    rig.appflow.unregister_connector(connectorLabel="crm")
    rig.register(clientToken="once")


def test_a_failure_is_not_remembered_by_its_token(plain):
    plain.connector.answers["DescribeConnectorConfiguration"] = {}
    assert error_of(plain.register, clientToken="once")[0] == "ConnectorServerException"
    plain.connector.answers["DescribeConnectorConfiguration"] = CONFIGURATION
    assert plain.register(clientToken="once")


def test_an_update_asks_again_and_a_failed_one_changes_nothing(plain):
    plain.register(description="first")
    newer = {**CONFIGURATION, "connectorVersion": "2.0"}
    plain.connector.answers["DescribeConnectorConfiguration"] = newer
    plain.appflow.update_connector_registration(connectorLabel="crm", description="second")
    plain.connector.answers["DescribeConnectorConfiguration"] = failure("ServerError", "down")
    update = plain.appflow.update_connector_registration
    assert error_of(update, connectorLabel="crm", description="third")[0] == "ConnectorServerException"
    [said] = plain.appflow.list_connectors()["connectors"]
    assert (said["connectorVersion"], said["connectorDescription"]) == ("2.0", "second")
    assert error_of(update, connectorLabel="nobody")[:2] == ("ResourceNotFoundException", 404)


def test_a_connector_in_use_goes_only_by_force(rig):
    rig.register()
    rig.profile()
    unregister, listing = rig.appflow.unregister_connector, rig.appflow.list_connector_entities
    assert error_of(unregister, connectorLabel="crm")[:2] == ("ConflictException", 409)
    unregister(connectorLabel="crm", forceDelete=True)
    assert error_of(unregister, connectorLabel="crm")[:2] == ("ResourceNotFoundException", 404)
    assert error_of(listing, connectorProfileName="acme")[0] == "ResourceNotFoundException"


def test_lists_are_paged_by_name(plain):
    labels = [f"crm{number}" for number in range(25)]
    for label in labels:
        plain.register(label)
    first = plain.appflow.list_connectors()
    rest = plain.appflow.list_connectors(maxResults=5, nextToken=first["nextToken"])
    assert sorted(labels) == [c["connectorLabel"] for c in first["connectors"] + rest["connectors"]]
    assert (len(first["connectors"]), "nextToken" in rest) == (20, False)
    assert error_of(plain.appflow.list_connectors, nextToken="%%%")[0] == "ValidationException"


def test_describe_connectors_knows_the_registered_ones(rig):
    rig.register()
    said = rig.appflow.describe_connectors(connectorTypes=["CustomConnector"])
    assert [connector["connectorLabel"] for connector in said["connectors"]] == ["crm"]
    assert rig.appflow.describe_connectors(connectorTypes=["Salesforce"])["connectors"] == []
    describe = rig.appflow.describe_connector
    assert error_of(describe, connectorType="Salesforce")[0] == "ValidationException"
    assert error_of(describe, connectorType="CustomConnector")[0] == "ValidationException"
    assert error_of(describe, connectorType="CustomConnector", connectorLabel="x1")[0] == "ResourceNotFoundException"


def test_tags_stay_with_their_resource(plain):
    arn = plain.register()
    plain.appflow.tag_resource(resourceArn=arn, tags={"team": "crm", "stage": "dev"})
    plain.appflow.untag_resource(resourceArn=arn, tagKeys=["stage"])
    assert plain.appflow.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "crm"}
    plain.appflow.unregister_connector(connectorLabel="crm")
    assert error_of(plain.appflow.list_tags_for_resource, resourceArn=arn)[:2] == ("ResourceNotFoundException", 404)
    plain.register()
    assert plain.appflow.list_tags_for_resource(resourceArn=arn)["tags"] == {}


def test_every_operation_of_awss_model_is_served(plain):
    operations = plain.appflow.meta.service_model.operation_names
    assert [name for name in operations if not hasattr(plain.service.implementation, xform_name(name))] == []


def test_clear_forgets_everything(plain):
    plain.register()
    plain.profile(credentials=BASIC)
    plain.service.implementation.clear()
    assert plain.appflow.list_connectors()["connectors"] == []
    assert plain.appflow.describe_connector_profiles()["connectorProfileDetails"] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
TYPES = ("DescribeConnectorConfiguration", "ValidateCredentials", "ValidateConnectorRuntimeSettings", "ListEntities",
         "DescribeEntity")
NAMES = sorted({name for shape in connector_contract.ANSWERS.values() for name in shape.model_fields})
SAID = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6).map(lambda rest: {**CONFIGURATION, **rest})


@settings(max_examples=60, deadline=None)
@given(said=st.fixed_dictionaries({}, optional=dict.fromkeys(TYPES, SAID | JSON)))
def test_whatever_the_connector_says_every_operation_answers_as_aws_could(said):
    shared = the_rig().fresh()
    good = {"DescribeConnectorConfiguration": CONFIGURATION, "ValidateCredentials": OK, "ListEntities": CACHED,
            "ValidateConnectorRuntimeSettings": OK, "DescribeEntity": DEFINED}
    fixed = {kind: functools.partial(lambda answer, request: answer, value) for kind, value in said.items()}
    shared.connector.answers = good | fixed
    acts = [
        lambda: shared.register(),
        lambda: shared.appflow.describe_connector(connectorType="CustomConnector", connectorLabel="crm"),
        lambda: shared.profile(credentials=BASIC),
        lambda: shared.appflow.list_connector_entities(connectorProfileName="acme"),
        lambda: shared.appflow.describe_connector_entity(connectorProfileName="acme", connectorEntityName="a"),
        lambda: shared.appflow.delete_connector_profile(connectorProfileName="acme"),
        lambda: shared.appflow.unregister_connector(connectorLabel="crm"),
    ]
    try:
        statuses = [status_of(act) for act in acts]
        assert all(status < 500 for status in statuses), statuses
        assert shared.secret_names() == []
    finally:
        shared.fresh()


def status_of(act):
    try:
        act()
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
    return 200
