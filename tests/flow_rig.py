"""A flow from a custom connector to S3: a connector with five people, and what a run of it left."""

import json

import pytest
from appflow_rig import BASIC, CONFIGURATION, OK

PEOPLE = [{"Id": str(n), "Name": f"Person {n}", "Age": n, "extra": {"never": "asked for"}} for n in range(1, 6)]
ENTITY = {"entityIdentifier": "Contact", "hasNestedEntities": False}
TYPES = {"Id": "String", "Name": "String", "Age": "Long"}
FIELDS = [{"fieldName": name, "dataType": kind} for name, kind in TYPES.items()]
SECRET_FIELD = {"fieldName": "Hash", "dataType": "String", "readProperties": {"isRetrievable": False}}
DEFINITION = {**OK, "entityDefinition": {"entity": ENTITY, "fields": [*FIELDS, SECRET_FIELD]}}


def paged(request):
    """Two records a page; the token is where the next one begins."""
    begin = int(request["nextToken"] or 0)
    more = {"nextToken": str(begin + 2)} if begin + 2 < len(PEOPLE) else {}
    return {**OK, "records": [json.dumps(person) for person in PEOPLE[begin:begin + 2]], **more}


@pytest.fixture
def crm(plain):
    """A registered connector with five people, a profile and a bucket."""
    plain.connector.answers |= {"DescribeEntity": DEFINITION, "QueryData": paged}
    plain.s3.create_bucket(Bucket="lake")
    plain.register()
    plain.profile(credentials=BASIC, properties={"profileProperties": {"instanceUrl": "https://x"}})
    plain.connector.requests.clear()
    return plain


def projected(*names, **renamed):
    """Tasks as AWS's own suite writes them: one projection, a map for each field."""
    maps = [{"taskType": "Map", "sourceFields": [name], "destinationField": renamed.get(name, name),
             "connectorOperator": {"S3": "NO_OP"}, "taskProperties": {}} for name in names]
    projection = {"CustomConnector": "PROJECTION"}
    return [*maps, {"taskType": "Filter", "sourceFields": list(names), "connectorOperator": projection}]


def flow(name="contacts", tasks=None, output=None, prefix=None, custom=None, **more):
    s3 = {"bucketName": "lake", "s3OutputFormatConfig": output or {}} | ({"bucketPrefix": prefix} if prefix else {})
    source = {"entityName": "Contact"} | ({"customProperties": custom} if custom else {})
    return {
        "flowName": name,
        "triggerConfig": {"triggerType": "OnDemand"},
        "sourceFlowConfig": {"connectorType": "CustomConnector", "connectorProfileName": "acme", "apiVersion": "v1",
                             "sourceConnectorProperties": {"CustomConnector": source}},
        "destinationFlowConfigList": [{"connectorType": "S3", "destinationConnectorProperties": {"S3": s3}}],
        "tasks": tasks or projected("Id", "Name"),
        **more,
    }


def run(rig, name="contacts", **params):
    """The execution record of one whole run."""
    started = rig.appflow.start_flow(flowName=name, **params)["executionId"]
    rig.service.implementation.wait(started)
    return next(record for record in records(rig, name) if record["executionId"] == started)


def scheduled(expression="rate(5minutes)", **more):
    """triggerConfig."""
    return {"triggerType": "Scheduled", "triggerProperties": {"Scheduled": {"scheduleExpression": expression, **more}}}


def begins(rig, name="contacts"):
    """Rig seconds at which runs began, oldest first."""
    moments = [record["startedAt"].timestamp() for record in records(rig, name)[::-1]]
    return [round(rig.clock.moment(moment), 1) for moment in moments]


def records(rig, name="contacts", **params):
    return rig.appflow.describe_flow_execution_records(flowName=name, **params)["flowExecutions"]


def files(rig):
    listed = rig.s3.list_objects_v2(Bucket="lake").get("Contents", [])
    return {item["Key"]: rig.s3.get_object(Bucket="lake", Key=item["Key"])["Body"].read().decode() for item in listed}


def lines(rig):
    return sorted(line for body in files(rig).values() for line in body.splitlines())


def to_connector(name="contacts", bucket="lake", **properties):
    """A flow from S3 to the connector, as AWS's own suite writes it. properties: of the destination."""
    custom = {"CustomConnector": {"entityName": "Contact", **properties}}
    source = {"S3": {"bucketName": bucket, "bucketPrefix": "in", "s3InputFormatConfig": {"s3InputFileType": "CSV"}}}
    tasks = [{**task, "connectorOperator": {"S3": operator}} for task in projected("Id", "Name")
             for operator in task["connectorOperator"].values()]
    return {
        "flowName": name,
        "triggerConfig": {"triggerType": "OnDemand"},
        "sourceFlowConfig": {"connectorType": "S3", "sourceConnectorProperties": source},
        "destinationFlowConfigList": [{"connectorType": "CustomConnector", "connectorProfileName": "acme",
                                       "apiVersion": "v1", "destinationConnectorProperties": custom}],
        "tasks": tasks,
    }


@pytest.fixture
def crm_both(crm):
    """The connector as source and destination, for INSERT and UPSERT."""
    both = {"connectorModes": ["SOURCE", "DESTINATION"], "supportedWriteOperations": ["INSERT", "UPSERT"]}
    crm.connector.answers["DescribeConnectorConfiguration"] = {**CONFIGURATION, **both}
    crm.appflow.update_connector_registration(connectorLabel="crm")
    crm.connector.requests.clear()
    return crm
