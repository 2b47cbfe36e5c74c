"""AppFlow's flows from a custom connector to S3, through boto3: made, described, changed and refused."""

import json

import pytest
from appflow_rig import BASIC, CONFIGURATION, error_of, failure
from flow_rig import flow, lines, projected, run

pytest_plugins = ["appflow_rig", "flow_rig"]  # fixtures: plain, crm
SETTING = {"key": "region", "dataType": "String", "required": True, "label": "r", "description": "d", "scope": "SOURCE"}


def test_a_flow_is_made_after_its_bucket_entity_and_settings_are_found(crm):
    said = crm.appflow.create_flow(**flow(custom={"region": "eu"}))
    assert (said["flowArn"], said["flowStatus"]) == (
        "arn:aws:appflow:us-east-1:123456789012:flow/contacts", "Active"
    )
    assert crm.connector.asked() == ["DescribeEntity", "ValidateConnectorRuntimeSettings"]
    assert crm.connector.requests[1]["connectorRuntimeSettings"] == {"region": "eu"}
    assert crm.connector.requests[1]["scope"] == "SOURCE"


def test_settings_are_validated_only_where_a_source_has_some(crm):
    crm.appflow.create_flow(**flow())
    assert crm.connector.asked() == ["DescribeEntity"]
    crm.connector.answers["DescribeConnectorConfiguration"] = {**CONFIGURATION, "connectorRuntimeSetting": [SETTING]}
    crm.register("strict")
    crm.profile(name="other", label="strict", credentials=BASIC)
    crm.connector.answers["ValidateConnectorRuntimeSettings"] = failure("InvalidArgument", "region is missing")
    given = flow("second")
    given["sourceFlowConfig"]["connectorProfileName"] = "other"
    code, _, message = error_of(crm.appflow.create_flow, **given)
    assert (code, "region is missing" in message) == ("ConnectorServerException", True)


def test_a_flow_is_described_and_listed_as_it_was_given(crm):
    given = flow(description="All contacts", tags={"team": "crm"})
    crm.appflow.create_flow(**given)
    said = crm.appflow.describe_flow(flowName="contacts")
    assert {name: said[name] for name in given} == given
    assert (said["schemaVersion"], said["createdBy"]) == (1, "arn:aws:iam::123456789012:root")
    assert "lastRunExecutionDetails" not in said
    [listed] = crm.appflow.list_flows()["flows"]
    shown = [listed[name] for name in ("flowName", "description", "flowStatus", "sourceConnectorType",
                                       "sourceConnectorLabel", "destinationConnectorType", "triggerType", "tags")]
    assert shown == ["contacts", "All contacts", "Active", "CustomConnector", "crm", "S3", "OnDemand", {"team": "crm"}]
    assert crm.appflow.list_tags_for_resource(resourceArn=listed["flowArn"])["tags"] == {"team": "crm"}


def test_an_update_changes_the_flow_and_new_mappings_its_schema_version(crm):
    crm.appflow.create_flow(**flow())
    assert crm.appflow.update_flow(**flow(description="again"))["flowStatus"] == "Active"
    said = crm.appflow.describe_flow(flowName="contacts")
    assert (said["description"], said["schemaVersion"]) == ("again", 1)
    crm.appflow.update_flow(**flow(tasks=projected("Id")))
    assert crm.appflow.describe_flow(flowName="contacts")["schemaVersion"] == 2
    run(crm)
    assert json.loads(lines(crm)[0]) == {"Id": "1"}


def test_a_flow_name_is_taken_once_and_free_after_deletion(crm):
    crm.appflow.create_flow(**flow())
    assert error_of(crm.appflow.create_flow, **flow())[:2] == ("ConflictException", 409)
    crm.appflow.delete_flow(flowName="contacts")
    assert error_of(crm.appflow.describe_flow, flowName="contacts")[:2] == ("ResourceNotFoundException", 404)
    crm.appflow.create_flow(**flow())


@pytest.mark.parametrize("act", ["describe_flow", "start_flow", "stop_flow", "delete_flow", "cancel_flow_executions",
                                 "describe_flow_execution_records"])
def test_a_flow_that_is_not_there_is_not_found(crm, act):
    assert error_of(getattr(crm.appflow, act), flowName="nobody")[:2] == ("ResourceNotFoundException", 404)


def test_an_on_demand_flow_cannot_be_stopped(crm):
    crm.appflow.create_flow(**flow())
    assert error_of(crm.appflow.stop_flow, flowName="contacts")[:2] == ("UnsupportedOperationException", 400)


