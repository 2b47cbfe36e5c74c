"""Runs of AppFlow's flows from a custom connector to S3, through boto3."""

import functools
import json
import re
import threading

import pytest
from appflow_rig import BASIC, CONFIGURATION, OK, error_of, failure
from flow_rig import DEFINITION, PEOPLE, files, flow, lines, paged, projected, records, run

from emulator.aws import internal
from emulator.model import Outcome
from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings

pytest_plugins = ["appflow_rig", "flow_rig"]  # fixtures: plain, crm


def map_all(excluded="[]"):
    return [{"taskType": "Map_all", "sourceFields": [], "taskProperties": {"EXCLUDE_SOURCE_FIELDS_LIST": excluded}}]


def data_calls(rig):
    return [request for request in rig.connector.requests if request["type"] == "QueryDataRequest"]


def test_a_run_reads_every_page_and_writes_a_file_of_json_lines_for_each(crm):
    crm.appflow.create_flow(**flow(prefix="raw/"))
    record = run(crm)
    assert [request["nextToken"] for request in data_calls(crm)] == [None, "2", "4"]
    rows = [{"Id": p["Id"], "Name": p["Name"]} for p in PEOPLE]
    assert lines(crm) == [json.dumps(row, separators=(",", ":")) for row in rows]
    pattern = rf"raw/contacts/{record['executionId']}/\d+-\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d"
    assert len(files(crm)) == 3
    assert all(re.fullmatch(pattern, key) for key in files(crm))


def test_the_record_counts_what_was_read_and_written(crm):
    crm.appflow.create_flow(**flow())
    record = run(crm)
    read = sum(len(json.dumps(person)) for person in PEOPLE)
    written = sum(len(body) for body in files(crm).values())
    assert record["executionStatus"] == "Successful"
    assert record["executionResult"] == {"bytesProcessed": read, "bytesWritten": written, "recordsProcessed": 5}
    assert record["startedAt"] <= record["lastUpdatedAt"]
    last = crm.appflow.describe_flow(flowName="contacts")["lastRunExecutionDetails"]
    assert last == {"mostRecentExecutionStatus": "Successful", "mostRecentExecutionTime": record["startedAt"]}


def test_the_connector_is_told_of_the_run_in_its_data_calls(crm):
    crm.appflow.create_flow(**flow(custom={"region": "eu"}))
    record = run(crm)
    request = data_calls(crm)[0]
    context = request.pop("connectorContext")
    assert request == {"type": "QueryDataRequest", "entityIdentifier": "Contact", "selectedFieldNames": ["Id", "Name"],
                       "filterExpression": None, "nextToken": None, "maxResults": 1000}
    definition = context.pop("entityDefinition")
    arn = crm.secrets.list_secrets()["SecretList"][0]["ARN"]
    assert context == {
        "credentials": {"secretArn": arn, "authenticationType": "BasicAuth"}, "apiVersion": "v1",
        "connectorRuntimeSettings": {"instanceUrl": "https://x", "region": "eu"},
        "flowName": "contacts", "connectorProfileLabel": "acme", "executionId": record["executionId"],
    }
    assert [field["fieldName"] for field in definition["fields"]] == ["Id", "Name", "Age", "Hash"]


def test_a_description_that_is_no_longer_kept_is_asked_for_again_without_the_run(crm):
    crm.appflow.create_flow(**flow())
    crm.clock.advance(3601)
    run(crm)
    [first, again] = [r for r in crm.connector.requests if r["type"] == "DescribeEntityRequest"]
    assert first == again
    assert again["connectorContext"]["executionId"] is None


def test_awss_sdk_can_read_what_the_connector_is_told(crm):
    from custom_connector_sdk.lambda_handler.requests import QueryDataRequest

    crm.appflow.create_flow(**flow())
    run(crm)
    read = QueryDataRequest.from_dict(data_calls(crm)[0])
    assert [field.field_name for field in read.connector_context.entity_definition.fields][:2] == ["Id", "Name"]
    assert not hasattr(read.connector_context, "execution_id"), "this SDK drops what AppFlow tells of the run"


