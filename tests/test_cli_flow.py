"""`flow run`, `flow records` and `flow list`, with a rig that runs and a connector of its own."""

import json
import re
import signal
import subprocess

import boto3
import pytest
from cli_rig import LAMBDARIG, PATIENCE_S, Home, Up, shell

pytest_plugins = ["cli_fixtures"]  # fixtures: home, cli
CONNECTOR = """
import json

OK = {"isSuccess": True}

def handler(event, context):
    kind, entity = event["type"].removesuffix("Request"), event.get("entityIdentifier")
    described = {"entityIdentifier": entity, "hasNestedEntities": False}
    fields = [{"fieldName": "Id", "dataType": "String", "isPrimaryKey": True}]
    if kind == "DescribeConnectorConfiguration":
        return {**OK, "connectorOwner": "o", "connectorName": "crm", "connectorVersion": "1",
                "connectorModes": ["SOURCE"], "supportedApiVersions": ["v1"],
                "authenticationConfig": {"isApiKeyAuthSupported": True}}
    if kind == "ListEntities":
        return {**OK, "entities": [{**described, "entityIdentifier": "Contact"}]}
    if kind == "DescribeEntity":
        return {**OK, "entityDefinition": {"entity": described, "fields": fields}}
    if kind != "QueryData":
        return OK
    if entity == "Broken":
        return {"isSuccess": False, "errorDetails": {"errorCode": "ServerError", "errorMessage": "the CRM is down"}}
    number = int(event["nextToken"] or 0) + 1
    more = str(number) if entity == "Endless" or number < 3 else None
    return {**OK, "records": [json.dumps({"Id": f"r{number}"})], "nextToken": more}
"""
RIG = "functions: {crm: {folder: code, handler: handler.handler, timeout: 30}}"
FLOWS = {"contacts": "Contact", "endless": "Endless", "broken": "Broken", "hourly": "Contact"}
ON_DEMAND = {"triggerType": "OnDemand"}
HOURLY = {"triggerType": "Scheduled", "triggerProperties": {
    "Scheduled": {"scheduleExpression": "rate(1hours)", "dataPullMode": "Complete"}}}  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A rig with a flow that ends, one that does not, and one that fails."""
    home = Home(tmp_path_factory.mktemp("flows"))
    (home.work / "code").mkdir()
    (home.work / "code" / "handler.py").write_text(CONNECTOR)
    (home.work / "rig.yaml").write_text(RIG)
    up = Up(home, "rig.yaml", "--engine", "inline")
    try:
        made(lambda service: boto3.client(
            service, endpoint_url=up.said["url"], region_name="us-east-1", aws_access_key_id="AKIALAMBDARIGCLIENT0",
            aws_secret_access_key="lambdarig",
        ))  # fmt: skip
        yield up
    finally:
        up.end()


def made(client):
    appflow = client("appflow")
    client("s3").create_bucket(Bucket="lake")
    arn = client("lambda").get_function(FunctionName="crm")["Configuration"]["FunctionArn"]
    appflow.register_connector(
        connectorLabel="crm", connectorProvisioningType="LAMBDA",
        connectorProvisioningConfig={"lambda": {"lambdaArn": arn}},
    )
    credentials = {"authenticationType": "APIKEY", "apiKey": {"apiKey": "k"}}
    appflow.create_connector_profile(
        connectorProfileName="acme", connectorType="CustomConnector", connectorLabel="crm", connectionMode="Public",
        connectorProfileConfig={"connectorProfileProperties": {"CustomConnector": {}},
                                "connectorProfileCredentials": {"CustomConnector": credentials}},
    )
    for name, entity in FLOWS.items():
        source = {"connectorType": "CustomConnector", "connectorProfileName": "acme", "apiVersion": "v1",
                  "sourceConnectorProperties": {"CustomConnector": {"entityName": entity}}}
        s3 = {"connectorType": "S3", "destinationConnectorProperties": {"S3": {"bucketName": "lake"}}}
        appflow.create_flow(
            flowName=name, triggerConfig=HOURLY if name == "hourly" else ON_DEMAND, sourceFlowConfig=source,
            destinationFlowConfigList=[s3], tasks=[{"taskType": "Map_all", "sourceFields": []}],
        )


@pytest.fixture
def ask(cli, shared):
    return lambda *arguments: cli(*arguments, "--port", shared.port)


def test_a_run_is_followed_to_its_end(ask):
    status, out, err = ask("flow", "run", "contacts")
    assert (status, out.startswith("Successful  3 records, ")) == (0, True)
    assert re.search(r"contacts: Successful, 3 records, \d+ bytes read, \d+ bytes written\n$", err)


def test_a_run_as_json_is_its_record(ask):
    status, out, _ = ask("flow", "run", "contacts", "--json")
    record = json.loads(out)
    assert (status, record["executionStatus"], record["executionResult"]["recordsProcessed"]) == (0, "Successful", 3)


def test_a_run_that_fails_is_exit_1_with_its_message(ask):
    status, out, err = ask("flow", "run", "broken")
    assert status == 1
    assert out.startswith("Error  0 records")
    assert err.splitlines()[-1].startswith("lambdarig: broken: Error: ")
    assert "the CRM is down" in err.splitlines()[-1]


@pytest.mark.parametrize("command", ["run", "records"])
def test_an_unknown_flow_names_those_that_there_are(ask, command):
    status, _, err = ask("flow", command, "contact")
    said = "unknown flow 'contact': choose one of broken, contacts, endless, hourly: did you mean 'contacts'?"
    assert (status, said in err) == (2, True)


def test_ctrl_c_cancels_the_run_and_says_so(shared):
    process = subprocess.Popen(
        (*LAMBDARIG, "flow", "run", "endless", "--port", shared.port), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**shell(), **shared.home.variables},
    )  # fmt: skip
    line = process.stderr.readline()
    assert line.startswith("endless: InProgress, "), line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert re.search(r"^canceling the run [0-9a-f-]{36} of endless$", err, re.MULTILINE)
    assert (process.returncode, out.startswith("Canceled  "), err.splitlines()[-1]) == (130, True, "stopped")


def test_a_run_under_way_is_not_started_twice(ask, shared):
    process = subprocess.Popen(
        (*LAMBDARIG, "flow", "run", "endless", "--port", shared.port), stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, env={**shell(), **shared.home.variables},
    )  # fmt: skip
    try:
        assert process.stderr.readline().startswith("endless: InProgress, ")
        status, _, err = ask("flow", "run", "endless")
        assert (status, "ConflictException: " in err) == (2, True)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)


def test_a_flow_with_a_schedule_is_activated(ask):
    """Its first run begins at once, in the rig's own time."""
    assert ask("flow", "run", "hourly")[:2] == (0, "hourly is Active\n")


