"""What AppFlow tells EventBridge of its flows, and where it arrives."""

import json
import re

import pytest
from appflow_rig import failure
from flow_rig import flow, paged, run, scheduled, to_connector
from lambda_fixtures import create as function

from emulator.aws.internal import client
from emulator.rig import Rig
from emulator.settings import Settings

pytest_plugins = ["appflow_rig", "flow_rig"]  # fixtures: crm, crm_both
ARN = "arn:aws:appflow:us-east-1:123456789012:flow/contacts"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\[UTC\]"


def details(rig):
    """(kind, detail) of all events."""
    return [(event["detail-type"], event["detail"]) for _, event, _ in rig.published]


# --- what they say ----------------------------------------------------------------------------------------


def test_a_run_is_told_of_at_its_begin_and_end(crm):
    crm.appflow.create_flow(**flow(prefix="raw"))
    record = run(crm)
    [(start, began), (end, ended)] = details(crm)
    assert (start, end) == ("AppFlow Start Flow Run Report", "AppFlow End Flow Run Report")
    common = {
        "flow-name": "contacts", "flow-arn": ARN, "execution-id": record["executionId"], "source-object": "Contact",
        "source": "CUSTOMCONNECTOR/acme", "destination": "S3", "destination-object": "s3://lake/raw",
        "trigger-type": "ONDEMAND", "created-by": crm.appflow.describe_flow(flowName="contacts")["createdBy"],
    }
    assert re.fullmatch(TIME, began["start-time"])
    assert re.fullmatch(TIME, ended.pop("end-time"))
    assert began == common | {"status": "Execution Started", "start-time": began["start-time"]}
    assert ended == common | {
        "status": "Execution Successful", "start-time": began["start-time"], "num-of-records-processed": "5",
        "num-of-records-filtered": "0", "num-of-record-failures": "0", "num-of-documents-processed": "0",
        "data-processed": str(record["executionResult"]["bytesProcessed"]),
    }


def test_a_run_is_none_the_worse_for_events_that_fail(crm, monkeypatch, caplog):
    def fails(*told):
        raise ValueError("a pattern that nobody can read")

    crm.appflow.create_flow(**flow())
    monkeypatch.setattr(crm.service.implementation.triggers.deactivated[0].__self__, "_publish", fails)
    assert run(crm)["executionStatus"] == "Successful"
    assert caplog.text.count("contacts/run-1/end could not be delivered") == 1


def test_the_events_envelope(crm):
    crm.appflow.create_flow(**flow())
    run(crm)
    [(_, start, _), (_, end, _)] = crm.published
    keys = {"version": "0", "source": "aws.appflow", "account": "123456789012", "region": "us-east-1"}
    assert {name: end[name] for name in keys} == keys
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", end["time"])
    assert start["id"] != end["id"]
    assert re.fullmatch("[0-9a-f]{32}", end["resources"][0])
    assert start["resources"] == end["resources"] != [ARN]


def test_a_flow_to_a_connector_has_its_ends_the_other_way_round(crm_both):
    crm_both.s3.put_object(Bucket="lake", Key="in/1.csv", Body=b"Id,Name\n1,Ann\n2,Bob\n")
    results = [{"isSuccess": True}, {"isSuccess": False, "errorMessage": "there already"}]
    crm_both.connector.answers["WriteData"] = {"isSuccess": True, "writeRecordResults": results}
    crm_both.appflow.create_flow(**to_connector())
    run(crm_both)
    ended = details(crm_both)[1][1]
    ends = {"source": "S3", "source-object": "s3://lake/in", "destination": "CUSTOMCONNECTOR/acme",
            "destination-object": "Contact", "num-of-records-processed": "2", "num-of-record-failures": "1",
            "error-message": "there already", "status": "Execution Successful"}
    assert {name: ended[name] for name in ends} == ends


def test_records_that_a_task_drops_are_counted(crm):
    """Nobody's name is a number."""
    validation = {"taskType": "Validate", "sourceFields": ["Name"],
                  "taskProperties": {"VALIDATION_ACTION": "DropRecord"},
                  "connectorOperator": {"CustomConnector": "VALIDATE_NUMERIC"}}
    given = flow()
    crm.appflow.create_flow(**given | {"tasks": [*given["tasks"], validation]})
    run(crm)
    ended = details(crm)[1][1]
    assert (ended["num-of-records-processed"], ended["num-of-records-filtered"]) == ("5", "5")


def test_a_failed_run_says_why(crm):
    crm.connector.answers["QueryData"] = failure("ServerError", "the CRM is down")
    crm.appflow.create_flow(**flow())
    run(crm)
    ended = details(crm)[1][1]
    assert ended["status"] == "Execution Failed"
    assert ended["error-message"] == "Error while communicating to connector: the CRM is down"


def test_a_canceled_run_is_told_of_too(crm):
    crm.connector.answers["QueryData"] = lambda request: [crm.appflow.cancel_flow_executions(flowName="contacts"),
                                                          paged(request)][1]
    crm.appflow.create_flow(**flow())
    run(crm)
    assert details(crm)[1][1]["status"] == "Execution Canceled"