def test_map_all_takes_what_can_be_read_and_is_not_excluded(crm):
    crm.appflow.create_flow(**flow(tasks=map_all('["Age"]')))
    run(crm)
    assert data_calls(crm)[0]["selectedFieldNames"] == ["Id", "Name"]
    assert json.loads(lines(crm)[0]) == {"Id": "1", "Name": "Person 1"}


def test_csv_has_a_header_in_each_file_and_renamed_columns(crm):
    crm.appflow.create_flow(**flow(tasks=projected("Id", "Age", Age="years"), output={"fileType": "CSV"}))
    run(crm)
    heads = {body.splitlines()[0] for body in files(crm).values()}
    assert (heads, len(files(crm)), len(lines(crm))) == ({"Id,years"}, 3, 8)
    assert "5,5" in lines(crm)


@pytest.mark.parametrize(("file_type", "count"), [("CSV", 6), ("JSON", 5)])
def test_a_single_file_holds_all_pages(crm, file_type, count):
    output = {"fileType": file_type, "aggregationConfig": {"aggregationType": "SingleFile"}}
    crm.appflow.create_flow(**flow(output=output))
    assert run(crm)["executionResult"]["recordsProcessed"] == 5
    assert (len(files(crm)), len(lines(crm))) == (1, count)


@pytest.mark.parametrize(
    ("prefixes", "pattern"),
    [
        ({"pathPrefixHierarchy": ["SCHEMA_VERSION", "EXECUTION_ID"]}, r"contacts/schemaVersion_1/[0-9a-f-]{36}/\d+-.*"),
        ({"prefixType": "PATH", "prefixFormat": "DAY"}, r"contacts/\d{4}/\d\d/\d\d/\d+-.*"),
        ({"prefixType": "FILENAME", "prefixFormat": "MONTH"}, r"contacts/\d{4}-\d\d-\d+-.*"),
        ({"prefixType": "PATH_AND_FILENAME", "prefixFormat": "YEAR", "pathPrefixHierarchy": ["EXECUTION_ID"]},
         r"contacts/[0-9a-f-]{36}/\d{4}/\d{4}-\d+-.*"),
    ],
)
def test_files_are_laid_out_by_the_prefix_settings(crm, prefixes, pattern):
    crm.appflow.create_flow(**flow(output={"prefixConfig": prefixes}))
    run(crm)
    assert all(re.fullmatch(pattern, key) for key in files(crm)), list(files(crm))


def test_without_records_nothing_is_written(crm):
    crm.connector.answers["QueryData"] = {**OK, "records": []}
    crm.appflow.create_flow(**flow(output={"fileType": "CSV"}))
    assert run(crm)["executionResult"] == {"bytesProcessed": 0, "bytesWritten": 0, "recordsProcessed": 0}
    assert files(crm) == {}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (failure("ServerError", "the CRM is down"), "Error while communicating to connector: the CRM is down"),
        (failure("InvalidCredentials", "expired"), "Error authenticating to connector: expired"),
        (Outcome("error", b"{}", "Unhandled"), "No valid response and error details found in the connector response."),
        (Outcome("ok", b'{"isSuccess": true, "records": []}', virtual_s=31), "No valid response and error details"),
        ({**OK, "records": ["[1]"]}, "The connector gave a record that is no JSON object: [1]"),
    ],
)
def test_a_run_that_fails_says_why_in_the_connectors_words(crm, said, message):
    crm.connector.answers["QueryData"] = said
    crm.appflow.create_flow(**flow())
    record = run(crm)
    assert record["executionStatus"] == "Error"
    assert message in record["executionResult"]["errorInfo"]["executionMessage"]
    last = crm.appflow.describe_flow(flowName="contacts")["lastRunExecutionDetails"]
    assert message in last["mostRecentExecutionMessage"]


def test_what_was_written_before_a_failure_stays(crm):
    crm.connector.answers["QueryData"] = lambda r: paged(r) if r["nextToken"] is None else failure("ServerError", "no")
    crm.appflow.create_flow(**flow())
    assert run(crm)["executionResult"]["recordsProcessed"] == 2
    assert len(lines(crm)) == 2


