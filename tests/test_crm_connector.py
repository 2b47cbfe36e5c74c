"""The CRM connector and its hardened twin, as processes, with AppFlow in front of them and the CRM behind."""

import json
from pathlib import Path

import pytest

from emulator.model import UpstreamCall
from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings
from emulator.stubs import load

SAMPLES = Path(__file__).parent.parent / "sample_connectors"
STUB = SAMPLES / "crm_host" / "stub.py"
NOT_FOUND = (
    "An error occurred (ResourceNotFoundException) when calling the GetSecretValue operation: "
    "Secrets Manager can't find the specified secret."
)


@pytest.fixture(scope="module")
def shared():
    with Rig(Settings(engine="process", manual_clock=True)) as rig:
        made = PytestRig(rig)
        made.upstreams(STUB)
        yield made


@pytest.fixture
def crm(shared):
    """A registered connector, for a handler."""
    shared.reset()

    def make(handler):
        arn = shared.function("crm", SAMPLES / "crm_connector", handler, requirements=True, memory=1024, timeout=30)
        provisioning = {"lambda": {"lambdaArn": arn}}
        of(shared, "appflow").register_connector(
            connectorLabel="crm", connectorProvisioningType="LAMBDA", connectorProvisioningConfig=provisioning
        )
        return shared

    return make


def of(rig, service):
    from emulator.aws.internal import client

    return client(rig.endpoint, service)


def profile(rig, name="emea", key=None):
    credentials = {"authenticationType": "APIKEY", "apiKey": {"apiKey": key or f"crm-key-{name}"}}
    settings = {"profileProperties": {"instanceUrl": f"https://{name}.crm.example.com"}}
    of(rig, "appflow").create_connector_profile(
        connectorProfileName=name, connectorType="CustomConnector", connectorLabel="crm", connectionMode="Public",
        connectorProfileConfig={"connectorProfileProperties": {"CustomConnector": settings},
                                "connectorProfileCredentials": {"CustomConnector": credentials}},
    )


def run(rig, name="emea"):
    """A flow of all contacts, made and run; its execution id."""
    of(rig, "s3").create_bucket(Bucket="lake")
    appflow = of(rig, "appflow")
    source = {"connectorType": "CustomConnector", "connectorProfileName": name, "apiVersion": "v1",
              "sourceConnectorProperties": {"CustomConnector": {"entityName": "Contact"}}}
    s3 = {"connectorType": "S3", "destinationConnectorProperties": {"S3": {"bucketName": "lake"}}}
    appflow.create_flow(
        flowName=f"{name}-contacts", triggerConfig={"triggerType": "OnDemand"}, sourceFlowConfig=source,
        destinationFlowConfigList=[s3], tasks=[{"taskType": "Map_all", "sourceFields": []}],
    )
    started = appflow.start_flow(flowName=f"{name}-contacts")["executionId"]
    rig.appflow.wait(started)
    [record] = appflow.describe_flow_execution_records(flowName=f"{name}-contacts")["flowExecutions"]
    assert record["executionStatus"] == "Successful", record
    assert record["executionResult"]["recordsProcessed"] == 25
    return started


def logged(rig):
    events = of(rig, "logs").filter_log_events(logGroupName="/aws/lambda/crm")["events"]
    return [event["message"] for event in events]


def refusal(act, *args, **params):
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        act(*args, **params)
    return caught.value.response["Error"]


def test_a_flow_brings_every_page_of_the_crm_into_the_bucket(crm):
    rig = crm("handler.handler")
    profile(rig)
    run(rig)
    keys = [item["Key"] for item in of(rig, "s3").list_objects_v2(Bucket="lake")["Contents"]]
    bodies = [of(rig, "s3").get_object(Bucket="lake", Key=key)["Body"].read().decode() for key in keys]
    people = [json.loads(line) for body in bodies for line in body.splitlines()]
    assert (len(keys), len({person["Id"] for person in people})) == (3, 25)
    assert all(person.keys() == {"Id", "Name", "Email", "CreatedAt"} for person in people)


def test_the_first_one_logs_nothing_of_what_appflow_tells_it(crm):
    rig = crm("handler.handler")
    profile(rig)
    started = run(rig)
    said = "".join(logged(rig))
    assert said.count("Handling request for requestType: QueryDataRequest") == 3
    assert not any(word in said for word in (started, "emea", "executionId"))


def test_the_hardened_one_logs_flow_profile_and_execution_of_each_call(crm):
    rig = crm("hardened.handler")
    profile(rig)
    started = run(rig)
    lines = [json.loads(line) for line in logged(rig) if line.startswith("{")]
    told = [(line["flowName"], line["connectorProfileLabel"], line["executionId"]) for line in lines]
    assert [row for row in told if any(row)] == [("emea-contacts", "emea", started)] * 3
    assert [line["type"].removesuffix("Request") for line, row in zip(lines, told, strict=True) if not any(row)] == [
        "DescribeConnectorConfiguration", "ValidateCredentials", "ValidateConnectorRuntimeSettings", "DescribeEntity"
    ]


def test_the_first_one_gives_up_a_secret_that_is_not_visible_yet(crm):
    rig = crm("handler.handler")
    with rig.fault("secret_visibility_delay", reads=2, match={"function": "crm"}):
        error = refusal(profile, rig)
    assert error["Code"] == "ConnectorServerException"
    assert f"with connector failure {NOT_FOUND} (Service: null" in error["Message"]
    assert any(f"validate_credentials failed: {NOT_FOUND}" in line for line in logged(rig))


def test_the_hardened_one_asks_again(crm):
    rig = crm("hardened.handler")
    with rig.fault("secret_visibility_delay", reads=2, match={"function": "crm"}):
        profile(rig)
    with rig.fault("secret_visibility_delay", reads=9, match={"function": "crm"}):
        assert NOT_FOUND in refusal(profile, rig, "apac")["Message"]


def test_a_refusal_of_the_crm_is_told_to_the_profiles_maker(crm):
    rig = crm("handler.handler")
    error = refusal(profile, rig, key="stale")
    assert error["Code"] == "ConnectorAuthenticationException"
    assert "with connector failure The CRM answered 401 Unauthorized" in error["Message"]


def asked(path, key="crm-key-emea", host="emea.crm.example.com"):
    handler = {upstream.host: upstream.handler for upstream in load(STUB)}[host]
    reply = handler(UpstreamCall("x", host, "GET", path, {"authorization": f"Bearer {key}"}))
    return reply.status, json.loads(reply.body)


def test_the_crm_pages_its_records_to_the_end():
    ids, after = [], ""
    while after is not None:
        _, page = asked(f"/v1/entities/Contact/records?fields=Id&limit=1000&after={after}")
        assert len(page["records"]) <= 10
        ids += [record["Id"] for record in page["records"]]
        after = page["next"]
    assert ids == [f"emea-c{number:03}" for number in range(1, 26)]


def test_the_crm_knows_its_own_key_and_its_own_entities_only():
    assert asked("/v1/me", key="crm-key-apac")[0] == 401
    assert asked("/v1/entities/Nothing")[0] == 404
