"""Scheduled flows of whole rigs: through functions, with a clock that runs, reset and closed."""

import json
import threading

import pytest
from appflow_rig import CONFIGURATION
from flow_rig import DEFINITION, begins, flow, scheduled
from lambda_fixtures import create

from emulator.aws.internal import client
from emulator.rig import Rig
from emulator.settings import Settings

CONNECTOR = f"""
import json
ANSWERS = {{"DescribeConnectorConfiguration": {{**{CONFIGURATION!r}, "authenticationConfig": None}},
           "DescribeEntity": {DEFINITION!r},
           "QueryData": {{"isSuccess": True, "records": [json.dumps({{"Id": "1"}})]}}}}

def handler(event, context):
    return ANSWERS.get(event["type"].removesuffix("Request"), {{"isSuccess": True}})
"""
HEARS = """
def handler(event, context):
    print(event["detail-type"], event["detail"]["status"])
"""
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
THREADS = ("flow-schedules", "schedule")


class World:
    """A rig with a flow for every five minutes, and a function that hears of its ends."""

    def __init__(self, rig):
        self.rig, self.clock = rig, rig.clock
        self.api, self.appflow, self.events = (client(rig.endpoint, name) for name in ("lambda", "appflow", "events"))
        client(rig.endpoint, "s3").create_bucket(Bucket="lake")
        for name, source, principal in (("crm", CONNECTOR, "appflow"), ("hears", HEARS, "events")):
            create(self.api, name, source)
            self.api.add_permission(FunctionName=name, StatementId="s", Action="lambda:InvokeFunction",
                                    Principal=f"{principal}.amazonaws.com")
        self.appflow.register_connector(
            connectorLabel="crm", connectorProvisioningType="LAMBDA",
            connectorProvisioningConfig={"lambda": {"lambdaArn": f"{ARN}crm"}},
        )
        self.appflow.create_connector_profile(
            connectorProfileName="acme", connectorType="CustomConnector", connectorLabel="crm",
            connectionMode="Public", connectorProfileConfig={"connectorProfileProperties": {"CustomConnector": {}}},
        )
        self.appflow.create_flow(**flow(triggerConfig=scheduled()))

    def hear(self):
        pattern = {"source": ["aws.appflow"], "detail-type": ["AppFlow End Flow Run Report"]}
        self.events.put_rule(Name="ends", EventPattern=json.dumps(pattern))
        self.events.put_targets(Rule="ends", Targets=[{"Id": "f", "Arn": f"{ARN}hears"}])

    def start(self):
        self.appflow.start_flow(flowName="contacts")

    def invoked(self, name):
        return [round(e.at) for e in self.rig.timeline.events() if e.point == "invoke" and e.subject.startswith(name)]


@pytest.fixture
def world():
    with Rig(Settings(engine="inline", manual_clock=True)) as rig:
        yield World(rig)


def threads():
    return [thread for thread in threading.enumerate() if thread.name in THREADS]


def test_each_run_and_what_hears_of_it_is_at_its_moment_and_to_its_end(world):
    world.hear()
    world.start()
    world.clock.advance(600)
    assert begins(world) == [0, 300, 600]
    assert world.invoked("hears") == [0, 300, 600]
    logs = client(world.rig.endpoint, "logs").filter_log_events(logGroupName="/aws/lambda/hears")["events"]
    said = [event["message"].strip() for event in logs if "AppFlow" in event["message"]]
    assert said == ["AppFlow End Flow Run Report Execution Successful"] * 3


def test_the_same_every_time():
    def once():
        with Rig(Settings(engine="inline", manual_clock=True)) as rig:
            it = World(rig)
            it.hear()
            it.start()
            it.clock.advance(900)
            return rig.timeline.fingerprint()

    assert len({once() for _ in range(3)}) == 1


def test_a_reset_forgets_the_schedule(world):
    world.start()
    world.rig.reset()
    world.clock.advance(3600)
    assert world.invoked("crm") == []
    again = World(world.rig)
    again.start()
    again.clock.advance(300)
    assert begins(again) == [3600, 3900]


def test_on_a_running_clock_it_runs_by_itself_and_a_closed_rig_leaves_no_thread():
    ended = threading.Event()
    with Rig(Settings(engine="inline")) as rig:
        it = World(rig)
        rig.appflow.triggers._executions.ended.append(lambda flow, run: ended.set())
        it.start()
        assert ended.wait(60)
        rig.settle()
        it.clock.advance(600)
        assert [round((moment - begins(it)[0]) / 300) for moment in begins(it)] == [0, 1, 2]
        assert [thread.name for thread in threads()] == ["flow-schedules"]
    assert threads() == []