def test_a_bucket_or_profile_that_has_gone_fails_the_run(crm):
    crm.appflow.create_flow(**flow())
    crm.s3.delete_bucket(Bucket="lake")
    assert "bucket does not exist" in run(crm)["executionResult"]["errorInfo"]["executionMessage"]
    assert error_of(crm.appflow.delete_connector_profile, connectorProfileName="acme")[:2] == ("ConflictException", 409)
    crm.appflow.delete_connector_profile(connectorProfileName="acme", forceDelete=True)
    message = run(crm)["executionResult"]["errorInfo"]["executionMessage"]
    assert message == "Connector Profile with name acme does not exist."


class Gate:
    """A connector that waits within its data calls."""

    def __init__(self, rig):
        self.entered, self.go = threading.Semaphore(0), threading.Event()
        rig.connector.answers["QueryData"] = self

    def __call__(self, request):
        self.entered.release()
        self.go.wait()
        return paged(request)


@pytest.fixture
def gate(crm):
    made = Gate(crm)
    yield made
    made.go.set()


def test_a_run_is_in_progress_until_it_ends(crm, gate):
    crm.appflow.create_flow(**flow())
    started = crm.appflow.start_flow(flowName="contacts")["executionId"]
    gate.entered.acquire()
    assert [record["executionStatus"] for record in records(crm)] == ["InProgress"]
    assert crm.service.implementation.busy()
    with pytest.raises(TimeoutError):
        crm.service.implementation.wait(started, 0.01)
    assert error_of(crm.appflow.start_flow, flowName="contacts")[:2] == ("ConflictException", 409)
    assert error_of(crm.appflow.delete_flow, flowName="contacts")[:2] == ("ConflictException", 409)
    gate.go.set()
    crm.service.implementation.wait(started)
    assert [record["executionStatus"] for record in records(crm)] == ["Successful"]
    assert not crm.service.implementation.busy()


def test_a_canceled_run_ends_after_the_call_in_hand_and_keeps_what_it_wrote(crm, gate):
    crm.appflow.create_flow(**flow())
    started = crm.appflow.start_flow(flowName="contacts")["executionId"]
    gate.entered.acquire()
    cancel = functools.partial(crm.appflow.cancel_flow_executions, flowName="contacts")
    assert cancel(executionIds=[started, "nobody"])["invalidExecutions"] == ["nobody"]
    assert [record["executionStatus"] for record in records(crm)] == ["CancelStarted"]
    gate.go.set()
    crm.service.implementation.wait(started)
    assert [record["executionStatus"] for record in records(crm)] == ["Canceled"]
    assert (files(crm), cancel()["invalidExecutions"]) == ({}, [])
    assert cancel(executionIds=[started])["invalidExecutions"] == [started]


def test_a_flow_deleted_by_force_leaves_no_record_of_its_run(crm, gate):
    crm.appflow.create_flow(**flow())
    crm.appflow.start_flow(flowName="contacts")
    gate.entered.acquire()
    crm.appflow.delete_flow(flowName="contacts", forceDelete=True)
    gate.go.set()
    crm.service.implementation.wait()
    assert error_of(records, crm)[:2] == ("ResourceNotFoundException", 404)
    assert [event for event in crm.timeline.events() if event.point == "flow"] == []


def test_execution_ids_follow_from_seed_flow_and_number(crm):
    crm.appflow.create_flow(**flow())
    first, second = run(crm)["executionId"], run(crm)["executionId"]
    assert [record["executionId"] for record in records(crm)] == [second, first]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", first)
    crm.appflow.delete_flow(flowName="contacts")
    crm.appflow.create_flow(**flow())
    assert run(crm)["executionId"] not in (first, second)


def test_records_are_paged_newest_first(crm):
    crm.appflow.create_flow(**flow())
    ids = [run(crm)["executionId"] for _ in range(3)]
    told = crm.appflow.describe_flow_execution_records(flowName="contacts", maxResults=2)
    more = records(crm, maxResults=2, nextToken=told["nextToken"])
    assert [record["executionId"] for record in [*told["flowExecutions"], *more]] == ids[::-1]
    assert error_of(records, crm, nextToken="nonsense")[0] == "ValidationException"


def test_the_same_client_token_starts_one_run(crm):
    crm.appflow.create_flow(**flow())
    assert run(crm, clientToken="t")["executionId"] == run(crm, clientToken="t")["executionId"]
    assert len(records(crm)) == 1