PREFIX = "Create Flow request failed: "


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"tasks": projected("Id")[:1]}, "ValidationException",
         PREFIX + "[Task Validation Error: You must specify a projection task or a MAP_ALL task]"),
        ({"destinationFlowConfigList": []}, "ValidationException", PREFIX + "[A flow has one destination, not 0]"),
        ({"tasks": [{"taskType": "Map_all", "sourceFields": []}, {"taskType": "Map", "sourceFields": ["Id"]}]},
         "ValidationException",
         PREFIX + "[Task Validation Error: A Map task has one source field and a destination field]"),
        ({"triggerConfig": {"triggerType": "Event"}}, "UnsupportedOperationException",
         "lambdarig does not serve flows with triggerType Event, only OnDemand ones yet"),
        ({"triggerConfig": {"triggerType": "Scheduled"}}, "UnsupportedOperationException",
         "lambdarig does not serve flows with triggerType Scheduled, only OnDemand ones yet"),
        ({"tasks": [{"taskType": "Mask", "sourceFields": ["Id"]}]}, "UnsupportedOperationException",
         "lambdarig does not serve tasks of type Mask, only Filter, Map, Map_all yet"),
        ({"tasks": [{**projected("Id")[1], "connectorOperator": {"CustomConnector": "EQUAL_TO"}}]},
         "UnsupportedOperationException",
         "lambdarig does not serve Filter tasks with the operator EQUAL_TO, only PROJECTION yet"),
        ({"metadataCatalogConfig": {"glueDataCatalog": {"roleArn": "arn:aws:iam::1:r", "databaseName": "d",
                                                        "tablePrefix": "t"}}},
         "UnsupportedOperationException", "lambdarig does not serve metadataCatalogConfig yet"),
    ],
)
def test_a_flow_that_cannot_be_is_refused_by_its_reason(crm, change, code, message):
    assert error_of(crm.appflow.create_flow, **{**flow(), **change}) == (code, 400, message)
    assert crm.appflow.list_flows()["flows"] == []


@pytest.mark.parametrize(
    ("place", "key", "value", "code", "word"),
    [
        ("sourceFlowConfig", "connectorProfileName", "nobody", "ResourceNotFoundException",
         "Connector Profile with name nobody does not exist."),
        ("sourceFlowConfig", "connectorType", "Salesforce", "UnsupportedOperationException", "from Salesforce"),
        ("sourceFlowConfig", "sourceConnectorProperties", {}, "ValidationException",
         "[sourceConnectorProperties.CustomConnector is required]"),
        ("sourceFlowConfig", "connectorProfileName", "bad name", "ValidationException", "connectorProfileName"),
    ],
)
def test_a_source_that_cannot_be_is_refused(crm, place, key, value, code, word):
    given = flow()
    given[place][key] = value
    said = error_of(crm.appflow.create_flow, **given)
    assert (said[0], word in said[2]) == (code, True)


@pytest.mark.parametrize(
    ("s3", "code", "message"),
    [
        ({"bucketName": "nowhere"}, "ValidationException", PREFIX + "[The bucket nowhere does not exist]"),
        ({"bucketName": "lake", "s3OutputFormatConfig": {"fileType": "PARQUET"}}, "UnsupportedOperationException",
         "lambdarig does not serve files of type PARQUET, only JSON and CSV yet"),
    ],
)
def test_a_destination_that_cannot_be_is_refused(crm, s3, code, message):
    destination = {"connectorType": "S3", "destinationConnectorProperties": {"S3": s3}}
    said = error_of(crm.appflow.create_flow, **{**flow(), "destinationFlowConfigList": [destination]})
    assert said == (code, 400, message)


def test_an_update_is_refused_in_its_own_words_and_changes_nothing(crm):
    crm.appflow.create_flow(**flow())
    code, _, message = error_of(crm.appflow.update_flow, **flow(tasks=projected("Id")[:1]))
    assert (code, message.startswith("Update Flow request failed due to:[Task")) == ("ValidationException", True)
    assert crm.appflow.describe_flow(flowName="contacts")["tasks"] == projected("Id", "Name")


def test_an_entity_the_connector_has_not_is_the_connectors_refusal(crm):
    crm.connector.answers["DescribeEntity"] = failure("ResourceNotFoundError", "no entity Contact")
    code, _, message = error_of(crm.appflow.create_flow, **flow())
    assert (code, message) == (
        "ConnectorServerException", "Error while communicating to connector: no entity Contact"
    )


def test_a_connector_that_is_no_source_has_no_flow_from_it(crm):
    crm.connector.answers["DescribeConnectorConfiguration"] = {
        **CONFIGURATION, "connectorModes": ["DESTINATION"], "supportedWriteOperations": ["INSERT"]
    }
    crm.appflow.update_connector_registration(connectorLabel="crm")
    assert "cannot be used as a source" in error_of(crm.appflow.create_flow, **flow())[2]


def test_clear_forgets_flows_and_their_runs(crm):
    crm.appflow.create_flow(**flow())
    run(crm)
    crm.service.implementation.clear()
    assert crm.appflow.list_flows()["flows"] == []
