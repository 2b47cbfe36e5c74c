"""AppFlow's flows between custom connectors and S3, through boto3: made, described, changed, listed and deleted."""

import json
from dataclasses import replace

import pytest
from appflow_rig import BASIC, CONFIGURATION, error_of, failure
from flow_rig import flow, lines, projected, run, to_connector

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


MASK = {"taskType": "Mask", "sourceFields": ["Name"], "connectorOperator": {"CustomConnector": "MASK_ALL"},
        "destinationField": "Name"}
ADULTS = {"taskType": "Filter", "sourceFields": ["Age"], "connectorOperator": {"CustomConnector": "GREATER_THAN"},
          "taskProperties": {"DATA_TYPE": "long", "VALUE": "17"}}
PARTITIONED = {"taskType": "Partition", "sourceFields": ["Name"],
               "taskProperties": {"ORDERED_PARTITION_KEYS_LIST": "[\"Name\"]"}}


@pytest.mark.parametrize(
    ("tasks", "version"),
    [
        (projected("Id", "Name"), 1), ([*projected("Id", "Name"), ADULTS], 1), ([*projected("Id", "Name"), MASK], 1),
        (projected("Id", Name="name"), 2), ([*projected("Id", "Name"), PARTITIONED], 2),
        ([{**task, "taskProperties": {"DESTINATION_DATA_TYPE": "string"}} if task["taskType"] == "Map" else task
          for task in projected("Id", "Name")], 2),
    ],
)
def test_a_schemas_version_is_of_mappings_types_and_partitions(crm, tasks, version):
    crm.appflow.create_flow(**flow())
    crm.appflow.update_flow(**flow(tasks=tasks))
    assert crm.appflow.describe_flow(flowName="contacts")["schemaVersion"] == version


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


def test_an_update_is_refused_in_its_own_words_and_changes_nothing(crm):
    crm.appflow.create_flow(**flow())
    code, _, message = error_of(crm.appflow.update_flow, **flow(tasks=projected("Id")[:1]))
    assert (code, message.startswith("Update Flow request failed due to:[Task")) == ("ValidationException", True)
    assert crm.appflow.describe_flow(flowName="contacts")["tasks"] == projected("Id", "Name")


OTHER_BUCKET = {"destinationFlowConfigList": [
    {"connectorType": "S3", "destinationConnectorProperties": {"S3": {"bucketName": "other"}}}]}
OTHER_PREFIX = {"destinationFlowConfigList": [
    {"connectorType": "S3", "destinationConnectorProperties": {"S3": {"bucketName": "lake", "bucketPrefix": "x"}}}]}
FIXED = "Update Flow request failed due to:[Destination object for the destination connector can not be updated]"


@pytest.mark.parametrize(
    ("made", "update"),
    [
        (flow(), flow() | OTHER_BUCKET),
        (flow(), flow() | OTHER_PREFIX),
        (flow(), to_connector()),
        (to_connector(), flow()),
        (to_connector(), to_connector(entityName="Account")),
    ],
)
def test_where_the_records_go_stays(crm_both, made, update):
    crm_both.s3.create_bucket(Bucket="other")
    crm_both.appflow.create_flow(**made)
    assert error_of(crm_both.appflow.update_flow, **update) == ("ValidationException", 400, FIXED)
    said = crm_both.appflow.describe_flow(flowName="contacts")
    assert said["destinationFlowConfigList"] == made["destinationFlowConfigList"]


def test_how_they_are_written_can_be_changed(crm_both):
    crm_both.appflow.create_flow(**to_connector())
    crm_both.appflow.update_flow(**to_connector(writeOperationType="UPSERT", idFieldNames=["Id"]))
    [said] = crm_both.appflow.describe_flow(flowName="contacts")["destinationFlowConfigList"]
    custom = said["destinationConnectorProperties"]["CustomConnector"]
    assert custom == {"entityName": "Contact", "writeOperationType": "UPSERT", "idFieldNames": ["Id"]}


def test_a_flow_to_a_connector_is_described_and_listed_as_it_was_given(crm_both):
    errors = {"failOnFirstDestinationError": False, "bucketName": "lake", "bucketPrefix": "errors/"}
    given = to_connector(errorHandlingConfig=errors)
    crm_both.appflow.create_flow(**given)
    assert crm_both.connector.asked() == ["DescribeEntity"]
    said = crm_both.appflow.describe_flow(flowName="contacts")
    assert {name: said[name] for name in given} == given
    [listed] = crm_both.appflow.list_flows()["flows"]
    shown = [listed[name] for name in ("sourceConnectorType", "destinationConnectorType", "destinationConnectorLabel")]
    assert (shown, "sourceConnectorLabel" in listed) == (["S3", "CustomConnector", "crm"], False)
    delete = crm_both.appflow.delete_connector_profile
    assert error_of(delete, connectorProfileName="acme")[:2] == ("ConflictException", 409)


def test_a_catalog_for_the_records_is_kept(crm):
    catalog = {"glueDataCatalog": {"roleArn": "arn:aws:iam::1:role/r", "databaseName": "d", "tablePrefix": "t"}}
    crm.appflow.create_flow(**flow(metadataCatalogConfig=catalog))
    assert crm.appflow.describe_flow(flowName="contacts")["metadataCatalogConfig"] == catalog


SCHEDULED = {"triggerType": "Scheduled", "triggerProperties": {"Scheduled": {"scheduleExpression": "rate(5minutes)"}}}


def test_a_flow_of_another_trigger_type_is_as_a_new_one(crm):
    assert crm.appflow.create_flow(**flow())["flowStatus"] == "Active"
    assert crm.appflow.update_flow(**flow(triggerConfig=SCHEDULED))["flowStatus"] == "Draft"
    assert crm.appflow.update_flow(**flow(triggerConfig=SCHEDULED, description="d"))["flowStatus"] == "Draft"
    assert crm.appflow.update_flow(**flow())["flowStatus"] == "Active"


def test_a_scheduled_flow_that_is_active_goes_only_by_force(crm):
    crm.appflow.create_flow(**flow(triggerConfig=SCHEDULED))
    flows = crm.service.implementation.store.flows
    flows["contacts"] = replace(flows["contacts"], status="Active")
    assert error_of(crm.appflow.delete_flow, flowName="contacts")[:2] == ("ConflictException", 409)
    crm.appflow.delete_flow(flowName="contacts", forceDelete=True)
    crm.appflow.create_flow(**flow(triggerConfig=SCHEDULED))
    crm.appflow.delete_flow(flowName="contacts")


def test_a_thousand_flows_are_the_quota(crm):
    crm.appflow.create_flow(**flow())
    flows = crm.service.implementation.store.flows
    flows.update({f"f{number}": replace(flows["contacts"], name=f"f{number}") for number in range(999)})
    assert error_of(crm.appflow.create_flow, **flow("f1000"))[:2] == ("ServiceQuotaExceededException", 402)


def test_clear_forgets_flows_and_their_runs(crm):
    crm.appflow.create_flow(**flow())
    run(crm)
    crm.service.implementation.clear()
    assert crm.appflow.list_flows()["flows"] == []