def two_at_once(rig, first):
    """Two flows in two threads on one connector, which meet in their first page: really at the same time. first: which
    of them goes on first."""
    meeting, ahead = threading.Barrier(2), threading.Event()

    def met(request):
        name, begins = request["connectorContext"]["flowName"], request["nextToken"] is None
        if begins:
            meeting.wait(30)
        elif name == first:
            ahead.set()
        else:
            ahead.wait(30)
        return failure("ServerError", "no") if name == "broken" and not begins else paged(request)

    rig.connector.answers["QueryData"] = met
    for name in ("contacts", "broken"):
        rig.appflow.create_flow(**flow(name))
    for name in ("contacts", "broken"):
        rig.appflow.start_flow(flowName=name)
    rig.service.implementation.wait()
    return rig.timeline.fingerprint()


def test_two_runs_at_once_give_one_fingerprint_twenty_times(plain):
    prints = set()
    for turn in range(20):
        plain.fresh()
        plain.connector.answers = {
            "DescribeConnectorConfiguration": CONFIGURATION, "ValidateCredentials": OK,
            "ValidateConnectorRuntimeSettings": OK, "DescribeEntity": DEFINITION,
        }
        plain.s3.create_bucket(Bucket="lake")
        plain.register()
        plain.profile(credentials=BASIC)
        prints.add(two_at_once(plain, ("contacts", "broken")[turn % 2]))
    assert len(prints) == 1
    ends = [(event.subject, event.outcome) for event in plain.timeline.events() if event.point == "flow"]
    assert sorted(ends) == [("broken/run-1", "Error"), ("contacts/run-1", "Successful")]
    assert {"contacts/run-1/s3.PutObject#3", "broken/run-1/s3.PutObject#1"} <= {
        event.subject for event in plain.timeline.events()
    }


CONNECTOR = f'''
import json, time
ANSWERS = {{"DescribeConnectorConfiguration": {{**{CONFIGURATION!r}, "authenticationConfig": None}},
           "DescribeEntity": {DEFINITION!r}}}

def handler(event, context):
    if event["type"] == "QueryDataRequest":
        while event["entityIdentifier"] == "Endless":
            time.sleep(1)
        more = {{}} if event["nextToken"] else {{"nextToken": "last"}}
        return {{"isSuccess": True, "records": [json.dumps({{"Id": context.aws_request_id}})], **more}}
    return ANSWERS.get(event["type"].removesuffix("Request"), {{"isSuccess": True}})
'''


def started_on(rig, folder, entity="Contact"):
    """A whole rig's flow, running; gives AppFlow's client and the execution id."""
    appflow = internal.client(rig.endpoint, "appflow")
    internal.client(rig.endpoint, "s3").create_bucket(Bucket="lake")
    arn = rig.function("crm", folder, "handler.handler", timeout=60)
    appflow.register_connector(connectorLabel="crm", connectorProvisioningType="LAMBDA",
                               connectorProvisioningConfig={"lambda": {"lambdaArn": arn}})
    appflow.create_connector_profile(
        connectorProfileName="acme", connectorType="CustomConnector", connectorLabel="crm", connectionMode="Public",
        connectorProfileConfig={"connectorProfileProperties": {"CustomConnector": {}}},
    )
    given = flow()
    given["sourceFlowConfig"]["sourceConnectorProperties"]["CustomConnector"]["entityName"] = entity
    appflow.create_flow(**given)
    return appflow, appflow.start_flow(flowName="contacts")["executionId"]


def test_a_whole_rig_runs_a_flow_through_its_function(inline_rig, write_handler):
    appflow, execution = started_on(inline_rig, write_handler(CONNECTOR))
    inline_rig.settle()
    [record] = appflow.describe_flow_execution_records(flowName="contacts")["flowExecutions"]
    assert (record["executionId"], record["executionStatus"]) == (execution, "Successful")
    assert record["executionResult"]["recordsProcessed"] == 2
    subjects = [event.subject for event in inline_rig.timeline.events()]
    assert {"contacts/run-1", "contacts/run-1/s3.PutObject#2", "crm/inv-5"} <= set(subjects)


def test_a_rig_that_closes_ends_its_runs(write_handler):
    with Rig(Settings(engine="process")) as rig:
        started_on(PytestRig(rig), write_handler(CONNECTOR), "Endless")
        assert rig.appflow.busy()
    assert not rig.appflow.busy()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("flow-")] == []
