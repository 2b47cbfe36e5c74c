"""Flows that AppFlow refuses, through boto3: by what they are, by what the registry, S3 and the connector know."""

from datetime import datetime, timezone

import pytest
from appflow_rig import CONFIGURATION, error_of, failure
from flow_rig import DEFINITION, flow, projected, to_connector

from emulator.fault import Rule
from emulator.scope import Match
from faults.aws_response_lost import AwsResponseLost

pytest_plugins = ["appflow_rig", "flow_rig"]  # fixtures: plain, crm
PREFIX = "Create Flow request failed: "
UNSERVED = "only from CustomConnector to S3 and from S3 to CustomConnector"


def scheduled(expression="rate(5minutes)", **more):
    properties = {"Scheduled": {"scheduleExpression": expression, **more}}
    return {"triggerType": "Scheduled", "triggerProperties": properties}


def refused(rig, given):
    said = error_of(rig.appflow.create_flow, **given)
    assert rig.appflow.list_flows()["flows"] == []
    return said


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"tasks": projected("Id")[:1]}, "Task Validation Error: You must specify a projection task or a MAP_ALL task"),
        ({"destinationFlowConfigList": []}, "A flow has one destination, not 0"),
        ({"triggerConfig": {"triggerType": "Event"}}, "CustomConnector does not support triggerType Event"),
        ({"triggerConfig": {"triggerType": "Scheduled"}},
         "triggerProperties.Scheduled is required for triggerType Scheduled"),
        ({"triggerConfig": scheduled("rate(0minutes)")}, "The schedule expression rate(0minutes) is not valid"),
        ({"triggerConfig": scheduled("every day")}, "The schedule expression every day is not valid"),
        ({"triggerConfig": scheduled("cron(0 12 * *)")}, "The schedule expression cron(0 12 * *) is not valid"),
        ({"triggerConfig": scheduled(scheduleStartTime=datetime(2030, 1, 2, tzinfo=timezone.utc),
                                     scheduleEndTime=datetime(2030, 1, 1, tzinfo=timezone.utc))},
         "scheduleEndTime must be after scheduleStartTime"),
        ({"triggerConfig": scheduled(dataPullMode="Incremental")},
         "incrementalPullConfig.datetimeTypeFieldName is required for dataPullMode Incremental"),
    ],
)
def test_a_flow_that_cannot_be_is_refused_by_its_reason(crm, change, problem):
    assert refused(crm, {**flow(), **change}) == ("ValidationException", 400, f"{PREFIX}[{problem}]")


def test_all_that_is_wrong_is_told_at_once(crm):
    said = refused(crm, {**flow(tasks=projected("Id")[:1]), "triggerConfig": {"triggerType": "Event"}})
    assert said[2] == (
        f"{PREFIX}[CustomConnector does not support triggerType Event, "
        "Task Validation Error: You must specify a projection task or a MAP_ALL task]"
    )


def test_two_destinations_are_one_too_many(crm):
    given = flow()
    given["destinationFlowConfigList"] *= 2
    assert refused(crm, given)[2] == PREFIX + "[A flow has one destination, not 2]"


@pytest.mark.parametrize(
    ("kind", "properties", "words"),
    [
        ("Salesforce", {"Salesforce": {"object": "Account"}}, "flows from Salesforce to S3"),
        ("S3", {"S3": {"bucketName": "lake"}}, "flows from S3 to S3"),
    ],
)
def test_aws_own_connectors_and_copies_within_s3_are_not_served(crm, kind, properties, words):
    given = flow() | {"sourceFlowConfig": {"connectorType": kind, "sourceConnectorProperties": properties}}
    said = refused(crm, given)
    assert said == ("UnsupportedOperationException", 400, f"lambdarig does not serve {words}, {UNSERVED}")


@pytest.mark.parametrize(
    ("key", "value", "code", "word"),
    [
        ("connectorProfileName", "nobody", "ResourceNotFoundException",
         "Connector Profile with name nobody does not exist."),
        ("connectorProfileName", "bad name", "ValidationException", "at 'sourceFlowConfig.connectorProfileName'"),
        ("sourceConnectorProperties", {}, "ValidationException",
         "[sourceConnectorProperties.CustomConnector is required]"),
        ("connectorProfileName", None, "ValidationException",
         "[connectorProfileName is required for a custom connector]"),
        ("incrementalPullConfig", {"datetimeTypeFieldName": "When"}, "ValidationException",
         "[The entity has no field When for incremental pulls]"),
        ("incrementalPullConfig", {"datetimeTypeFieldName": "Age"}, "ValidationException",
         "[The field Age cannot be used for incremental pulls]"),
    ],
)
def test_a_source_that_cannot_be_is_refused(crm, key, value, code, word):
    given = flow()
    source = {name: kept for name, kept in given["sourceFlowConfig"].items() if name != key}
    given["sourceFlowConfig"] = source if value is None else {**source, key: value}
    said = refused(crm, given)
    assert (said[0], word in said[2]) == (code, True)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (flow() | {"destinationFlowConfigList": [
            {"connectorType": "S3", "destinationConnectorProperties": {"S3": {"bucketName": "nowhere"}}}]},
         "The bucket nowhere does not exist"),
        (flow() | {"destinationFlowConfigList": [{"connectorType": "S3", "destinationConnectorProperties": {}}]},
         "destinationConnectorProperties.S3 is required"),
        (to_connector(bucket="nowhere"), "The bucket nowhere does not exist"),
        (to_connector(bucket="arn:aws:s3:::b"), "The bucket arn:aws:s3:::b does not exist: that is no bucket's name"),
        (to_connector(errorHandlingConfig={"bucketName": "nowhere"}), "The bucket nowhere does not exist"),
        (to_connector(writeOperationType="UPSERT"),
         "Atleast one field must be specified in idFieldNames for the UPSERT Operation."),
        (to_connector(writeOperationType="DELETE", idFieldNames=[]),
         "Atleast one field must be specified in idFieldNames for the DELETE Operation."),
        (to_connector(writeOperationType="UPDATE", idFieldNames=["Id"]),
         "Connector:crm does not support the write operation UPDATE: it supports INSERT, UPSERT"),
    ],
)
def test_a_destination_that_cannot_be_is_refused(crm_both, given, problem):
    assert refused(crm_both, given) == ("ValidationException", 400, f"{PREFIX}[{problem}]")