def test_a_flow_that_is_deactivated_says_so_after_its_last_run(crm):
    crm.connector.answers["QueryData"] = failure("ServerError", "down")
    crm.appflow.create_flow(**flow(triggerConfig=scheduled(flowErrorDeactivationThreshold=2)))
    crm.appflow.start_flow(flowName="contacts")
    crm.clock.advance(3600)
    kinds = [kind.removeprefix("AppFlow ") for kind, _ in details(crm)]
    assert kinds == ["Start Flow Run Report", "End Flow Run Report"] * 2 + ["Scheduled Flow Deactivated"]
    detail = details(crm)[-1][1]
    assert (detail["trigger-type"], detail["status"]) == ("SCHEDULED", "Suspended")
    assert detail["error-message"].startswith("The flow was deactivated after 2 failed runs in a row.")


# --- where they arrive ------------------------------------------------------------------------------------

SOURCE = """
import json
def handler(event, context):
    print("got " + json.dumps(event))
"""
EVENT = {"version": "0", "id": "1b6d7f6e-0000-4000-8000-000000000000", "detail-type": "AppFlow End Flow Run Report",
         "source": "aws.appflow", "account": "123456789012", "time": "2026-11-22T12:00:00Z", "region": "us-east-1",
         "resources": [], "detail": {"flow-name": "contacts", "status": "Execution Failed"}}
FAILED = {"source": ["aws.appflow"], "detail": {"status": ["Execution Failed"]}}


class World:
    """A rig with a function, a queue, a topic's name and a log group."""

    def __init__(self, rig):
        self.rig = rig
        self.events, self.sqs, self.logs = (client(rig.endpoint, name) for name in ("events", "sqs", "logs"))
        lambdas = client(rig.endpoint, "lambda")
        function(lambdas, "f", SOURCE)
        lambdas.add_permission(FunctionName="f", StatementId="e", Action="lambda:InvokeFunction",
                               Principal="events.amazonaws.com")
        self.queue = self.sqs.create_queue(QueueName="q")["QueueUrl"]
        self.logs.create_log_group(logGroupName="/aws/events/flows")

    def rule(self, *arns, name="on", pattern=FAILED, **more):
        self.events.put_rule(Name=name, EventPattern=json.dumps(pattern), **more)
        rows = [{"Id": f"t{n}", "Arn": f"arn:aws:{arn}"} for n, arn in enumerate(arns)]
        self.events.put_targets(Rule=name, Targets=rows)

    def publish(self, **detail):
        events = self.rig.appflow.triggers.deactivated[0].__self__
        events._publish("contacts/run-1/end", EVENT | {"detail": EVENT["detail"] | detail}, True)

    def received(self):
        messages = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    def lines(self, group):
        return [event["message"] for event in self.logs.filter_log_events(logGroupName=group)["events"]]

    def outcomes(self):
        return [(e.subject, e.outcome) for e in self.rig.timeline.events() if e.point == "event"]


@pytest.fixture
def world():
    with Rig(Settings(engine="inline", manual_clock=True)) as rig:
        yield World(rig)


FUNCTION, QUEUE = "lambda:us-east-1:123456789012:function:f", "sqs:us-east-1:123456789012:q"
GROUP = "logs:us-east-1:123456789012:log-group:/aws/events/flows"


def test_they_reach_functions_queues_and_log_groups(world):
    world.rule(FUNCTION, QUEUE, GROUP)
    world.publish()
    assert world.received() == [EVENT]
    assert [json.loads(line) for line in world.lines("/aws/events/flows")] == [EVENT]
    assert [json.loads(line[4:]) for line in world.lines("/aws/lambda/f") if line.startswith("got ")] == [EVENT]


def test_they_reach_topics(world):
    sns = client(world.rig.endpoint, "sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:{QUEUE}")
    world.rule(topic.removeprefix("arn:aws:"))
    world.publish()
    assert [json.loads(message["Message"]) for message in world.received()] == [EVENT]


def test_only_what_matches_an_enabled_rule(world):
    world.rule(QUEUE, name="another", pattern={"source": ["aws.s3"]})
    world.rule(QUEUE, name="off", State="DISABLED")
    world.events.put_rule(Name="timed", ScheduleExpression="rate(1 day)")
    world.events.put_targets(Rule="timed", Targets=[{"Id": "t", "Arn": f"arn:aws:{QUEUE}"}])
    world.rule(QUEUE)
    world.publish(status="Execution Successful")
    assert world.received() == []
    world.publish()
    assert len(world.received()) == 1


def test_what_cannot_be_delivered_is_in_the_record(world, caplog):
    world.rule("states:us-east-1:123456789012:stateMachine:m", "sqs:us-east-1:123456789012:none",
               "lambda:us-east-1:123456789012:function:none")
    world.publish()
    place = "events/on/contacts/run-1/end"
    assert world.outcomes() == [(f"{place}/t0", "unserved"), (f"{place}/t1", "failed_invocation"),
                                (f"{place}/t2", "failed_invocation")]
    assert "serves no such target" in caplog.text


def test_without_rules_nothing_happens(world):
    world.publish()
    assert world.outcomes() == []


def test_a_rule_with_a_schedule_reaches_a_queue_too(world):
    world.events.put_rule(Name="timed", ScheduleExpression="rate(5 minutes)")
    world.events.put_targets(Rule="timed", Targets=[{"Id": "t", "Arn": f"arn:aws:{QUEUE}"}])
    world.rig.clock.advance(600)
    assert [event["detail-type"] for event in world.received()] == ["Scheduled Event"] * 2
