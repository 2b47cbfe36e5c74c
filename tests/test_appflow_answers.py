"""What each of AppFlow's 25 operations answers with: every member of the model's output that there can be, through
boto3."""

import pytest
from appflow_rig import ARN, BASIC, CACHED, PROPERTIES, config
from botocore import xform_name
from botocore.session import get_session
from flow_rig import flow, run

pytest_plugins = ["appflow_rig", "flow_rig"]  # fixtures: plain, crm
MODEL = get_session().get_service_model("appflow")
FLOW = "arn:aws:appflow:us-east-1:123456789012:flow/contacts"
CATALOG = {"glueDataCatalog": {"roleArn": "arn:aws:iam::1:role/r", "databaseName": "d", "tablePrefix": "t"}}
WHOLE = flow(description="All", kmsArn="arn:aws:kms:us-east-1:123456789012:key/k-1", tags={"team": "crm"},
             metadataCatalogConfig=CATALOG)
LAMBDA = {"lambda": {"lambdaArn": ARN}}
INPUTS = {
    "CancelFlowExecutions": {"flowName": "contacts", "executionIds": ["nobody"]},
    "CreateConnectorProfile": {
        "connectorProfileName": "new", "connectorType": "CustomConnector", "connectorLabel": "crm",
        "connectionMode": "Public", "connectorProfileConfig": config(BASIC, PROPERTIES)},
    "CreateFlow": flow("new"),
    "DeleteConnectorProfile": {"connectorProfileName": "acme", "forceDelete": True},
    "DeleteFlow": {"flowName": "contacts"},
    "DescribeConnector": {"connectorType": "CustomConnector", "connectorLabel": "crm"},
    "DescribeConnectorEntity": {"connectorProfileName": "acme", "connectorEntityName": "Contact"},
    "DescribeConnectorProfiles": {"maxResults": 1},
    "DescribeConnectors": {"maxResults": 1},
    "DescribeFlow": {"flowName": "contacts"},
    "DescribeFlowExecutionRecords": {"flowName": "contacts", "maxResults": 1},
    "ListConnectorEntities": {"connectorProfileName": "acme", "maxResults": 1},
    "ListConnectors": {"maxResults": 1},
    "ListFlows": {"maxResults": 1},
    "ListTagsForResource": {"resourceArn": FLOW},
    "RegisterConnector": {"connectorLabel": "new", "connectorProvisioningConfig": LAMBDA},
    "ResetConnectorMetadataCache": {"connectorProfileName": "acme"},
    "StartFlow": {"flowName": "contacts"},
    "TagResource": {"resourceArn": FLOW, "tags": {"a": "b"}},
    "UnregisterConnector": {"connectorLabel": "crm", "forceDelete": True},
    "UntagResource": {"resourceArn": FLOW, "tagKeys": ["team"]},
    "UpdateConnectorProfile": {"connectorProfileName": "acme", "connectionMode": "Public",
                               "connectorProfileConfig": config(None, PROPERTIES)},
    "UpdateConnectorRegistration": {"connectorLabel": "crm"},
    "UpdateFlow": flow(),
}
# No text for a status that is well; no Glue tables.
NEVER = {"DescribeFlow": {"flowStatusMessage", "lastRunMetadataCatalogDetails"}}


@pytest.mark.parametrize("operation", INPUTS)
def test_an_answer_has_all_that_the_model_has(crm, operation):
    crm.connector.answers["ListEntities"] = CACHED
    crm.register("second")
    crm.profile(name="second", credentials=BASIC)
    crm.appflow.create_flow(**WHOLE)
    crm.appflow.create_flow(**flow("second"))
    for _ in range(2):
        run(crm)
    said = getattr(crm.appflow, xform_name(operation))(**INPUTS[operation])
    crm.service.implementation.wait()
    shape = MODEL.operation_model(operation).output_shape
    assert set(said) - {"ResponseMetadata"} == set(shape.members) - NEVER.get(operation, set())


def test_all_operations_but_the_one_that_needs_a_schedule_are_here():
    assert set(MODEL.operation_names) - set(INPUTS) == {"StopFlow"}
