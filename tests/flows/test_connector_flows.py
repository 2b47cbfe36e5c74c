"""Whole flows through boto3: from S3 to a custom connector, and what connectors do to runs."""

import dataclasses
import json

import pytest
from appflow_rig import CONFIGURATION, OK, error_of, failure
from asking_rig import in_turn, refusal
from flow_rig import DEFINITION, flow, paged, records, run

from emulator.aws import internal
from emulator.fault import Fault, Rule
from emulator.model import RecordResult
from emulator.scope import Match

pytest_plugins = ["appflow_rig", "flow_rig"]  # fixtures: plain, crm
CSV = "Id,Name\n" + "".join(f"{n},Person {n}\n" for n in range(1, 6))


def taken(request):
    return {**OK, "writeRecordResults": [{"isSuccess": True, "recordId": "r"} for _ in request["records"]]}


def refusing(*ids):
    """A connector that refuses these records."""

    def answer(request):
        given = [json.loads(record)["Id"] for record in request["records"]]
        return {**OK, "writeRecordResults": [
            {"isSuccess": id not in ids, "errorMessage": f"{id} is there already" if id in ids else None}
            for id in given
        ]}

    return answer


@pytest.fixture
def target(crm):
    """The connector as a destination, and five people in S3."""
    writing = {"connectorModes": ["SOURCE", "DESTINATION"], "supportedWriteOperations": ["INSERT", "UPSERT"]}
    crm.connector.answers |= {"DescribeConnectorConfiguration": {**CONFIGURATION, **writing}, "WriteData": taken}
    crm.appflow.update_connector_registration(connectorLabel="crm")
    crm.s3.put_object(Bucket="lake", Key="in/people.csv", Body=CSV)
    crm.connector.requests.clear()
    return crm


def inward(custom=None, **more):
    """A flow from S3, as AWS's own suite writes it."""
    names = ["Id", "Name"]
    maps = [{"taskType": "Map", "sourceFields": [name], "destinationField": name,
             "connectorOperator": {"S3": "NO_OP"}} for name in names]
    destination = {"entityName": "Contact", "writeOperationType": "INSERT", **(custom or {})}
    return {
        "flowName": "contacts",
        "triggerConfig": {"triggerType": "OnDemand"},
        "sourceFlowConfig": {"connectorType": "S3", "sourceConnectorProperties": {
            "S3": {"bucketName": "lake", "bucketPrefix": "in", "s3InputFormatConfig": {"s3InputFileType": "CSV"}}}},
        "destinationFlowConfigList": [{
            "connectorType": "CustomConnector", "connectorProfileName": "acme", "apiVersion": "v1",
            "destinationConnectorProperties": {"CustomConnector": destination},
        }],
        "tasks": [*maps, {"taskType": "Filter", "sourceFields": names, "connectorOperator": {"S3": "PROJECTION"}}],
        **more,
    }


def errors(fail=False, prefix="bad"):
    return {"errorHandlingConfig": {"failOnFirstDestinationError": fail, "bucketName": "lake", "bucketPrefix": prefix}}


def bodies(rig, prefix):
    listed = rig.s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", [])
    return {item["Key"]: rig.s3.get_object(Bucket="lake", Key=item["Key"])["Body"].read().decode() for item in listed}


def writes(rig):
    return [request for request in rig.connector.requests if request["type"] == "WriteDataRequest"]


def test_records_of_files_arrive_at_the_connector_and_the_record_counts_them(target):
    target.appflow.create_flow(**inward())
    record = run(target)
    [request] = writes(target)
    sent = [json.loads(text) for text in request["records"]]
    assert sent == [{"Id": str(n), "Name": f"Person {n}"} for n in range(1, 6)]
    assert record["executionStatus"] == "Successful"
    assert record["executionResult"] == {
        "bytesProcessed": len(CSV), "bytesWritten": sum(map(len, request["records"])), "recordsProcessed": 5,
    }