def test_a_bucket_that_gives_no_answer_refuses_the_flow(crm):
    crm.injector.arm([Rule(AwsResponseLost(), Match(operation="GetBucketAcl", origin="client"))])
    code, _, message = refused(crm, flow())
    assert (code, "The bucket lake cannot be reached by Amazon AppFlow: Connection was closed" in message) == (
        "ValidationException", True)


@pytest.mark.parametrize(
    ("said", "given", "problem"),
    [
        ({"connectorModes": ["DESTINATION"]}, flow(), "Connector:crm cannot be used as a source"),
        ({"connectorModes": ["SOURCE"]}, to_connector(), "Connector:crm cannot be used as a destination"),
        ({"supportedTriggerTypes": ["SCHEDULED"]}, flow(),
         "Connector:crm does not support the trigger type ONDEMAND: it supports SCHEDULED"),
        ({"supportedTriggerTypes": ["ONDEMAND"]}, flow() | {"triggerConfig": scheduled()},
         "Connector:crm does not support the trigger type SCHEDULED: it supports ONDEMAND"),
        ({"triggerFrequenciesSupported": ["DAILY", "HOURLY"]}, flow() | {"triggerConfig": scheduled()},
         "Connector:crm does not support the scheduling frequency BYMINUTE: it supports DAILY, HOURLY"),
    ],
)
def test_what_the_connector_says_it_cannot_do_it_is_not_asked_to_do(crm_both, said, given, problem):
    configuration = crm_both.connector.answers["DescribeConnectorConfiguration"]
    crm_both.connector.answers["DescribeConnectorConfiguration"] = {**configuration, **said}
    crm_both.appflow.update_connector_registration(connectorLabel="crm")
    crm_both.connector.requests.clear()
    assert refused(crm_both, given)[2] == f"{PREFIX}[{problem}]"
    assert crm_both.connector.asked() == []


@pytest.mark.parametrize(("given", "scope"), [(flow(custom={"region": "eu"}), "SOURCE"),
                                              (to_connector(customProperties={"region": "eu"}), "DESTINATION")])
def test_settings_are_validated_with_the_scope_of_their_side(crm_both, given, scope):
    crm_both.connector.answers["ValidateConnectorRuntimeSettings"] = failure("InvalidArgument", "region is unknown")
    code, status, message = refused(crm_both, given)
    assert (code, status) == ("ConnectorServerException", 400)
    assert "ValidateConnectorRuntimeSettings with CustomConnector" in message
    request = crm_both.connector.requests[-1]
    assert (request["scope"], request["connectorRuntimeSettings"]) == (scope, {"region": "eu"})


@pytest.mark.parametrize("given", [flow(), to_connector()])
def test_an_entity_the_connector_has_not_is_the_connectors_refusal(crm_both, given):
    crm_both.connector.answers["DescribeEntity"] = failure("ResourceNotFoundError", "no entity Contact")
    assert refused(crm_both, given) == (
        "ConnectorServerException", 400, "Error while communicating to connector: no entity Contact"
    )


def test_an_incremental_flow_goes_by_a_date_that_its_connector_flags(crm):
    when = {"fieldName": "When", "dataType": "DateTime",
            "readProperties": {"isTimestampFieldForIncrementalQueries": True}}
    entity = DEFINITION["entityDefinition"]
    crm.connector.answers["DescribeEntity"] = {
        **DEFINITION, "entityDefinition": {**entity, "fields": [*entity["fields"], when]}
    }
    given = flow(triggerConfig=scheduled("rate(1 hour)", dataPullMode="Incremental", scheduleOffset=60))
    given["sourceFlowConfig"]["incrementalPullConfig"] = {"datetimeTypeFieldName": "When"}
    assert crm.appflow.create_flow(**given)["flowStatus"] == "Draft"


def test_a_connector_that_names_no_trigger_has_all(crm):
    assert "supportedTriggerTypes" not in CONFIGURATION
    for number, expression in enumerate(("rate(1minutes)", "rate(3hours)", "rate(1days)", "cron(0 12 * * ? *)")):
        made = crm.appflow.create_flow(**flow(f"f{number}", triggerConfig=scheduled(expression)))
        assert made["flowStatus"] == "Draft"