def test_records_are_shown_newest_first(ask):
    first, second = (json.loads(ask("flow", "run", "contacts", "--json")[1])["executionId"] for _ in range(2))
    status, out, _ = ask("flow", "records", "contacts", "--limit", "2")
    rows = [line.split() for line in out.splitlines() if line.startswith("Successful")]
    assert status == 0
    assert [row[-1] for row in rows] == [second, first]
    assert out.split()[:3] == ["status", "started", "seconds"]


def test_records_as_json_and_no_more_than_wanted(ask):
    ask("flow", "run", "contacts")
    ask("flow", "run", "contacts")
    status, out, _ = ask("flow", "records", "contacts", "--limit", "1", "--json")
    assert (status, len(json.loads(out))) == (0, 1)


def test_the_flows_are_listed(ask):
    status, out, _ = ask("flow", "list", "--json")
    assert (status, sorted(row["flowName"] for row in json.loads(out))) == (0, sorted(FLOWS))
    _, out, _ = ask("flow", "list")
    assert re.search(r"^contacts +Active +OnDemand +crm +S3", out, re.MULTILINE)


def test_a_rig_without_flows(cli, shared, home):
    up = Up(home, "--engine", "inline")
    try:
        assert cli("flow", "list", "--port", up.port)[:2] == (0, "no flows\n")
        assert "unknown flow 'x': choose one of (there are none)" in cli("flow", "run", "x", "--port", up.port)[2]
    finally:
        up.end()