def test_a_write_tells_the_connector_of_run_settings_and_entity(target):
    target.appflow.create_flow(**inward({"writeOperationType": "UPSERT", "idFieldNames": ["Id"],
                                         "customProperties": {"region": "eu"}}))
    record = run(target)
    [request] = writes(target)
    context = request["connectorContext"]
    assert (request["operation"], request["idFieldNames"], request["allOrNone"]) == ("UPSERT", ["Id"], False)
    assert context["connectorRuntimeSettings"] == {"instanceUrl": "https://x", "region": "eu"}
    named = [context[name] for name in ("flowName", "connectorProfileLabel", "executionId", "apiVersion")]
    assert named == ["contacts", "acme", record["executionId"], "v1"]
    assert [field["fieldName"] for field in context["entityDefinition"]["fields"]] == ["Id", "Name", "Age", "Hash"]


def test_refused_records_are_counted_and_kept_in_the_error_bucket(target):
    target.connector.answers["WriteData"] = refusing("2", "4")
    target.appflow.create_flow(**inward(errors()))
    record = run(target)
    assert record["executionStatus"] == "Successful"
    result = record["executionResult"]
    assert result["errorInfo"] == {"putFailuresCount": 2, "executionMessage": "2 is there already"}
    assert result["recordsProcessed"] == 5
    assert result["bytesWritten"] == len('{"Id":"1","Name":"Person 1"}') * 3
    [(key, body)] = bodies(target, "bad").items()
    assert key == f"bad/contacts/{record['executionId']}/errors-1"
    assert [json.loads(line) for line in body.splitlines()] == [
        {"record": {"Id": n, "Name": f"Person {n}"}, "errorMessage": f"{n} is there already"} for n in ("2", "4")
    ]


def test_without_an_error_bucket_refused_records_are_only_counted(target):
    target.connector.answers["WriteData"] = refusing("2")
    target.appflow.create_flow(**inward())
    assert run(target)["executionResult"]["errorInfo"]["putFailuresCount"] == 1
    assert list(bodies(target, "")) == ["in/people.csv"]


def test_the_first_refused_record_ends_a_run_that_is_to_fail_on_it_and_the_connector_is_not_told(target):
    target.connector.answers["WriteData"] = refusing("2")
    target.appflow.create_flow(**inward(errors(fail=True)))
    record = run(target)
    assert record["executionStatus"] == "Error"
    assert record["executionResult"]["errorInfo"] == {
        "putFailuresCount": 1,
        "executionMessage": "Error while communicating to connector: 2 is there already",
    }
    assert [request["allOrNone"] for request in writes(target)] == [False]
    assert len(bodies(target, "bad")) == 1


def test_an_error_bucket_that_has_gone_ends_the_run(target):
    target.s3.create_bucket(Bucket="errors")
    target.connector.answers["WriteData"] = refusing("2")
    given = {"errorHandlingConfig": {"bucketName": "errors"}}
    target.appflow.create_flow(**inward(given))
    target.s3.delete_bucket(Bucket="errors")
    record = run(target)
    assert record["executionStatus"] == "Error"
    result = record["executionResult"]
    assert "The specified bucket does not exist" in result["errorInfo"]["executionMessage"]
    assert (result["errorInfo"]["putFailuresCount"], result["recordsProcessed"]) == (1, 5)


def test_a_write_that_fails_ends_the_run_in_the_connectors_words(target):
    target.connector.answers["WriteData"] = failure("ServerError", "the CRM is down")
    target.appflow.create_flow(**inward())
    record = run(target)
    assert record["executionStatus"] == "Error"
    message = record["executionResult"]["errorInfo"]["executionMessage"]
    assert message == "Error while communicating to connector: the CRM is down"


def test_a_prefix_without_files_writes_nothing_and_succeeds(target):
    target.s3.delete_object(Bucket="lake", Key="in/people.csv")
    target.appflow.create_flow(**inward())
    record = run(target)
    assert (record["executionStatus"], writes(target)) == ("Successful", [])
    assert record["executionResult"] == {"bytesProcessed": 0, "bytesWritten": 0, "recordsProcessed": 0}


def test_a_connector_that_wants_to_be_asked_later_delays_only_rig_time(crm):
    later = refusal("RateLimitExceeded", "slow down", after=45)
    crm.connector.answers["QueryData"] = in_turn(later, paged({"nextToken": "2"}), paged({"nextToken": "4"}))
    crm.appflow.create_flow(**flow())
    before = crm.clock.now()
    assert run(crm)["executionStatus"] == "Successful"
    assert crm.clock.now() == before + 45
    waits = [event for event in crm.timeline.events() if event.outcome == "retry_waits"]
    assert [(event.subject, event.detail) for event in waits] == [("contacts/run-1/page-1", "45 s")]


def test_a_token_without_end_ends_the_run(crm):
    crm.connector.answers["QueryData"] = {**OK, "records": ['{"Id":"1"}'], "nextToken": "again"}
    crm.appflow.create_flow(**flow())
    record = run(crm)
    assert record["executionStatus"] == "Error"
    result = record["executionResult"]
    assert result["errorInfo"]["executionMessage"] == "The connector gave the same nextToken 10 times: again"
    assert result["recordsProcessed"] == 9


def test_a_run_of_a_filter_is_told_to_the_connector(crm):
    operator = {"CustomConnector": "EQUAL_TO"}
    only = {"taskType": "Filter", "sourceFields": ["Name"], "connectorOperator": operator,
            "taskProperties": {"DATA_TYPE": "string", "VALUE": "Ann"}}
    given = flow()
    crm.appflow.create_flow(**{**given, "tasks": [*given["tasks"], only]})
    run(crm)
    [first, *_] = [request for request in crm.connector.requests if request["type"] == "QueryDataRequest"]
    assert first["filterExpression"] == '(Name = "Ann")'


CONNECTOR = f'''
import json
WRITING = {{"connectorModes": ["DESTINATION"], "supportedWriteOperations": ["INSERT"], "authenticationConfig": None}}
ANSWERS = {{"DescribeConnectorConfiguration": {{**{CONFIGURATION!r}, **WRITING}},
           "DescribeEntity": {DEFINITION!r}}}

def handler(event, context):
    if event["type"] == "WriteDataRequest":
        return {{"isSuccess": True, "writeRecordResults": [
            {{"isSuccess": True, "recordId": json.loads(record)["Id"]}} for record in event["records"]]}}
    return ANSWERS.get(event["type"].removesuffix("Request"), {{"isSuccess": True}})
'''


class Unanswered(Fault):
    """A batch is written, and the answer says of its last record that it was not."""

    name = "unanswered"

    def on_write(self, write, proceed, ctx):
        return dataclasses.replace(reply := proceed(), results=(*reply.results[:-1], RecordResult(False, None, "lost")))


def test_a_whole_rig_writes_through_its_function_past_its_rules(inline_rig, write_handler):
    appflow, s3 = (internal.client(inline_rig.endpoint, name) for name in ("appflow", "s3"))
    s3.create_bucket(Bucket="lake")
    s3.put_object(Bucket="lake", Key="in/people.csv", Body=CSV)
    arn = inline_rig.function("crm", write_handler(CONNECTOR), "handler.handler")
    appflow.register_connector(connectorLabel="crm", connectorProvisioningType="LAMBDA",
                               connectorProvisioningConfig={"lambda": {"lambdaArn": arn}})
    appflow.create_connector_profile(
        connectorProfileName="acme", connectorType="CustomConnector", connectorLabel="crm", connectionMode="Public",
        connectorProfileConfig={"connectorProfileProperties": {"CustomConnector": {}}},
    )
    inline_rig.injector.arm([Rule(Unanswered(), Match(flow="contacts", function="crm"))])
    appflow.create_flow(**inward())
    appflow.start_flow(flowName="contacts")
    inline_rig.settle()
    [record] = appflow.describe_flow_execution_records(flowName="contacts")["flowExecutions"]
    assert record["executionStatus"] == "Successful"
    result = record["executionResult"]
    assert (result["recordsProcessed"], result["errorInfo"]["putFailuresCount"]) == (5, 1)
    struck = [(event.subject, event.point) for event in inline_rig.timeline.strikes("unanswered")]
    assert struck == [("contacts/run-1/batch-1", "write")]


def test_a_canceled_write_run_keeps_what_it_wrote(target):
    target.s3.put_object(Bucket="lake", Key="in/more.csv", Body="Id,Name\n" + "9,Zoe\n" * 2500)

    def cancels(request):
        target.appflow.cancel_flow_executions(flowName="contacts")
        return taken(request)

    target.connector.answers["WriteData"] = cancels
    target.appflow.create_flow(**inward())
    record = run(target)
    assert record["executionStatus"] == "Canceled"
    assert (len(writes(target)), record["executionResult"]["recordsProcessed"]) == (1, 1000)
    assert record["executionResult"]["bytesWritten"] > 0
    assert error_of(records, target, name="nobody")[0] == "ResourceNotFoundException"
